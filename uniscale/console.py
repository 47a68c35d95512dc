"""What every command shares: where people are told things, and what exit codes mean.

Standard output carries results only (with ``--json`` exactly one document); everything else goes to standard error.
Exit codes: 0 done, 1 failed, 2 bad input (`BAD_INPUT`), 75 not yet (`NOT_YET`).
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)
BAD_INPUT = 2
"""Exit code of a command that the same input will fail again."""
NOT_YET = 75
"""Exit code of a command that waits for something to come; EX_TEMPFAIL of sysexits.h."""
_UNREAD = re.compile(r"Cannot open file .*\.parquet")


def print_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    typer.echo(json.dumps(document, indent=2, default=str))


def parse_day(text: str) -> date:
    """A ``YYYY-MM-DD`` argument.

    Raises:
        typer.BadParameter: It is not a date.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a day; write it as YYYY-MM-DD, for example 2026-01-07") from None


@contextmanager
def exit_codes() -> Iterator[None]:
    """Turn errors into one readable sentence and an exit code: `BAD_INPUT`, or 1 for anything else.

    ``UNISCALE_DEBUG=1`` shows the traceback as well.
    """
    try:
        yield
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except KeyboardInterrupt:
        err.print("[yellow]interrupted[/]; nothing half-done was kept, run the same command to go on")
        raise typer.Exit(130) from None
    except BrokenPipeError:  # who read the results, `head` say, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except (ValueError, FileNotFoundError, NotADirectoryError) as error:
        _tell(error)
        raise typer.Exit(BAD_INPUT) from error
    except Exception as error:
        _tell(error)
        is_input = getattr(error, "exit_code", 1) == BAD_INPUT  # an entry point that this command has started says so
        raise typer.Exit(BAD_INPUT if is_input else 1) from error


def _tell(error: BaseException) -> None:
    text = str(error)
    if _UNREAD.search(text):
        text += "\nuniscale doctor says what the lake has lost, if it has, and what to do"
    err.print(f"[bold red]error:[/] {escape(text)}", highlight=False, markup=True)
    logging.getLogger(__name__).debug("traceback", exc_info=error)

"""A bar for what is written table by table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from uniscale.console import err


@contextmanager
def writing_bar() -> Iterator[Callable[[str, int, int], None]]:
    """A bar per table on standard error, if a person looks at it.

    Gives the function to tell: name, rows written now, rows in all.
    """
    columns = (TextColumn("writing {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:

        def tell(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=total)
            bar.update(tasks[name], completed=done)

        yield tell

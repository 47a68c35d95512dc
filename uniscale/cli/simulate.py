"""`uniscale simulate`: write a marketplace's logs and, apart from them, its truth."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from uniscale.cli.console import err, exit_codes, parse_day, print_json


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("simulate")
    def simulate_command(
        *,
        out: Annotated[Path, typer.Option("--out", help="Folder for events/ and truth/; must be new or empty.")],
        days: Annotated[int, typer.Option("--days", help="Days to simulate.")] = 9,
        size: Annotated[str, typer.Option("--size", help="xs, s, m or l.")] = "xs",
        seed: Annotated[int, typer.Option("--seed", help="Same seed, same rows.")] = 7,
        start: Annotated[str, typer.Option("--start", help="First day, YYYY-MM-DD.")] = "2026-01-05",
        force: Annotated[bool, typer.Option("--force", help="Replace an earlier simulation in OUT.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
    ) -> None:
        """Write the event logs of a simulated shop, and apart from them what is true about it."""
        from uniscale.market.simulate import check, simulate

        with exit_codes():
            first = parse_day(start)
            check(days=days, size=size, seed=seed)
            _make_room(out, force=force)
            began = time.perf_counter()
            with _progress(days, size) as advance:
                counts = simulate(out, days=days, size=size, seed=seed, start=first, advance=advance)
            seconds = time.perf_counter() - began
            if as_json:
                print_json({"out": str(out), "seconds": round(seconds, 2), "rows": counts})
            rate = counts["candidates"] / seconds
            err.print(f"{days} days, {counts['candidates']:,} candidate rows in {seconds:.1f} s ({rate:,.0f} rows/s)")
            err.print(f"logs:  {out / 'events'}\ntruth: {out / 'truth'}")


def _make_room(out: Path, *, force: bool) -> None:
    """Empty a folder of what an interrupted simulation left, with ``force`` of what a complete one wrote.

    Raises:
        ValueError: The folder holds anything else, or a complete simulation and there is no ``force``.
    """
    from uniscale.market.simulate import ABOUT, UNFINISHED

    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; name a folder")
    found = {path.name for path in out.iterdir()} if out.exists() else set()
    strange = sorted(found - {"events", "truth", ABOUT, UNFINISHED})
    if strange or (found and not found & {ABOUT, UNFINISHED}):
        raise ValueError(f"{out} holds {', '.join(strange or sorted(found))}, not a simulation; name another folder")
    if ABOUT in found and not force:
        raise ValueError(f"{out} is not empty; name a new folder, or replace the simulation there with --force")
    if ABOUT in found:
        # From here on the folder no longer says that it is complete, and can be cleared again if this is interrupted.
        (out / ABOUT).replace(out / UNFINISHED)
    for name in ("events", "truth"):
        if (out / name).exists():
            shutil.rmtree(out / name)


@contextmanager
def _progress(days: int, size: str) -> Iterator[Callable[[int], None]]:
    """A bar on standard error; gives the function that moves it on by a number of requests."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from uniscale.market.simulate import expected_requests

    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=err
    )
    with bar:
        task = bar.add_task(f"simulating {days} days of size {size}, requests", total=expected_requests(days, size))
        yield lambda count: bar.advance(task, count)
        bar.update(task, total=bar.tasks[task].completed)

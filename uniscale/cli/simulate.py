"""`uniscale simulate`: write a marketplace's logs and, apart from them, its truth."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from uniscale.console import err, exit_codes, parse_day, print_json

if TYPE_CHECKING:
    from uniscale.simulator.knobs import Knobs


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
        world: Annotated[
            str, typer.Option("--world", help="A preset (--worlds lists them), or a world file, NAME.toml.")
        ] = "default",
        changes: Annotated[
            list[str] | None,
            typer.Option("--set", metavar="NAME=VALUE", help="Set a knob (--knobs lists them); as often as needed."),
        ] = None,
        _knobs: Annotated[
            bool,
            typer.Option(
                "--knobs", callback=_list_knobs, is_eager=True, help="List all knobs, with default, bounds and unit."
            ),
        ] = False,
        _worlds: Annotated[
            bool,
            typer.Option(
                "--worlds", callback=_list_worlds, is_eager=True, help="List the presets, and what each changes."
            ),
        ] = False,
        force: Annotated[bool, typer.Option("--force", help="Replace an earlier simulation in OUT.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
    ) -> None:
        """Write the event logs of a simulated shop, and apart from them what is true about it.

        The numbers of the shop are knobs: --world long_lists --set feed_per_search=5 takes a preset and turns one.
        OUT/world.toml holds the whole configuration of what was made, and is itself a world file.
        """
        from uniscale.simulator.blueprint import WORLD_FILE
        from uniscale.simulator.simulate import check, simulate
        from uniscale.simulator.worlds import choose_world

        with exit_codes():
            first = parse_day(start)
            check(days=days, size=size, seed=seed)
            blueprint = choose_world(world, changes or ())
            _make_room(out, force=force)
            began = time.perf_counter()
            with _progress(days, size, blueprint.knobs) as advance:
                counts = simulate(
                    out, days=days, size=size, seed=seed, start=first, blueprint=blueprint, advance=advance
                )
            seconds = time.perf_counter() - began
            if as_json:
                print_json({"out": str(out), "world": blueprint.name, "seconds": round(seconds, 2), "rows": counts})
            rate = counts["candidates"] / seconds
            err.print(f"{days} days, {counts['candidates']:,} candidate rows in {seconds:.1f} s ({rate:,.0f} rows/s)")
            err.print(f"logs:  {out / 'events'}\ntruth: {out / 'truth'}\nworld: {out / WORLD_FILE} ({blueprint.name})")


def _list_knobs(asked: bool) -> None:
    from uniscale.simulator.knobs import knob_table

    if asked:
        typer.echo(knob_table())
        raise typer.Exit


def _list_worlds(asked: bool) -> None:
    from uniscale.simulator.worlds import PRESETS

    if asked:
        for world in PRESETS.values():
            changed = ", ".join(f"{name}={value}" for name, value in world.knobs.changed().items())
            typer.echo(f"{world.name}: {world.about}\n    {changed or 'all knobs at their default'}")
        raise typer.Exit


def _make_room(out: Path, *, force: bool) -> None:
    """Empty a folder of what an interrupted simulation left, with ``force`` of what a complete one wrote.

    Raises:
        ValueError: The folder holds anything else, or a complete simulation and there is no ``force``.
    """
    from uniscale.simulator.blueprint import WORLD_FILE
    from uniscale.simulator.simulate import ABOUT, UNFINISHED

    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; name a folder")
    found = {path.name for path in out.iterdir()} if out.exists() else set()
    strange = sorted(found - {"events", "truth", WORLD_FILE, ABOUT, UNFINISHED})
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
def _progress(days: int, size: str, knobs: Knobs) -> Iterator[Callable[[int], None]]:
    """A bar on standard error; gives the function that moves it on by a number of requests."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from uniscale.simulator.simulate import expected_requests

    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=err
    )
    with bar:
        task = bar.add_task(
            f"simulating {days} days of size {size}, requests", total=expected_requests(days, size, knobs)
        )
        yield lambda count: bar.advance(task, count)
        bar.update(task, total=bar.tasks[task].completed)

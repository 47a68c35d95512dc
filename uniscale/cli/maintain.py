"""`uniscale maintain`: keep the lake small, and what grows next to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from uniscale.config import load_settings
from uniscale.console import err, exit_codes, print_json
from uniscale.lake import Lake
from uniscale.pipeline.locks import one_at_a_time


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("maintain")
    def maintain_command(
        keep_days: Annotated[int, typer.Option(min=0, help="Keep snapshots, drift reports and logs so long.")] = 30,
        keep_models: Annotated[int, typer.Option(min=1, help="Keep models that never served this many days.")] = 90,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> None:
        """Merge small files of the lake, expire old snapshots and delete the files that only they needed.

        The newest rows stay as they are. What a model was trained on can be read again only while its snapshot is kept.
        Old drift reports, Evidently runs, sweeps and logs are deleted too, and old models that never served; the pages
        of the days stay.
        """
        with exit_codes():
            from uniscale.pipeline.prune import prune_files, prune_models

            settings = load_settings()
            lake = Lake(settings)
            before = _state(lake)
            with one_at_a_time(settings, "step"):
                lake.maintain(keep_days)
                freed = prune_files(settings, keep_days)
                models = prune_models(settings, lake, keep_models)
            after = _state(lake)
            if as_json:
                print_json({"before": before, "after": after, "freed": freed, "models": models})
                return
            for name in before:
                err.print(f"{name:10} {before[name]:>12,} -> {after[name]:>12,}", highlight=False)
            for name, size in freed.items():
                err.print(f"{name}: {size:,} bytes freed", highlight=False)
            err.print(f"{models} models deleted that never served", highlight=False)


def _state(lake: Lake) -> dict[str, int]:
    """Snapshots and, where the data lies on a disk, its files and their bytes."""
    with lake.read() as con:
        row = con.execute("select count(*) from ducklake_snapshots('lake')").fetchone()
    assert row is not None
    found = {"snapshots": int(row[0])}
    if "://" not in lake.data_path:
        sizes = [path.stat().st_size for path in Path(lake.data_path).rglob("*.parquet")]
        found |= {"files": len(sizes), "bytes": sum(sizes)}
    return found

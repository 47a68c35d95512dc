"""`uniscale maintain`: keep the lake and the reports small."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from uniscale.config import load_settings
from uniscale.console import err, exit_codes, print_json
from uniscale.lake import Lake
from uniscale.pipeline.locks import one_at_a_time
from uniscale.pipeline.workspace import prune_reports


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("maintain")
    def maintain_command(
        keep_days: Annotated[int, typer.Option(min=0, help="Keep the snapshots of this many days.")] = 30,
        keep_reports: Annotated[int, typer.Option(min=0, help="Keep Evidently's reports of this many days.")] = 30,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> None:
        """Merge small files of the lake, expire old snapshots and delete the files that only they needed.

        The newest rows stay as they are. What a model was trained on can be read again only while its snapshot is kept.
        Evidently's older reports are removed; pages of the day, profiles and findings are kept.
        """
        with exit_codes():
            settings = load_settings()
            lake = Lake(settings)
            before = _state(lake)
            with one_at_a_time(settings, "step"):
                lake.maintain(keep_days)
                pruned = prune_reports(settings.home, datetime.now(UTC).date() - timedelta(days=keep_reports))
            after = _state(lake)
            if as_json:
                print_json({"before": before, "after": after, "pruned_reports": pruned})
                return
            for name in before:
                err.print(f"{name:10} {before[name]:>12,} -> {after[name]:>12,}", highlight=False)
            err.print(f"{'reports':10} {pruned:>12,} files removed", highlight=False)


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

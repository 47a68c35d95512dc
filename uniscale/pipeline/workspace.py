"""The workspace of the Evidently UI, which opens none of its files if one of them is damaged."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

from uniscale.config.state_files import read_state


def drop_torn_reports(folder: Path) -> None:
    """Remove what a killed run left half-written; a run that is repeated writes its reports again.

    A project whose description is damaged goes as a whole.
    """
    for file in sorted(folder.glob("*/**/*.json")):
        if file.is_file() and read_state(file, dict[str, Any]) is None:
            if file.name == "metadata.json":
                shutil.rmtree(file.parent)
            else:
                file.unlink()


def prune_reports(home: Path, before: date) -> int:
    """Remove Evidently's reports of days before one: HTML next to the pages of the day, and runs in the workspace.

    The pages themselves, and what monitoring found, stay.

    Returns:
        Files removed.
    """
    old = [file for file in (home / "reports").glob("*/drift-*.html") if file.parent.name < before.isoformat()]
    for file in (home / "evidently").glob("*/snapshots/*.json"):
        run = read_state(file, dict[str, Any])
        if run is not None and str(run.get("metadata", {}).get("ds", before)) < before.isoformat():
            old.append(file)
    for file in old:
        file.unlink(missing_ok=True)
    return len(old)

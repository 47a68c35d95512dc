"""The workspace of the Evidently UI, which opens none of its files if one of them is damaged."""

from __future__ import annotations

import shutil
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

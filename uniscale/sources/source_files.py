"""Find the files of a data set as people download them, packed or not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from uniscale.sources.archives import unpack
from uniscale.sources.csv_format import COMMA, CsvFormat


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFile:
    """One table of a data set as it comes.

    Attributes:
        names: File names, each required; a name may be a pattern that several parts match and may list alternatives
            (``a.csv|b.csv``). A CSV file may be packed (``.gz``, ``.zip``). All parts together are one table.
        columns: What is read; other columns are left out.
        form: How its lines are read; None for Parquet.
    """

    names: tuple[str, ...]
    columns: tuple[str, ...]
    form: CsvFormat | None = COMMA


def find_files(title: str, files: Mapping[str, SourceFile], path: Path) -> dict[str, list[Path]]:
    """The parts of each file, in the order of their patterns and names.

    Args:
        title: What people call the set, for messages.
        files: Its files, by any name.
        path: The folder of the files, or the one above their ``data`` folder; for a single file, the file itself.

    Raises:
        FileNotFoundError: A file is not there.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; give the folder of {title}, which holds {_names(files)}")
    if path.is_file() and len(files) == 1:
        return {name: [path] for name in files}
    return {
        name: [part for each in file.names for part in _parts(title, files, file, each, path)]
        for name, file in files.items()
    }


@contextmanager
def unpacked(
    folder: Path, files: Mapping[str, SourceFile], found: Mapping[str, list[Path]]
) -> Iterator[dict[str, list[Path]]]:
    """The parts with ZIP archives unpacked into ``folder``, for as long as they are read."""
    try:
        yield {
            name: [
                unpack(part, "|".join(files[name].names), folder) if part.suffix.lower() == ".zip" else part
                for part in parts
            ]
            for name, parts in found.items()
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _parts(title: str, files: Mapping[str, SourceFile], file: SourceFile, name: str, path: Path) -> list[Path]:
    endings = ("", ".gz", ".zip") if file.form else ("",)
    for folder in (path, path / "data"):
        for pattern in (choice + ending for choice in name.split("|") for ending in endings):
            if hits := sorted(folder.glob(pattern)):
                return hits
    raise FileNotFoundError(
        f"{path} lacks {name.replace('|', ' or ')}; give the folder of {title}, which holds {_names(files)}"
    )


def _names(files: Mapping[str, SourceFile]) -> str:
    return ", ".join(name.replace("|", " or ") for file in files.values() for name in file.names)

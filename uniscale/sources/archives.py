"""Unpack a file of a ZIP archive next to the lake, since the CSV reader cannot look into one."""

from __future__ import annotations

import fnmatch
import shutil
import zipfile
from pathlib import Path, PurePosixPath

from uniscale.sources.incoming import SEND_AGAIN, BadFileError, first_line


def unpack(archive: Path, pattern: str, folder: Path) -> Path:
    """Write the member that matches into ``folder``; a member that is there already is not unpacked again.

    Args:
        archive: The ZIP file.
        pattern: What the member's name looks like, without its folder; alternatives are parted by ``|``.
        folder: Where to write. A file that a killed run left half-written is replaced.

    Raises:
        BadFileError: It is no whole archive, or not exactly one member matches.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [info for info in opened.infolist() if _matches(info.filename, pattern)]
            if len(members) != 1:
                held = ", ".join(info.filename for info in opened.infolist()[:5])
                problem = f"holds {len(members)} files like {pattern.replace('|', ' or ')} (it holds {held})"
                raise BadFileError(archive.name, problem, "Unpack the archive and give the file itself")
            target = folder / PurePosixPath(members[0].filename).name
            if target.is_file() and target.stat().st_size == members[0].file_size:
                return target
            folder.mkdir(parents=True, exist_ok=True)
            written = target.with_name(target.name + ".part")
            with opened.open(members[0]) as packed, written.open("wb") as plain:
                shutil.copyfileobj(packed, plain, 1 << 20)  # the archive's checksum is checked at its end
            return written.replace(target)
    except (zipfile.BadZipFile, EOFError) as error:
        raise BadFileError(
            archive.name, f"cannot be read as a ZIP archive ({first_line(error)})", SEND_AGAIN
        ) from error


def _matches(member: str, pattern: str) -> bool:
    name = PurePosixPath(member).name
    return any(fnmatch.fnmatchcase(name, choice) for choice in pattern.split("|"))

"""Unpack gzip files and members of ZIP archives, within bounds."""

from __future__ import annotations

import fnmatch
import gzip
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from uniscale.sources.incoming import SEND_AGAIN, BadFileError, first_line

MAX_EXPANSION = 200
"""How many times its size a packed file may become: logs shrink five- to fiftyfold, a thousandfold is a trap."""
ALWAYS_ALLOWED = 64 << 20
"""Bytes that any file may unpack to; so few do no harm."""
_UNPACK = "If it is what it should be, unpack it and give the file itself"


class PlainBytes:
    """Bytes of a file, unpacked if its name ends in ``.gz``.

    Args:
        stream: The bytes as they lie on the disk.
        name: The file, for messages.
        packed_size: Bytes of the packed file; None if it is not packed.
    """

    def __init__(self, stream: BinaryIO, name: str, packed_size: int | None) -> None:
        self._name = name
        self._stream = stream if packed_size is None else gzip.GzipFile(fileobj=stream)
        self._packed_size = packed_size
        self._num_read = 0

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end.

        Raises:
            BadFileError: The file is damaged, no gzip file, or becomes too large.
        """
        try:
            block = self._stream.read(size)
        except gzip.BadGzipFile as error:
            problem = f"cannot be unpacked as gzip ({first_line(error)})"
            raise BadFileError(self._name, problem, "Send it again, or name it .csv if it is not packed") from error
        except (OSError, EOFError, zlib.error) as error:
            raise BadFileError(self._name, f"cannot be read to its end ({first_line(error)})", SEND_AGAIN) from error
        self._num_read += len(block)
        if self._packed_size is not None:
            refuse_expansion(self._name, self._packed_size, self._num_read)
        return block


@contextmanager
def open_plain(path: Path, name: str) -> Iterator[PlainBytes]:
    """The bytes of a file, unpacked if its name ends in ``.gz``.

    Raises:
        BadFileError: It cannot be opened.
    """
    try:
        stream = path.open("rb")
    except OSError as error:
        raise BadFileError(name, f"cannot be opened ({error.strerror})", "Give it back, or its permissions") from error
    with stream:
        yield PlainBytes(stream, name, path.stat().st_size if is_gzip(path) else None)


def is_gzip(path: Path) -> bool:
    """Whether the name says that the file is packed with gzip."""
    return path.name.lower().endswith(".gz")


def refuse_expansion(name: str, packed_size: int, plain_size: int) -> None:
    """Refuse a packed file that becomes far larger than a log does.

    Raises:
        BadFileError: ``plain_size`` is above `ALWAYS_ALLOWED` and above `MAX_EXPANSION` times the packed size.
    """
    if plain_size > max(ALWAYS_ALLOWED, MAX_EXPANSION * packed_size):
        problem = f"{packed_size:,} bytes unpack to {plain_size:,} or more, over {MAX_EXPANSION} times as many"
        raise BadFileError(name, problem, _UNPACK)


def unpack(archive: Path, pattern: str, folder: Path) -> Path:
    """Write the member that matches into ``folder``; a member that is there already is not unpacked again.

    Args:
        archive: The ZIP file.
        pattern: What the member's name looks like, without its folder; alternatives are parted by ``|``.
        folder: Where to write. A file that a killed run left half-written is replaced.

    Raises:
        BadFileError: It is no whole archive, not exactly one member matches, or that is encrypted or far too large.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            member = _member(opened, archive.name, pattern)
            target = folder / PurePosixPath(member.filename).name
            if target.is_file() and target.stat().st_size == member.file_size:
                return target
            folder.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(folder).free
            if member.file_size > free:
                problem = f"{member.filename} needs {member.file_size:,} bytes, {folder} has {free:,} left"
                raise BadFileError(archive.name, problem, "Make room, or unpack it elsewhere and give the file itself")
            written = target.with_name(target.name + ".part")
            with opened.open(member) as packed, written.open("wb") as plain:
                shutil.copyfileobj(packed, plain, 1 << 20)  # the archive's checksum is checked at its end
            return written.replace(target)
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise BadFileError(
            archive.name, f"cannot be read as a ZIP archive ({first_line(error)})", SEND_AGAIN
        ) from error
    except NotImplementedError as error:
        raise BadFileError(archive.name, f"cannot be unpacked here ({first_line(error)})", _UNPACK) from error


def _member(opened: zipfile.ZipFile, name: str, pattern: str) -> zipfile.ZipInfo:
    members = [info for info in opened.infolist() if _matches(info.filename, pattern)]
    if len(members) != 1:
        held = ", ".join(info.filename for info in opened.infolist()[:5])
        problem = f"holds {len(members)} files like {pattern.replace('|', ' or ')} (it holds {held})"
        raise BadFileError(name, problem, "Unpack the archive and give the file itself")
    (member,) = members
    if member.flag_bits & 1:
        problem = f"{member.filename} is encrypted"
        raise BadFileError(name, problem, "Unpack it with its password and give the file itself")
    refuse_expansion(name, member.compress_size, member.file_size)  # zipfile reads no more than the size it declares
    return member


def _matches(member: str, pattern: str) -> bool:
    name = PurePosixPath(member).name
    return any(fnmatch.fnmatchcase(name, choice) for choice in pattern.split("|"))

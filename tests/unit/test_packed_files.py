"""What is packed is unpacked whole, within bounds, or refused by its name and cause."""

import gzip
import zipfile

import pytest

from uniscale.sources import archives
from uniscale.sources.archives import open_plain, unpack
from uniscale.sources.incoming import BadFileError


def _told(call, *arguments):
    with pytest.raises(BadFileError) as caught:
        call(*arguments)
    return str(caught.value)


def _read(path):
    with open_plain(path, path.name) as stream:
        return b"".join(iter(lambda: stream.read(1 << 16), b""))


def test_a_gzip_file_of_several_members_is_read_whole(tmp_path):
    path = tmp_path / "part.csv.GZ"
    path.write_bytes(gzip.compress(b"a\n") + gzip.compress(b"b\n"))
    assert _read(path) == b"a\nb\n"


@pytest.mark.parametrize("kept", [5, 40, -1])
def test_a_gzip_file_that_is_cut_off_is_refused_with_its_name_and_cause(tmp_path, kept):
    path = tmp_path / "part.csv.gz"
    path.write_bytes(gzip.compress(bytes(range(256)) * 9)[:kept])
    told = _told(_read, path)
    assert told.startswith("part.csv.gz: cannot be read to its end (Compressed file ended before")
    assert told.endswith("it was probably cut off while it was written or copied")


def test_a_gzip_file_whose_content_was_changed_is_refused(tmp_path):
    path = tmp_path / "part.csv.gz"
    content = bytearray(gzip.compress(bytes(range(256)) * 9))
    for place in (12, -6):
        spoilt = content.copy()
        spoilt[place] ^= 0xFF
        path.write_bytes(spoilt)
        assert _told(_read, path).startswith("part.csv.gz: cannot be ")


def test_a_small_file_that_becomes_huge_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "ALWAYS_ALLOWED", 1 << 20)
    path = tmp_path / "part.csv.gz"
    path.write_bytes(gzip.compress(bytes(4 << 20)))
    told = _told(_read, path)
    assert f"part.csv.gz: {path.stat().st_size:,} bytes unpack to " in told
    assert "over 200 times as many. Nothing was landed." in told
    archive = tmp_path / "logs.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("train.csv", bytes(4 << 20))
    assert "logs.zip: " in _told(unpack, archive, "train.csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    path.write_bytes(gzip.compress(bytes(1 << 20)))
    assert len(_read(path)) == 1 << 20


def test_an_encrypted_archive_is_refused_with_its_name_and_cause(tmp_path):
    archive = tmp_path / "logs.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("train.csv", "a\n")
    content = bytearray(archive.read_bytes())
    for sign, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flag of encryption, in both headers
        content[content.index(sign) + place] |= 1
    archive.write_bytes(content)
    assert _told(unpack, archive, "train.csv", tmp_path / "out") == (
        "logs.zip: train.csv is encrypted. Nothing was landed. Unpack it with its password and give the file itself"
    )


def test_an_archive_whose_content_was_changed_is_refused(tmp_path):
    archive = tmp_path / "logs.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("train.csv", bytes(range(256)) * 9)
    content = bytearray(archive.read_bytes())
    content[60] ^= 0xFF
    archive.write_bytes(content)
    assert _told(unpack, archive, "train.csv", tmp_path / "out").startswith("logs.zip: cannot be read as a ZIP archive")
    assert not list((tmp_path / "out").glob("train.csv"))

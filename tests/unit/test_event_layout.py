"""Which files of a folder are event logs."""

import os
from datetime import date
from pathlib import Path

import pytest

from uniscale.sources.event_files import event_files


def _touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return folder


def test_files_come_by_day_then_in_the_order_they_depend_on_each_other(tmp_path):
    names = ["candidates/ds=2026-01-02/b.csv", "requests/ds=2026-01-02/a.parquet", "users/ds=2026-01-03/a.csv.gz"]
    _touch(tmp_path, *names, "users/ds=2026-01-03/_SUCCESS", "requests/.crc", "notes.txt")
    files = event_files(tmp_path)
    assert [file.name for file in files] == [names[1], names[0], names[2]]
    assert [file.day for file in files] == [date(2026, 1, 2), date(2026, 1, 2), date(2026, 1, 3)]
    assert [file.name for file in event_files(tmp_path, first=date(2026, 1, 3))] == [names[2]]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("candidate/ds=2026-01-02/a.csv", "did you mean candidates"),
        ("users/2026-01-02/a.csv", "is no day of table users"),
        ("users/ds=2026-13-02/a.csv", "is no day of table users"),
        ("users/a.csv", "is no day of table users"),
        ("clicks.parquet", "is no contract table"),
        ("readme.txt", "holds no event logs"),
    ],
)
def test_a_folder_that_is_not_laid_out_as_logs_is_refused_with_a_hint(tmp_path, name, message):
    with pytest.raises(ValueError, match=message):
        event_files(_touch(tmp_path, name))


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("part-0.parquet.gz", "Parquet is packed within: unpack it"),
        ("part-0.csv.zst", "unpack it (zstd -d)"),
        ("part-0.json", "write it as Parquet or CSV"),
        ("part-0.csv.zip", "unpack it (unzip)"),
        ("part-0.csv.tmp", "still being written"),
        ("part-0", "write it as one of these"),
        ("part-0.csv.bak", "write it as one of these"),
    ],
)
@pytest.mark.parametrize("folder", ["requests/ds=2026-01-02", "."])
def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path, folder, name, remedy):
    if folder == ".":
        name = name.replace("part-0", "requests")
    _touch(tmp_path, "users/ds=2026-01-02/a.csv", f"{folder}/{name}")
    with pytest.raises(ValueError) as caught:
        event_files(tmp_path)
    assert f"{tmp_path / folder / name} cannot be read: files are .parquet, .csv, .csv.gz; " in str(caught.value)
    assert remedy in str(caught.value)


def test_upper_case_endings_are_read_and_markers_are_left_out(tmp_path):
    folder = "users/ds=2026-01-02"
    names = [f"{folder}/{name}" for name in ("a.CSV", "b.Csv.GZ", "c.PARQUET")]
    _touch(tmp_path, *names, f"{folder}/_SUCCESS", f"{folder}/.a.CSV.crc", "README", "LICENSE.txt")
    assert [file.name for file in event_files(tmp_path)] == names


def test_a_folder_within_a_day_is_refused(tmp_path):
    _touch(tmp_path, "users/ds=2026-01-02/hour=01/a.csv")
    with pytest.raises(ValueError, match="hour=01 is a folder; put its files next to it"):
        event_files(tmp_path)


def test_a_name_that_cannot_be_printed_is_refused(tmp_path):
    (tmp_path / "users" / "ds=2026-01-02").mkdir(parents=True)
    Path(os.fsdecode(bytes(tmp_path / "users" / "ds=2026-01-02") + b"/K\xf6ln.csv")).write_text("x")
    with pytest.raises(ValueError, match=r"a file called 'K\\udcf6ln.csv'; rename it"):
        event_files(tmp_path)


def test_days_cannot_be_chosen_from_a_file_that_holds_them_all(tmp_path):
    with pytest.raises(ValueError, match=r"requests.parquet holds all days in one file"):
        event_files(_touch(tmp_path, "requests.parquet"), first=date(2026, 1, 2))


def test_a_span_without_logs_names_the_days_there_are(tmp_path):
    _touch(tmp_path, "users/ds=2026-01-02/a.csv", "users/ds=2026-01-04/a.csv")
    with pytest.raises(ValueError, match=r"no logs between 2026-02-01 and the end; days 2026-01-02..2026-01-04"):
        event_files(tmp_path, first=date(2026, 2, 1))

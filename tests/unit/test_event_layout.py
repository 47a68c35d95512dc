"""Which files of a folder are event logs."""

from datetime import date

import pytest

from uniscale.sources.layout import event_files


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


def test_days_cannot_be_chosen_from_a_file_that_holds_them_all(tmp_path):
    with pytest.raises(ValueError, match=r"requests.parquet holds all days in one file"):
        event_files(_touch(tmp_path, "requests.parquet"), first=date(2026, 1, 2))


def test_a_span_without_logs_names_the_days_there_are(tmp_path):
    _touch(tmp_path, "users/ds=2026-01-02/a.csv", "users/ds=2026-01-04/a.csv")
    with pytest.raises(ValueError, match=r"no logs between 2026-02-01 and the end; days 2026-01-02..2026-01-04"):
        event_files(tmp_path, first=date(2026, 2, 1))

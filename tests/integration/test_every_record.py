"""The whole way of a file into the lake keeps every record, reads no other file, and sees every correction."""

import gzip
import os
from dataclasses import replace
from datetime import date

import pytest
from support_sources import DAY_1, DAY_2, extended_logs, lake_rows, write_logs, write_rows

from uniscale.sources import ingest as ingest_module
from uniscale.sources.fingerprints import content_digests
from uniscale.sources.incoming import BadFileError
from uniscale.sources.ingest import ingest_events
from uniscale.sources.landing import land_day
from uniscale.sources.reading import open_file


@pytest.mark.parametrize("kind", ["csv", "parquet", "csv.gz"])
@pytest.mark.parametrize("name", ["part-*", "part-?", "[!p]art", "**", "o'clock", "{part,other}"])
def test_a_file_name_with_signs_of_a_pattern_is_read_as_a_name(settings, lake, tmp_path, name, kind):
    logs = extended_logs(20)
    rows = logs["actions"].pop(DAY_1)
    del logs["actions"]
    folder = write_logs(tmp_path / "logs[1]*", "csv", logs)
    day = folder / "actions" / f"ds={DAY_1}"
    day.mkdir(parents=True)
    for stem, part in ((name, rows[:8]), ("part-1", rows[8:])):
        plain = day / f"{stem}.{kind.removesuffix('.gz')}"
        write_rows(plain, part)
        if kind == "csv.gz":
            (day / f"{stem}.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
            plain.unlink()
    report = ingest_events(settings, lake, folder)
    assert (report.rows["actions"], report.num_quarantined) == (20, 0)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_whose_records_do_not_add_up_is_refused_and_the_lake_stays(settings, lake, tmp_path, monkeypatch, kind):
    folder = write_logs(tmp_path / "logs", kind)
    ingest_events(settings, lake, folder)
    before, snapshot = lake_rows(lake), lake.snapshot_id()

    def miscounting(con, file, domains):
        opened = open_file(con, file, domains)
        return replace(opened, num_records=opened.num_records + 1) if file.table.name == "candidates" else opened

    monkeypatch.setattr(ingest_module, "open_file", miscounting)
    with pytest.raises(BadFileError) as caught:
        ingest_events(settings, lake, folder)
    assert str(caught.value).startswith(
        f"candidates/ds={DAY_1}/part-0.{kind}: holds 5 records, but 4 were read. Nothing was landed."
    )
    assert (lake_rows(lake), lake.snapshot_id()) == (before, snapshot)


def test_a_row_that_is_lost_between_reading_and_landing_refuses_its_file(settings, lake, tmp_path, monkeypatch):
    folder = write_logs(tmp_path / "logs")
    monkeypatch.setattr(ingest_module, "_landed", lambda table, day: "(from temp.checked limit 1)")
    with pytest.raises(BadFileError, match=r"of 2 records 1 were landed and 0 kept out, which is not all"):
        ingest_events(settings, lake, folder)
    assert not lake.exists() or lake.snapshot_id() == 0


def test_bad_quotes_and_bytes_cost_their_own_rows(settings, lake, tmp_path):
    logs = extended_logs(1000)
    logs["requests"][DAY_1][2]["query_text"] = "QUOTE"
    logs["requests"][DAY_1][499]["query_text"] = "BYTE"
    folder = write_logs(tmp_path / "logs", "csv", logs)
    path = folder / "requests" / f"ds={DAY_1}" / "part-0.csv"
    path.write_bytes(path.read_bytes().replace(b"QUOTE", b'"5" tablet, black"').replace(b"BYTE", b"K\xf6ln"))
    report = ingest_events(settings, lake, folder)
    assert report.rows["requests"] == 998 + len(logs["requests"][DAY_2])
    found = [(row[4], row[6]) for row in lake_rows(lake)["quarantine"] if row[2] == "requests"]
    assert found == [(3, "has text after a closing quote"), (500, "is not UTF-8")]


def test_a_corrected_file_of_the_same_size_and_time_is_landed(settings, lake, tmp_path):
    settings.source.events_dir = write_logs(tmp_path / "logs", "csv")
    settings.window.train_days = settings.window.eval_days = 1
    land_day(settings, lake, date.fromisoformat(DAY_1))
    path = settings.source.events_dir / "actions" / f"ds={DAY_2}" / "part-0.csv"
    status = path.stat()
    path.write_bytes(path.read_bytes().replace(b"9.5", b"8.5"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    assert land_day(settings, lake, date.fromisoformat(DAY_1))["landed_days"] == 1
    assert [row[-1] for row in lake_rows(lake)["actions"]] == [None, 8.5]


def test_a_file_that_was_written_a_while_ago_is_not_read_again(settings, tmp_path, monkeypatch):
    path = tmp_path / "part.csv"
    path.write_text("a\n")
    settled = path.stat().st_ctime_ns + 3_000_000_000
    monkeypatch.setattr("uniscale.sources.fingerprints.time.time_ns", lambda: settled)
    first = content_digests(settings.home, [path])
    monkeypatch.setattr("uniscale.sources.fingerprints._digest", lambda path: "read again")
    assert content_digests(settings.home, [path]) == first

"""Whatever happens to a file on its way, each record of it lands, is set apart, or the file is refused and named."""

import csv
import io
import random
import shutil

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support_sources import lake_rows, write_logs

from benchmarks.data.mutants import DAY, make
from benchmarks.data.mutations import search
from uniscale.sources import csv_scan
from uniscale.sources.csv_files import csv_header, open_csv
from uniscale.sources.csv_format import COMMA
from uniscale.sources.incoming import BadFileError
from uniscale.sources.ingest import ingest_events

NUM_MUTANTS = 2000
SIGNS = st.text(st.sampled_from('ab,"\n\r \té\U0001f468'), max_size=8)
ROWS = st.lists(st.tuples(SIGNS, SIGNS, SIGNS).filter(any), min_size=1, max_size=12)


def test_no_row_of_a_spoilt_file_is_lost(tmp_path):
    found = search(range(NUM_MUTANTS), tmp_path)
    assert found.faults == []
    outcomes = {outcome for _, outcome in found.outcomes}
    assert (sum(found.outcomes.values()), outcomes) == (NUM_MUTANTS, {"read", "refused"})


@settings(max_examples=150, deadline=None)
@given(rows=ROWS, end=st.sampled_from(["\n", "\r\n"]), quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_a_valid_file_gives_the_values_that_were_written(tmp_path_factory, rows, end, quoting):
    if any("\r" in value for row in rows for value in row):
        quoting = csv.QUOTE_ALL  # Python's writer leaves a carriage return without quotes
    text = io.StringIO()
    csv.writer(text, lineterminator=end, quoting=quoting).writerows([("a", "b", "c"), *rows])
    path = tmp_path_factory.getbasetemp() / "valid.csv"
    path.write_bytes(text.getvalue().encode())
    with duckdb.connect() as con:
        found = open_csv(con, path, csv_header(path, path.name), ("a", "b", "c"), name=path.name)
        read = con.execute(f"select a, b, c from ({found.select}) order by row_number").fetchall()
    assert found.num_records == len(read) + len(found.malformed)
    # A field of several lines that may as well be one that was never closed is set apart.
    if found.malformed == () or not any("," in value and {*"\r\n"} & {*value} for row in rows for value in row):
        assert read == [tuple(value or None for value in row) for row in rows]


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 10**9), block=st.sampled_from([1, 7, 64, 500]))
def test_what_is_found_does_not_depend_on_where_the_blocks_end(seed, block):
    content = make(random.Random(seed)).content
    found, written = _scan(content, csv_scan._BLOCK)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_scan, "_BLOCK", block)
        assert _scan(content, block) == (found, written)


def _scan(content, block):
    rows = io.BytesIO()
    try:
        return csv_scan.scan(io.BytesIO(content), "part.csv", COMMA, 5, rows), rows.getvalue()
    except BadFileError as error:
        return str(error), b""


def test_a_spoilt_file_lands_whole_or_leaves_the_lake_as_it_was(settings, lake, tmp_path):
    ingest_events(settings, lake, write_logs(tmp_path / "good"))
    before, snapshot = lake_rows(lake), lake.snapshot_id()
    outcomes = set()
    for seed in range(24):
        mutant = make(random.Random(seed))
        logs = tmp_path / "logs"
        mutant.write(logs)
        candidates = logs / "candidates" / f"ds={DAY}" / "part-0.csv"
        candidates.parent.mkdir(parents=True)
        candidates.write_text("request_id,item_id,is_exposed,position\n")
        try:
            report = ingest_events(settings, lake, logs)
        except BadFileError as error:
            assert mutant.name in str(error)
            assert not mutant.must_land
            assert (lake_rows(lake), lake.snapshot_id()) == (before, snapshot)
            outcomes.add("refused")
        else:
            before, snapshot = lake_rows(lake), lake.snapshot_id()
            landed = {(row[1], row[4]) for row in before["requests"] if str(row[0]) == DAY}
            # Identifiers of the day after, and those that a spoilt row has got, are kept out as repeated.
            repeated = [row[7] for row in before["quarantine"] if row[6].startswith(("repeats", "is a key"))]
            lost = [key for key, text in mutant.intact.items() if (key, text) not in landed]
            assert [key for key in lost if not any(f'"request_id":"{key}"' in row for row in repeated)] == []
            if mutant.num_records is not None:
                assert report.rows["requests"] + report.num_quarantined == mutant.num_records
            outcomes.add("read")
        shutil.rmtree(logs)
    assert outcomes == {"read", "refused"}

"""CSV lines that are no rows are found to the end of the file, and the rows around them keep their numbers."""

import duckdb
import pytest

from uniscale.sources.csv_files import MAX_MALFORMED, csv_header, csv_select, malformed_lines
from uniscale.sources.incoming import BadFileError


def _write(path, num_rows, bad):
    lines = ["too,few" if k in bad else f'{k},a text that makes the line longer,"x, y"' for k in range(1, num_rows + 1)]
    path.write_text("\n".join(["a,b,c", *lines]) + "\n")
    return path


def test_malformed_lines_are_found_to_the_end_of_a_long_file(tmp_path):
    path = _write(tmp_path / "long.csv", 400_000, {3, 4, 399_999})
    con = duckdb.connect()
    header = csv_header(path, path.name)
    found = malformed_lines(con, path, path.name, header)
    assert [bad.row_number for bad in found] == [3, 4, 399_999]
    moved = f"select count(*), count(*) filter (a::bigint <> row_number) from ({csv_select(path, header, found)})"
    assert con.execute(moved).fetchone() == (399_997, 0)


def test_a_file_of_mostly_malformed_lines_is_refused_with_its_first_rows(tmp_path):
    path = _write(tmp_path / "bad.csv", 4000, set(range(2, 2 + MAX_MALFORMED + 1)))
    with pytest.raises(BadFileError, match=r"more than 1000 lines are malformed; first row 2 has fewer fields"):
        malformed_lines(duckdb.connect(), path, path.name, csv_header(path, path.name))


def test_a_header_that_names_a_column_twice_is_refused(tmp_path):
    path = tmp_path / "twice.csv"
    path.write_text("a,b,a\n1,2,3\n")
    with pytest.raises(BadFileError, match="column 'a' is named twice"):
        csv_header(path, path.name)

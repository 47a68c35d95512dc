"""Each record of a CSV file is a row, or is set apart with its number and reason; its neighbours are read as ever."""

import gzip

import duckdb
import pytest

from uniscale.sources.csv_files import csv_header, open_csv
from uniscale.sources.csv_scan import MAX_MALFORMED
from uniscale.sources.incoming import BadFileError


@pytest.fixture(scope="module")
def con():
    with duckdb.connect() as opened:
        opened.execute("set threads = 1")
        yield opened


def _open(con, path):
    header = csv_header(path, path.name)
    found = open_csv(con, path, header, header, name=path.name)
    rows = con.execute(f"select row_number, {', '.join(header)} from ({found.select}) order by row_number").fetchall()
    assert found.num_records == len(rows) + len(found.malformed)
    return rows, [(bad.row_number, bad.reason, bad.line) for bad in found.malformed]


def _read(con, tmp_path, content, name="part.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return _open(con, path)


def _refused(con, tmp_path, content, name="part.csv"):
    with pytest.raises(BadFileError) as caught:
        _read(con, tmp_path, content, name)
    assert str(caught.value).startswith(f"{name}: ")
    return str(caught.value)


def _lines(*texts):
    """A file of rows with these texts, each written as it is."""
    return "id,text,seen\n" + "".join(f"r{k},{text},noon\n" for k, text in enumerate(texts, 1))


def test_malformed_lines_are_found_to_the_end_of_a_long_file(con, tmp_path):
    bad = {3, 4, 399_999}
    lines = ["too,few" if k in bad else f'{k},a text that makes the line longer,"x, y"' for k in range(1, 400_001)]
    path = tmp_path / "long.csv"
    path.write_text("\n".join(["a,b,c", *lines]) + "\n")
    header = csv_header(path, path.name)
    found = open_csv(con, path, header, header, name=path.name)
    assert [(row.row_number, row.reason) for row in found.malformed] == [
        (k, "has fewer fields than the header") for k in sorted(bad)
    ]
    moved = f"select count(*), count(*) filter (a::bigint <> row_number) from ({found.select})"
    assert con.execute(moved).fetchone() == (399_997, 0)


def test_a_file_of_mostly_malformed_lines_is_refused_with_its_first_rows(con, tmp_path):
    content = _lines("x", *["x,y"] * (MAX_MALFORMED + 1))
    told = _refused(con, tmp_path, content)
    assert "more than 1000 lines are malformed; first row 2 has more fields than the header; row 3 " in told


STRAY, UNCLOSED = "has text after a closing quote", "opens a quote that is not closed"


@pytest.mark.parametrize("others", ["shoe", '"shoe, red"', '"two\nlines"', '"a 5"" lamp"', '""', '","'])
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('"5" tablet, black"', STRAY),
        ('"5\\" x"', STRAY),
        ('"red shoe', UNCLOSED),
        ('"red, ""shoe', UNCLOSED),
    ],
)
def test_a_bad_quote_costs_its_own_row_and_no_other(con, tmp_path, others, text, reason):
    texts = [others] * 1000
    texts[2] = text
    rows, malformed = _read(con, tmp_path, _lines(*texts))
    expected = others.removeprefix('"').removesuffix('"').replace('""', '"') or None
    assert rows == [(k, f"r{k}", expected, "noon") for k in range(1, 1001) if k != 3]
    (found,) = malformed
    assert (found[0], found[2]) == (3, f"r3,{text},noon")
    assert found[1] in (reason, STRAY)  # what follows decides whether the quote was closed in a wrong place or never


def test_two_bad_quotes_one_after_the_other_are_two_malformed_records(con, tmp_path):
    rows, malformed = _read(con, tmp_path, _lines("a", '"red shoe', '"blue shoe', "b"))
    assert ([row[1] for row in rows], [bad[0] for bad in malformed]) == (["r1", "r4"], [2, 3])


def test_a_quote_that_is_no_first_character_is_a_character(con, tmp_path):
    rows, malformed = _read(con, tmp_path, _lines('5" lamp', 'a "b" c', ' "x, y"', '"z" '))
    assert ([row[2] for row in rows], malformed) == (['5" lamp', 'a "b" c', "x, y", "z"], [])


def test_an_unclosed_quote_that_a_later_quote_seems_to_close_does_not_swallow_the_rows_between(con, tmp_path):
    rows, malformed = _read(con, tmp_path, _lines('"red shoe', "a", "b", '5"', "c"))
    assert [row[1] for row in rows] == ["r2", "r3", "r4", "r5"]
    assert malformed == [(1, UNCLOSED, 'r1,"red shoe,noon')]
    rows, malformed = _read(con, tmp_path, _lines('"red shoe', '5"', "c"))
    assert ([row[1] for row in rows], [bad[0] for bad in malformed]) == (["r2", "r3"], [1])


def test_a_text_of_several_lines_is_one_record(con, tmp_path):
    text = "first, line\r\nsecond, line, of, four\n\nlast, line"
    rows, malformed = _read(con, tmp_path, 'id,text,a,b\n"r1","' + text + '",1,2\nr2,x,1,2\n')
    assert (rows, malformed) == ([(1, "r1", text, "1", "2"), (2, "r2", "x", "1", "2")], [])
    rows, _ = _read(con, tmp_path, 'text,id,seen\n"two\nlines",r1,noon\n')
    assert rows == [(1, "two\nlines", "r1", "noon")]


@pytest.mark.parametrize("place", [1, 2, 500, 599])
def test_a_row_that_is_not_utf_8_is_set_apart_wherever_it_is(con, tmp_path, place):
    content = _lines(*["CITY" if k == place else "lamp" for k in range(1, 600)]).encode().replace(b"CITY", b"K\xf6ln")
    rows, malformed = _read(con, tmp_path, content)
    assert [row[0] for row in rows] == [k for k in range(1, 600) if k != place]
    assert malformed == [(place, "is not UTF-8", f"r{place},K\\xf6ln,noon")]


def test_a_file_in_latin_1_is_refused_with_the_way_to_convert_it(con, tmp_path):
    told = _refused(con, tmp_path, _lines(*["café"] * 1500).encode("latin-1"))
    assert "row 1 is not UTF-8" in told
    assert "iconv -f LATIN1 -t UTF-8" in told
    assert "iconv -f LATIN1 -t UTF-8" in _refused(con, tmp_path, "id,größe\n1,2\n".encode("latin-1"))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("encoding", "told_as"),
    [("utf-16", "UTF-16"), ("utf-16-le", "UTF-16LE"), ("utf-16-be", "UTF-16BE"), ("utf-32", "UTF-32"),
     ("utf-32-le", "UTF-32LE"), ("utf-32-be", "UTF-32BE")],
)  # fmt: skip
def test_a_wide_encoding_is_refused_by_its_name(con, tmp_path, encoding, told_as, packed):
    content = _lines("lamp", "café").encode(encoding)
    content, name = (gzip.compress(content), "part.csv.gz") if packed else (content, "part.csv")
    told = _refused(con, tmp_path, content, name)
    assert told == (
        f"{name}: is text in {told_as}, not in UTF-8. Nothing was landed. Convert it: iconv -f {told_as} -t UTF-8"
    )


def test_a_file_of_another_format_is_told_by_its_first_bytes(con, tmp_path):
    assert "is packed with gzip, not CSV. Nothing was landed. Name it .csv.gz" in _refused(
        con, tmp_path, gzip.compress(_lines("lamp").encode())
    )
    assert "is a Parquet file, not CSV" in _refused(con, tmp_path, b"PAR1" + bytes(20))
    assert "cannot be unpacked as gzip" in _refused(con, tmp_path, _lines("lamp"), "part.csv.gz")


def test_a_row_with_a_nul_byte_is_set_apart(con, tmp_path):
    rows, malformed = _read(con, tmp_path, _lines("a", "b\0", "c"))
    assert ([row[1] for row in rows], [bad[:2] for bad in malformed]) == (["r1", "r3"], [(2, "holds a NUL byte")])


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r", "\n \r\n", "\r\n \n", "\n \r", "\r \r\n \n", "\n \n\n", "\n\r\n"])
def test_line_ends_of_every_kind_are_read_together(con, tmp_path, ends):
    ends = ends.split(" ")
    content = "id,text,seen" + ends[0] + "".join(f"r{k},x,noon{ends[k % len(ends)]}" for k in range(1, 30))
    rows, malformed = _read(con, tmp_path, content)
    assert (rows, malformed) == ([(k, f"r{k}", "x", "noon") for k in range(1, 30)], [])


def test_a_carriage_return_within_a_field_is_a_character_where_only_that_makes_a_row(con, tmp_path):
    content = 'id,text,seen\nr1,a\rb,noon\nr2,x,noon\rr3,"y, z",a\rb\nr4,x\r\nr5,x,noon\rr6,x,noon\n'
    rows, malformed = _read(con, tmp_path, content)
    assert [row[1:] for row in rows] == [
        ("r1", "a\rb", "noon"), ("r2", "x", "noon"), ("r3", "y, z", "a\rb"), ("r5", "x", "noon"), ("r6", "x", "noon")
    ]  # fmt: skip
    assert [bad[2] for bad in malformed] == ["r4,x"]


def test_the_last_row_needs_no_line_end_and_a_byte_order_mark_is_no_part_of_a_name(con, tmp_path):
    rows, malformed = _read(con, tmp_path, b"\xef\xbb\xbf" + _lines("a", '"b, c"').rstrip("\n").encode())
    assert ([row[2] for row in rows], malformed) == (["a", "b, c"], [])
    rows, _ = _read(con, tmp_path, b'\xef\xbb\xbf"id","text","seen"\r\n1,2,3')
    assert rows == [(1, "1", "2", "3")]


def test_a_line_longer_than_any_row_is_set_apart_and_bounded(con, tmp_path):
    rows, malformed = _read(con, tmp_path, _lines("a", "x" * (5 << 20), "b"))
    assert [row[1] for row in rows] == ["r1", "r3"]
    ((number, reason, line),) = malformed
    assert (number, reason, line[:5], len(line)) == (2, "is longer than a row can be", "r2,xx", 100_000)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("a,b,a", "column 'a' is named twice"),
        (",,", "the first line names no columns"),
        ("", "the first line names no columns"),
        ('a,"b,c', "its first line opens a quote that is not closed"),
        ("a,b\0", "its first line holds a NUL byte"),
    ],
)
def test_a_header_that_names_no_columns_is_refused(con, tmp_path, header, message):
    assert message in _refused(con, tmp_path, f"{header}\n1,2,3\n" if header else "\n\n")

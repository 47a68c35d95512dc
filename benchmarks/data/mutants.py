"""Valid files of requests, and what can happen to them on the way: the material of the search for lost rows."""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

DAY = "2026-01-05"
COLUMNS = ("request_id", "user_id", "domain", "query_text", "requested_at")
_TEXTS = (
    "lamp",
    "red lamp, small",
    'a 5" lamp',
    "two\nlines, both long",
    "K\u00f6ln \U0001f468",
    " lamp ",
    "",
    "x;y\tz",
)
_SIGNS = b'",\n\r\\;\t \x00\xe9\xff\xc3ax0'
_NAMES = ("part-0", "part-*", "part-?", "part-[0]", "pa'rt", "{part}", "part 0 #1%20", "p\u00e4rt", "--part", "part.0")


@dataclass(kw_only=True, slots=True)
class Mutant:
    """A file that was spoiled, and what must be true of it if it is accepted.

    Attributes:
        name: Its name.
        content: Its bytes.
        kind: What was done to it.
        intact: Query texts by identifier of the records that were not touched: each of them must land.
        num_records: How many records it holds, where what was done leaves no doubt.
        must_land: It is accepted: what was done to it is no reason to refuse the whole file.
    """

    name: str
    content: bytes
    kind: str
    intact: dict[str, str | None] = field(default_factory=dict)
    num_records: int | None = None
    must_land: bool = False

    def write(self, root: Path) -> Path:
        """Write it below a folder of logs; returns the file."""
        path = root / "requests" / f"ds={DAY}" / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content)
        return path


@dataclass(slots=True)
class _Csv:
    """The records of a file, each with its own line end."""

    rows: list[tuple[str, ...]]
    header: bytes
    records: list[bytes]
    ends: list[bytes]
    touched: set[int] = field(default_factory=set)
    num_records: int | None = None

    def content(self) -> bytes:
        return self.header + b"".join(record + end for record, end in zip(self.records, self.ends, strict=True))


def make(rng: random.Random) -> Mutant:
    """A mutant of any kind, packed or not, CSV or Parquet."""
    if rng.random() < 0.2:
        return _parquet(rng)
    kind = rng.choice(list(_CSV_KINDS))
    made = _valid_csv(rng)
    _CSV_KINDS[kind](rng, made)
    mutant = Mutant(
        name=f"{rng.choice(_NAMES)}.{rng.choice(('csv', 'csv', 'CSV'))}",
        content=made.content(),
        kind=kind,
        intact={row[0]: row[3] or None for k, row in enumerate(made.rows) if k not in made.touched},
        num_records=made.num_records,
        must_land=kind not in ("cut off", "the header"),
    )
    return _whole_file(rng, mutant)


def _valid_csv(rng: random.Random) -> _Csv:
    rows = _rows(rng)
    end = rng.choice((b"\n", b"\n", b"\r\n"))
    quoting = rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    written = [_line(row, quoting) for row in (COLUMNS, *rows)]
    return _Csv(rows, written[0] + end, written[1:], [end] * len(rows), num_records=len(rows))


def _rows(rng: random.Random) -> list[tuple[str, ...]]:
    texts = _TEXTS if rng.random() < 0.7 else ("lamp", "red lamp")
    return [
        (f"r{k}", f"u{k % 7}", rng.choice(("search", "feed")), rng.choice(texts), f"{DAY} {k % 24:02}:00:00")
        for k in range(rng.randint(12, 40))
    ]


def _line(row: tuple[str, ...], quoting: int) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=quoting, lineterminator="").writerow(row)  # type: ignore[arg-type]
    return text.getvalue().encode()


def _nothing(rng: random.Random, made: _Csv) -> None:
    del rng, made


def _byte(rng: random.Random, made: _Csv) -> None:
    k = _touch(rng, made)
    place, record = rng.randrange(len(made.records[k])), made.records[k]
    sign = bytes([rng.choice(_SIGNS) if rng.random() < 0.8 else rng.randrange(256)])
    kept = record[place + 1 :] if rng.random() < 0.5 else record[place:]
    made.records[k] = record[:place] + (sign if rng.random() < 0.8 else b"") + kept
    made.num_records = None


def _quote(rng: random.Random, made: _Csv) -> None:
    k = _touch(rng, made)
    record = made.records[k]
    places = [place for place, sign in enumerate(record) if sign == 34]
    if places and rng.random() < 0.5:
        place = rng.choice(places)
        made.records[k] = record[:place] + record[place + 1 :]
    else:
        starts = [0, *(place + 1 for place, sign in enumerate(record) if sign == 44), len(record)]
        place = rng.choice(starts) if rng.random() < 0.6 else rng.randint(0, len(record))
        made.records[k] = record[:place] + b'"' + record[place:]
    if b"\n" in record:
        made.num_records = None


def _unescaped(rng: random.Random, made: _Csv) -> None:
    k = _touch(rng, made)
    row, text = made.rows[k], rng.choice(('"5" tablet', '"5\\" x"', '"red shoe', 'shoe"', '"a""b', '"x" ,y"'))
    made.records[k] = ",".join((*row[:3], text, row[4])).encode()


def _latin1(rng: random.Random, made: _Csv) -> None:
    k = _touch(rng, made)
    row = made.rows[k]
    made.records[k] = _line((*row[:3], "CITY", row[4]), csv.QUOTE_MINIMAL).replace(b"CITY", b"K\xf6ln")


def _value(rng: random.Random, made: _Csv) -> None:
    k, column = _touch(rng, made), rng.randrange(len(COLUMNS))
    value = rng.choice(("", "noon", "1767600000000", "NaN", "-1", "0", "\u2028", "r1", "x" * 5000, "2026-13-45"))
    row = tuple(value if place == column else cell for place, cell in enumerate(made.rows[k]))
    made.records[k] = _line(row, csv.QUOTE_MINIMAL)


def _fields(rng: random.Random, made: _Csv) -> None:
    k = _touch(rng, made)
    row = made.rows[k]
    made.records[k] = _line(row[:-1] if rng.random() < 0.5 else (*row, "more"), csv.QUOTE_MINIMAL)


def _line_ends(rng: random.Random, made: _Csv) -> None:
    made.ends = [rng.choice((b"\n", b"\r\n", b"\r")) for _ in made.ends]


def _blank_lines(rng: random.Random, made: _Csv) -> None:
    k = rng.randrange(len(made.ends))
    made.ends[k] += rng.choice((b"\n", b"\r\n", b"\n\n"))


def _cut_off(rng: random.Random, made: _Csv) -> None:
    k = rng.randrange(len(made.rows))
    length = len(made.records[k] + made.ends[k])
    made.records[k:] = [(made.records[k] + made.ends[k])[: rng.randrange(length)], *[b""] * (len(made.rows) - k - 1)]
    made.ends[k:] = [b""] * (len(made.rows) - k)
    made.touched = set(range(k, len(made.rows)))
    made.num_records = None


def _header(rng: random.Random, made: _Csv) -> None:
    place = rng.randrange(len(made.header) - 1)
    made.header = made.header[:place] + bytes([rng.choice(_SIGNS)]) + made.header[place + 1 :]
    made.touched, made.num_records = set(range(len(made.rows))), None


def _touch(rng: random.Random, made: _Csv) -> int:
    k = rng.randrange(len(made.rows))
    made.touched.add(k)
    return k


_CSV_KINDS: dict[str, Callable[[random.Random, _Csv], None]] = {
    "nothing": _nothing,
    "a byte": _byte,
    "a quote": _quote,
    "an unescaped quote": _unescaped,
    "a Latin-1 letter": _latin1,
    "a value": _value,
    "the number of fields": _fields,
    "line ends": _line_ends,
    "blank lines": _blank_lines,
    "cut off": _cut_off,
    "the header": _header,
}


def _whole_file(rng: random.Random, mutant: Mutant) -> Mutant:
    draw = rng.random()
    if draw < 0.08:
        encoding = rng.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"))
        mutant.content = mutant.content.decode("latin-1").encode(encoding)
        return Mutant(name=mutant.name, content=mutant.content, kind=encoding)
    if draw < 0.12:
        mutant.content = b"\xef\xbb\xbf" + mutant.content
    if rng.random() < 0.2:
        mutant.name += rng.choice((".gz", ".GZ"))
        half = len(mutant.content) // 2
        parts = (mutant.content,) if rng.random() < 0.6 else (mutant.content[:half], mutant.content[half:])
        mutant.content = b"".join(gzip.compress(part, 1) for part in parts)
        if rng.random() < 0.4:
            content, kind = _spoil(rng, mutant.content)
            return Mutant(name=mutant.name, content=content, kind=f"packed, {kind}")
    return mutant


def _parquet(rng: random.Random) -> Mutant:
    rows = _rows(rng)
    columns = {name: [row[place] or None for row in rows] for place, name in enumerate(COLUMNS)}
    table = pa.table(columns)
    if rng.random() < 0.5:
        times = [datetime.fromisoformat(row[4]) for row in rows]
        kind = rng.choice((pa.timestamp("us"), pa.timestamp("ms"), pa.timestamp("s"), pa.timestamp("us", "UTC")))
        table = table.set_column(4, COLUMNS[4], pa.array(times).cast(kind))
    if rng.random() < 0.2:
        table = table.set_column(1, rng.choice((COLUMNS[1], "row_number", "user")), pa.array(range(len(rows))))
    sink = io.BytesIO()
    pq.write_table(table, sink, compression=rng.choice(("snappy", "zstd", "none")), row_group_size=rng.choice((7, 100)))
    name = f"{rng.choice(_NAMES)}.{rng.choice(('parquet', 'PARQUET'))}"
    if rng.random() < 0.4:
        intact = {row[0]: row[3] or None for row in rows} if table.column_names == list(COLUMNS) else {}
        return Mutant(name=name, content=sink.getvalue(), kind="Parquet", intact=intact, must_land=bool(intact))
    content, kind = _spoil(rng, sink.getvalue())
    return Mutant(name=name, content=content, kind=f"Parquet, {kind}")


def _spoil(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    if rng.random() < 0.4:
        return content[: rng.randrange(1, len(content))], "cut off"
    spoilt = bytearray(content)
    for _ in range(rng.choice((1, 1, 3))):
        spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
    return bytes(spoilt), "bytes"

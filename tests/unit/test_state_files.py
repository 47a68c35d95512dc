"""Files of an installation's state: whole or as before, and read with a net when they are torn nevertheless."""

import logging
import os
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from uniscale.checkout import PROJECT_ROOT
from uniscale.config.sqlite_files import sqlite_fault
from uniscale.config.state_files import append_line, read_lines, read_state
from uniscale.features.online.slots import Pointer, Written, pointer_file, read_pointer, write_pointer
from uniscale.pipeline.airflow import airflow_environment
from uniscale.pipeline.progress import changes, progress_file, tell
from uniscale.sources.fingerprints import content_digests
from uniscale.whole_files import whole_file, write_whole

DAY = date(2026, 1, 8)
TORN = (b"", b"{", b'{"a": ["b', b"\x00" * 64, b"[]", b"null", b"\xff\xfe{")


def test_a_file_is_as_before_when_its_writing_fails(tmp_path):
    path = tmp_path / "state.json"
    write_whole(path, "before")
    with pytest.raises(RuntimeError, match="disk full"), whole_file(path) as unfinished:
        unfinished.write_text("half of what")
        raise RuntimeError("disk full")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_kill_at_any_moment_of_the_writing_leaves_a_whole_file(tmp_path):
    path = tmp_path / "state.json"
    code = (
        "import sys; from pathlib import Path; from uniscale.whole_files import write_whole\n"
        "path, number = Path(sys.argv[1]), 0\n"
        "while True:\n    number += 1; write_whole(path, str(number % 10) * 2_000_000)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=PROJECT_ROOT)
    try:
        while not path.exists():
            time.sleep(0.01)
        time.sleep(0.2)
    finally:
        process.kill()
        process.wait()
    text = path.read_text()
    assert len(text) == 2_000_000 and len(set(text)) == 1


@pytest.mark.parametrize("content", TORN)
def test_a_torn_document_counts_as_absent_and_is_named_in_the_log(tmp_path, caplog, content):
    path = tmp_path / "state.json"
    assert read_state(path, dict[str, list[str]]) is None
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert read_state(path, dict[str, list[str]]) is None
    assert str(path) in caplog.text


@pytest.mark.parametrize(
    "torn", [b'{"step": "land", "sta', b'{"step": "land", "sta\n', b"\x00\x00\x00", b"\n", b"{}\n"]
)
def test_torn_lines_of_the_progress_are_left_out_and_later_ones_are_read(settings, torn):
    tell(settings, DAY, "land", "running")
    with progress_file(settings, DAY).open("ab") as handle:
        handle.write(torn)
    tell(settings, DAY, "land", "done", seconds=1.5)
    tell(settings, DAY, "marts", "running")
    assert [(c.step, c.state) for c in changes(settings, DAY, since=0)] == [
        ("land", "running"),
        ("land", "done"),
        ("marts", "running"),
    ]


def test_a_line_that_is_still_being_written_is_left_for_the_next_look(tmp_path):
    path = tmp_path / "lines"
    append_line(path, '{"a": 1}')
    with path.open("ab") as handle:
        handle.write(b'{"a": 2}')
    assert read_lines(path, dict[str, int]) == [{"a": 1}]


@pytest.mark.parametrize("content", TORN)
def test_torn_digests_are_computed_again(settings, content):
    log = settings.home.parent / "log.csv"
    log.write_text("one\n")
    wanted = content_digests(settings.home, [log])
    (settings.home / "digests.json").write_bytes(content)
    assert content_digests(settings.home, [log]) == wanted
    assert read_state(settings.home / "digests.json", dict[str, tuple[str, str]]) is not None


@pytest.mark.parametrize("content", [b"", b"abc", b"\x00" * 64, b"0" * 63 + b"\n"])
def test_a_torn_secret_is_made_again_and_then_kept(settings, content):
    path = settings.home / "airflow" / "jwt_secret"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    first, second = (airflow_environment(settings)["AIRFLOW__API_AUTH__JWT_SECRET"] for _ in range(2))
    assert first == second == path.read_text()
    assert len(first) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", TORN)
def test_a_torn_pointer_serves_nothing_until_the_next_materialisation(settings, content):
    from datetime import datetime

    pointer = Pointer(
        moment=datetime(2026, 1, 9),
        slot="uniscale_a",
        generation="0a",
        snapshot_id=7,
        views={"item_features": Written(rows=3, written=2, deleted=1)},
    )
    write_pointer(settings, pointer)
    assert read_pointer(settings) == pointer
    pointer_file(settings).write_bytes(content)
    assert read_pointer(settings) is None


def test_what_is_wrong_with_a_database_is_told_before_it_is_opened(tmp_path):
    path = tmp_path / "some'name?.db"
    assert sqlite_fault(path) is None
    path.touch()
    assert sqlite_fault(path) is None
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "create table numbers as with recursive n(x) as (select 1 union all select x + 1 from n "
            "limit 20000) select x, hex(randomblob(20)) as word from n"
        )
    whole = path.read_bytes()
    assert sqlite_fault(path) is None
    assert sqlite_fault(path, thorough=True) is None
    for length in (1, 50, 4096, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert "cut off" in sqlite_fault(path) or "does not begin" in sqlite_fault(path)
    path.write_bytes(b"\x00" * len(whole))
    assert "does not begin" in sqlite_fault(path)
    path.write_bytes(whole[:8192] + os.urandom(4096) + whole[12288:])
    assert sqlite_fault(path) is None
    assert sqlite_fault(path, thorough=True) is not None
    assert Path(path).read_bytes()[:8192] == whole[:8192]

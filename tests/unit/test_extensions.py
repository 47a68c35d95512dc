"""DuckDB's extensions: their signature is checked once per process, and a damaged file is never loaded."""

import os
import subprocess
import sys
from pathlib import Path

from uniscale.checkout import PROJECT_ROOT

TWICE = """
from uniscale.lake.extensions import connect
for _ in range(2):
    with connect("sqlite:x") as con:
        print(con.execute("select current_setting('allow_unsigned_extensions')").fetchone()[0])
"""


def in_a_process(home: Path) -> list[str]:
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": str(PROJECT_ROOT)}
    done = subprocess.run([sys.executable, "-c", TWICE], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_first_connection_of_a_process_checks_signatures(tmp_path):
    assert in_a_process(tmp_path) == ["False", "True"]


def test_a_damaged_extension_is_replaced_by_the_packaged_one(tmp_path):
    in_a_process(tmp_path)
    (file,) = tmp_path.rglob("ducklake.duckdb_extension")
    good = file.read_bytes()
    bad = bytearray(good)
    bad[len(bad) // 2] ^= 1
    file.write_bytes(bad)
    assert in_a_process(tmp_path) == ["False", "True"]
    assert file.read_bytes() == good

"""Temporary files of a process go with it, also when it is killed; those of a living process stay."""

import os
import subprocess
import sys
import time
from datetime import timedelta

import pytest

from uniscale.lake.spill import spill_folder

WRITER = """
import sys
from pathlib import Path
from uniscale.lake.spill import spill_folder
folder = spill_folder(Path(sys.argv[1]))
(folder / "rows-1.csv").write_text("a")
print(folder, flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def writer(tmp_path):
    """A process with a temporary file; gives it and its folder's name."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], **pipes) as process:
        yield process, tmp_path / process.stdout.readline().strip()
        process.kill()


def test_files_of_a_living_process_stay_and_those_of_a_killed_one_go(writer, tmp_path):
    process, theirs = writer
    os.utime(theirs / "rows-1.csv", (0, 0))  # age does not tell of a process that lives

    mine = spill_folder(tmp_path)

    assert mine != theirs
    assert (theirs / "rows-1.csv").exists()
    process.kill()
    process.wait()
    assert spill_folder(tmp_path) == mine  # once per process
    assert theirs.exists()
    subprocess.run([sys.executable, "-c", WRITER, str(tmp_path)], input="\n", text=True, check=True)
    assert not theirs.exists()
    assert [path for path in (tmp_path / "spill").iterdir() if path.is_dir()] == [mine]


def test_files_of_earlier_versions_go_by_age(tmp_path):
    spill = tmp_path / "spill"
    (spill / "frames-old").mkdir(parents=True)
    (spill / "frames-new").mkdir()
    names = ("rows-old.csv", "frames-old/part.parquet", "rows-new.csv", "frames-new/part.parquet")
    for name in names:
        (spill / name).write_text("a")
    two_days_ago = time.time() - timedelta(days=2).total_seconds()
    for name in ("rows-old.csv", "frames-old/part.parquet", "frames-old", "frames-new"):
        os.utime(spill / name, (two_days_ago, two_days_ago))

    spill_folder(tmp_path)

    assert [(spill / name).exists() for name in names] == [False, False, True, True]


def test_a_folder_that_was_removed_meanwhile_is_made_again(tmp_path):
    first = spill_folder(tmp_path)
    (first / ".alive").unlink()
    first.rmdir()

    assert spill_folder(tmp_path).is_dir()

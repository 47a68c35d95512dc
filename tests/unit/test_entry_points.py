"""What a person is told when a part of a day that runs as a process of its own fails: the cause."""

import pytest

from uniscale.pipeline import processes
from uniscale.pipeline.processes import EntryPointError, run_entry_point


@pytest.fixture
def run(settings, tmp_path, monkeypatch):
    """Run some code as an entry point."""
    (tmp_path / "job").mkdir()
    monkeypatch.setattr(processes, "PROJECT_ROOT", tmp_path)

    def do(code):
        (tmp_path / "job" / "work.py").write_text(code)
        return run_entry_point(settings, "job.work", [])

    return do


def test_the_last_line_of_output_is_the_answer_and_what_was_told_is_passed_on(run, capfd):
    code = "import sys\nprint('x' * 200_000, file=sys.stderr)\nprint('y' * 200_000)\nprint('{\"a\": 1}')\n"
    assert run(code) == {"a": 1}
    assert "x" * 200_000 in capfd.readouterr().err


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (
            "print('error: 3 of 8 days have no rows; land them', 'bye', sep='\\n', file=sys.stderr)\nsys.exit(2)",
            "3 of 8 days have no rows; land them",
        ),
        ("raise ValueError('seed=-1 is negative')", "ValueError: seed=-1 is negative"),
        ("import module_that_is_not_there", "ModuleNotFoundError: No module named 'module_that_is_not_there'"),
        ("os.kill(os.getpid(), 9)", "killed by SIGKILL, most likely as memory ran out"),
        ("sys.exit(3)", "exit code 3, its messages are above"),
    ],
)
def test_the_cause_of_a_failure_is_in_the_message(run, capfd, code, cause):
    with pytest.raises(EntryPointError) as caught:
        run(f"import os, sys\nprint('starting', file=sys.stdout)\n{code}\n")
    assert str(caught.value) == f"{cause} (job.work)"

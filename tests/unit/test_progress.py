"""What a person sees of a running job."""

import io
import json
import time

import pytest
from rich.console import Console

from ray_jobs import progress
from ray_jobs.progress import Watched, shown, told

POINT = {"step": 20, "steps": 80, "epoch": 0.5, "loss": 0.31234, "rows_per_second": 12_345.6, "seconds_left": 75.0}


def test_a_point_tells_loss_auc_speed_and_time_left():
    assert told(POINT) == "loss 0.3123, 12,346 rows/s, 1:15 left"
    assert told({**POINT, "click_auc": 0.71234}) == "loss 0.3123, click AUC 0.712, 12,346 rows/s, 1:15 left"


@pytest.mark.parametrize("is_terminal", [True, False])
def test_several_jobs_are_shown_at_once(tmp_path, monkeypatch, is_terminal):
    screen = io.StringIO()
    monkeypatch.setattr(progress, "err", Console(file=screen, force_terminal=is_terminal, width=150))
    jobs = [Watched(path=tmp_path / f"{name}.progress", title=name) for name in ("one", "two")]
    with shown(jobs):
        for job in jobs:
            job.path.write_text(f"{json.dumps(POINT)}\n{json.dumps(POINT)}\n")
        until = time.monotonic() + 10
        while screen.getvalue().count("12,346 rows/s") < 2 and time.monotonic() < until:
            time.sleep(0.05)
    assert "one" in screen.getvalue() and "two" in screen.getvalue()
    assert screen.getvalue().count("12,346 rows/s") >= 2
    assert not any(job.path.exists() for job in jobs)

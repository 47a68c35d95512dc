"""A day that is killed again and again: the same command finishes it, with the same rows, and leaves nobody behind."""

import time

import psutil

from tests.e2e.shop import DS, Shop, content, new_shop
from uniscale.contracts.steps import DAY_STEPS


def test_a_run_killed_in_every_step_finishes_with_the_same_rows(day, tmp_path_factory, logs):
    shop = new_shop(tmp_path_factory.mktemp("killed") / "shop", logs)
    for step in [step.name for step in DAY_STEPS]:
        seconds = next(change["seconds"] for change in day.changes() if change["step"] == step)
        kill_in_the_middle(shop, step, seconds)
    shop.run("day", DS)
    assert content(shop.lake()) == content(day.lake())


def kill_in_the_middle(shop: Shop, step: str, seconds: float) -> None:
    """Start the day, and SIGKILL it when ``step`` is about half done; nothing of it may live on."""
    since = time.time()
    process = shop.start("day", DS)
    family = psutil.Process(process.pid)
    while not any(c["step"] == step and c["state"] == "running" and c["at"] > since for c in shop.changes()):
        assert process.poll() is None, f"the day ended before {step} started\n{shop.log()}"
        time.sleep(0.02)
    time.sleep(min(seconds / 2, 20))
    children = family.children(recursive=True)
    process.kill()
    process.wait()
    gone, alive = psutil.wait_procs(children, timeout=20)
    assert not alive, f"killed in {step}, but still there: {alive}"
    assert gone

"""The lock under which steps, nightly features, ingests and maintenance work: the second waits, and says for whom."""

import os
import threading
import time
from contextlib import contextmanager

import pytest

from uniscale.pipeline.locks import one_at_a_time


@contextmanager
def at_work(settings, name: str):
    """Somebody else holds the lock of this name: a thread, as locks are held by threads."""
    is_held, is_over = threading.Event(), threading.Event()

    def other():
        with one_at_a_time(settings, name):
            is_held.set()
            is_over.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    assert is_held.wait(10)
    try:
        yield is_over
    finally:
        is_over.set()
        thread.join()


def test_the_second_waits_until_the_first_has_ended_and_says_for_whom(settings, capsys):
    with at_work(settings, "step") as is_over:
        threading.Timer(0.5, is_over.set).start()
        start = time.monotonic()
        with one_at_a_time(settings, "step"):
            assert is_over.is_set()
            assert time.monotonic() - start >= 0.4
    told = capsys.readouterr().err
    assert told.count(f"another step (process {os.getpid()}) is at work on {settings.home}; waiting for it") == 1


def test_who_does_not_want_to_wait_is_refused_at_once(settings):
    with (
        at_work(settings, "day"),
        pytest.raises(RuntimeError, match=f"another day .process {os.getpid()}. is at work"),
        one_at_a_time(settings, "day", wait_seconds=0),
    ):
        pass


def test_locks_of_different_names_do_not_meet(settings):
    with at_work(settings, "day"), one_at_a_time(settings, "step", wait_seconds=0):
        assert (settings.home / "day.lock").is_file()


def test_who_is_alone_already_goes_on_and_stays_alone(settings, lake):
    with one_at_a_time(settings, "step"):
        with lake.alone(wait_seconds=0):
            pass
        seen = []

        def other():
            try:
                with lake.alone(wait_seconds=0):
                    seen.append("let in")
            except RuntimeError:
                seen.append("kept out")

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert seen == ["kept out"]

"""The lock under which steps and nightly features write: the second waits for the first, and says for whom."""

import os
import threading
import time

import pytest

from uniscale.cli.processes import one_at_a_time


def test_the_second_waits_until_the_first_has_ended_and_says_for_whom(settings, capsys):
    events = []
    is_held = threading.Event()

    def first():
        with one_at_a_time(settings, "step"):
            is_held.set()
            time.sleep(0.5)
            events.append("the first ends")

    thread = threading.Thread(target=first)
    thread.start()
    is_held.wait(10)
    with one_at_a_time(settings, "step"):
        events.append("the second begins")
    thread.join()

    assert events == ["the first ends", "the second begins"]
    told = capsys.readouterr().err
    assert told.count(f"another step (process {os.getpid()}) is at work on {settings.home}; waiting for it") == 1


def test_who_does_not_want_to_wait_is_refused_at_once(settings):
    with (
        one_at_a_time(settings, "day"),
        pytest.raises(RuntimeError, match=f"another day .process {os.getpid()}. is at work"),
        one_at_a_time(settings, "day", wait_seconds=0),
    ):
        pass


def test_locks_of_different_names_do_not_meet(settings):
    with one_at_a_time(settings, "day"), one_at_a_time(settings, "step", wait_seconds=0):
        assert (settings.home / "day.lock").is_file()

"""The log of served model input."""

import subprocess
import sys
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from support_encoding import NOW, encoded_table

from uniscale.config import Settings
from uniscale.serving.request import MAX_CANDIDATES, Answer, Counts, RankingRequest
from uniscale.serving.served_log import ServedLog, forget_served, read_served, served_folder

DS = NOW.date()


def answer(request_id, *, at=NOW, items=("i1", "i2"), degraded=0):
    request = RankingRequest(
        request_id=request_id,
        user_id="u1",
        query_text="Red  shoe",
        domain="search",
        requested_at=at,
        item_ids=items,
    )
    inputs = encoded_table([{"requested_at": at}], [[{"item_id": name} for name in items]])
    return Answer(
        request=request, inputs=inputs, generation="g1", moment=datetime(2026, 1, 5), counts=Counts(degraded=degraded)
    )


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


def test_answers_are_read_back_by_day_in_the_order_of_their_requests(settings):
    with ServedLog(settings) as log:
        for name, at in (
            ("b", NOW),
            ("a", NOW),
            ("next", NOW + timedelta(days=1)),
            ("early", NOW - timedelta(hours=1)),
        ):
            log.append(answer(name, at=at))
    served = read_served(settings, "live", DS)

    assert served.column("request_id").to_pylist() == ["early", "a", "b"]
    assert served.column("item_ids").to_pylist() == [["i1", "i2"]] * 3
    assert served.column("item_index").to_pylist()[1] == answer("a").inputs.column("item_index").to_pylist()[0]
    assert read_served(settings, "live", DS + timedelta(days=1)).num_rows == 1
    assert read_served(settings, "shadow", DS) is None
    assert read_served(settings, "live", date(2026, 2, 1)) is None


def test_a_request_that_was_answered_twice_counts_once_with_its_last_answer(settings):
    with ServedLog(settings) as log:
        log.append(answer("a", degraded=1))
        log.append(answer("b"))
        log.append(answer("a"))
    served = read_served(settings, "live", DS)

    assert served.column("request_id").to_pylist() == ["a", "b"]
    assert served.column("is_degraded").to_pylist() == [False, False]


def test_a_killed_process_loses_no_answer_and_a_torn_one_is_left_out(settings):
    script = (
        "import os, sys; sys.path.insert(0, 'tests/unit'); sys.path.insert(0, 'tests')\n"
        "from test_served_log import *\n"
        f"log = ServedLog(Settings(home={str(settings.home)!r}))\n"
        "log.append(answer('a')); log.append(answer('b')); os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    (file,) = served_folder(settings, "live", DS).glob("*.arrows")
    assert read_served(settings, "live", DS).column("request_id").to_pylist() == ["a", "b"]
    file.write_bytes(file.read_bytes()[:-200])
    assert read_served(settings, "live", DS).column("request_id").to_pylist() == ["a"]
    file.write_bytes(b"")
    assert read_served(settings, "live", DS) is None


def test_a_forgotten_user_leaves_the_streams_and_the_others_stay(settings):
    with ServedLog(settings) as log:
        log.append(answer("a"))
        other = answer("b")
        log.append(replace(other, request=replace(other.request, user_id="u2")))
    with ServedLog(settings, "shadow") as log:
        log.append(answer("c"))

    assert forget_served(settings, "u1") == 2
    assert read_served(settings, "live", DS).column("user_id").to_pylist() == ["u2"]
    assert read_served(settings, "shadow", DS) is None
    assert not [file for file in settings.home.rglob("*") if file.is_file() and b"u1" in file.read_bytes()]
    assert forget_served(settings, "u1") == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"item_ids": ()}, "has 0 candidates; 1 to 1000"),
        ({"item_ids": tuple(f"i{n}" for n in range(MAX_CANDIDATES + 1))}, "has 1001 candidates"),
        ({"item_ids": ("i1", "i2", "i1")}, "names a candidate twice"),
        ({"requested_at": NOW.astimezone()}, "must be naive UTC"),
    ],
)
def test_a_request_that_cannot_be_ranked_is_refused_with_the_reason(change, reason):
    with pytest.raises(ValueError, match=reason):
        replace(answer("a").request, **change)

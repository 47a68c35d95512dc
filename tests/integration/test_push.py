"""A pushed action is in what the user's next look-up reads; nothing is lost, counted twice, or taken in unchecked."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support_features import DS, item, small_shop, write
from support_servers import redis_server
from typer.testing import CliRunner

pytest.importorskip("feast")

from uniscale.cli.main import app
from uniscale.contracts.features import HISTORY_SERVICE, ITEM_FEATURES, MAX_FRESH_ACTIONS
from uniscale.features.online.materialize import materialize
from uniscale.features.online.push import push_actions
from uniscale.features.online.push_rules import COLUMNS
from uniscale.features.online.read import read_online

NOON = datetime(2026, 1, 6, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MOMENT = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema([(name, MOMENT if name.endswith("_at") else pa.string()) for name in COLUMNS])


@pytest.fixture(params=["sqlite", "redis"])
def shop(request, settings, lake, tmp_path):
    """The small shop at the end of DS, on both online stores."""
    small_shop(lake)
    if request.param == "sqlite":
        materialize(settings, lake, DS)
        yield settings
        return
    with redis_server(tmp_path) as (address, _):
        settings.features.online_store, settings.features.redis = "redis", address
        materialize(settings, lake, DS)
        yield settings


def act(name, at=NOON, **values):
    """A click of u1 on i1 that is recorded a minute after it was made."""
    row = {"action_id": name, "user_id": "u1", "item_id": "i1", "action": "click", "domain": "feed"}
    return {**row, "acted_at": at - MINUTE, "recorded_at": at, **values}


def push(settings, *rows, now=None):
    return push_actions(settings, pa.Table.from_pylist(list(rows), schema=SCHEMA), now=now)


def fresh(settings, user="u1"):
    """What the user's next request reads of fresh actions."""
    (found,) = read_online(settings, HISTORY_SERVICE, [{"user_id": user}])
    return {name: value for name, value in found.items() if name.startswith("fresh_")}


def refused(row, action_id, reason):
    return {"row": row, "action_id": action_id, "reason": reason}


def names(settings, user="u1"):
    return fresh(settings, user)["fresh_action_ids"]


def test_a_pushed_click_is_in_the_next_look_up_of_its_user_and_of_no_other(shop):
    assert push(shop, act("a1"), act("a2", NOON + MINUTE, item_id="i9", action="purchase"))["pushed"] == 2
    noon = int(NOON.timestamp())

    assert fresh(shop) == {
        "fresh_action_ids": ["a1", "a2"],
        "fresh_items": ["i1", "i9"],
        "fresh_categories": ["c1", ""],
        "fresh_brands": ["", ""],
        "fresh_actions": ["click", "purchase"],
        "fresh_domains": ["feed", "feed"],
        "fresh_acted_at": [noon - 60, noon],
        "fresh_known_at": [1_000_000 * noon, 1_000_000 * (noon + 60)],
    }
    assert names(shop, "u2") is None


def test_pushing_again_changes_nothing_and_a_late_action_finds_its_place(shop):
    push(shop, act("a1"), act("a3", NOON + 2 * MINUTE))
    first = fresh(shop)
    assert push(shop, act("a1"), act("a3", NOON + 2 * MINUTE), act("a3")) == {
        "pushed": 0,
        "known_already": 3,
        "too_old": 0,
        "refused": [],
    }
    assert fresh(shop) == first
    push(shop, act("a2", NOON + MINUTE), act("a0", NOON))  # the same moment as a1, in the order of the names
    assert names(shop) == ["a0", "a1", "a2", "a3"]


def test_actions_of_two_days_are_kept_and_of_them_the_newest(shop):
    midnight = datetime(2026, 1, 7, tzinfo=UTC)
    days = [act("b0", midnight - timedelta(days=1, microseconds=1)), act("b1", midnight - timedelta(days=1))]
    assert push(shop, *days)["pushed"] == 2
    assert names(shop) == ["b0", "b1"]
    found = push(shop, act("b2", midnight), act("b3", midnight - timedelta(days=2)))
    assert (found["pushed"], found["too_old"]) == (1, 1)
    assert names(shop) == ["b1", "b2"]
    push(shop, *[act(f"c{number:03}", midnight + number * MINUTE) for number in range(MAX_FRESH_ACTIONS + 5)])
    assert names(shop) == [f"c{number:03}" for number in range(5, MAX_FRESH_ACTIONS + 5)]


def test_what_is_no_action_is_named_and_the_rest_is_pushed(shop):
    found = push(
        shop,
        act("d1"),
        act("d2", action="glance"),
        act("d3", user_id=None, item_id=""),
        act("d4", NOON + 6 * MINUTE),
        act("d5", NOON + 5 * MINUTE),
        act(None),
        act("d7", domain="typo"),
        act("d8", acted_at=NOON + MINUTE),
        act("d9", datetime(1970, 1, 21, 11, 27, 50, tzinfo=UTC)),
        now=NOON,
    )

    assert found == {
        "pushed": 2,
        "known_already": 0,
        "too_old": 0,
        "refused": [
            refused(2, "d2", "action is none of click, cart, favorite, purchase: glance"),
            refused(3, "d3", "user_id is missing and item_id is missing"),
            refused(4, "d4", "recorded_at is to come: 2026-01-06 12:06:00"),
            refused(6, None, "action_id is missing"),
            refused(7, "d7", "domain is not a declared domain (search, feed, shop): typo"),
            refused(8, "d8", "recorded_at is before acted_at: nothing is known before it happens"),
            refused(
                9,
                "d9",
                "acted_at is not between the years 1990 and 2100: 1970-01-21 11:26:50 and "
                "recorded_at is not between the years 1990 and 2100: 1970-01-21 11:27:50",
            ),
        ],
    }
    assert names(shop) == ["d1", "d5"]


def test_a_materialisation_leaves_pushed_actions_and_brings_newer_categories(shop, lake):
    push(shop, act("e1"))
    write(lake, ITEM_FEATURES, [item("i1", DS + timedelta(days=1), category_id="c2", brand_id="b1")])
    materialize(shop, lake, DS + timedelta(days=1))
    push(shop, act("e2", NOON + MINUTE))
    found = fresh(shop)

    assert (found["fresh_categories"], found["fresh_brands"]) == (["c1", "c2"], ["", "b1"])


PUSHER = """
import sys, pyarrow.parquet as pq
from uniscale.config import load_settings
from uniscale.features.online.push import push_actions
settings = load_settings()
print(push_actions(settings, pq.read_table(sys.argv[1]).slice(0, 1))["pushed"], flush=True)
sys.stdin.readline()
rows = pq.read_table(sys.argv[1])
print(sum(push_actions(settings, rows.slice(place, 1))["pushed"] for place in range(1, rows.num_rows)))
"""


def test_two_processes_that_push_for_one_user_lose_nothing(shop, tmp_path, monkeypatch):
    monkeypatch.setenv("UNISCALE_FEATURES__ONLINE_STORE", shop.features.online_store)
    monkeypatch.setenv("UNISCALE_FEATURES__REDIS", shop.features.redis)
    each = 12
    processes = []
    for who in "pq":
        rows = [act(f"{who}{number:02}", NOON + number * MINUTE) for number in range(each)]
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), tmp_path / f"{who}.parquet")
        command = [sys.executable, "-c", PUSHER, str(tmp_path / f"{who}.parquet")]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        processes.append(subprocess.Popen(command, **pipes))
    try:
        assert [process.stdout.readline() for process in processes] == ["1\n", "1\n"]  # both are up
        with ThreadPoolExecutor() as pool:
            told = list(pool.map(lambda process: process.communicate("go\n", timeout=120)[0], processes))
    finally:
        for process in processes:
            process.kill()

    assert told == [f"{each - 1}\n"] * 2
    assert sorted(names(shop)) == sorted(f"{who}{number:02}" for who in "pq" for number in range(each))


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv"])
def test_the_command_pushes_a_file(settings, lake, tmp_path, ending):
    small_shop(lake)
    materialize(settings, lake, DS)
    file = tmp_path / f"actions.{ending}"
    options = {"parquet": "", "jsonl": "(format json)", "csv": "(header)"}[ending]
    rows = pa.Table.from_pylist([act("f1"), act("f2", user_id=None)], schema=SCHEMA)
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        con.register("rows", rows)
        con.execute(f"copy rows to '{file}' {options}")
    done = CliRunner().invoke(app, ["features", "push", str(file), "--json"])

    assert done.exit_code == 2, done.output
    row = refused(2, "f2", "user_id is missing")
    assert json.loads(done.stdout) == {"pushed": 1, "known_already": 0, "too_old": 0, "refused": [row]}
    assert fresh(settings)["fresh_known_at"] == [1_000_000 * int(NOON.timestamp())]


def test_files_that_hold_no_actions_are_refused(settings, tmp_path):
    (tmp_path / "a.csv").write_text("action_id,user_id\nx,y\n")
    (tmp_path / "a.txt").write_text("")
    runner = CliRunner()
    for name, reason in (("a.csv", "item_id"), ("a.txt", "must end in"), ("b.csv", "does not exist")):
        done = runner.invoke(app, ["features", "push", str(tmp_path / name)])
        assert (done.exit_code, reason in " ".join(done.stderr.split())) == (2, True), done.output
    with pytest.raises(ValueError, match="lack user_id, item_id"):
        push_actions(settings, pa.table({"action_id": ["x"]}))
    with pytest.raises(ValueError, match="acted_at is string; it must be a time stamp"):
        push_actions(settings, pa.table({name: ["x"] for name in COLUMNS}))

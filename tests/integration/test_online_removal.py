"""Entities taken out of the online store answer no more; the others still do, and no file holds them."""

from datetime import timedelta

import duckdb
import pytest
from support_features import DS, item, small_shop, user, version, write
from support_servers import redis_server

pytest.importorskip("feast")

from uniscale.contracts.features import (
    HISTORY_SERVICE,
    ITEM_FEATURES,
    ITEM_SERVICE,
    PAIR_SERVICE,
    REQUEST_SERVICE,
    USER_CATEGORY_FEATURES,
)
from uniscale.features.online.materialize import materialize
from uniscale.features.online.read import read_online
from uniscale.features.online.removal import remove_online
from uniscale.features.online.slots import generations_folder, read_pointer


def known(settings):
    """Who has features online."""
    request = {"user_id": "u1", "query_text": "red shoe"}
    (found,) = read_online(settings, REQUEST_SERVICE, [request])
    found |= read_online(settings, HISTORY_SERVICE, [{"user_id": "u1"}])[0]
    pairs = [{"user_id": name, "category_id": "c1"} for name in ("u1", "u2")]
    counts = [row["user_category_num_actions"] for row in read_online(settings, PAIR_SERVICE, pairs)]
    (shoe,) = read_online(settings, ITEM_SERVICE, [{"item_id": "i1"}])
    names = ("user_num_clicks_30d", "history_items", "query_num_clicks")
    return {"item": shoe["title"] is not None, "pairs": counts, **{name: found[name] is not None for name in names}}


def check_removal(settings, lake):
    small_shop(lake)
    pairs = [user(name, DS, category_id="c1", user_category_num_actions=2) for name in ("u1", "u2")]
    write(lake, USER_CATEGORY_FEATURES, pairs)
    materialize(settings, lake, DS)
    write(lake, ITEM_FEATURES, [item("i1", DS + timedelta(days=1), title="shoe")])
    materialize(settings, lake, DS + timedelta(days=1))
    everybody = dict.fromkeys(("item", "user_num_clicks_30d", "history_items", "query_num_clicks"), True)
    assert known(settings) == {**everybody, "pairs": [2, 2]}

    removed = remove_online(settings, {"user_id": ["u1", "nobody"], "query_text": ["red shoe"]})

    assert removed == 2 * 4  # both slots: features, sequence, pair and query
    nobody = dict.fromkeys(everybody, False)
    assert known(settings) == {**nobody, "item": True, "pairs": [None, 2]}
    assert remove_online(settings, {"user_id": ["u1"]}) == 0
    for file in generations_folder(settings).rglob("*.parquet"):
        rows = duckdb.sql(f"select t::varchar from '{file}' as t").fetchall()
        assert not [row for (row,) in rows if "u1" in row or "red shoe" in row]
    return removed


def check_what_follows(settings, lake):
    """The next day writes what has changed only: the slots hold the generations that they are said to hold."""
    pointer = read_pointer(settings)
    assert (generations_folder(settings) / pointer.generation).is_dir()
    write(lake, USER_CATEGORY_FEATURES, [version("user_id", "u2", DS, category_id="c1", user_category_num_actions=3)])
    for table in ("user_features", "user_sequences", "query_features"):
        lake.commit(lambda con, table=table: con.execute(f"delete from lake.features.{table}"), "u1 is forgotten")
    written = materialize(settings, lake, DS + timedelta(days=2))["views"]
    assert written == {
        "item_features": {"written": 1, "deleted": 1},  # the older slot had both items of the day before
        "query_features": {"written": 0, "deleted": 0},
        "user_features": {"written": 0, "deleted": 0},
        "user_sequences": {"written": 0, "deleted": 0},
        "user_category_features": {"written": 1, "deleted": 0},
    }


def test_a_user_and_a_query_are_taken_out_of_sqlite(settings, lake):
    assert remove_online(settings, {"user_id": ["u1"]}) == 0
    check_removal(settings, lake)
    check_what_follows(settings, lake)


def test_a_user_and_a_query_are_taken_out_of_redis(settings, lake, tmp_path):
    with redis_server(tmp_path) as (address, _):
        settings.features.online_store, settings.features.redis = "redis", address
        check_removal(settings, lake)
        check_what_follows(settings, lake)

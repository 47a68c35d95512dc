"""The ranking look-up, on SQLite and on a real Redis: it gives what the training frames hold, and never waits long."""

import logging
import time
from contextlib import ExitStack
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from support_features import DS, frames, item, small_shop, write
from support_servers import redis_server
from support_serving import EVENING, click, push, push_fresh_actions_of_the_shop, ranking_request

from uniscale.config import Settings
from uniscale.config.settings import FeatureSettings, WindowSettings
from uniscale.contracts.features import FEATURE_TABLES, ITEM_FEATURES, USER_FRESH_ACTIONS
from uniscale.contracts.frames import ITEM_NUMERIC, hash_id
from uniscale.features.encoding.items import prepare_items
from uniscale.features.encoding.text import words
from uniscale.features.online.materialize import materialize
from uniscale.features.online.slots import LIVE, generation_folder, read_pointer
from uniscale.features.repo import open_store
from uniscale.features.training_frames.build import build_frames
from uniscale.lake import Lake
from uniscale.serving.lookup import RankingLookup
from uniscale.serving.online import ViewReader
from uniscale.serving.snapshot import ItemSnapshot
from uniscale.serving.vectors import INPUTS, matches, vector_hash

pytest.importorskip("feast")

LONG_AGO = datetime(2000, 1, 1)


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def shop(request, tmp_path_factory):
    """The small shop with frames, materialised as of the end of DS: settings and lake."""
    folder = tmp_path_factory.mktemp(request.param)
    with ExitStack() as stack:
        features = FeatureSettings(online_store=request.param)
        if request.param == "redis":
            features.redis, _ = stack.enter_context(redis_server(folder))
        settings = Settings(home=folder / "home", window=WindowSettings(train_days=1), features=features)
        lake = Lake(settings)
        small_shop(lake)
        build_frames(settings, lake, DS)
        materialize(settings, lake, DS)
        push_fresh_actions_of_the_shop(settings)
        yield settings, lake


def test_the_answer_to_a_request_is_its_frame(shop):
    settings, lake = shop
    lookup = RankingLookup(settings)
    answer = lookup.look_up(ranking_request())
    frame = frames(lake, "eval")["r3"]
    got = answer.inputs.to_pylist()[0]

    assert str(got) == str({name: frame[name] for name in INPUTS})
    assert got["history_items"] == [hash_id("item", name) for name in ("i2", "i1", "i7", "i8")]
    assert answer.generation == read_pointer(settings).generation
    assert answer.moment == datetime(2026, 1, 6)
    assert (answer.counts.requests, answer.counts.items, answer.counts.unknown_items) == (1, 3, 1)
    assert answer.counts.unknown_users == answer.counts.degraded == answer.counts.stale == 0


def test_the_snapshot_holds_what_feast_answers_for_every_item(shop):
    settings, lake = shop
    pointer = read_pointer(settings)
    names = ["i1", "i2", "nobody"]
    references = [f"item_features:{feature.name}" for feature in ITEM_FEATURES.features]
    found = open_store(settings, project=pointer.slot).get_online_features(
        features=references, entity_rows=[{"item_id": name} for name in names]
    )
    rows = found.to_dict()
    rows["title_words"] = [words(title) for title in rows["title"]]
    with lake.read() as con:
        schema = con.execute(f"select * from {ITEM_FEATURES.qualified} limit 0").to_arrow_table().schema
    schema = schema.append(pa.field("title_words", pa.list_(pa.string())))
    table = pa.table({name: pa.array(values, schema.field(name).type) for name, values in rows.items()})
    snapshot = ItemSnapshot(generation_folder(settings, pointer.generation) / "item_features.parquet")
    taken = snapshot.take(names, LONG_AGO)

    assert snapshot.num_items == 2
    assert taken.known.tolist() == [True, True, False]
    assert taken.items.to_pylist() == prepare_items(table).to_pylist()


@pytest.mark.parametrize("table", FEATURE_TABLES, ids=lambda table: table.name)
def test_a_view_is_read_as_feast_reads_it(shop, table):
    settings, lake = shop
    store = open_store(settings, project=LIVE if table is USER_FRESH_ACTIONS else read_pointer(settings).slot)
    with lake.read() as con:
        known = con.execute(
            f"select distinct {', '.join(table.join_keys)} from {table.qualified} order by all"
        ).fetchall()
    asked = [*known, tuple("nobody" for _ in table.join_keys)]
    keys = {name: [row[place] for row in asked] for place, name in enumerate(table.join_keys)}
    reader = ViewReader(store, table)
    reader.read(keys, LONG_AGO)
    columns, is_known = reader.read(keys, LONG_AGO)
    found = store.get_online_features(
        features=[f"{table.name}:{feature.name}" for feature in table.features],
        entity_rows=[dict(zip(table.join_keys, row, strict=True)) for row in asked],
    ).to_dict()

    assert {name: values.to_pylist() for name, values in columns.items()} == {name: found[name] for name in columns}
    assert is_known.tolist() == [True] * len(known) + [False]
    assert known
    assert reader._features == [feature.name for feature in table.features]  # it asks for no more than before


def test_values_from_before_the_oldest_moment_allowed_are_missing(shop):
    settings, _ = shop
    reader = ViewReader(open_store(settings, project=read_pointer(settings).slot), ITEM_FEATURES)
    start_of_i2 = datetime(2026, 1, 5)
    columns, known = reader.read({"item_id": ["i1", "i2"]}, start_of_i2 + timedelta(microseconds=1))

    assert known.tolist() == [True, False]
    assert columns["item_num_exposures"].to_pylist() == [100, None]
    assert reader.read({"item_id": ["i2"]}, start_of_i2)[1].tolist() == [True]


def test_a_pushed_click_is_the_last_action_of_the_next_request(shop):
    settings, _ = shop
    lookup = RankingLookup(settings)
    user = "newcomer"
    before = lookup.look_up(ranking_request(user_id=user))
    push(settings, click("c1", EVENING - timedelta(seconds=30), user=user, item="i1"))
    after = lookup.look_up(ranking_request(user_id=user))

    assert before.inputs.column("history_items").to_pylist() == [[]]
    assert after.inputs.column("history_items").to_pylist() == [[hash_id("item", "i1")]]
    assert after.inputs.column("history_categories").to_pylist() == [[hash_id("category", "c1")]]
    assert after.inputs.column("history_hours").to_pylist() == [[pytest.approx(30 / 3600)]]


def test_what_is_unknown_gets_the_defaults_of_training_and_is_counted(shop):
    settings, _ = shop
    lookup = RankingLookup(settings)
    answer = lookup.look_up(ranking_request(user_id="nobody", query_text="never asked", item_ids=("x", "y")))
    row = answer.inputs.to_pylist()[0]

    assert np.isnan(row["user_numeric"]).all() and np.isnan(row["query_numeric"]).all()
    assert np.isnan(row["item_numeric"]).all()
    assert row["item_index"] == [hash_id("item", "x"), hash_id("item", "y")]
    assert row["category_index"] == [0, 0]
    assert row["user_index"] == hash_id("user", "nobody")
    assert row["history_items"] == row["user_attributes"] == []
    lookup.look_up(ranking_request(query_text=None))
    counts = lookup.counts
    assert (counts.requests, counts.items) == (2, 5)
    assert (counts.unknown_users, counts.unknown_queries, counts.unknown_items) == (1, 1, 3)


def test_daily_values_that_are_late_are_served_and_told_those_beyond_their_time_are_not(shop, caplog):
    settings, _ = shop
    lookup = RankingLookup(settings)
    moment = datetime(2026, 1, 6)
    with caplog.at_level(logging.INFO):
        late = lookup.look_up(ranking_request(requested_at=moment + timedelta(hours=27)))
        again = lookup.look_up(ranking_request(requested_at=moment + timedelta(hours=28)))
        gone = lookup.look_up(ranking_request(requested_at=moment + timedelta(days=30)))
        lookup.look_up(ranking_request())
    price = ITEM_NUMERIC.index("log_price")

    assert (late.counts.stale, again.counts.stale, gone.counts.stale) == (1, 1, 1)
    assert (late.counts.too_old, gone.counts.too_old) == (0, 1)
    assert late.inputs.to_pylist()[0]["item_numeric"][1][price] > 0
    assert np.isnan(gone.inputs.to_pylist()[0]["item_numeric"]).all()
    assert gone.inputs.to_pylist()[0]["history_items"] == []
    told = [record.getMessage() for record in caplog.records if record.name == "uniscale.serving.lookup"]
    assert told == [
        "daily features are 27 h old, 26 h are allowed; they are still served; materialize a newer day",
        "daily features are fresh again",
    ]


def test_a_request_from_the_future_is_answered_as_of_now_and_counted(shop):
    settings, _ = shop
    lookup = RankingLookup(settings, now=lambda: EVENING)
    ahead = lookup.look_up(ranking_request(requested_at=EVENING + timedelta(hours=1)))
    slightly = lookup.look_up(ranking_request(requested_at=EVENING + timedelta(minutes=4)))

    assert (ahead.counts.future, slightly.counts.future) == (1, 0)
    assert ahead.request.requested_at == EVENING
    assert slightly.request.requested_at == EVENING + timedelta(minutes=4)
    assert vector_hash(ahead.inputs) == vector_hash(lookup.look_up(ranking_request()).inputs)


def test_a_look_up_that_lives_on_serves_the_next_generation_whole(tmp_path):
    settings = Settings(home=tmp_path, window=WindowSettings(train_days=1))
    lake = Lake(settings)
    small_shop(lake)
    materialize(settings, lake, DS)
    lookup = RankingLookup(settings)
    before = lookup.look_up(ranking_request())
    with lake.read() as con:
        known = con.execute(f"select * from {ITEM_FEATURES.qualified}").to_arrow_table().to_pylist()
    write(lake, ITEM_FEATURES, [*known, item("i1", date(2026, 1, 6), price=3.0)])
    materialize(settings, lake, date(2026, 1, 6))
    after = lookup.look_up(ranking_request(requested_at=datetime(2026, 1, 7, 9)))

    assert before.generation != after.generation == read_pointer(settings).generation
    assert after.inputs.to_pylist()[0]["item_numeric"][1][0] == pytest.approx(np.log(4))
    assert after.moment == datetime(2026, 1, 7)


def test_without_any_materialisation_the_look_up_says_what_to_do(tmp_path):
    with pytest.raises(ValueError, match="the online store is empty; fill it first: uniscale step materialize DS"):
        RankingLookup(Settings(home=tmp_path))


def test_when_redis_is_gone_items_are_served_alone_within_the_deadline_and_counted(tmp_path, caplog):
    with redis_server(tmp_path) as (address, server):
        settings = Settings(
            home=tmp_path / "home",
            window=WindowSettings(train_days=1),
            features=FeatureSettings(online_store="redis", redis=address, deadline_ms=400),
        )
        lake = Lake(settings)
        small_shop(lake)
        materialize(settings, lake, DS)
        lookup = RankingLookup(settings)
        whole = lookup.look_up(ranking_request())
        server.send_signal(19)  # a server that is there and does not answer
        degraded, seconds = timed(lookup)
        server.send_signal(18)
        time.sleep(0.5)
        recovered = lookup.look_up(ranking_request())
        server.kill()
        server.wait()
        refused, _ = timed(lookup)

    price = ITEM_NUMERIC.index("log_price")
    for answer in (degraded, refused):
        row = answer.inputs.to_pylist()[0]
        assert answer.counts.degraded == 1
        assert row["item_numeric"][1][price] == whole.inputs.to_pylist()[0]["item_numeric"][1][price]
        assert np.isnan(row["user_numeric"]).all()
        assert row["history_items"] == []
    assert seconds < 0.4
    assert recovered.counts.degraded == 0
    assert all(same.all() for same in matches(recovered.inputs, whole.inputs).values())
    assert lookup.counts.degraded == 2
    assert [record.levelname for record in caplog.records if "online store" in record.getMessage()][:1] == ["WARNING"]


def timed(lookup):
    began = time.perf_counter()
    answer = lookup.look_up(ranking_request())
    return answer, time.perf_counter() - began

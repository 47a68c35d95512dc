import math
from datetime import date, datetime, timedelta

import pytest
from support_features import DS, candidate, frames, item, label_as_of, sample, sequence, small_shop, user, write

from uniscale.config import Settings
from uniscale.config.settings import WindowSettings
from uniscale.contracts.features import ITEM_FEATURES, USER_FEATURES
from uniscale.contracts.frames import FRAMES, HASH_SPACE, ITEM_NUMERIC, QUERY_NUMERIC, hash_id
from uniscale.contracts.marts import FCT_EXPOSURES
from uniscale.contracts.outcomes import PARTITIONS
from uniscale.contracts.samples import SAMPLES
from uniscale.contracts.sequences import SEQUENCES
from uniscale.features.leak.guard import LeakError
from uniscale.features.training_frames.build import build_frames
from uniscale.lake import Lake
from uniscale.lake.partitions import mark_built

pytest.importorskip("feast")


@pytest.fixture
def shop(settings, lake):
    settings.window.train_days = 1
    small_shop(lake)
    return lake


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The small shop with its frames, for tests that leave them as they are: lake, what the build said, settings."""
    settings = Settings(home=tmp_path_factory.mktemp("built"), window=WindowSettings(train_days=1))
    lake = Lake(settings)
    small_shop(lake)
    return lake, build_frames(settings, lake, DS), settings


def value(frame, place, name):
    return frame["item_numeric"][place][ITEM_NUMERIC.index(name)]


def rows(lake):
    with lake.read() as con:
        return con.execute(f"select * from {FRAMES.qualified} order by all").fetchall()


def test_a_sample_becomes_a_frame_with_the_features_of_the_day_before(built):
    shop, result, _ = built
    frame = frames(shop, "train")["r1"]

    assert frame["item_ids"] == ["i2", "i1", "i9"]
    assert frame["is_clicked"] == [False, True, False]
    assert frame["is_carted"] == [True, False, False]
    assert frame["item_index"] == [hash_id("item", name) for name in ("i2", "i1", "i9")]
    assert frame["category_index"] == [0, hash_id("category", "c1"), 0]
    assert value(frame, 1, "log_price") == pytest.approx(math.log(10))
    assert value(frame, 1, "text_match") == 1.0
    assert value(frame, 0, "text_match") == 0.5
    assert all(math.isnan(number) for number in frame["item_numeric"][2])
    assert frame["user_numeric"][0] == pytest.approx(math.log(2))
    assert frame["query_numeric"][QUERY_NUMERIC.index("query_ctr")] == 0.5
    assert value(frame, 1, "log_user_category_num_clicks") == pytest.approx(math.log(3))
    assert value(frame, 1, "user_category_share") == 0.5
    assert math.isnan(value(frame, 0, "user_category_share"))  # i2 is of no category
    assert frame["history_items"] == [hash_id("item", name) for name in ("i2", "i1", "i7")]  # i8 is of this moment
    assert frame["history_actions"] == [1, 4, 1]
    assert frame["history_hours"] == pytest.approx([69.0, 45.0, 1 / 60])
    assert frame["title_words"][1] == [hash_id("word", word) for word in ("red", "shoe", "size_40")]
    assert (result["train_requests"], result["train_rows"]) == (2, 4)
    assert 0 < max(frame["item_index"]) <= HASH_SPACE


def test_a_stranger_without_a_query_has_no_user_and_query_features(built):
    frame = frames(built[0], "train")["r2"]

    assert all(math.isnan(number) for number in [*frame["user_numeric"], *frame["query_numeric"]])
    assert frame["query_index"] == 0
    assert frame["query_words"] == frame["history_items"] == frame["user_attributes"] == []
    assert frame["user_index"] == hash_id("user", "u9")
    assert math.isnan(value(frame, 0, "text_match"))
    assert value(frame, 0, "log_price") == pytest.approx(math.log(10))


def test_a_test_request_holds_the_whole_candidate_list_with_native_labels(built):
    shop, result, _ = built
    found = frames(shop, "eval")

    assert set(found) == {"r3"}
    frame = found["r3"]
    assert frame["item_ids"] == ["i3", "i1", "i2"]
    assert frame["is_exposed"] == [True, True, False]
    assert frame["provenance"] == ["native", "native", "unexposed"]
    assert frame["is_clicked"] == [False, True, False]
    assert frame["is_carted"] == [True, False, False]
    assert frame["label_weight"] == [1.0, 1.0, 1.0]
    assert frame["query_tier"] == 0
    assert value(frame, 1, "log_price") == pytest.approx(math.log(100))
    assert (result["eval_requests"], result["eval_rows"]) == (1, 3)


def test_missing_versions_are_counted(built):
    missing = built[1]["missing"]

    # of 3 requests one has an unknown user, one no query; of 7 items i9 and i3 are unknown
    assert missing == pytest.approx(
        {"user_features": 1 / 3, "query_features": 1 / 3, "sequences": 1 / 3, "item_features": 2 / 7}
    )


def test_frames_see_no_version_from_after_the_request(settings, shop):
    build_frames(settings, shop, DS)
    clean = frames(shop, "train")
    noon = datetime(2026, 1, 5, 12)
    poison = {"price": 1e9, "title": "poison", "item_num_clicks": 10**6}
    with shop.read() as con:
        known = con.execute(f"select * from {ITEM_FEATURES.qualified}").to_arrow_table().to_pylist()
    future = {**item("i1", DS, **poison), "feature_at": noon, "recorded_at": noon}
    late = item("i1", DS - timedelta(days=1), known=noon, **poison)
    older_late = item("i2", DS - timedelta(days=2), known=noon, **poison)
    write(shop, ITEM_FEATURES, [*known, future, late, older_late])
    shop.commit(lambda con: mark_built(con, ITEM_FEATURES.qualified, {DS - timedelta(days=1): "poisoned"}), "mark")
    result = build_frames(settings, shop, DS)

    assert result["rows_per_second"] is not None
    assert str(frames(shop, "train")) == str(clean)


def test_building_again_gives_the_same_rows(built):
    shop, _, settings = built
    first = rows(shop)
    shop.commit(lambda con: con.execute("delete from lake.ops.partitions where table_name like 'ml.frames%'"), "forget")
    result = build_frames(settings, shop, DS)

    assert result["rows_per_second"] is not None
    assert len(first) == 3
    assert str(rows(shop)) == str(first)


def test_days_that_are_up_to_date_are_not_built_again(built):
    shop, _, settings = built
    snapshot = shop.snapshot_id()
    result = build_frames(settings, shop, DS)

    assert result["rows_per_second"] is None
    assert result["train_requests"] == 2
    assert shop.snapshot_id() == snapshot


def test_only_the_split_whose_source_was_rebuilt_is_built_again(settings, shop):
    build_frames(settings, shop, DS)
    write(shop, SAMPLES, [sample("r4", datetime(2026, 1, 5, 10), ["i1"])])
    shop.commit(lambda con: mark_built(con, SAMPLES.qualified, {DS: "2"}), "mark")
    before = shop.snapshot_id()
    build_frames(settings, shop, DS)

    assert set(frames(shop, "train")) == {"r4"}
    assert shop.snapshot_id() == before + 1


def test_a_test_day_is_built_again_when_its_sequences_were(settings, shop):
    build_frames(settings, shop, DS)
    assert frames(shop, "eval")["r3"]["sequence_length"] == 4
    next_day = DS + timedelta(days=1)
    acts = [(datetime(2026, 1, 6, hour), "i2", "click", "feed", "", "") for hour in (9, 21)]
    with shop.read() as con:
        known = con.execute(f"select * from {SEQUENCES.qualified}").to_arrow_table().to_pylist()
    write(shop, SEQUENCES, [*known, sequence("u1", next_day, 6, acts)])
    shop.commit(lambda con: mark_built(con, SEQUENCES.qualified, {next_day: "again"}), "mark")
    build_frames(settings, shop, DS)

    frame = frames(shop, "eval")["r3"]
    assert frame["sequence_length"] == 5
    assert frame["history_items"][-1] == hash_id("item", "i2")


def test_labels_of_another_moment_are_refused(settings, shop):
    young = datetime(2026, 1, 5, 12)
    write(shop, SAMPLES, [sample("r1", datetime(2026, 1, 5, 9), ["i1"], label_as_of=young)])

    with pytest.raises(ValueError, match=r"es3.samples of 2026-01-05 .* 2026-01-05 12:00:00"):
        build_frames(settings, shop, DS)


def test_a_day_without_samples_and_a_lake_without_features_give_no_frames(settings, lake):
    write(lake, FCT_EXPOSURES, [])
    result = build_frames(settings, lake, DS)

    assert result["train_rows"] == result["eval_requests"] == 0
    assert rows(lake) == []


def test_one_day_is_train_in_one_run_and_test_in_another(settings, shop):
    before = DS - timedelta(days=1)
    morning = datetime(2026, 1, 5, 9)
    end = datetime(2026, 1, 6)
    write(shop, FCT_EXPOSURES, [{**candidate("r1", morning, "i1", 1), "label_as_of": end}])
    build_frames(settings, shop, before)
    build_frames(settings, shop, DS)

    assert set(frames(shop, "train")) == {"r1", "r2"}
    assert set(frames(shop, "eval")) == {"r1"}


def test_the_target_domain_is_a_setting(settings, shop):
    settings.target_domain = "feed"
    build_frames(settings, shop, DS)

    assert set(frames(shop, "eval")) == {"f1"}
    assert frames(shop, "eval")["f1"]["query_index"] == 0


def test_a_version_from_before_the_first_feature_day_of_a_run_is_not_needed_and_not_read(settings, shop):
    write(shop, USER_FEATURES, [user("u1", date(2025, 12, 20), user_num_requests_1d=5)])
    build_frames(settings, shop, DS)

    assert math.isnan(frames(shop, "train")["r1"]["user_numeric"][0])


def test_how_days_are_packed_into_chunks_does_not_change_the_frames(settings, lake, monkeypatch):
    settings.window.train_days = 3
    small_shop(lake)
    ends = {DS - timedelta(days=back): label_as_of(DS - timedelta(days=back)) for back in (1, 2)}
    older = [
        sample(f"old{day}", datetime.combine(day, datetime.min.time()), ["i1", "i2"], label_as_of=end)
        for day, end in ends.items()
    ]
    with lake.read() as con:
        known = con.execute(f"select * from {SAMPLES.qualified}").to_arrow_table().to_pylist()
    write(lake, SAMPLES, [*known, *older])
    build_frames(settings, lake, DS)
    together = rows(lake)
    lake.commit(lambda con: con.execute("delete from lake.ops.partitions where table_name like 'ml.frames%'"), "forget")
    monkeypatch.setattr("uniscale.features.training_frames.build.CHUNK_ROWS", 1)
    before = lake.snapshot_id()
    build_frames(settings, lake, DS)

    assert len(together) == 5
    assert str(rows(lake)) == str(together)
    assert lake.snapshot_id() == before + 4  # three training days and the test day, one commit each


def test_a_forced_build_makes_all_frames_again(settings, shop):
    build_frames(settings, shop, DS)
    whole = str(rows(shop))
    shop.commit(lambda con: con.execute("delete from lake.ml.frames"), "spoil")
    assert build_frames(settings, shop, DS)["rows_per_second"] is None
    assert build_frames(settings, shop, DS, force=True)["rows_per_second"] is not None
    assert str(rows(shop)) == whole


def test_a_day_encoded_in_parts_gives_the_same_frames(settings, shop, monkeypatch):
    build_frames(settings, shop, DS)
    whole = str(rows(shop))
    monkeypatch.setattr("uniscale.features.training_frames.build.PART_ROWS", 2)
    shop.commit(lambda con: con.execute(f"delete from lake.{PARTITIONS.qualified}"), "forget what is built")
    result = build_frames(settings, shop, DS)

    assert result["rows_per_second"] is not None
    assert str(rows(shop)) == whole


def leaking_samples():
    """Synthetic requests whose clicked item alone holds the words of the query, next to searches where half do."""
    morning = datetime(2026, 1, 5, 9)
    for k in range(60):
        yield sample(f"r{k}", morning, ["i1", "i2"], clicked=["i1" if k % 2 else "i2"])
        yield sample(f"f{k}~s", morning, ["i1", "i2"], clicked=["i1"], query_tier=1, provenance=["synthetic"] * 2)


OF_THE_FIRST_DAY = candidate("before", datetime(2026, 1, 4, 20), "a1", 1)
"""Makes the day of the tests the log's second one: nothing is measured on the first."""


def test_a_day_whose_synthetic_requests_leak_is_not_done_and_says_so_again(settings, shop):
    write(shop, SAMPLES, [*leaking_samples()])
    write(shop, FCT_EXPOSURES, [OF_THE_FIRST_DAY])
    for _ in range(2):
        with pytest.raises(LeakError, match=r"tier 1: text_match has AUC 1\.000, real lists 0\.500"):
            build_frames(settings, shop, DS)


def test_without_a_synthetic_request_nothing_is_measured(built):
    assert built[1]["leak"] == {}


def test_of_searches_the_shown_rows_are_measured_and_of_other_channels_the_categories_clicked(settings, shop):
    evening = datetime(2026, 1, 5, 20)
    write(
        shop,
        ITEM_FEATURES,
        [item(name, DS - timedelta(days=1), title="thing", category_id=name[0]) for name in ("a1", "a2", "b1")],
    )
    searched = sample("r1", evening, ["a1", "a2", "b1"], clicked=["a1"], is_exposed=[True, True, False])
    unclicked = sample("r2", evening, ["a1", "a2"])
    hidden = sample("r3", evening, ["a1", "a2"], clicked=["a1"], is_exposed=[True, False])
    made = [sample(f"f{k}~s", evening, ["a1", "a2"], clicked=[f"a{1 + k % 2}"], query_tier=2) for k in range(2)]
    write(shop, SAMPLES, [searched, unclicked, hidden, *made])
    feed = [
        candidate("f", evening, name, place, domain="feed", text=None, is_clicked=name == "a1")
        for place, name in enumerate(("a1", "a2", "b1"), start=1)
    ]
    write(shop, FCT_EXPOSURES, [OF_THE_FIRST_DAY, *feed])
    leak = build_frames(settings, shop, DS)["leak"]
    assert {kind: (found["requests"], found["rows"]) for kind, found in leak.items()} == {
        "native": (1, 2),
        "channels": (1, 2),
        "tier 2": (2, 4),
    }

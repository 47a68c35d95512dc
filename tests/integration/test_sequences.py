"""Behaviour sequences on a real lake, against brute force over random logs."""

import random
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from support_es3 import World

from uniscale.contracts.sequences import SEQUENCE_LENGTHS, SEQUENCES
from uniscale.data.behaviour import LISTS, read_behaviour
from uniscale.es3.build import build_samples

FIRST = date(2026, 1, 5)
DS = date(2026, 1, 7)


@pytest.fixture
def settings(settings):
    settings.window.train_days = 3
    return settings


def random_world(seed=5, users=12):
    draw = random.Random(seed)
    w = World()
    w.label_as_of = datetime(2026, 1, 8)
    for k in range(6):
        w.item(f"i{k}", draw.choice(["a", "b", None]), "title", recorded_at=datetime(2026, 1, 4 + draw.randrange(3)))
    for user in range(users):
        for k in range(draw.randrange(9)):
            acted = datetime(2026, 1, 5) + timedelta(minutes=30 * draw.randrange(48 * 3))
            known = acted + timedelta(minutes=30 * draw.choice([0, 0, 1, 60]))
            kind = draw.choice(["click", "cart", "purchase"])
            w.action(
                f"a{user}-{k}",
                kind,
                f"u{user}",
                f"i{draw.randrange(7)}",
                at=acted,
                request_id=None,
                domain=draw.choice(["feed", "shop"]),
                recorded_at=known,
                value=1.0 if kind == "purchase" else None,
            )
        for k in range(draw.randrange(5)):
            asked = datetime(2026, 1, 5) + timedelta(minutes=30 * draw.randrange(48 * 3))
            w.request(f"r{user}-{k}", f"u{user}", asked, ["i1", "i2"], query="q")
    return w


def sequence_of(world, user):
    """The user's actions known by the end of the test day, in the order in which they became known."""
    acts = [
        row for row in world.rows["raw.actions"] if row["user_id"] == user and row["recorded_at"] < datetime(2026, 1, 9)
    ]
    return sorted(acts, key=lambda row: (row["recorded_at"], row["acted_at"], row["action_id"]))


def category(world, item, before):
    for row in world.rows["raw.items"]:
        if row["item_id"] == item and row["recorded_at"] < before:
            return row["category_id"] or ""
    return ""


def stored(lake):
    with lake.read() as con:
        return con.execute(f"select * from {SEQUENCES.qualified} order by ds, user_id").fetchall()


def windows(lake, at_most):
    """For each sample its user, request time, prefix length and the window that a reader gets."""
    with lake.read() as con:
        behaviour = read_behaviour(con, "from es3.samples", at_most=at_most)
        samples = con.execute(
            "select user_id, requested_at, sequence_length from es3.samples order by sample_id"
        ).to_arrow_table()
    users = samples.column("user_id").combine_chunks()
    lengths = samples.column("sequence_length").to_numpy()
    ends, taken = behaviour.ends(users, lengths), np.minimum(lengths, at_most)
    for user, when, length, end, size in zip(
        users.to_pylist(), samples.column("requested_at").to_pylist(), lengths, ends, taken, strict=True
    ):
        yield user, when, length, behaviour.actions.slice(end - size, size).to_pylist()


def test_a_sample_sees_exactly_what_was_known_before_its_request_newest_last(settings, lake):
    world = random_world()
    world.write(lake)
    build_samples(settings, lake, DS)
    seen = list(windows(lake, at_most=3))
    assert len(seen) > 15
    assert any(length > 3 for _, _, length, _ in seen)
    for user, when, length, window in seen:
        known = [act for act in sequence_of(world, user) if act["recorded_at"] < when]
        assert length == len(known)
        assert [(row["item_ids"], row["acted_at"], row["domains"]) for row in window] == [
            (act["item_id"], act["acted_at"], act["domain"]) for act in known[-3:]
        ]
        for row, act in zip(window, known[-3:], strict=True):
            day = datetime.combine(act["recorded_at"].date(), datetime.min.time())
            assert row["category_ids"] == category(world, act["item_id"], day + timedelta(days=1))
            assert row["fresh_category_ids"] == category(world, act["item_id"], day)


def test_each_action_is_stored_once_at_its_place(settings, lake):
    world = random_world()
    world.write(lake)
    build_samples(settings, lake, DS)
    found = {}
    names = SEQUENCES.column_names
    for row in (dict(zip(names, values, strict=True)) for values in stored(lake)):
        assert len({len(row[name]) for name in LISTS}) == 1
        acts = found.setdefault(row["user_id"], [])
        acts += row["item_ids"]
        assert row["num_known"] == len(acts)
    users = {row["user_id"] for row in world.rows["raw.actions"]}
    expected = {user: [act["item_id"] for act in sequence_of(world, user)] for user in users}
    assert found == {user: items for user, items in expected.items() if items}


def test_building_day_by_day_gives_what_building_at_once_gives(settings, lake, tmp_path, monkeypatch):
    random_world().write(lake)
    build_samples(settings, lake, DS)
    at_once = stored(lake)
    monkeypatch.setenv("UNISCALE_HOME", str(tmp_path / "other"))
    from uniscale.config import load_settings
    from uniscale.lake import Lake

    other_settings = load_settings()
    other_settings.window.train_days = 1
    other = Lake(other_settings)
    for day in (FIRST, FIRST + timedelta(days=1), DS):
        world = random_world()
        world.label_as_of = datetime.combine(day + timedelta(days=1), datetime.min.time())
        for row in world.rows["marts.fct_exposures"]:
            row["label_as_of"] = world.label_as_of
        world.write(other)
        build_samples(other_settings, other, day)
    assert stored(other) == at_once


def test_a_day_landed_again_moves_the_places_of_the_days_after_it(settings, lake):
    world = random_world()
    world.write(lake)
    build_samples(settings, lake, DS)
    late = random_world()
    late.action("new", "click", "u1", "i1", at=datetime(2026, 1, 5, 1), request_id=None)
    late.write(lake)
    build_samples(settings, lake, DS)
    for user, when, length, _ in windows(lake, at_most=3):
        assert length == sum(act["recorded_at"] < when for act in sequence_of(late, user))


def by_day(settings, lake, world, days):
    """Build the days of the world one by one, one training day each."""
    settings.window.train_days = 1
    for day in days:
        world.label_as_of = datetime.combine(day + timedelta(days=1), datetime.min.time())
        for row in world.rows["marts.fct_exposures"]:
            row["label_as_of"] = world.label_as_of
        world.write(lake)
        build_samples(settings, lake, day)


def lengths(lake):
    """Of each user the number of actions known when a day had ended, by day."""
    with lake.read() as con:
        return {
            (ds, user): count for ds, user, count in con.execute(f"from lake.{SEQUENCE_LENGTHS.qualified}").fetchall()
        }


def expected_lengths(world, *days):
    acts = [(row["ds"], row["user_id"]) for row in world.rows["raw.actions"]]
    users = {user for _, user in acts}
    counted = {(day, user): sum(ds <= day and who == user for ds, who in acts) for day in days for user in users}
    return {place: count for place, count in counted.items() if count}


def test_lengths_say_how_many_actions_were_known_and_two_days_of_them_are_kept(settings, lake):
    days = [FIRST + timedelta(days=ahead) for ahead in range(3)]
    by_day(settings, lake, random_world(), days)
    assert lengths(lake) == expected_lengths(random_world(), days[0], days[1])
    by_day(settings, lake, random_world(), [DS + timedelta(days=1)])
    assert lengths(lake) == expected_lengths(random_world(), days[1], days[2])
    with lake.read() as con:
        noted = con.execute(
            "select ds from ops.partitions where table_name = ? order by ds", [SEQUENCE_LENGTHS.qualified]
        ).fetchall()
    assert noted == [(days[1],), (days[2],)]


def test_lengths_are_made_from_the_day_before_and_the_new_day_alone(settings, lake):
    by_day(settings, lake, random_world(), [FIRST, FIRST + timedelta(days=1)])
    by_hand = f"insert into lake.es3.sequence_lengths values (date '{FIRST}', 'by hand', 40)"
    lake.commit(lambda con: con.execute(by_hand), "to see what is read")
    by_day(settings, lake, random_world(), [DS])
    assert lengths(lake)[FIRST + timedelta(days=1), "by hand"] == 40
    build_samples(settings, lake, DS, force=True)
    assert (FIRST + timedelta(days=1), "by hand") not in lengths(lake)


def test_a_row_that_lands_in_a_day_before_the_lengths_is_counted_by_them_and_by_the_samples(settings, lake):
    by_day(settings, lake, random_world(), [FIRST, FIRST + timedelta(days=1), DS])
    late = random_world()
    late.action("late", "click", "u1", "i1", at=datetime(2026, 1, 5, 1), request_id=None)
    by_day(settings, lake, late, [DS])
    of_the_day_before = {place: count for place, count in lengths(lake).items() if place[0] == DS - timedelta(days=1)}
    assert of_the_day_before == expected_lengths(late, DS - timedelta(days=1))
    of_the_day = [sample for sample in windows(lake, at_most=3) if sample[1].date() == DS]
    assert of_the_day
    for user, when, length, _ in of_the_day:
        assert length == sum(act["recorded_at"] < when for act in sequence_of(late, user))


def test_a_longer_run_goes_on_from_older_lengths_with_the_same_samples(settings, lake):
    by_day(settings, lake, random_world(), [FIRST, FIRST + timedelta(days=1), DS])
    settings.window.train_days = 2
    build_samples(settings, lake, DS)
    assert {ds for ds, _ in lengths(lake)} == {FIRST, FIRST + timedelta(days=1)}
    seen = list(windows(lake, at_most=3))
    assert len({when.date() for _, when, _, _ in seen}) == 3
    for user, when, length, _ in seen:
        assert length == sum(act["recorded_at"] < when for act in sequence_of(random_world(), user))


def test_a_sample_of_a_user_without_actions_has_an_empty_window(settings, lake):
    w = World()
    w.label_as_of = datetime(2026, 1, 8)
    w.request("r", "quiet", datetime(2026, 1, 6, 9), ["i1"], query="q")
    w.write(lake)
    build_samples(settings, lake, DS)
    assert [(length, window) for _, _, length, window in windows(lake, at_most=5)] == [(0, [])]


def test_reading_too_few_users_is_told(settings, lake):
    random_world().write(lake)
    build_samples(settings, lake, DS)
    with lake.read() as con:
        behaviour = read_behaviour(con, "select * from es3.samples where user_id = 'u1'", at_most=5)
    assert behaviour.users.to_pylist() == ["u1"]
    with pytest.raises(KeyError, match="has no sequence"):
        behaviour.ends(pa.array(["u2"]), np.array([1]))

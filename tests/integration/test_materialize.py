"""What is served is one generation, whole, and equals point-in-time retrieval at its moment; kills change nothing."""

import json
import os
import signal
import sqlite3
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import duckdb
import pandas as pd
import pytest
from support_features import DS, item, small_shop, user, write
from support_servers import redis_server
from typer.testing import CliRunner

pytest.importorskip("feast")

from uniscale.cli.main import app
from uniscale.contracts.days import midnight_after
from uniscale.contracts.features import ITEM_FEATURES, USER_CATEGORY_FEATURES, USER_FEATURES
from uniscale.features.age import max_age
from uniscale.features.online import fill
from uniscale.features.online.materialize import materialize
from uniscale.features.online.slots import SLOTS, generation_folder, generations_folder, pointer_file, read_pointer
from uniscale.features.repo import PROJECT, daily_views, open_store

NEXT = DS + timedelta(days=1)
STORES = ["sqlite", "redis"]


@pytest.fixture
def online(request, settings, tmp_path):
    """Settings with the online store that a test asks for."""
    with ExitStack() as stack:
        if request.param == "redis":
            address, _ = stack.enter_context(redis_server(tmp_path))
            settings.features.online_store, settings.features.redis = "redis", address
        yield settings


both = pytest.mark.parametrize("online", STORES, indirect=True)


def two_days(lake, items=20):
    """The small shop with more items, of which one is too old on the second day and another loses its price."""
    small_shop(lake)
    first, last = DS - timedelta(days=9), [item(f"n{number:02}", DS, price=1.0) for number in range(items)]
    last += [item("old", first), item("i1", DS, title="Ünïcode", item_attributes=["a", "b"], item_num_clicks=2**40)]
    write(lake, ITEM_FEATURES, [*last, item("n00", NEXT, price=None), item("n01", NEXT, price=2.0), item("new", NEXT)])
    pairs = [user("u1", DS, category_id=name, user_category_share=0.5) for name in ("c1", "c2")]
    write(lake, USER_CATEGORY_FEATURES, pairs)


def served(settings, view):
    """Rows of a view as Feast reads them from the active slot, for the keys of its generation and one more."""
    pointer = read_pointer(settings)
    file = generation_folder(settings, pointer.generation) / f"{view.name}.parquet"
    rows = duckdb.sql(f"from '{file}'").to_arrow_table().to_pylist()
    keys = [{name: row[name] for name in view.join_keys} for row in rows] + [dict.fromkeys(view.join_keys, "nobody")]
    names = [feature.name for feature in view.features]
    store = open_store(settings, project=pointer.slot)
    online = store.get_online_features(features=[f"{view.name}:{name}" for name in names], entity_rows=keys).to_dict()
    return rows, keys, [{name: online[name][place] for name in names} for place in range(len(keys))]


def check_equal(settings, day):
    """For every view and key: online, the generation's file and point-in-time retrieval say the same."""
    retrieval = open_store(settings)
    for view in daily_views(retrieval):
        rows, keys, online = served(settings, view)
        names = [feature.name for feature in view.features]
        frame = pd.DataFrame(keys).assign(event_timestamp=pd.Timestamp(midnight_after(day)))
        job = retrieval.get_historical_features(entity_df=frame, features=[f"{view.name}:{name}" for name in names])
        then = [{name: row[name] for name in names} for row in job.to_arrow().to_pylist()]

        assert online == then, view.name
        assert online[:-1] == [{name: row[name] for name in names} for row in rows]
        assert set(online[-1].values()) == {None}


@both
def test_online_equals_the_generation_and_point_in_time_also_after_the_next_days(online, lake):
    two_days(lake)
    first = materialize(online, lake, DS)
    assert first["views"]["item_features"] == {"written": 22, "deleted": 0}
    check_equal(online, DS)
    for day in (NEXT, NEXT + timedelta(days=1)):
        last = materialize(online, lake, day)
        check_equal(online, day)

    # Nothing changed on the last day: the same slot is served, for a later moment.
    assert (last["slot"], last["views"]["item_features"]) == (SLOTS[1], {"written": 0, "deleted": 0})
    assert read_pointer(online).moment == midnight_after(NEXT + timedelta(days=1))


@both
def test_a_slot_takes_what_differs_from_what_it_held_and_drops_what_is_gone(online, lake):
    two_days(lake)
    materialize(online, lake, DS)
    materialize(online, lake, NEXT)
    with lake.read() as con:
        rows = con.execute(f"select * from {ITEM_FEATURES.qualified}").to_arrow_table().to_pylist()
    write(lake, ITEM_FEATURES, [*rows, item("n02", NEXT + timedelta(days=1))])
    changed = materialize(online, lake, NEXT + timedelta(days=1))

    assert changed["slot"] == SLOTS[0]
    assert changed["views"]["item_features"] == {"written": 4, "deleted": 1}  # n00, n01, n02 and new; old
    assert changed["views"]["user_features"] == {"written": 0, "deleted": 0}
    check_equal(online, NEXT + timedelta(days=1))


def test_a_forced_materialisation_writes_every_value_again(settings, lake):
    two_days(lake)
    first = materialize(settings, lake, DS)
    assert materialize(settings, lake, DS)["views"]["item_features"] == {"written": 0, "deleted": 0}
    forced = materialize(settings, lake, DS, force=True)
    assert forced["views"] == first["views"]
    assert (forced["generation"], forced["slot"]) == (first["generation"], SLOTS[1])
    check_equal(settings, DS)


def test_the_same_rows_are_the_same_generation_whatever_their_order(settings, lake):
    two_days(lake)
    first = materialize(settings, lake, DS)
    with lake.read() as con:
        rows = (
            con.execute(f"select * from {ITEM_FEATURES.qualified} order by item_id desc").to_arrow_table().to_pylist()
        )
    write(lake, ITEM_FEATURES, rows)
    again = materialize(settings, lake, DS)
    write(lake, ITEM_FEATURES, [{**row, "price": 7.0} for row in rows])
    other = materialize(settings, lake, DS)

    assert (again["generation"], again["slot"]) == (first["generation"], first["slot"])
    assert other["generation"] != first["generation"]
    assert other["slot"] != first["slot"]


def test_only_generations_that_a_slot_holds_are_kept(settings, lake):
    two_days(lake)
    for day in (DS, NEXT):
        materialize(settings, lake, day)
    write(lake, ITEM_FEATURES, [item("i1", NEXT)])
    materialize(settings, lake, NEXT + timedelta(days=1))

    assert len(list(generations_folder(settings).iterdir())) == 2
    assert (generations_folder(settings) / read_pointer(settings).generation).is_dir()


@both
def test_bytes_are_those_that_feast_itself_writes(online, lake):
    two_days(lake)
    materialize(online, lake, DS)
    store, end = open_store(online), midnight_after(DS).replace(tzinfo=UTC)
    for view in daily_views(store):
        store.materialize(end - max_age(online), end, feature_views=[view.name])
    if online.features.online_store == "redis":
        import redis

        host, port = online.features.redis.split(":")
        client = redis.Redis(host, int(port))

        def content(project):
            keys = [key for key in client.scan_iter(b"*" + project.encode()) if client.type(key) == b"hash"]
            return {key.removesuffix(project.encode()): client.hgetall(key) for key in keys}

        assert content(SLOTS[0]) == content(PROJECT)
        assert len(content(PROJECT)) > 20
        return
    with sqlite3.connect(online.home / "feast" / "online.db") as database:
        for view in daily_views(store):
            columns = "select entity_key, feature_name, value, event_ts, created_ts"
            ours, feasts = (
                database.execute(f"{columns} from {project}_{view.name} order by 1, 2").fetchall()
                for project in (SLOTS[0], PROJECT)
            )
            assert ours == feasts
            assert ours


def forked(work):
    """Do something in a process of its own; returns how it ended."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_at(patch, target, number):
    """Kill the process by signal 9 before the ``number``-th call of a function; the real one does the others."""
    owner, name = target
    real, calls = getattr(owner, name), []

    def dying(*arguments, **options):
        calls.append(1)
        if len(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)

    patch.setattr(owner, name, dying)


@both
@pytest.mark.parametrize(
    ("where", "number"),
    [("rows", 3), ("delete", 1), ("note", 2), ("pointer", 1), ("drop", 1)],
)
def test_killed_anywhere_what_was_served_stays_and_the_same_command_finishes(online, lake, monkeypatch, where, number):
    from uniscale.features.online import generations
    from uniscale.features.online import materialize as module
    from uniscale.features.online.bulk import bulk_store

    two_days(lake)
    monkeypatch.setattr(fill, "BATCH", 10)
    for day in (DS - timedelta(days=1), DS):
        materialize(online, lake, day)
    check_equal(online, DS)
    before = pointer_file(online).read_bytes()
    kind = type(bulk_store(open_store(online)))
    targets = {"rows": (kind, "write_rows"), "delete": (kind, "delete_keys"), "note": (kind, "hold")}
    targets |= {"pointer": (module, "write_pointer"), "drop": (generations, "drop_generations")}

    def work():
        with pytest.MonkeyPatch.context() as patch:
            kill_at(patch, targets[where], number)
            materialize(online, lake, NEXT)

    assert forked(work) == -signal.SIGKILL
    if where != "drop":
        assert pointer_file(online).read_bytes() == before
        check_equal(online, DS)
    materialize(online, lake, NEXT)
    check_equal(online, NEXT)
    keys = stored_items(online, read_pointer(online).slot)
    assert len(keys) == materialize(online, lake, NEXT)["entities"]["item_features"]


def stored_items(settings, project):
    """Entity keys that a project of the online store has item features of."""
    if settings.features.online_store == "sqlite":
        with sqlite3.connect(settings.home / "feast" / "online.db") as database:
            return set(database.execute(f"select entity_key from {project}_item_features").fetchall())
    import redis

    host, port = settings.features.redis.split(":")
    found = redis.Redis(host, int(port)).scan_iter(b"*item_id*" + project.encode())
    return set(found)


def run_step(settings, monkeypatch):
    """`uniscale step materialize` as a person runs it; the steps before are not looked at."""
    from uniscale.pipeline import run

    monkeypatch.setenv("UNISCALE_FEATURES__ONLINE_STORE", "redis")
    monkeypatch.setenv("UNISCALE_FEATURES__REDIS", settings.features.redis)
    monkeypatch.setattr(run, "_inputs", lambda *_: {})
    monkeypatch.setattr("uniscale.serving.example.example_look_up", lambda *_: {})
    return CliRunner().invoke(app, ["step", "materialize", NEXT.isoformat(), "--json"])


def test_redis_that_dies_in_a_write_is_named_and_the_same_command_finishes(settings, lake, tmp_path, monkeypatch):
    two_days(lake)
    with redis_server(tmp_path) as (address, process):
        settings.features.online_store, settings.features.redis = "redis", address
        materialize(settings, lake, DS)
        before = pointer_file(settings).read_bytes()
        from uniscale.features.online.redis_store import BulkRedisOnlineStore

        real = BulkRedisOnlineStore.write_rows

        def dying(*arguments):
            real(*arguments)
            process.kill()
            process.wait()

        with monkeypatch.context() as patch:
            patch.setattr(BulkRedisOnlineStore, "write_rows", dying)
            failed = run_step(settings, monkeypatch)
        told = " ".join(failed.stderr.split())
        assert failed.exit_code == 2, failed.output
        assert f"Redis at {address} does not answer" in told
        assert "the values of 2026-01-06 00:00 UTC (slot uniscale_a" in told
        assert "stay served" in told
        assert pointer_file(settings).read_bytes() == before
    assert run_step(settings, monkeypatch).exit_code == 2
    with redis_server(tmp_path, port=int(address.split(":")[1])):  # it comes back empty
        done = run_step(settings, monkeypatch)
        assert done.exit_code == 0, done.output
        assert json.loads(json.loads(done.stdout)["details"])["views"]["item_features"] == {"written": 22, "deleted": 0}
        check_equal(settings, NEXT)


def test_redis_that_lost_what_is_served_is_filled_again_by_the_same_day(settings, lake, tmp_path):
    two_days(lake)
    with redis_server(tmp_path) as (address, _):
        settings.features.online_store, settings.features.redis = "redis", address
        materialize(settings, lake, DS)
        import redis

        redis.Redis(port=int(address.split(":")[1])).flushall()
        assert materialize(settings, lake, DS)["views"]["item_features"]["written"] == 22
        check_equal(settings, DS)


def test_the_password_of_redis_opens_it_and_is_shown_nowhere(settings, lake, tmp_path, monkeypatch):
    from uniscale.config import load_settings

    secret = "tell-nobody-5519"
    two_days(lake)
    with redis_server(tmp_path, password=secret) as (address, _):
        monkeypatch.setenv("UNISCALE_FEATURES__ONLINE_STORE", "redis")
        monkeypatch.setenv("UNISCALE_FEATURES__REDIS", address)
        with pytest.raises(ValueError, match=f"Redis at {address} does not answer: .*[Aa]uthentication"):
            materialize(load_settings(), lake, DS)
        monkeypatch.setenv("UNISCALE_FEATURES__REDIS_PASSWORD", secret)
        settings = load_settings()
        assert materialize(settings, lake, DS)["views"]["item_features"]["written"] == 22
        check_equal(settings, DS)
        shown = [repr(settings), settings.model_dump_json(), repr(open_store(settings).config)]

    assert not [text for text in shown if secret in text]
    assert not [file for file in settings.home.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("somewhere", "must be written as host:port"),
        ("one:1,two:2", "must be written as host:port"),
        ("one:1,password=x", "UNISCALE_FEATURES__REDIS_PASSWORD only"),
    ],
)
def test_an_address_that_is_none_is_refused(settings, address, reason):
    settings.features.online_store, settings.features.redis = "redis", address
    with pytest.raises(ValueError, match=reason):
        open_store(settings)


def test_tables_that_differ_from_the_views_are_refused_before_anything_is_written(settings, lake):
    two_days(lake)
    materialize(settings, lake, DS)
    before = pointer_file(settings).read_bytes()

    def change(con):
        con.execute("alter table lake.features.item_features drop column item_ctr")
        con.execute("alter table lake.features.item_features alter column item_num_clicks type double")
        con.execute("alter table lake.features.item_features add column item_mood varchar")
        con.execute("drop table lake.features.user_category_features")

    lake.commit(change, "another version")
    with pytest.raises(ValueError, match="nothing was written") as refused:
        materialize(settings, lake, NEXT)

    listed = [line.strip() for line in str(refused.value).splitlines()[1:-1]]
    assert sorted(listed) == [
        "item_features.item_ctr: the lake says nothing, Feast says DOUBLE",
        "item_features.item_mood: the lake says VARCHAR, Feast says nothing",
        "item_features.item_num_clicks: the lake says DOUBLE, Feast says INT64",
        "user_category_features: the lake has no table features.user_category_features",
    ]
    assert "uniscale step marts DS --force" in str(refused.value)
    assert pointer_file(settings).read_bytes() == before
    assert len(list(generations_folder(settings).glob("[!.]*"))) == 1


def test_a_day_that_has_not_ended_is_refused(settings, lake):
    two_days(lake)
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    with pytest.raises(ValueError, match="2026-01-05 ends at 2026-01-06 00:00:00 UTC and it is 2026-01-05 12:00"):
        materialize(settings, lake, DS, now=noon)
    assert materialize(settings, lake, DS, now=noon + timedelta(hours=12))["as_of"] == midnight_after(DS)


def test_feast_knows_up_to_when_a_view_is_materialised(settings, lake):
    two_days(lake)
    for day in (DS, NEXT):
        slot = materialize(settings, lake, day)["slot"]
    views = open_store(settings, project=slot).list_feature_views()

    assert {
        view.most_recent_end_time.replace(tzinfo=None) for view in daily_views(open_store(settings, project=slot))
    } == {midnight_after(NEXT)}
    assert len(views) > len(daily_views(open_store(settings)))


def test_a_definition_that_changes_has_its_slot_written_whole(settings, lake, monkeypatch):
    from feast import FeatureView

    from uniscale.features import repo

    two_days(lake)
    for day in (DS, NEXT):
        materialize(settings, lake, day)
    wanted = []
    for thing in repo.definitions():
        changed = thing
        if isinstance(thing, FeatureView) and thing.name == USER_FEATURES.name:
            fields = [field for field in thing.schema if field.name != "user_mean_log_price"]
            changed = FeatureView(name=thing.name, entities=[user_entity()], source=thing.batch_source, schema=fields)
        if type(thing).__name__ != "FeatureService":
            wanted.append(changed)
    monkeypatch.setattr(repo, "definitions", lambda: tuple(wanted))
    monkeypatch.setattr(repo, "_definitions_hash", lambda _: "another")
    lake.commit(lambda con: con.execute("alter table lake.features.user_features drop column user_mean_log_price"), "-")

    written = materialize(settings, lake, NEXT + timedelta(days=1))["views"]
    assert written["item_features"] == {"written": 22, "deleted": 0}
    check_equal(settings, NEXT + timedelta(days=1))


def user_entity():
    from uniscale.features.repo import definitions

    return next(thing for thing in definitions() if type(thing).__name__ == "Entity" and thing.name == "user")


def test_leaking_features_are_never_served(settings, lake):
    small_shop(lake)
    settings.features.leaky = True
    with pytest.raises(ValueError, match=r"features\.leaky is set: .* not for serving"):
        materialize(settings, lake, DS)
    assert read_pointer(settings) is None

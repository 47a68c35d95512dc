"""Users who do more on a day than people do: what they cost, what they get, and that they are counted."""

from datetime import datetime, timedelta

import pytest

from tests.oracle_features import FeatureOracle
from tests.support_compiled import Compiled
from tests.support_random_log import long_log, random_log
from tests.support_warehouse import Log, day
from uniscale.config import load_settings
from uniscale.contracts.policy import load_policy
from uniscale.warehouse.busy_users import capped_user_days

DAYS = [day(number) for number in range(4, 12)]
MOST = 3
MORNING = datetime(2026, 1, 5, 6)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """The SQL of fresh actions of at most three versions a day."""
    home = tmp_path_factory.mktemp("compiled")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setenv("UNISCALE_HOME", str(home))
        settings = load_settings()
        settings.features.max_fresh_versions = MOST
        told = {"fresh_days": [{"ds": ds} for ds in DAYS]}
        return Compiled(settings, load_policy(), told, ("user_fresh_actions",))


def first_versions(oracle, ds, count):
    """The oracle's versions, of every user the first ones of the day."""
    found = oracle.fresh_actions(ds)
    moments = {user: sorted(at for name, at in found if name == user) for user, _ in found}
    return {key: value for key, value in found.items() if key[1] in moments[key[0]][:count]}


def busy_log(user_id, num_actions, every):
    """Clicks at regular times, so many each time."""
    log = Log()
    for place in range(num_actions):
        log.act(f"a{place:05}", user_id, f"i{place % 7}", "click", MORNING + timedelta(seconds=place // every))
    return log


def test_of_a_user_with_too_many_moments_the_first_ones_make_versions(compiled):
    num_rows = num_left_out = 0
    for log in (random_log(5, num_users=30), long_log()):
        oracle = FeatureOracle(log, compiled.policy)
        (found,) = compiled.run(log).values()
        times = ("user_id", "ds", "feature_at", "recorded_at")
        served = {
            (row["user_id"], row["feature_at"]): {name: value for name, value in row.items() if name not in times}
            for row in found
        }
        assert len(served) == len(found)
        assert served == {key: row for ds in DAYS for key, row in first_versions(oracle, ds, MOST).items()}
        num_rows += len(served)
        num_left_out += sum(len(oracle.fresh_actions(ds)) for ds in DAYS) - len(served)
    assert num_rows > 100
    assert num_left_out > 50


def test_many_actions_at_one_moment_are_one_version(compiled):
    (found,) = compiled.run(busy_log("till", 600, every=200)).values()

    newest = {row["fresh_action_ids"][-1]: len(row["fresh_action_ids"]) for row in found}
    assert newest == {"a00199": 100, "a00399": 100, "a00599": 100}


def test_memory_grows_with_the_actions_of_a_user_and_not_with_their_square(compiled):
    query = compiled.sql["user_fresh_actions"]
    limit = f"version <= {MOST}\n"
    assert limit in query
    compiled.hold(busy_log("bot", 6_000, every=1))
    compiled.con.execute("set memory_limit = '500MB'; set temp_directory = ''")
    compiled.con.execute(f"create table built as {query.replace(limit, 'version <= 6000 ')}")

    assert compiled.con.execute("select count(*), max(len(fresh_items)) from built").fetchall() == [(6_000, 100)]


def test_users_and_days_beyond_the_limit_are_counted_and_the_busiest_is_named(settings, lake, caplog):
    log = busy_log("bot", 40, every=1)
    log.actions += busy_log("person", 9, every=1).actions + busy_log("till", 60, every=20).actions
    for place, action in enumerate(log.actions):
        action["action_id"] = f"a{place}"
    log.land(lake)
    settings.features.max_fresh_versions = 9

    assert capped_user_days(settings, lake, DAYS) == 1
    assert "user bot, 40 moments on 2026-01-05" in caplog.text
    assert "max_fresh_versions" in caplog.text
    assert capped_user_days(settings, lake, [day(6)]) == capped_user_days(settings, lake, []) == 0
    settings.features.leaky = True
    assert capped_user_days(settings, lake, DAYS) == 1

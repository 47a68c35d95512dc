"""Claims about the files that a simulated marketplace writes."""

import hashlib
from datetime import timedelta

import pytest
from support_market import START, TABLES, auc, content_digest, one, views, write

from uniscale.contracts.events import EVENT_TABLES

DAYS = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("market"), DAYS)


@pytest.fixture(scope="module")
def con(folder):
    with views(folder) as connection:
        yield connection


def digests(folder, days):
    wanted = {f"ds=2026-01-{START.day + day:02d}" for day in range(days)}
    files = sorted(path for path in folder.rglob("*.parquet") if path.parent.name in wanted)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_same_seed_writes_the_same_bytes_and_fewer_days_are_a_prefix(folder, tmp_path):
    first = digests(folder, DAYS - 2)
    assert len(first) == (DAYS - 2) * sum(len(names) for names in TABLES.values())
    assert digests(write(tmp_path, DAYS - 2), DAYS - 2) == first


def test_the_default_world_is_the_one_that_was_there_before_worlds_had_knobs(folder):
    """The last day depends on all before it. Recorded from the simulator whose numbers were constants."""
    digest = content_digest(folder, START + timedelta(days=DAYS - 1))
    assert digest == "e9290c2f0d95c0c5e85c80223b87cd2b1c273007e3c191ea54fb02796311ed26"


def test_another_seed_is_another_world(folder, tmp_path):
    other = digests(write(tmp_path, 1, seed=8), 1)
    first = digests(folder, 1)
    assert other.keys() == first.keys()
    assert all(other[name] != first[name] for name in first)


@pytest.mark.parametrize("table", EVENT_TABLES, ids=lambda table: table.name)
def test_logs_obey_the_event_contract(con, table):
    name = f"events.{table.name}"
    types = {row[0]: row[1] for row in con.execute(f"describe {name}").fetchall()}
    assert types == {column.name: column.type for column in table.columns}
    assert one(con, f"select count(*) from {name}") > 0
    for column in table.columns:
        if not column.nullable:
            assert one(con, f"select count(*) from {name} where {column.name} is null") == 0, column.name
        if column.minimum is not None:
            assert one(con, f"select count(*) from {name} where {column.name} < {column.minimum}") == 0, column.name
        if column.allowed is not None:
            found = {row[0] for row in con.execute(f"select distinct {column.name} from {name}").fetchall()}
            assert found == set(column.allowed)
    keys = ", ".join(table.key)
    assert one(con, f"select count(*) - count(distinct ({keys})) from {name}") == 0


def test_rows_lie_under_the_day_they_became_known(con):
    for table, clock in (("users", "recorded_at"), ("items", "recorded_at"), ("actions", "recorded_at")):
        assert one(con, f"select count(*) from events.{table} where {clock}::date <> ds") == 0
    assert one(con, "select count(*) from events.requests where requested_at::date <> ds") == 0
    sql = "select count(*) from events.candidates c join events.requests r using (request_id) where c.ds <> r.ds"
    assert one(con, sql) == 0


def test_a_share_of_actions_is_known_only_in_a_later_day(con):
    late = one(con, "select avg((ds > acted_at::date)::int) from events.actions")
    assert 0.01 < late < 0.1
    assert one(con, "select count(*) from events.actions where recorded_at < acted_at") == 0
    assert one(con, "select max(recorded_at - acted_at) > interval 24 hours from events.actions")


def test_nobody_uses_what_is_not_there_yet(con):
    unknown = """
        select count(*) from events.candidates c join events.requests r using (request_id)
        where c.item_id not in (select item_id from events.items)
    """
    assert one(con, unknown) == 0
    early = """
        select count(*) from events.candidates c
        join events.requests r using (request_id)
        join (select item_id, min(recorded_at) as known_at from events.items group by 1) i using (item_id)
        join (select user_id, min(recorded_at) as known_at from events.users group by 1) u using (user_id)
        where i.known_at > r.requested_at or u.known_at > r.requested_at
    """
    assert one(con, early) == 0


def test_shown_positions_are_contiguous_from_one_and_the_others_have_none(con):
    assert one(con, "select count(*) from events.candidates where is_exposed <> (position is not null)") == 0
    gaps = """
        select count(*) from (
            select request_id from events.candidates where is_exposed
            group by 1 having min(position) <> 1 or max(position) <> count(*) or count(distinct position) <> count(*)
        )
    """
    assert one(con, gaps) == 0
    lists = "select request_id, sum(is_exposed::int) as shown, count(*) as size from events.candidates group by 1"
    assert (
        one(con, f"select min(size) from ({lists}) join events.requests using (request_id) where domain = 'search'")
        >= 30
    )
    assert one(con, f"select max(shown) from ({lists})") == 12


def test_a_request_names_a_query_only_in_search(con):
    assert one(con, "select count(*) from events.requests where (domain = 'search') <> (query_text is not null)") == 0


def test_propensity_is_given_only_where_it_is_exact(con):
    sql = """
        select count(*) from events.candidates c join events.requests r using (request_id)
        where (c.propensity is not null) <> (r.attributes['order'] = 'random')
    """
    assert one(con, sql) == 0
    sums = """
        select count(*), count(*) filter (where abs(expected - shown) > 1e-9) from (
            select request_id, sum(propensity) as expected, sum(is_exposed::int) as shown
            from events.candidates where propensity is not null group by 1
        )
    """
    requests, wrong = con.execute(sums).fetchone()
    assert requests > 0
    assert wrong == 0


def test_truth_covers_every_candidate_once_and_examination_only_the_shown(con):
    assert one(con, "select count(*) from events.candidates") == one(con, "select count(*) from truth.candidates")
    sql = """
        select count(*) from events.candidates c
        left join truth.candidates t using (ds, request_id, item_id)
        where t.request_id is null or c.is_exposed <> (t.examination_probability is not null)
            or t.click_probability not between 0 and 1 or t.purchase_probability not between 0 and 1
    """
    assert one(con, sql) == 0


def test_every_action_has_a_cause_or_none_and_causes_come_before(con):
    assert one(con, "select count(*) from events.actions anti join truth.actions using (ds, action_id)") == 0
    caused = """
        select count(*) as n, count(*) filter (where r.user_id <> a.user_id or r.requested_at >= a.acted_at
            or r.domain <> 'search') as wrong, count(*) filter (where a.domain <> 'search') as outside
        from truth.actions t join events.actions a using (action_id)
        join events.requests r on r.request_id = t.causing_request_id
    """
    number, wrong, outside = con.execute(caused).fetchone()
    assert number == one(con, "select count(causing_request_id) from truth.actions")
    assert wrong == 0
    assert outside > 100


def test_what_a_search_caused_is_among_its_candidates(con):
    sql = """
        select count(*) from truth.actions t join events.actions a using (action_id)
        where t.causing_request_id is not null and not exists (
            select 1 from events.candidates c where c.request_id = t.causing_request_id and c.item_id = a.item_id)
    """
    assert one(con, sql) == 0


def test_an_action_with_a_request_is_on_a_row_that_request_showed(con):
    sql = """
        select count(*) from events.actions a
        left join events.candidates c using (request_id, item_id)
        left join events.requests r using (request_id)
        where a.request_id is not null and (not coalesce(c.is_exposed, false) or r.user_id <> a.user_id
            or r.domain <> a.domain or r.requested_at >= a.acted_at)
    """
    assert one(con, sql) == 0


def test_purchases_alone_have_quantity_and_price(con):
    sql = """
        select count(*) from events.actions
        where (action = 'purchase') <> (quantity is not null) or (action = 'purchase') <> (unit_price is not null)
    """
    assert one(con, sql) == 0


def test_true_click_probability_beats_the_logging_policy(con):
    oracle = auc(con, "t.click_probability")
    assert oracle > auc(con, "c.logged_score") + 0.05
    assert oracle > 0.75


def test_rates_are_those_of_a_shop(con):
    sql = """
        select avg((k.item_id is not null)::int), avg((p.item_id is not null)::int)
        from events.candidates c join events.requests r using (request_id)
        left join (select distinct request_id, item_id from events.actions where action = 'click') k
            using (request_id, item_id)
        left join (select distinct request_id, item_id from events.actions where action = 'purchase') p
            using (request_id, item_id)
        where c.is_exposed and r.domain = 'search'
    """
    clicked, purchased = con.execute(sql).fetchone()
    assert 0.10 < clicked < 0.15
    assert 0.01 < purchased < 0.02


def test_follow_up_adds_many_click_positives_to_search_rows(con):
    """Default policy: within 24 hours, the newest search of the same user that holds the item; not yet clicked."""
    sql = """
        with native as (
            select distinct request_id, item_id from events.actions where action = 'click' and domain = 'search'
        ), found as (
            select a.action_id, c.request_id, c.item_id
            from events.actions a
            join events.requests r on r.user_id = a.user_id and r.domain = 'search'
                and a.acted_at between r.requested_at and r.requested_at + interval 24 hours
            join events.candidates c on c.request_id = r.request_id and c.item_id = a.item_id
            where a.action = 'click' and a.domain <> 'search'
            qualify row_number() over (partition by a.action_id order by r.requested_at desc) = 1
        )
        select count(distinct (request_id, item_id)) / (select count(*) from native)
        from found anti join native using (request_id, item_id)
    """
    assert 0.3 < one(con, sql) < 0.8

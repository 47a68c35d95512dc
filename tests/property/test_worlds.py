"""Every knob moves what it says, the way it says, and nothing that it does not touch; on worlds made in a moment."""

import hashlib
from datetime import date

import pytest
from support_market import TINY, one, views, write_tiny

from benchmarks.data.world_facts import connect, measure
from benchmarks.data.world_sweeps import SWEEPS
from uniscale.simulator.knobs import Knobs
from uniscale.simulator.sizes import SIZES
from uniscale.simulator.worlds import PRESETS

ELSEWHERE = {
    "shown_at_least": "9",
    "num_favourites": "4",
    "searches_per_day": "150",
    "candidates_per_search": "20",
    "follow_up_from": "shown",
    "shown_again": "1",
    "feed_per_search": "2",
    "search_need": "0.2",
    "search_favourite": "0.1",
    "feed_favourite": "0.3",
    "known_in_seconds": "0.7",
}
"""Values to turn a knob to; others are doubled, halved or put between their bounds."""
NEEDED = {
    "bot_activity": ["bots=0.2"],
    "bot_click": ["bots=0.2"],
    "satiation_days": ["satiation=3"],
    "return_days": ["returns=0.5"],
}
"""What makes a knob count that alone does nothing."""


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(SIZES, "tiny", TINY)


def digests(folder):
    files = sorted(path for path in folder.rglob("*.parquet"))
    assert files
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def turned(name):
    """Another value of a knob, as text."""
    if name in ELSEWHERE:
        return ELSEWHERE[name]
    field = Knobs.model_fields[name]
    low, high = field.json_schema_extra["low"], field.json_schema_extra["high"]
    for value in (min(2 * field.default, high), field.default / 2, low + 0.5 * (min(high, 1) - low)):
        other = round(value) if field.annotation is int else value
        if other != field.default and low <= other <= high:
            return str(other)
    raise AssertionError(name)


@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda sweep: f"{sweep.knob}-{sweep.fact}")
def test_a_knob_moves_what_it_says_in_the_direction_it_says(tmp_path, sweep):
    found = []
    for number, value in enumerate((sweep.values[0], sweep.values[-1])):
        changes = [f"{name}={v}" for name, v in {**sweep.with_knobs, sweep.knob: value}.items()]
        folder = write_tiny(tmp_path / str(number), *changes, days=3)
        found.append(measure(folder, [sweep.fact])[sweep.fact])
    low, high = found if sweep.rises else reversed(found)
    assert high > low + 0.1 * abs(low), found


@pytest.fixture(scope="module")
def weekend(tmp_path_factory):
    """Digests of two days of a weekend, by knobs that are set."""
    made = {}

    def write(*changes, days=2):
        if (changes, days) not in made:
            folder = tmp_path_factory.mktemp("weekend")
            made[changes, days] = digests(write_tiny(folder, *changes, days=days, start=date(2026, 1, 10)))
        return made[changes, days]

    return write


@pytest.mark.parametrize("name", Knobs.model_fields)
def test_no_knob_is_dead(weekend, name):
    needed = NEEDED.get(name, [])
    days = 3 if name == "satiation_days" else 2  # what was bought on the first day counts less on the third
    assert weekend(*needed, f"{name}={turned(name)}", days=days) != weekend(*needed, days=days)


@pytest.mark.parametrize(
    "changes",
    [
        ["late_items=0.9", "assortment=0.2", "sibling_share=0", "late_users=0.9", "feed_candidates=1"],
        ["candidates_per_search=2000", "sibling_share=0.9", "shown_at_most=200", "random_order=1", "num_favourites=20"],
        ["click_base_search=-15", "click_price=5", "relevance_style=5", "click_taste=5", "satiation=10", "bots=0.5"],
        ["another_search=0.8", "reformulated=0.8", "similar_pages=1", "misspelt=1", "new_queries=1", "brand_queries=1"],
        ["feed_per_search=0", "shop_per_search=0", "follow_feed=0", "follow_shop=0", "follow_page=0", "returns=0.9"],
    ],
    ids=["scarce", "plenty", "hopeless", "restless", "search only"],
)
@pytest.mark.filterwarnings("error")
def test_extreme_worlds_are_written_whole(tmp_path, changes):
    folder = write_tiny(tmp_path, *changes)
    with connect(folder) as con:
        assert one(con, "select count(*) from events.requests") > 0
        assert one(con, "select count(*) from events.candidates") == one(con, "select count(*) from truth.candidates")
        keys = "select count(*) - count(distinct (request_id, item_id)) from events.candidates"
        assert one(con, keys) == 0
        assert one(con, "select count(*) from truth.candidates where isnan(click_probability)") == 0


@pytest.mark.parametrize("world", PRESETS)
def test_a_world_is_the_same_twice_and_its_first_days_do_not_depend_on_how_many_follow(tmp_path, world):
    short = digests(write_tiny(tmp_path / "short", world=world, days=2))
    long = digests(write_tiny(tmp_path / "long", world=world, days=3))
    assert len(long) > len(short)
    assert {name: long[name] for name in short} == short


@pytest.fixture(scope="module")
def everyday(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SIZES, "tiny", TINY)
        # More of everything that the preset has, so that a small world has some.
        folder = write_tiny(
            tmp_path_factory.mktemp("everyday"), "bots=0.05", "similar_pages=0.5", days=4, world="everyday"
        )
    with views(folder) as con:
        yield con, folder


def test_truth_covers_every_candidate_of_an_everyday_world(everyday):
    con, _ = everyday
    sql = """
        select count(*), count(*) filter (where t.request_id is null or t.click_probability not between 0 and 1
            or t.purchase_probability not between 0 and 1
            or c.is_exposed <> (t.examination_probability is not null))
        from events.candidates c left join truth.candidates t using (ds, request_id, item_id)
    """
    rows, wrong = con.execute(sql).fetchone()
    assert rows == one(con, "select count(*) from truth.candidates") > 0
    assert wrong == 0


def test_identifiers_stay_unique_where_sessions_go_on(everyday):
    con, _ = everyday
    assert one(con, "select count(*) - count(distinct request_id) from events.requests") == 0
    assert one(con, "select count(*) - count(distinct action_id) from events.actions") == 0
    assert one(con, "select count(*) from events.requests where requested_at::date <> ds") == 0
    assert one(con, "select count(*) - count(distinct (request_id, item_id)) from events.candidates") == 0


def test_causes_of_an_everyday_world_are_earlier_searches_of_the_same_user(everyday):
    con, _ = everyday
    sql = """
        select count(*), count(*) filter (where r.domain <> 'search' or r.user_id <> a.user_id
            or r.requested_at >= a.acted_at)
        from truth.actions t join events.actions a using (action_id)
        join events.requests r on r.request_id = t.causing_request_id
    """
    caused, wrong = con.execute(sql).fetchone()
    assert caused == one(con, "select count(causing_request_id) from truth.actions") > 0
    assert wrong == 0


def test_clicks_come_as_often_as_the_truth_says_also_where_bots_click(everyday):
    """Without the last day, some of whose clicks become known after the log ends."""
    _, folder = everyday
    with connect(folder) as con:
        for who in ("in", "not in"):
            sql = f"""
                select sum(is_clicked::int), sum(p), sum(p * (1 - p)) from (
                    select s.*, t.examination_probability * t.click_probability as p
                    from shown s join truth.candidates t using (request_id, item_id)
                    where s.domain = 'search' and s.user_id {who} (select user_id from truth.bots)
                        and t.ds < (select max(ds) from truth.candidates)
                )
            """
            clicked, expected, variance = con.execute(sql).fetchone()
            assert clicked > 500
            assert abs(clicked - expected) < 4 * variance**0.5


def test_bots_never_buy(everyday):
    _, folder = everyday
    with connect(folder) as con:
        assert one(con, "select count(distinct user_id) from truth.bots") > 0
        sql = """
            select count(*) filter (action = 'click'), count(*) filter (action = 'purchase')
            from events.actions where user_id in (select user_id from truth.bots)
        """
        clicks, purchases = con.execute(sql).fetchone()
        assert clicks > 50
        assert purchases == 0


def test_what_is_sent_back_was_bought_before(everyday):
    _, folder = everyday
    with connect(folder) as con:
        returned, wrong = con.execute(
            "select count(*), count(*) filter (where a.action <> 'purchase' or r.returned_at <= a.acted_at) "
            "from truth.returns r join events.actions a using (ds, action_id)"
        ).fetchone()
        assert returned == one(con, "select count(*) from truth.returns") > 0
        assert wrong == 0
        assert one(con, "select count(*) from events.actions where quantity < 1") == 0


def test_the_next_search_of_a_session_in_vain_asks_the_same_category_in_other_words(tmp_path):
    folder = write_tiny(tmp_path, "reformulated=0.8")
    with connect(folder) as con:
        sql = """
            select count(*), count(*) filter (where query_text = asked_before),
                count(*) filter (where string_split(query_text, ' ')[-1] = string_split(asked_before, ' ')[-1])
            from asked where is_search and requested_at - asked_before_at < interval 8 minutes
        """
        followed, repeated, same_noun = con.execute(sql).fetchone()
    assert followed > 100
    assert repeated < 0.1 * followed  # a few are by chance the next search of somebody who began again
    assert same_noun > 0.9 * followed


def test_of_a_misspelt_query_the_shop_knows_the_category_alone(tmp_path):
    gap = """
        with listed as (
            select c.request_id, c.logged_score, i.category_id,
                mode(i.category_id) over (partition by c.request_id) as meant
            from events.candidates c join asked using (request_id)
            join (select distinct item_id, category_id from events.items) i using (item_id)
            where is_search
        )
        select avg(logged_score) filter (category_id = meant) - avg(logged_score) filter (category_id <> meant)
        from listed
    """
    found = {}
    for name, change in (("right", "misspelt=0"), ("wrong", "misspelt=1")):
        folder = write_tiny(tmp_path / name, change, "policy_popularity=0")
        with connect(folder) as con:
            found[name] = one(con, gap)
        found[f"{name} text"] = measure(folder, ["score_text"])["score_text"]
    assert found["wrong"] == pytest.approx(0.7 * (1.5 - 0.4), abs=0.15)  # policy_text x (own - sibling)
    assert found["right"] > 0.5
    assert found["wrong text"] < 0.5 * found["right text"]


def test_turning_one_habit_leaves_the_people_and_the_goods_as_they_are(tmp_path):
    usual = digests(write_tiny(tmp_path / "usual", days=1))
    for number, change in enumerate(
        ("misspelt=0.5", "another_search=0.5", "similar_pages=0.5", "position_bias_feed=1")
    ):
        other = digests(write_tiny(tmp_path / str(number), change, days=1))
        for root, table in (("events", "users"), ("events", "items"), ("truth", "users"), ("truth", "items")):
            name = f"{root}/{table}/ds=2026-01-05/part-0.parquet"
            assert other[name] == usual[name], (change, name)

"""Stage C on a simulated shop that is run day after day: what holds for the samples that remain in the end."""

from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from uniscale.config import Settings
from uniscale.config.calendar import days_of_run
from uniscale.config.settings import SourceSettings, WindowSettings
from uniscale.contracts.days import midnight_after
from uniscale.contracts.events import CANDIDATES
from uniscale.contracts.inputs import HISTORY_INPUTS, HISTORY_LENGTH
from uniscale.data.behaviour import read_behaviour
from uniscale.data.histories import Histories
from uniscale.es3.build import build_samples
from uniscale.es3.plan import plan_run
from uniscale.features.leak.guard import TOGETHER, LeakError, check_leak, excess, measure_leak
from uniscale.features.leak.lists import measured_lists
from uniscale.features.model_inputs import model_inputs
from uniscale.features.repo import open_store
from uniscale.features.training_frames.build import encode_frames
from uniscale.features.training_frames.sql import PASSED_ON, evaluated_requests, train_samples
from uniscale.lake import Lake
from uniscale.simulator.blueprint import Blueprint
from uniscale.simulator.knobs import Knobs
from uniscale.simulator.simulate import simulate
from uniscale.sources.landing import land_day
from uniscale.warehouse.build import build_marts

START, RUNS = date(2026, 1, 5), 3
LAST = START + timedelta(days=RUNS)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Runs of three days, each training on two; what the last one reported."""
    folder = tmp_path_factory.mktemp("shop")
    fewer = Blueprint(name="fewer searches", about="", knobs=Knobs(searches_per_day=700))
    simulate(folder / "shop", days=RUNS + 2, size="xs", seed=7, start=START, blueprint=fewer)
    settings = Settings(
        home=folder / "home",
        source=SourceSettings(events_dir=folder / "shop" / "events"),
        window=WindowSettings(train_days=2),
    )
    lake = Lake(settings)
    for run in range(1, RUNS + 1):
        ds = START + timedelta(days=run)
        land_day(settings, lake, ds)
        build_marts(settings, lake, ds)
        made = build_samples(settings, lake, ds)
    return SimpleNamespace(settings=settings, lake=lake, made=made, plan=plan_run(settings, LAST))


SYNTHETIC_ROWS = """
    select
        ds, sample_id, request_id, user_id, query_tier, query_text, label_as_of,
        unnest(item_ids) as item_id,
        unnest(is_exposed) as is_exposed,
        unnest(is_clicked) as is_clicked,
        unnest(is_purchased) as is_purchased,
        unnest(purchase_value) as purchase_value,
        unnest(action_ids) as action_id
    from lake.es3.samples
    where query_tier > 0
"""


def test_all_rows_of_a_synthetic_request_were_shown_in_one_list_and_the_others_were_not_clicked(shop):
    with shop.lake.read() as con:
        rows, strangers, clicked = con.execute(
            f"""
            select
                count(*),
                count(*) filter (where not coalesce(exposures.is_exposed, false)),
                count(*) filter (where exposures.is_clicked and not made.is_clicked)
            from ({SYNTHETIC_ROWS}) as made
            left join lake.marts.fct_exposures as exposures using (request_id, item_id)
            where made.ds between ? and ?
            """,
            [shop.plan.first_ds, shop.plan.last_ds],
        ).fetchone()
    assert rows > 1000
    assert (strangers, clicked) == (0, 0)


def test_an_outside_action_labels_one_row_of_all_samples_that_remain(shop):
    with shop.lake.read() as con:
        con.execute(f"create temp table made as {SYNTHETIC_ROWS}")
        con.execute("create temp table taken as select distinct action_id from lake.marts.fct_attributions")
        uses, at_most = con.execute(
            """
            select count(*), max(uses)
            from (
                select count(*) as uses
                from (select unnest(action_ids) as action_id from lake.es3.samples)
                where action_id is not null
                group by action_id
            )
            """
        ).fetchone()
        twice = con.execute("select count(*) from made semi join taken using (action_id) where is_clicked").fetchone()
        # What a positive was bought for may only come from purchases that label no real request of any day.
        bought, too_dear = con.execute(
            """
            with purchases as (
                select
                    made.sample_id,
                    made.item_id,
                    any_value(made.purchase_value) as purchase_value,
                    sum(acts.quantity * acts.unit_price) filter (where taken.action_id is null) as free_value
                from made
                inner join lake.raw.actions as acts
                    on made.request_id = acts.request_id and made.item_id = acts.item_id and acts.action = 'purchase'
                left join taken on acts.action_id = taken.action_id
                where made.is_purchased and acts.recorded_at < made.label_as_of
                group by all
            )
            select count(*), count(*) filter (where purchase_value > coalesce(free_value, 0) + 1e-6) from purchases
            """
        ).fetchone()
    assert uses > 1000
    assert at_most == 1
    assert twice == (0,)
    assert bought > 50
    assert too_dear == 0


def test_every_outside_click_of_the_training_days_is_accounted_for(shop):
    first, last = shop.plan.first_ds, shop.plan.last_ds
    with shop.lake.read() as con:
        known = con.execute(
            """
            select count(*)
            from lake.raw.actions as acts
            left join lake.raw.requests as requests using (request_id)
            where
                acts.action = 'click'
                and (acts.request_id is null or requests.domain != 'search')
                and coalesce(requests.ds, acts.acted_at::date) between ? and ?
                and acts.recorded_at < ?
            """,
            [first, last, midnight_after(last)],
        ).fetchone()
        positives = con.execute(
            f"""
            select count(*)
            from ({SYNTHETIC_ROWS}) as made
            inner join lake.raw.actions as acts using (action_id)
            where made.ds between ? and ? and acts.action = 'click'
            """,
            [first, last],
        ).fetchone()
    fates = shop.made["outside_clicks"]
    assert sum(fates.values()) == known[0] > 1000
    assert fates["synthetic"] == positives[0] > 100
    assert fates["attributed"] > 100


def test_a_log_knows_its_items_on_its_first_day_but_hardly_a_query(shop):
    with shop.lake.read() as con:
        found = con.execute(
            "select fate, sum(num_clicks) from lake.es3.outside_clicks where ds = ? group by all", [START]
        )
        fates = dict(found.fetchall())
        tiers = con.execute("select distinct query_tier from lake.es3.samples where ds = ?", [START]).fetchall()
    assert "unknown_item" not in fates
    assert fates["no_query"] > fates["synthetic"] > 0
    assert set(tiers) == {(0,), (1,)}


def test_synthetic_requests_have_the_positive_rate_of_real_ones_by_weight(shop):
    shape = shop.made["shape"]
    for tier in ("tier 1", "tier 2"):
        assert shape[tier]["weighed_rate"] == pytest.approx(shape["real"]["positive_rate"], abs=0.015)
        assert shape[tier]["positive_rate"] > shape[tier]["weighed_rate"] + 0.1


def test_the_same_days_again_give_the_same_rows(shop):
    query = "select * from lake.es3.samples where ds between ? and ? order by all"
    days = [shop.plan.first_ds, shop.plan.last_ds]
    with shop.lake.read() as con:
        before = con.execute(query, days).fetchall()
    build_samples(shop.settings, shop.lake, LAST, force=True)
    with shop.lake.read() as con:
        assert con.execute(query, days).fetchall() == before


def leak_with(shop, negatives):
    """What is measured once the synthetic requests have other negatives: a query of (sample_id, item_id, shown)."""
    with shop.lake.read() as con:
        con.execute(f"create temp table made as {SYNTHETIC_ROWS}")
        con.execute(f"create temp table others as {negatives}")
        con.execute(
            """
            create temp table changed as
            with rows as (
                select sample_id, item_id, is_exposed, is_clicked from made where is_clicked
                union all
                select sample_id, item_id, is_exposed, false from others
            ),
            lists as (
                select
                    sample_id,
                    list(item_id order by item_id) as item_ids,
                    list(is_exposed order by item_id) as is_exposed,
                    list(is_clicked order by item_id) as is_clicked
                from rows
                group by sample_id
            )
            select samples.* replace (
                lists.item_ids as item_ids, lists.is_exposed as is_exposed, lists.is_clicked as is_clicked
            )
            from lake.es3.samples as samples
            inner join lists on samples.sample_id = lists.sample_id
            union all
            select * from lake.es3.samples where query_tier = 0
            """
        )
        con.execute(f"create temp table frame_samples as select {', '.join(PASSED_ON)}, query_text from changed")
        store = open_store(shop.settings)
        con.register("changed_frames", encode_frames(con, store, "train"))
        days = [day.ds for day in shop.plan.days]
        return measure_leak(measured_lists(con, store, days, target_domain="search", frames="changed_frames"))


@pytest.mark.parametrize("split", ["train", "eval"])
@pytest.mark.parametrize("length", [HISTORY_LENGTH, 20])
def test_the_history_that_training_reads_is_the_one_that_serving_reads(shop, split, length):
    """From sequences stored once per user, and from the daily and the fresh actions of the feature tables."""
    settings, plan = shop.settings, shop.plan
    days = [day.ds for day in days_of_run(settings, plan.ds) if day.split == split]
    samples = train_samples(days) if split == "train" else evaluated_requests(days, "search", plan.carried_ds)
    with shop.lake.read() as con:
        con.execute(f"create temp table asked as {samples}")
        served = model_inputs(con, open_store(settings), "asked", history_length=length)
        requests = con.sql("from asked order by requested_at, sample_id").to_arrow_table()
        behaviour = read_behaviour(con, "from asked", at_most=length)
    trained = Histories(behaviour, settings.domains, length).carried(requests)
    lengths = trained.column("sequence_length").to_numpy()
    assert (lengths > length).sum() > 50
    assert (lengths == 0).sum() > 0
    assert max(map(len, trained.column("history_items").to_pylist())) == length
    for name in HISTORY_INPUTS:
        assert trained.column(name).to_pylist() == served.column(name).to_pylist(), name


def test_the_first_day_of_a_log_is_not_measured(shop):
    with shop.lake.read() as con:
        con.execute(f"create temp table of_that_day as select date '{START}' as ds, 'train' as split, 1 as query_tier")
        store = open_store(shop.settings)
        assert measured_lists(con, store, [START], target_domain="search", frames="of_that_day") == {}


UNSHOWN = f"""
    select made.sample_id, candidates.item_id, candidates.is_exposed
    from (select distinct sample_id, request_id, split_part(sample_id, '~s', 2) as category_id from made) as made
    inner join lake.{CANDIDATES.qualified} as candidates on made.request_id = candidates.request_id
    inner join (
        select item_id, arg_max(category_id, valid_from) as category_id from lake.raw.items group by item_id
    ) as items
        on candidates.item_id = items.item_id and made.category_id = items.category_id
    anti join made as clicked on made.sample_id = clicked.sample_id and candidates.item_id = clicked.item_id
    qualify row_number() over (partition by made.sample_id order by candidates.is_exposed desc, candidates.item_id) <= 4
"""
"""Items of the clicked category from the whole candidate list, the shown ones first."""


def test_the_packaged_negatives_pass_and_ones_that_were_not_shown_are_caught(shop):
    kept = "select sample_id, item_id, is_exposed from made where not is_clicked"
    check_leak(leak_with(shop, kept), shop.plan.policy.searchification)
    leaky = leak_with(shop, UNSHOWN)
    with pytest.raises(LeakError, match=r"tier 1: is_exposed has AUC 0\.[789]") as caught:
        check_leak(leaky, shop.plan.policy.searchification)
    assert "log_item_num_exposures" in str(caught.value)
    # Not by the flag alone: a model that never sees it is told by the rest.
    for tier in ("tier 1", "tier 2"):
        over, error = excess(leaky, tier, TOGETHER)
        assert over - 4 * error > 0.1


def test_negatives_of_any_category_are_caught(shop):
    anything = """
        select made.sample_id, exposures.item_id, true as is_exposed
        from (select distinct sample_id, request_id from made) as made
        inner join lake.marts.fct_exposures as exposures using (request_id)
        where exposures.is_exposed and not exposures.is_clicked
    """
    with pytest.raises(LeakError, match="query_category_share has AUC"):
        check_leak(leak_with(shop, anything), shop.plan.policy.searchification)

"""One landed raw day makes exactly the days of derived tables stale that are made from it."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from uniscale.config import Settings
from uniscale.config.calendar import days_of_run
from uniscale.contracts.days import every_day
from uniscale.contracts.events import EVENT_TABLES
from uniscale.contracts.features import FEATURE_WINDOWS
from uniscale.contracts.policy import load_policy
from uniscale.es3.build import sample_keys
from uniscale.es3.plan import Plan
from uniscale.es3.products import BEHAVIOUR, ES3_SAMPLES
from uniscale.es3.sequences import sequence_keys
from uniscale.features.training_frames.build import frame_keys
from uniscale.lake.contents import Contents
from uniscale.pipeline.products import PRODUCTS
from uniscale.warehouse.plan import plan_groups

DS = date(2026, 3, 10)
LOG = every_day(DS - timedelta(days=50), DS + timedelta(days=3))
LONGEST = max(FEATURE_WINDOWS)
POLICY = load_policy()


def keys(settings, changed=None):
    """Build key of every day of every product of the run of DS, with the content of one raw day changed."""
    raw = {table.qualified: dict.fromkeys(LOG, "rows") for table in EVENT_TABLES}
    if changed:
        table, day = changed
        raw[f"raw.{table}"][day] = "other rows"
    contents = Contents(raw)
    found = {}
    for group in plan_groups(settings, POLICY, contents, DS):
        found[group.name] = group.keys
        contents = contents.with_built(group.tables, group.keys)
    days = days_of_run(settings, DS, POLICY)
    trained = tuple(day for day in days if day.split == "train")
    plan = Plan(ds=DS, days=trained, policy=POLICY, seed=0, target_domain="search", last_eval_ds=days[-1].ds)
    found["sequences"] = sequence_keys(settings, plan, contents)
    contents = contents.with_built(BEHAVIOUR.tables, found["sequences"])
    found["samples"] = sample_keys(settings, plan, contents, {day.ds: {} for day in trained})
    contents = contents.with_built(ES3_SAMPLES.tables, found["samples"])
    return found | {f"frames, {split}": made for split, made in frame_keys(settings, days, contents).items()}


def made_from(settings, built, table, day):
    """Of each product, which of its built days come from a raw day, in words of the calendar alone."""
    window = timedelta(days=POLICY.attribution.window_days)
    history = timedelta(days=POLICY.searchification.history_days)
    longest, one = timedelta(days=LONGEST), timedelta(days=1)
    label_days = {run.ds: run.label_as_of.date() for run in days_of_run(settings, DS, POLICY)}
    log, acts, asked = table in ("requests", "candidates", "actions"), table == "actions", table == "requests"
    items = table == "items"

    def labelled_on(ds):
        """The day on which the labels of a request day are looked at; restated days are those before the run's."""
        return label_days.get(ds) or min(DS + one, ds + window + one)

    def stale(product, is_stale):
        return {ds for ds in built[product] if is_stale(ds)}

    found = {
        "item_versions": stale("item_versions", lambda ds: items and day <= ds),
        "outside": stale("outside", lambda ds: (acts and ds == day) or (asked and ds - longest <= day <= ds)),
        "query_stats": stale(
            "query_stats",
            lambda ds: (table in ("requests", "actions") and ds - history <= day < ds) or (items and day < ds),
        ),
        "carried": stale("carried", lambda ds: log and day <= ds),
        "counts": stale(
            "counts",
            lambda ds: (
                (table == "candidates" and day == ds)
                or (table in ("requests", "actions") and ds - longest <= day <= ds)
                or (items and day <= ds)
            ),
        ),
        "features": stale("features", lambda ds: day <= ds),
        "fresh_actions": stale("fresh_actions", lambda ds: (acts and day == ds) or (items and day < ds)),
        "sequences": stale("sequences", lambda ds: table in ("actions", "items") and day <= ds),
    }
    found["requests"] = stale(
        "requests",
        lambda ds: (
            (log and ds - window <= day < labelled_on(ds))
            or any(ds - window <= outside < labelled_on(ds) for outside in found["outside"])
        ),
    )
    first = min(built["samples"])
    found["samples"] = stale(
        "samples",
        lambda ds: (
            (log and min(ds - window, ds - history) <= day <= ds)
            or (table in ("actions", "items") and day <= ds)
            or any(max(first, ds - window) <= labelled <= DS for labelled in found["requests"])
            or any(ds <= outside <= DS for outside in found["outside"])
            or ds in found["query_stats"]
        ),
    )
    for split, source in (("train", "samples"), ("eval", "requests")):
        found[f"frames, {split}"] = stale(
            f"frames, {split}",
            lambda ds, source=source, split=split: (
                ds in found[source]
                or any(first - one <= known < ds for known in found["features"])
                or (split == "eval" and any(known <= ds for known in found["sequences"]))
            ),
        )
    return found


@examples(max_examples=150, deadline=None)
@given(
    table=st.sampled_from([table.name for table in EVENT_TABLES]),
    day=st.sampled_from(LOG),
    train_days=st.integers(1, 10),
    eval_days=st.integers(1, 3),
)
def test_one_landed_raw_day_makes_exactly_the_days_stale_that_are_made_from_it(table, day, train_days, eval_days):
    settings = Settings.model_validate({"window": {"train_days": train_days, "eval_days": eval_days}})
    before, after = keys(settings), keys(settings, (table, day))
    changed = {name: {ds for ds in before[name] if before[name][ds] != after[name][ds]} for name in before}
    assert set(before) == {product.name for product in PRODUCTS}
    assert changed == made_from(settings, before, table, day)

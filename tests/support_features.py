"""A small shop with feature versions, samples and candidates that a person can check by eye."""

from datetime import date, datetime, timedelta

from uniscale.contracts.days import midnight_after, run_days
from uniscale.contracts.features import (
    ITEM_FEATURES,
    QUERY_FEATURES,
    USER_CATEGORY_FEATURES,
    USER_FEATURES,
    USER_FRESH_ACTIONS,
    USER_SEQUENCES,
)
from uniscale.contracts.inputs import HISTORY_LENGTH
from uniscale.contracts.marts import FCT_EXPOSURES
from uniscale.contracts.policy import load_policy
from uniscale.contracts.samples import SAMPLES
from uniscale.contracts.sequences import SEQUENCES
from uniscale.contracts.tasks import LABELS
from uniscale.data.histories import read_histories
from uniscale.lake import Lake
from uniscale.lake.partitions import mark_built

DS = date(2026, 1, 5)
"""Last training day of the run under test."""

_EMPTY = {"VARCHAR": "", "BIGINT": 0, "INTEGER": 0, "DOUBLE": 0.0, "BOOLEAN": False}


def write(lake, table, rows):
    """Replace the rows of a table in one commit."""
    lake.commit(lambda con: fill(con, table, rows), f"test rows of {table.qualified}")


def fill(con, table, rows):
    """Replace the rows of a table; columns that a row leaves out get an empty value of their type."""
    Lake.create(con, table)
    con.execute(f"delete from lake.{table.qualified}")
    marks = ", ".join("?" for _ in table.columns)
    for row in rows:
        values = [
            row.get(c.name, None if c.nullable else [] if c.type.endswith("[]") else _EMPTY.get(c.type))
            for c in table.columns
        ]
        con.execute(f"insert into lake.{table.qualified} values ({marks})", values)


def version(key, name, ds, known=None, **values):
    """A feature version of the day ``ds``; ``known`` is its knowledge time, by default when it starts to hold."""
    at = midnight_after(ds)
    return {key: name, "ds": ds, "feature_at": at, "recorded_at": known or at, **values}


def user(name, ds, **values):
    return version("user_id", name, ds, **values)


def item(name, ds, **values):
    return version("item_id", name, ds, **values)


def query(text, ds, **values):
    return version("query_text", text, ds, **values)


def fresh(name, at, items):
    """Fresh actions of a user: items clicked in the feed, the last of them now, the others a minute apart before."""
    moments = [at - timedelta(minutes=back) for back in range(len(items) - 1, -1, -1)]
    return {
        "user_id": name,
        "ds": at.date(),
        "feature_at": at,
        "recorded_at": at,
        "fresh_action_ids": [f"{name}-{item}-{at:%H%M%S}" for item in items],
        "fresh_items": list(items),
        "fresh_categories": [""] * len(items),
        "fresh_brands": [""] * len(items),
        "fresh_actions": ["click"] * len(items),
        "fresh_domains": ["feed"] * len(items),
        "fresh_acted_at": [microseconds(moment) // 1_000_000 for moment in moments],
        "fresh_known_at": [microseconds(moment) for moment in moments],
    }


def microseconds(moment):
    """Since 1970."""
    return int((moment - datetime(1970, 1, 1)).total_seconds() * 1_000_000)


def label_as_of(day, *, ds=DS, train_days=7, eval_days=1):
    window = load_policy().attribution.window_days
    return {d.ds: d for d in run_days(ds, train_days=train_days, eval_days=eval_days, window_days=window)}[
        day
    ].label_as_of


def sample(name, at, items, *, user="u1", text="Red  shoe", clicked=(), carted=(), **values):
    """A search sample whose items are all shown."""
    number = len(items)
    return {
        "ds": at.date(),
        "sample_id": name,
        "request_id": name,
        "user_id": user,
        "domain": "search",
        "requested_at": at,
        "query_text": text,
        "query_confidence": 1.0,
        "item_ids": list(items),
        "is_exposed": [True] * number,
        "provenance": ["native"] * number,
        **{label: [False] * number for label in LABELS},
        "is_clicked": [name in clicked for name in items],
        "is_carted": [name in carted for name in items],
        "purchase_value": [0.0] * number,
        "inclusion_probability": [1.0] * number,
        "label_weight": [1.0] * number,
        "position": [place + 1 for place in range(number)],
        "is_natively_clicked": [name in clicked for name in items],
        "is_natively_purchased": [False] * number,
        "native_purchase_value": [0.0] * number,
        "native_label_weight": [1.0] * number,
        "action_ids": [None] * number,
        "policy_version": "test",
        "label_as_of": label_as_of(at.date()),
        **values,
    }


def candidate(request, at, name, position=None, *, domain="search", user="u1", text="Red  shoe", **values):
    """One candidate of a test request, shown if it has a position."""
    return {
        "ds": at.date(),
        "request_id": request,
        "item_id": name,
        "user_id": user,
        "domain": domain,
        "query_text": text,
        "requested_at": at,
        "is_exposed": position is not None,
        "position": position,
        "label_as_of": label_as_of(at.date()),
        **values,
    }


def small_shop(lake):
    """Fill a lake with the shop, in one commit."""

    def work(con):
        for table, rows in shop_rows():
            fill(con, table, rows)
        mark_built(con, SAMPLES.qualified, {DS: "1"})

    lake.commit(work, "the small shop")


def sequence(user, ds, num_known, acts):
    """What became known of a user on a day: moments of knowledge with item, action, domain, category and brand."""
    known_at, items, actions, domains, categories, brands = (list(values) for values in zip(*acts, strict=True))
    return {
        "ds": ds,
        "user_id": user,
        "num_known": num_known,
        "known_at": known_at,
        "acted_at": known_at,
        "item_ids": items,
        "category_ids": categories,
        "brand_ids": brands,
        "fresh_category_ids": categories,
        "fresh_brand_ids": brands,
        "actions": actions,
        "domains": domains,
    }


def shop_rows():
    """Two training requests on DS, one test request on the day after, features of the day before and of DS."""
    before = DS - timedelta(days=1)
    morning = datetime(2026, 1, 5, 9)
    past = [int(datetime(2026, 1, day, 12).timestamp()) for day in (2, 3)]
    yield (
        USER_FEATURES,
        [
            user("u1", before, user_attributes=["age=30"], user_num_requests_1d=1, user_mean_log_price=2.0),
            user("u1", DS, user_attributes=["age=30"], user_num_requests_1d=100, user_mean_log_price=3.0),
        ],
    )
    yield (
        ITEM_FEATURES,
        [
            item("i1", before, title="Red Shoe, size_40", category_id="c1", price=9.0, item_num_exposures=1),
            item("i1", DS, title="Red Shoe, size_40", category_id="c1", price=99.0, item_num_exposures=100),
            item("i2", before, title="blue shoe", brand_id="b2", item_num_exposures=2),
        ],
    )
    yield (QUERY_FEATURES, [query("red shoe", before, query_num_requests_1d=3, query_ctr=0.5)])
    yield (
        USER_SEQUENCES,
        [
            user(
                "u1",
                before,
                history_items=["i2", "i1"],
                history_categories=["", "c1"],
                history_brands=["b2", ""],
                history_actions=["click", "purchase"],
                history_domains=["feed", "search"],
                history_acted_at=past,
                history_known_until=microseconds(midnight_after(before)),
            )
        ],
    )
    yield (
        USER_CATEGORY_FEATURES,
        [version("user_id", "u1", before, category_id="c1", user_category_num_clicks=2, user_category_share=0.5)],
    )
    yield (
        USER_FRESH_ACTIONS,
        [fresh("u1", morning - timedelta(minutes=5), ["i7"]), fresh("u1", morning, ["i7", "i8"])],
    )
    noon = [datetime(2026, 1, day, 12) for day in (2, 3)]
    minute = timedelta(minutes=1)
    yield (
        SEQUENCES,
        [
            sequence("u1", noon[0].date(), 1, [(noon[0], "i2", "click", "feed", "", "b2")]),
            sequence("u1", noon[1].date(), 2, [(noon[1], "i1", "purchase", "search", "c1", "")]),
            sequence(
                "u1",
                DS,
                4,
                [(morning - minute, "i7", "click", "feed", "", ""), (morning, "i8", "click", "feed", "", "")],
            ),
        ],
    )
    yield (
        SAMPLES,
        [
            sample("r1", morning, ["i2", "i1", "i9"], clicked=["i1"], carted=["i2"], sequence_length=3),
            sample("r2", morning + timedelta(hours=1), ["i1"], user="u9", text=None),
        ],
    )
    evening = datetime(2026, 1, 6, 20)
    yield (
        FCT_EXPOSURES,
        [
            candidate("r3", evening, "i2"),
            candidate("r3", evening, "i1", 2, is_clicked=True),
            candidate("r3", evening, "i3", 1, is_carted=True),
            candidate("f1", evening, "i1", 1, domain="feed", text=None),
        ],
    )


def frames(lake, split):
    """Frames of a split by sample, with the histories that a ranker reads."""
    with lake.read() as con:
        rows = con.execute("select * from ml.frames where split = ? order by sample_id", [split]).to_arrow_table()
    days = sorted(set(rows.column("ds").to_pylist()))
    histories = read_histories(lake, days, split, ("search", "feed", "shop"), HISTORY_LENGTH)
    return {row["sample_id"]: row for row in histories.carried(rows).to_pylist()}

"""Days that were landed again with other rows: what is built from them again is what building everything would give."""

from datetime import date

from tests.support_random_log import random_log
from uniscale.contracts.all_tables import BUILT_BY_DBT
from uniscale.contracts.samples import OUTSIDE_CLICKS, SAMPLES
from uniscale.contracts.sequences import SEQUENCE_LENGTHS, SEQUENCES
from uniscale.es3.build import build_samples
from uniscale.warehouse.build import build_marts

DS = date(2026, 1, 9)
MADE = (*BUILT_BY_DBT, SEQUENCES, SEQUENCE_LENGTHS, SAMPLES, OUTSIDE_CLICKS)


def other_query(row):
    return {**row, "query_text": "red shoe" if row["query_text"] != "red shoe" else "blue shoe"}


def other_action(row):
    return {**row, "action": "purchase" if row["action"] == "click" else "click"}


def other_category(row):
    return {**row, "category_id": "z"}


def other_exposure(row):
    """A list that showed one item more."""
    return {**row, "is_exposed": True, "position": row["position"] or 9}


def other_attributes(row):
    return {**row, "attributes": [("age", "other")]}


LATE = {
    "items": (date(2026, 1, 7), other_category),
    "users": (date(2026, 1, 6), other_attributes),
    "requests": (date(2026, 1, 7), other_query),
    "candidates": (date(2026, 1, 6), other_exposure),
    "actions": (date(2026, 1, 8), other_action),
}
"""By table, a day that is landed again, and how its rows differ."""


def change(log, table):
    day, other = LATE[table]
    rows = getattr(log, table)
    assert any(row["ds"] == day for row in rows), table
    rows[:] = [other(row) if row["ds"] == day else row for row in rows]


def build(settings, lake, *, force=False):
    marts = build_marts(settings, lake, DS, force=force)
    samples = build_samples(settings, lake, DS, force=force)
    return {**marts["days_built"], "samples": samples["days_built"]}


def everything(lake):
    """All rows of what is derived; days that are made from others are compared too, so nothing old can hide."""
    with lake.read() as con:
        return {t.qualified: con.execute(f"select * from lake.{t.qualified} order by all").fetchall() for t in MADE}


def test_late_rows_lead_to_the_rows_that_building_everything_gives(settings, lake):
    settings.window.train_days = 3
    log = random_log(3, 60)
    log.land(lake)
    first = build(settings, lake)
    for table in LATE:
        change(log, table)
    log.land(lake)

    built = build(settings, lake)
    found = everything(lake)

    assert any(built.values())
    assert built != first
    build(settings, lake, force=True)
    assert found == everything(lake)

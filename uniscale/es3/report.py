"""Counts of the stored samples, for the page of the day."""

from __future__ import annotations

from collections import Counter
from typing import Any

import duckdb

from uniscale.contracts.marts import FCT_EXPOSURES
from uniscale.contracts.samples import FATES, OUTSIDE_CLICKS, SAMPLES
from uniscale.contracts.tasks import CLICK, TASK_NAMES
from uniscale.es3.plan import Plan
from uniscale.es3.statements import run_sql, sql_text


def count_samples(con: duckdb.DuckDBPyConnection, plan: Plan) -> dict[str, Any]:
    """Counts over the run's training days, from the stored rows.

    Returns:
        See `uniscale.es3.build.build_samples`. ``multipliers`` is empty without an exposed row and a native click.
        ``shape`` has for ``real`` requests (shown rows, native clicks) and each ``tier N`` the mean ``rows``, the
        ``positive_rate``, and the ``weighed_rate``: the share of all label weight that lies on positives.
    """
    values = {"first_ds": plan.first_ds, "ds": plan.last_ds}
    rows: Counter[str] = Counter()
    clicks: Counter[str] = Counter()
    positives: Counter[str] = Counter(dict.fromkeys(TASK_NAMES, 0))
    for tier, is_exposed, provenance, num_rows, happened in run_sql(con, sql_text("report_counts"), values).fetchall():
        of_task = dict(zip(TASK_NAMES, happened, strict=True))
        kind = "synthetic" if tier else "exposed" if is_exposed else "unexposed"
        rows[kind] += num_rows
        rows["attributed"] += num_rows if provenance.startswith("attributed") else 0
        clicks["synthetic" if tier else "real"] += of_task[CLICK.name]
        positives.update(of_task)
    tiers = _records_by_tier(con, plan)
    base = _exposed_only(con, plan)
    return {
        **{kind: rows[kind] for kind in ("exposed", "unexposed", "attributed", "synthetic")},
        "requests": sum(tiers.values()),
        "positives": dict(positives),
        "searchified": {f"tier {tier}": count for tier, count in sorted(tiers.items()) if tier},
        "shape": _shape(con, plan),
        "outside_clicks": _fates(con, plan),
        "multipliers": _multipliers(base, rows, clicks, tiers),
    }


def _records_by_tier(con: duckdb.DuckDBPyConnection, plan: Plan) -> dict[int, int]:
    counted = con.execute(
        f"select query_tier, count(*) from lake.{SAMPLES.qualified} where ds between ? and ? group by query_tier",
        [plan.first_ds, plan.last_ds],
    ).fetchall()
    return dict(counted)


def _shape(con: duckdb.DuckDBPyConnection, plan: Plan) -> dict[str, dict[str, float]]:
    """Rows and positive rate of real and synthetic requests."""
    base = _exposed_only(con, plan)
    if not base["requests"]:
        return {}
    rate = round(base["positives"] / base["samples"], 4)
    real = {"rows": round(base["samples"] / base["requests"], 2), "positive_rate": rate, "weighed_rate": rate}
    rows = con.execute(
        f"""
        with items as (
            select
                sample_id,
                query_tier,
                unnest(is_clicked) as is_clicked,
                unnest(label_weight) as label_weight
            from lake.{SAMPLES.qualified}
            where ds between ? and ? and query_tier > 0
        )

        select
            query_tier,
            count(*) / count(distinct sample_id),
            avg(is_clicked::double),
            sum(label_weight) filter (where is_clicked) / nullif(sum(label_weight), 0)
        from items
        group by query_tier
        order by query_tier
        """,
        [plan.first_ds, plan.last_ds],
    ).fetchall()
    tiers = {
        f"tier {tier}": {"rows": round(num, 2), "positive_rate": round(rate, 4), "weighed_rate": round(weighed or 0, 4)}
        for tier, num, rate, weighed in rows
    }
    return {"real": real, **tiers}


def _fates(con: duckdb.DuckDBPyConnection, plan: Plan) -> dict[str, int]:
    """Outside clicks of the training days by what became of them, in the order of the contract."""
    counted = dict(
        con.execute(
            f"select fate, sum(num_clicks)::bigint from lake.{OUTSIDE_CLICKS.qualified} "
            "where ds between ? and ? group by fate",
            [plan.first_ds, plan.last_ds],
        ).fetchall()
    )
    return {fate: counted[fate] for fate in FATES if fate in counted}


def _exposed_only(con: duckdb.DuckDBPyConnection, plan: Plan) -> dict[str, int]:
    """What a ranker without ES3 trains on: exposed rows of the target domain with native labels."""
    row = con.execute(
        f"""
        select
            count(distinct request_id) filter (where domain = $target and is_exposed),
            count(*) filter (where domain = $target and is_exposed),
            count(*) filter (where domain = $target and is_exposed and is_clicked)
        from lake.{FCT_EXPOSURES.qualified}
        where ds between $first and $last
        """,
        {"target": plan.target_domain, "first": plan.first_ds, "last": plan.last_ds},
    ).fetchone()
    assert row is not None
    return dict(zip(("requests", "samples", "positives"), row, strict=True))


def _multipliers(
    base: dict[str, int], rows: Counter[str], clicks: Counter[str], tiers: dict[int, int]
) -> dict[str, dict[str, float]]:
    """Size after each stage over the exposed-only size, as the paper's table has it."""
    if not base["requests"] or not base["positives"]:
        return {}
    real = rows["exposed"] + rows["unexposed"]
    stages = {
        "exposed only": (base["requests"], base["samples"], base["positives"]),
        "+ unexposed rows (A)": (tiers.get(0, 0), real, base["positives"]),
        "+ attribution (B)": (tiers.get(0, 0), real, clicks["real"]),
        "+ searchification (C)": (sum(tiers.values()), real + rows["synthetic"], clicks.total()),
    }
    return {
        stage: {
            "requests": round(requests / base["requests"], 3),
            "samples": round(samples / base["samples"], 3),
            "positives": round(positives / base["positives"], 3),
        }
        for stage, (requests, samples, positives) in stages.items()
    }

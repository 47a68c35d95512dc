"""Lakes with the rows that days leave behind, without running the days: as many as one likes, thin ones too."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from uniscale.config import Settings
from uniscale.contracts.events import REQUESTS
from uniscale.contracts.metrics import CATALOGUE
from uniscale.contracts.monitor import CONTRASTS, FINDINGS, PROFILES, SEPARABILITY
from uniscale.contracts.outcomes import CHAMPIONS, COMPARISONS, DECISIONS, METRICS, SKEW, STEPS
from uniscale.contracts.schema import Table
from uniscale.contracts.slices import SLICES
from uniscale.es3.maturity import Growth
from uniscale.lake import Lake
from uniscale.pipeline.ledger import as_json
from uniscale.pipeline.results import (
    Decided,
    DriftReport,
    DriftWatched,
    Evaluated,
    FramesBuilt,
    Landed,
    MartsBuilt,
    Materialized,
    Multiplier,
    PageWritten,
    RankersTrained,
    SamplesBuilt,
    ServedAgain,
    Shape,
    SkewMeasured,
    Trained,
    VersionJudged,
)
from uniscale.pipeline.steps import DAY_STEPS

Row = dict[str, Any]
Rows = dict[str, tuple[Table, list[Row]]]

LAST = date(2027, 2, 8)
_SECONDS = dict(zip((step.name for step in DAY_STEPS), (2, 11, 8, 7, 2, 34, 6, 3, 10, 17, 2), strict=True))
_VALUES = {"gmv_proxy": 6.5, "log_loss": 0.56, "calibration": 1.0, "true_calibration": 1.4}


def days_until(last: date, count: int) -> list[date]:
    return [last - timedelta(days=back) for back in range(count - 1, -1, -1)]


def write_history(
    settings: Settings, count: int, *, requests: int = 400, quarantined: int = 0, profiled: bool = True
) -> list[date]:
    """The rows of ``count`` finished days up to `LAST`; a tenth of them promoted their challenger."""
    days = days_until(LAST, count)
    chance = random.Random(7)
    rows: Rows = {
        table.qualified: (table, [])
        for table in (
            METRICS,
            COMPARISONS,
            DECISIONS,
            CHAMPIONS,
            STEPS,
            SKEW,
            REQUESTS,
            SEPARABILITY,
            CONTRASTS,
            FINDINGS,
            PROFILES,
        )
    }
    champion = "1"
    rows["ml.champions"][1].append(_reign(days[0], "1", None, "first"))
    for number, ds in enumerate(days, start=2):
        promotes = requests >= 100 and number % 10 == 0
        rows["ml.metrics"][1].extend(
            _metrics(ds, champion, str(number), requests=requests, promotes=promotes, chance=chance)
        )
        rows["ml.comparisons"][1].extend(_comparisons(ds, champion, str(number), requests, chance))
        rows["ml.decisions"][1].append(_decision(ds, champion, str(number), requests, promotes))
        rows["ops.steps"][1].extend(_steps(ds, champion, str(number), quarantined if ds == days[-1] else 0, chance))
        rows["ops.skew"][1].append(_skew(ds))
        rows["raw.requests"][1].append(_request(ds + timedelta(days=1)))
        if profiled:
            _monitor(rows, ds, chance, is_last=ds == days[-1])
        if promotes:
            rows["ml.champions"][1].append(_reign(ds, str(number), champion, "promoted"))
            champion = str(number)
    rows["raw.requests"][1].append(_request(days[0]))
    _write(settings, rows)
    return days


def _write(settings: Settings, rows: Rows) -> None:
    def work(con: duckdb.DuckDBPyConnection) -> None:
        for table, written in rows.values():
            if not written:
                continue
            names = ", ".join(f'cast("{column.name}" as {column.type}) as "{column.name}"' for column in table.columns)
            con.register("written", pa.Table.from_pylist(written))
            Lake.replace(con, table, "false", f"select {names} from written")
            con.unregister("written")

    Lake(settings).commit(work, "a history made for a test")


def _reign(ds: date, version: str, replaced: str | None, how: str) -> Row:
    at = datetime.combine(ds + timedelta(days=2), datetime.min.time()) + timedelta(hours=3)
    return {
        "changed_at": at,
        "version": version,
        "replaced": replaced,
        "how": how,
        "ds": ds,
        "reason": "there was no champion" if how == "first" else "gauc is certainly better",
    }


def _metrics(
    ds: date, champion: str, challenger: str, *, requests: int, promotes: bool, chance: random.Random
) -> Iterator[Row]:
    season = 0.01 * math.sin(ds.toordinal() / 20)
    half = 0.5 / math.sqrt(requests)
    for metric in CATALOGUE.values():
        middle = _VALUES.get(metric.name, 0.68) + season + chance.gauss(0, 0.004)
        better = 2 * half if promotes else chance.gauss(0.002, 0.004)
        for role, value in (("champion", middle), ("challenger", middle + better), ("difference", better)):
            yield {
                "ds": ds,
                "role": role,
                "model_name": "dlrm-xs" if role == "champion" and champion == "1" else "hhsft-xs",
                "model_version": champion if role == "champion" else challenger,
                "num_params": 1_000_000,
                "metric": metric.name,
                "value": value,
                "ci_low": value - half if role != "difference" else value - 1.5 * half,
                "ci_high": value + half if role != "difference" else value + 1.5 * half,
                "num_requests": requests,
            }


def _comparisons(ds: date, champion: str, challenger: str, requests: int, chance: random.Random) -> Iterator[Row]:
    half = 1.0 / math.sqrt(requests)
    for name in SLICES:
        difference = chance.gauss(0.002, 0.01)
        yield {
            "ds": ds,
            "baseline_role": "champion",
            "candidate_role": "challenger",
            "baseline_version": champion,
            "candidate_version": challenger,
            "baseline_recipe": "a",
            "candidate_recipe": "b",
            "is_same_days": True,
            "slice": name,
            "metric": "gauc",
            "baseline": 0.68,
            "candidate": 0.68 + difference,
            "difference": difference,
            "ci_low": difference - half,
            "ci_high": difference + half,
            "standard_error": half / 2,
            "num_requests": requests // 3,
        }


def _decision(ds: date, champion: str, challenger: str, requests: int, promotes: bool) -> Row:
    thin = f"evidence too thin: {requests} requests carry gauc (at least 20 are needed)"
    return {
        "ds": ds,
        "decision": "promoted" if promotes else "kept",
        "reason": thin if requests < 20 else "gauc is better" if promotes else "gauc is not certainly better",
        "evidence": json.dumps({"metric": "gauc", "difference": 0.01}),
        "champion_version": champion,
        "challenger_version": challenger,
        "snapshot_id": 1,
    }


def _steps(ds: date, champion: str, challenger: str, quarantined: int, chance: random.Random) -> Iterator[Row]:
    found = {
        "land": Landed(
            rows={"users": 30, "items": 90, "requests": 4_500, "candidates": 150_000, "actions": 10_000},
            quarantined=quarantined,
            days=1,
            landed_days=1,
            forgotten=0,
        ),
        "marts": MartsBuilt(exposures=150_000, attributed={"click": 900}, days_built={}, nodes=(), capped_user_days=0),
        "materialize": Materialized(
            as_of=datetime.combine(ds + timedelta(days=1), datetime.min.time()),
            slot="uniscale_a",
            generation="0" * 32,
            snapshot_id=1,
            entities={},
            views={},
            seconds=1.0,
        ),
        "skew": SkewMeasured(shadow=ServedAgain(), skew=()),
        "page": PageWritten(page=""),
        "samples": _samples(chance),
        "frames": FramesBuilt(
            train_requests=1_400,
            train_rows=60_000,
            eval_requests=400,
            eval_rows=13_000,
            missing={"item_features": 0.01},
            leak={},
            max_leak=0.02,
            rows_per_second=9_000,
        ),
        "train": RankersTrained(
            snapshot_id=1,
            days=(ds,),
            models={
                "champion": Trained(recipe="dlrm_exposed_xs", version=champion, num_params=1_000_000),
                "challenger": Trained(
                    recipe="hhsft_es3_xs",
                    version=challenger,
                    num_params=1_000_000,
                    num_steps=16,
                    warmup_steps=100,
                    num_rows=60_000,
                    passes=2.0,
                    seconds=20.0,
                    loss=0.4,
                ),
            },
            seconds=30.0,
        ),
        "evaluate": Evaluated(
            days=(ds + timedelta(days=1),),
            requests=400,
            exposed_rows=4_000,
            clicks=500,
            purchases=60,
            versions={"champion": VersionJudged(version=champion, name="dlrm-xs")},
            metrics={},
            world=None,
        ),
        "promote": Decided(
            decision="kept",
            reason="",
            champion_version=champion,
            challenger_version=challenger,
            evidence={"metric": "gauc"},
        ),
        "monitor": DriftWatched(
            profiles=9,
            findings={"critical": 1},
            reports=(
                DriftReport(
                    name="search",
                    title="search: this day against those before",
                    num_current=4_000,
                    num_reference=9_000,
                    num_tests=39,
                    failed=("drift of item_ctr",),
                    file="",
                    note="",
                ),
            ),
        ),
    }
    for step in DAY_STEPS:
        yield {
            "ds": ds,
            "step": step.name,
            "input_key": f"{step.name}{ds}",
            "code_version": "abc",
            "snapshot_id": 1,
            "seconds": _SECONDS[step.name] * chance.uniform(0.9, 1.2),
            "peak_mib": 600.0 + chance.uniform(0, 100),
            "details": as_json(found.get(step.name, {})),
        }


def _samples(chance: random.Random) -> SamplesBuilt:
    return SamplesBuilt(
        exposed=17_000,
        unexposed=35_000 + chance.randrange(2_000),
        attributed=1_000,
        synthetic=2_200,
        requests=1_900,
        positives={"click": 4_000, "cart": 700, "purchase": 570},
        searchified={"tier 1": 250, "tier 2": 560},
        shape={"real": Shape(rows=30.0, positive_rate=0.1, weighed_rate=0.1)},
        outside_clicks={"attributed": 500},
        multipliers={
            "shown": Multiplier(requests=1.0, samples=1.0, positives=1.0),
            "whole": Multiplier(requests=1.7, samples=3.1, positives=1.7),
        },
        lift=(),
        growth={"click": Growth(known=(0.5, 0.9, 1.0), observed_to=2, labels=900)},
        young_days="weigh",
        queries=None,
        days_built=1,
        rows_per_second=9_000,
    )


def _skew(ds: date) -> Row:
    return {
        "ds": ds + timedelta(days=1),
        "kind": "shadow",
        "feature": "user_index",
        "num_values": 900,
        "num_matches": 900,
    }


def _request(ds: date) -> Row:
    at = datetime.combine(ds, datetime.min.time())
    who = {"request_id": f"r-{ds}", "user_id": "u1", "domain": "search", "query_text": "lamp", "attributes": None}
    return {"ds": ds, "requested_at": at, **who}


def _monitor(rows: Rows, ds: date, chance: random.Random, *, is_last: bool) -> None:
    for domain, provenance, tier in (("feed", "synthetic", 1), ("shop", "synthetic", 2), ("search", "attributed", 0)):
        told = {
            "ds": ds,
            "population": f"training/{domain}/{provenance}/{tier}",
            "stage": "training",
            "domain": domain,
            "provenance": provenance,
            "query_tier": tier,
        }
        rows["monitor.separability"][1].append(
            {
                **told,
                "num_rows": 1_000,
                "num_native": 1_000,
                "auc": 0.6 + 0.1 * tier + chance.uniform(0, 0.05),
                "auc_se": 0.01,
                "top_columns": ["item_ctr", "log_price"],
                "top_losses": [0.1, 0.05],
                "weight_share": 0.1,
            }
        )
        for column in ("item_ctr", "log_price"):
            rows["monitor.contrasts"][1].append(
                {
                    **told,
                    "column_name": column,
                    "kind": "number",
                    "value": 0.2,
                    "native_value": 0.1,
                    "null_rate": 0.0,
                    "native_null_rate": 0.0,
                    "distance": chance.uniform(0, 0.6),
                }
            )
            rows["monitor.profiles"][1].append(
                {
                    **told,
                    "column_name": column,
                    "kind": "number",
                    "num_rows": 1_000,
                    "num_requests": 100,
                    "weight": 900.0,
                    "num_nulls": 1_000 if is_last and domain == "feed" and column == "item_ctr" else 10,
                    "num_distinct": 500,
                    "mean": 0.2,
                    "std": 0.1,
                    "quantiles": [0.1 * level for level in range(13)],
                    "top_values": None,
                    "top_counts": None,
                    "label_as_of": None,
                }
            )
        if is_last and domain == "feed":
            rows["monitor.findings"][1].append(
                {
                    **told,
                    "column_name": "item_ctr",
                    "what": "null_rate",
                    "value": 1.0,
                    "expected": 0.01,
                    "effect": 0.99,
                    "score": 40.0,
                    "limit": 4.0,
                    "num_days": 28,
                    "severity": "critical",
                    "detail": "item_ctr has no value in any row of feed, 1 % were usual",
                }
            )

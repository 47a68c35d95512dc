"""Lake rows, models and a registry for tests of judging."""

from datetime import date

import numpy as np
import pyarrow as pa
from support_frames import DOMAINS, random_frames, write_frames

from uniscale.contracts.outcomes import DECISIONS, METRICS, STEPS
from uniscale.contracts.tasks import TASK_NAMES, TASKS
from uniscale.evaluation.scoring import SCHEMA
from uniscale.lake import Lake
from uniscale.pipeline.ledger import as_json
from uniscale.pipeline.results import SamplesBuilt

METRIC_NAMES = ("auc", "gauc", "hr_at_5", "ndcg_at_10", "log_loss", "calibration", "gmv_proxy", "gmv_share")


def write_test_day(lake, day, num_requests=60, seed=0):
    """Test requests of a day with native labels; returns their frames."""
    frames = random_frames(num_requests, ds=day, split="eval", seed=seed, domains=DOMAINS[:1])
    write_frames(lake, [frames])
    return frames


def predictions(frames, skill, seed=0):
    """Predictions that know the labels to a degree: 0 nothing, 1 nearly all."""
    rng = np.random.default_rng(seed)
    columns = {"request_id": frames["sample_id"].to_pylist(), "item_ids": frames["item_ids"].to_pylist()}
    for task in TASKS:
        columns[task.probability] = [
            np.clip(skill * np.array(values, float) + (1 - skill) * rng.random(len(values)), 0.01, 0.99).tolist()
            for values in frames[task.label].to_pylist()
        ]
    return pa.table(columns, schema=SCHEMA)


def insert(lake, table, rows):
    """Append rows given as mappings with every column."""

    def work(con):
        Lake.create(con, table)
        for row in rows:
            marks = ", ".join("?" for _ in table.columns)
            con.execute(f"insert into lake.{table.qualified} values ({marks})", [row[c.name] for c in table.columns])

    lake.commit(work, "test rows")


def metric_row(ds, role, metric, *, value=0.6, requests=900):
    return {
        "ds": ds,
        "role": role,
        "model_name": "dlrm-xs" if role == "champion" else "hhsft-xs",
        "model_version": "1" if role == "champion" else "2",
        "num_params": 1000,
        "metric": metric,
        "value": value,
        "ci_low": None if value is None else value - 0.01,
        "ci_high": None if value is None else value + 0.01,
        "num_requests": requests,
    }


def decision_row(ds, *, decision="kept", champion="1", challenger="2", reason="gauc 0.6000 -> 0.6100"):
    return {
        "ds": ds,
        "decision": decision,
        "reason": reason,
        "evidence": '{"metric": "gauc"}',
        "champion_version": champion,
        "challenger_version": challenger,
        "snapshot_id": 41,
    }


def step_row(ds, step, details="{}", seconds=1.5):
    return {
        "ds": ds,
        "step": step,
        "input_key": "k",
        "code_version": "c",
        "snapshot_id": 40,
        "seconds": seconds,
        "peak_mib": 10.0,
        "details": details,
    }


def samples_built(exposed, unexposed, attributed, synthetic):
    """What step samples told, as the ledger keeps it."""
    rows = {"exposed": exposed, "unexposed": unexposed, "attributed": attributed, "synthetic": synthetic}
    counts = {"requests": 1, "positives": dict.fromkeys(TASK_NAMES, 1), "days_built": 1}
    by_name = {name: {} for name in ("searchified", "shape", "outside_clicks", "multipliers", "growth")}
    rest = {"lift": (), "young_days": "keep", "queries": None, "rows_per_second": None}
    return as_json(SamplesBuilt(**rows, **counts, **by_name, **rest))


def write_finished_day(lake, ds: date, *, requests=900, **decision):
    """Rows of a day that ran to its decision."""
    roles = ("champion", "challenger", "difference")
    insert(lake, METRICS, [metric_row(ds, role, name, requests=requests) for role in roles for name in METRIC_NAMES])
    insert(lake, DECISIONS, [decision_row(ds, **decision)])
    samples = samples_built(10, 20, 3, 4)
    insert(lake, STEPS, [step_row(ds, "promote"), step_row(ds, "samples", samples), step_row(ds, "land")])

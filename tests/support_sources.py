"""Event logs small enough to check by eye: two days, three requests, six candidates."""

import copy
import csv
import json
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

DAY_1, DAY_2 = "2026-01-05", "2026-01-06"
LOGS = {
    "users": {
        DAY_1: [
            {"user_id": "u1", "valid_from": f"{DAY_1} 00:00:00", "recorded_at": f"{DAY_1} 00:00:00",
             "attributes": {"device": "app"}},
        ],
    },
    "items": {
        DAY_1: [
            {"item_id": "i1", "title": 'lamp, "old"', "category_id": "c1", "brand_id": None, "shop_id": None,
             "price": 9.5, "valid_from": f"{DAY_1} 00:00:00", "recorded_at": f"{DAY_1} 00:00:00", "attributes": None},
            {"item_id": "i2", "title": "desk", "category_id": "c1", "brand_id": "b1", "shop_id": "s1",
             "price": 100.0, "valid_from": f"{DAY_1} 00:00:00", "recorded_at": f"{DAY_1} 00:00:00", "attributes": {}},
        ],
    },
    "requests": {
        DAY_1: [
            {"request_id": "r1", "user_id": "u1", "domain": "search", "query_text": "lamp",
             "requested_at": f"{DAY_1} 10:00:00", "attributes": None},
            {"request_id": "r2", "user_id": "u1", "domain": "feed", "query_text": None,
             "requested_at": f"{DAY_1} 23:59:59", "attributes": None},
        ],
        DAY_2: [
            {"request_id": "r3", "user_id": "u1", "domain": "search", "query_text": "desk",
             "requested_at": f"{DAY_2} 00:00:00", "attributes": None},
        ],
    },
    "candidates": {
        DAY_1: [
            {"request_id": "r1", "item_id": "i1", "is_exposed": True, "position": 1, "logged_score": 0.5,
             "propensity": 0.25},
            {"request_id": "r1", "item_id": "i2", "is_exposed": False, "position": None, "logged_score": 0.1,
             "propensity": None},
            {"request_id": "r2", "item_id": "i1", "is_exposed": True, "position": 1, "logged_score": None,
             "propensity": None},
            {"request_id": "r2", "item_id": "i2", "is_exposed": True, "position": 2, "logged_score": None,
             "propensity": None},
        ],
        DAY_2: [
            {"request_id": "r3", "item_id": "i1", "is_exposed": True, "position": 2, "logged_score": None,
             "propensity": 1.0},
            {"request_id": "r3", "item_id": "i2", "is_exposed": True, "position": 1, "logged_score": None,
             "propensity": 1.0},
        ],
    },
    "actions": {
        DAY_1: [
            {"action_id": "a1", "user_id": "u1", "item_id": "i1", "action": "click", "acted_at": f"{DAY_1} 10:01:00",
             "recorded_at": f"{DAY_1} 10:01:00", "domain": "search", "request_id": "r1", "quantity": None,
             "unit_price": None},
        ],
        DAY_2: [
            {"action_id": "a2", "user_id": "u1", "item_id": "i1", "action": "purchase",
             "acted_at": f"{DAY_1} 23:00:00", "recorded_at": f"{DAY_2} 01:00:00", "domain": "shop",
             "request_id": None, "quantity": 2, "unit_price": 9.5},
        ],
    },
}  # fmt: skip
COUNTS = {"users": 1, "items": 2, "requests": 3, "candidates": 6, "actions": 2}

_KEYS = {
    "users": "user_id",
    "items": "item_id",
    "requests": "request_id",
    "candidates": "item_id",
    "actions": "action_id",
}
_TIMES = ("valid_from", "recorded_at", "requested_at", "acted_at")


def extended_logs(num_rows=4):
    """The logs with each table's first day grown to ``num_rows`` good rows."""
    logs = copy.deepcopy(LOGS)
    for table, key in _KEYS.items():
        rows = logs[table][DAY_1]
        rows += [{**rows[0], key: f"x{k}"} for k in range(num_rows - len(rows))]
    return logs


def write_logs(folder: Path, kind: str = "parquet", logs=None) -> Path:
    """Write logs below ``folder`` as TABLE/ds=DAY/part-0.KIND."""
    for table, days in (logs or LOGS).items():
        for day, rows in days.items():
            path = folder / table / f"ds={day}" / f"part-0.{kind}"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_rows(path, rows)
    return folder


def write_rows(path: Path, rows) -> None:
    if path.suffix == ".csv":
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows([{k: _as_text(v) for k, v in row.items()} for row in rows])
        return
    columns = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        if name in _TIMES:
            columns[name] = pa.array([datetime.fromisoformat(v) for v in values], pa.timestamp("us"))
        elif name == "attributes":
            items = [None if v is None else list(v.items()) for v in values]
            columns[name] = pa.array(items, pa.map_(pa.string(), pa.string()))
        else:
            columns[name] = pa.array(values)
    pq.write_table(pa.table(columns), path)


def _as_text(value):
    return json.dumps(value) if isinstance(value, dict) else value


def lake_rows(lake):
    """Every row of the raw tables, in an order that does not depend on how they are stored."""
    with lake.read() as con:
        return {
            table: con.execute(f"select * from lake.raw.{table} order by all").fetchall()
            for table in (*LOGS, "quarantine")
        }

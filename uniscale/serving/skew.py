"""Skew between serving and training: served model input against the same requests, recomputed point-in-time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from uniscale.config import Settings
from uniscale.contracts.features import FRESH_HOURS
from uniscale.contracts.literals import quoted
from uniscale.contracts.outcomes import SKEW
from uniscale.features.encoding.columns import Array
from uniscale.features.model_inputs import model_inputs
from uniscale.features.repo import open_store
from uniscale.lake import Lake
from uniscale.serving.served_log import LOGGED, read_served
from uniscale.serving.vectors import matches, vector_hash

PART_REQUESTS = 1000
"""Requests that are recomputed at once, which bounds the memory whatever was served."""


def measure_skew(settings: Settings, lake: Lake, ds: date, kind: str) -> dict[str, Any]:
    """Recompute what was served on a day and store how often each feature was exactly the same.

    Answers without the online store's features (degraded) and those whose logged hash is not that of the logged input
    (corrupt) are counted, not compared.

    Args:
        settings: The installation.
        lake: The lake; holds the feature versions that were known on the day.
        ds: UTC day of the requests.
        kind: ``live`` or ``shadow``.

    Returns:
        ``requests`` logged; of these ``degraded``, ``corrupt``, ``late`` (served from daily values older than the
        midnight before the request), ``overdue`` (from values older than the feature tables promise), ``compared``, and
        ``exact`` (all compared features the same); ``in_time`` and ``exact_in_time``: the same of those not late;
        ``features``: by name the share of values that match.
    """
    served = read_served(settings, kind, ds)
    if served is None:
        return {"ds": ds.isoformat(), "kind": kind, "requests": 0}
    corrupt = _hashes(served) != _logged_hashes(served)
    degraded = served.column("is_degraded").to_numpy()
    midnight = pa.scalar(datetime(ds.year, ds.month, ds.day), pa.timestamp("us"))
    late = _flags(pc.less(served.column("moment"), midnight))
    age = pc.subtract(served.column("requested_at"), served.column("moment"))
    overdue = _flags(pc.greater(age, pa.scalar(timedelta(hours=FRESH_HOURS), pa.duration("us"))))
    is_compared = ~corrupt & ~degraded
    kept = served.filter(pa.array(is_compared))
    found, exact = _compare(settings, lake, kept)
    in_time = ~late[is_compared]
    _write(lake, ds, kind, found)
    return {
        "ds": ds.isoformat(),
        "kind": kind,
        "requests": served.num_rows,
        "degraded": int(degraded.sum()),
        "corrupt": int(corrupt.sum()),
        "late": int(late.sum()),
        "overdue": int(overdue.sum()),
        "compared": kept.num_rows,
        "exact": int(exact.sum()),
        "in_time": int(in_time.sum()),
        "exact_in_time": int((exact & in_time).sum()),
        "features": {name: values[1] / values[0] for name, values in found.items() if values[0]},
    }


def _flags(values: pa.ChunkedArray) -> Array:
    """As NumPy; unknown is False."""
    return np.asarray(pc.fill_null(values, False).to_numpy(), dtype=bool)


def _compare(settings: Settings, lake: Lake, served: pa.Table) -> tuple[dict[str, tuple[int, int]], Array]:
    """By feature the number of values and of matches; and of each request whether all match."""
    store = open_store(settings)
    found: dict[str, tuple[int, int]] = {}
    exact = [np.empty(0, dtype=bool)]
    for start in range(0, served.num_rows, PART_REQUESTS):
        part = served.slice(start, PART_REQUESTS).combine_chunks()
        with lake.read() as con:
            con.register("served_part", part.select(list(LOGGED)))
            con.execute("create temp table served_samples as select request_id as sample_id, * from served_part")
            inputs = model_inputs(con, store, "served_samples", history_length=settings.features.history_length)
        for name, same in matches(part, inputs).items():
            values, matched = found.get(name, (0, 0))
            found[name] = (values + len(same), matched + int(same.sum()))
        exact.append(_hashes(inputs) == _logged_hashes(part))
    return found, np.concatenate(exact)


def _logged_hashes(served: pa.Table) -> Array:
    return np.array(served.column("vector_hash").to_pylist())


def _hashes(inputs: pa.Table) -> Array:
    return np.array([vector_hash(inputs.slice(row, 1)) for row in range(inputs.num_rows)])


def _write(lake: Lake, ds: date, kind: str, found: Mapping[str, tuple[int, int]]) -> None:
    rows = pa.table(
        {
            "ds": pa.array([ds] * len(found), pa.date32()),
            "kind": pa.array([kind] * len(found), pa.string()),
            "feature": pa.array(list(found), pa.string()),
            "num_values": pa.array([values for values, _ in found.values()], pa.int64()),
            "num_matches": pa.array([matched for _, matched in found.values()], pa.int64()),
        }
    )

    def work(con: Any) -> None:
        con.register("skew_rows", rows)
        Lake.replace(con, SKEW, f"ds = date '{ds}' and kind = {quoted(kind)}", "skew_rows")

    lake.commit(work, f"skew of {ds}, {kind}")

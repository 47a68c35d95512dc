"""P(click | score): where source rows of one score are clicked as often as native ones, only the inputs differ.

Rows are scored by the champion. It may have been trained on some of them; that makes its scores of all populations too
sure, and hardly moves the comparison between them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from monitoring.cross_domain.contrasts import is_native
from monitoring.profiling.scan import population_name
from uniscale.config import Settings
from uniscale.contracts.frames import FRAMES
from uniscale.contracts.monitor import DECILES
from uniscale.contracts.tasks import CLICK
from uniscale.data.frames import read_frames
from uniscale.data.histories import read_histories
from uniscale.lake import Lake
from uniscale.registry.store import Registry

REQUESTS = 250
"""Requests scored of each domain and query tier, the same ones every time."""
_CELL = ["domain", "provenance", "query_tier"]


def score_rates(
    settings: Settings, lake: Lake, ds: date, day: date, weights: Mapping[str, float]
) -> Iterator[dict[str, Any]]:
    """Rows of ``monitor.score_rates``; none without a champion or native rows.

    Args:
        settings: The installation.
        lake: Its lake.
        ds: Day of the run.
        day: The training day whose rows are scored.
        weights: Share of each population in the training weight.
    """
    champion = Registry(settings).champion()
    if champion is None:
        return
    rows = _scored(settings, lake, day, champion.version)
    target = settings.target_domain
    cells = dict(iter(rows.groupby(_CELL, sort=True)))
    natives = [part for cell, part in cells.items() if is_native(dict(zip(_CELL, cell, strict=True)), target)]
    if not natives:
        return
    edges = np.quantile(natives[0]["score"], np.arange(1, DECILES) / DECILES)
    for cell, part in cells.items():
        population = population_name("training", cell)
        decile_N = np.searchsorted(edges, part["score"], side="right") + 1
        for decile, found in part.groupby(decile_N, sort=True):
            yield {
                "ds": ds,
                "population": population,
                "stage": "training",
                **dict(zip(_CELL, cell, strict=True)),
                "query_tier": int(cell[2]),
                "decile": int(decile),
                "model_version": champion.version,
                "num_rows": len(found),
                "num_clicks": int(found[CLICK.label].sum()),
                "mean_score": round(float(found["score"].mean()), 5),
                "weight_share": weights.get(population, 0.0),
            }


def _scored(settings: Settings, lake: Lake, day: date, version: str) -> pd.DataFrame:
    from uniscale.evaluation.scoring import score_records
    from uniscale.models.zoo import load_model

    registry = Registry(settings)
    model = load_model(registry.download(registry.get(version))).to(settings.training.device)
    snapshot = lake.snapshot_id()
    with lake.read(snapshot) as con:
        chosen = _chosen(con, day)
    histories = read_histories(lake, [day], "train", model.domains, model.inputs.history_length, snapshot_id=snapshot)
    found = []
    for batch in read_frames(lake, [day], "train", snapshot_id=snapshot):
        records = batch.filter(pc.is_in(batch.column("sample_id"), value_set=pa.array(sorted(chosen), pa.string())))
        if records.num_rows:
            scores = score_records(model, records, histories).column(CLICK.probability).combine_chunks().flatten()
            found.append(_rows(records, scores))
    columns = [*_CELL, CLICK.label, "score"]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)


def _chosen(con: duckdb.DuckDBPyConnection, day: date) -> Collection[str]:
    query = f"""
        select sample_id from lake.{FRAMES.qualified} where split = 'train' and ds = ?
        qualify row_number() over (partition by domain, query_tier order by md5_number_lower(sample_id), sample_id)
            <= {REQUESTS}
    """
    return {sample for (sample,) in con.execute(query, [day]).fetchall()}


def _rows(records: pa.RecordBatch, scores: pa.Array) -> pd.DataFrame:
    request_N = np.repeat(np.arange(records.num_rows), pc.list_value_length(records.column("item_ids")).to_numpy())
    of_request = {
        name: records.column(name).to_numpy(zero_copy_only=False)[request_N] for name in ("domain", "query_tier")
    }
    of_item = {
        name: records.column(name).flatten().to_numpy(zero_copy_only=False) for name in ("provenance", CLICK.label)
    }
    return pd.DataFrame({**of_request, **of_item, "score": scores.to_numpy(zero_copy_only=False)})

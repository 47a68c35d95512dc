"""How MLflow loads a ranker: from ``model.json`` and ``weights.pt``, without a pickle.

``mlflow.pyfunc.load_model("models:/ranker@champion").predict(frames)`` scores frames that carry their histories
(`uniscale.data.histories.Histories.carried`), as a pandas data frame or an Arrow table.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from uniscale.evaluation.scoring import score_records
from uniscale.models.ranker import Ranker


class LoadedRanker:
    """What `mlflow.pyfunc.load_model` wraps."""

    def __init__(self, model: Ranker) -> None:
        self._model = model

    def predict(self, frames: Any, params: dict[str, Any] | None = None) -> Any:
        """The probability of every task for every candidate, one row per request, as a pandas data frame."""
        del params
        records = frames if isinstance(frames, pa.Table) else pa.Table.from_pandas(frames, preserve_index=False)
        return score_records(self._model, records).to_pandas()


def _load_pyfunc(path: str) -> LoadedRanker:
    from uniscale.models.zoo import load_model

    return LoadedRanker(load_model(Path(path)))

"""When monitoring calls something wrong: `monitoring/thresholds.yaml`, checked."""

from __future__ import annotations

import yaml
from pydantic import BaseModel, ConfigDict, Field

from uniscale.checkout import PROJECT_ROOT


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DriftThresholds(_Strict):
    """When a column, and when a data set, counts as drifted."""

    method: str
    column: float = Field(gt=0)
    share: float = Field(gt=0, le=1)
    max_rows: int = Field(gt=0)
    min_rows: int = Field(gt=0)


class CalibrationThresholds(_Strict):
    """Bounds of mean prediction over observed rate."""

    low: float = Field(gt=0)
    high: float = Field(gt=0)


class SkewThresholds(_Strict):
    """Share of the served values of a feature that must be what the lake recomputes."""

    match: float = Field(gt=0, le=1)


class Thresholds(_Strict):
    """All thresholds."""

    drift: DriftThresholds
    skew: SkewThresholds
    calibration: CalibrationThresholds


def load_thresholds() -> Thresholds:
    """Read the file of the checkout.

    Raises:
        ValueError: A key is unknown, missing or out of range.
    """
    text = (PROJECT_ROOT / "monitoring" / "thresholds.yaml").read_text(encoding="utf-8")
    return Thresholds.model_validate(yaml.safe_load(text))

"""When monitoring calls something wrong: `monitoring/thresholds.yaml`, checked."""

from __future__ import annotations

from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from uniscale.checkout import PROJECT_ROOT
from uniscale.contracts.monitor import SCORED


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DriftThresholds(_Strict):
    """When something in a day's profiles stands out (`monitoring.drift`)."""

    days: int = Field(gt=0)
    min_days: int = Field(gt=1)
    min_requests: int = Field(gt=0)
    min_rows: int = Field(gt=0)
    limits: dict[str, float]
    few_days: float = Field(ge=0)
    floors: dict[str, float]
    critical: dict[str, float]

    @model_validator(mode="after")
    def _refuse_incomplete(self) -> Self:
        for name in ("limits", "floors", "critical"):
            found = getattr(self, name).keys()
            wanted = {*SCORED, *(() if name == "limits" else ("new_values",))}
            if found != wanted:
                raise ValueError(f"drift.{name} must name {', '.join(sorted(wanted))}; it names {', '.join(found)}")
        return self


class ContrastThresholds(_Strict):
    """How source rows are compared with native rows of the same days."""

    max_rows: int = Field(gt=0)
    min_rows: int = Field(gt=0)
    auc: float = Field(gt=0.5, le=1)


class ReportThresholds(_Strict):
    """Evidently's reports and the tests in them."""

    max_rows: int = Field(gt=0)
    min_rows: int = Field(gt=0)
    max_columns: int = Field(gt=0)
    column: float = Field(gt=0)
    share: float = Field(gt=0, le=1)
    missing: float = Field(gt=0, le=1)
    new_values: float = Field(gt=0, le=1)
    label_rate: float = Field(gt=0)


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
    contrasts: ContrastThresholds
    reports: ReportThresholds
    skew: SkewThresholds
    calibration: CalibrationThresholds


def load_thresholds() -> Thresholds:
    """Read the file of the checkout.

    Raises:
        ValueError: A key is unknown, missing or out of range.
    """
    text = (PROJECT_ROOT / "monitoring" / "thresholds.yaml").read_text(encoding="utf-8")
    return Thresholds.model_validate(yaml.safe_load(text))

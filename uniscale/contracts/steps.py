"""The steps of a day, in order: what the DAG wires, the command line runs and the report times."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DayStep:
    """One step of a day.

    Attributes:
        name: One word, as in the DAG, the ledger and on the report.
        title: What a person reads while it runs.
    """

    name: str
    title: str


DAY_STEPS: tuple[DayStep, ...] = (
    DayStep("land", "Land the day's logs"),
    DayStep("marts", "Exposures, attribution, features (dbt)"),
    DayStep("samples", "Entire-space samples (ES3)"),
    DayStep("frames", "Point-in-time training frames (Feast)"),
    DayStep("materialize", "Online features (Feast)"),
    DayStep("train", "Train the rankers (Ray Train)"),
    DayStep("evaluate", "Judge on the next day's requests"),
    DayStep("promote", "Promotion decision (MLflow)"),
    DayStep("monitor", "Drift report (Evidently)"),
    DayStep("page", "Page of the day"),
)

"""The steps of a day, in order: what the DAG wires, the command line runs and the report times."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DayStep:
    """One step of a day.

    Attributes:
        name: One word, as in the DAG, the ledger and on the report.
        group: What it belongs to, a box in the DAG's graph.
        title: What a person reads while it runs.
    """

    name: str
    group: str
    title: str


DAY_STEPS: tuple[DayStep, ...] = (
    DayStep("land", "Data", "Land the day's logs"),
    DayStep("marts", "Data", "Exposures, attribution, features (dbt)"),
    DayStep("samples", "Data", "Entire-space samples (ES3)"),
    DayStep("frames", "Features", "Point-in-time training frames (Feast)"),
    DayStep("materialize", "Features", "Online features (Feast)"),
    DayStep("train", "Model", "Train the rankers (Ray Train)"),
    DayStep("evaluate", "Model", "Judge on the next day's requests"),
    DayStep("promote", "Model", "Promotion decision (MLflow)"),
    DayStep("skew", "Watch", "Serve requests again, compare with the lake"),
    DayStep("monitor", "Watch", "Drift report (Evidently)"),
    DayStep("page", "Watch", "Page of the day"),
)

"""The steps of a day and of a night, in order: what DAGs wire, the command line runs and the report times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from uniscale.contracts.events import REQUESTS
from uniscale.contracts.schema import Table


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        name: One word, as in the DAG, the ledger and on the report.
        group: What it belongs to, a box in the DAG's graph.
        title: What a person reads while it runs.
        settings: Names of settings (sections or values) that its result depends on, in addition to those that the
            tables it builds declare.
        is_replayed: Whether `uniscale replay` does it again, from raw tables alone.
        limit_hours: Airflow ends a task of it that has been at it for so long.
        lands: Tables of the log that it lands days of, as far as others wait for them.
    """

    name: str
    group: str
    title: str
    settings: tuple[str, ...] = ()
    is_replayed: bool = False
    limit_hours: float = 1
    lands: tuple[Table, ...] = ()

    @property
    def work(self) -> Callable[..., Any]:
        """What a step of the day does: the function of its name in `uniscale.pipeline.work`.

        It is looked up when it is asked for, so that DAGs and the command line start without what steps import.
        """
        found: Callable[..., Any] = getattr(import_module("uniscale.pipeline.work"), self.name)
        return found

    @property
    def depends_on(self) -> tuple[str, ...]:
        """Names of all settings that its result depends on, with dots between section and name."""
        from uniscale.pipeline.products import products_of

        declared = [name for product in products_of(self.name) for name in product.settings]
        names = ["policy" if name.startswith("policy.") else name for name in declared]
        return tuple(dict.fromkeys([*self.settings, *names]))


_TRAINING = ("source", "window", "policy", "target_domain", "domains", "seed", "training", "recipes")
WATCHING = "Watch"
"""Group of the steps that look at what has been done: each is done although one before it failed."""
DAY_STEPS: tuple[Step, ...] = (
    Step("land", "Data", "Land the day's logs", ("source", "window", "domains", "target_domain"), limit_hours=2),
    Step("marts", "Data", "Exposures, attribution, features (dbt)", ("window",), True, 4),
    Step("samples", "Data", "Entire-space samples (ES3)", ("window",), True, 2),
    Step("frames", "Features", "Point-in-time training frames (Feast)", ("window", "policy"), True, 4),
    Step("materialize", "Features", "Online features (Feast)", ("features",)),
    Step("train", "Model", "Train the rankers (Ray Train)", _TRAINING, limit_hours=12),
    Step("evaluate", "Model", "Judge on the next day's requests", ("gate", "window")),
    Step("promote", "Model", "Promotion decision (MLflow)", ("gate",)),
    Step("skew", WATCHING, "Serve requests again, compare with the lake", ("features", "window")),
    Step("monitor", WATCHING, "Profiles, drift, reports (Evidently)", ("window", "domains", "target_domain")),
    Step("page", WATCHING, "Page of the day"),
)

RETRAINING_STEPS = tuple(step for step in DAY_STEPS if step.group != WATCHING)
WATCH_STEPS = tuple(step for step in DAY_STEPS if step.group == WATCHING)

NIGHT_STEPS: tuple[Step, ...] = (
    Step("build", "Features", "Land the day's logs, build its features (dbt)", limit_hours=4, lands=(REQUESTS,)),
    Step("materialize", "Features", "Online features (Feast)"),
    Step("skew", "Features", "Compare what was served with the lake"),
)
"""Commands of `uniscale features`, each with the day that has ended."""


def day_step(name: str) -> Step:
    """A step of the day by its name.

    Raises:
        ValueError: No step has this name.
    """
    found = next((step for step in DAY_STEPS if step.name == name), None)
    if found is None:
        raise ValueError(f"no step is called {name!r}; the steps are {', '.join(step.name for step in DAY_STEPS)}")
    return found


def steps_until(name: str) -> tuple[str, ...]:
    """Names of the steps of a day from the first to one of them.

    Raises:
        ValueError: No step has this name.
    """
    last = DAY_STEPS.index(day_step(name))
    return tuple(step.name for step in DAY_STEPS[: last + 1])

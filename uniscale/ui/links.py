"""Where the other servers are: their addresses for a browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from uniscale.config import Settings
from uniscale.pipeline.progress import Change


@dataclass(frozen=True, kw_only=True, slots=True)
class Links:
    """Addresses of the servers of an installation, without a slash at the end."""

    mlflow: str
    airflow: str
    evidently: str

    def run(self, experiment: str, run_id: str) -> str:
        """A run in MLflow."""
        return f"{self.mlflow}/#/experiments/{quote(experiment)}/runs/{quote(run_id)}"

    def airflow_runs(self, told: Sequence[Change]) -> list[str]:
        """The last run in Airflow of every DAG that did steps of a day; all runs where a person did them.

        Args:
            told: What the day told, oldest first.
        """
        newest = {change.dag_id: change.run_id for change in told if change.dag_id}
        if not newest:
            return [f"{self.airflow}/dags/daily_retraining/runs"]
        return [f"{self.airflow}/dags/{quote(dag)}/runs/{quote(run_id)}" for dag, run_id in newest.items()]


def loopback_links(settings: Settings, *, mlflow_port: int, airflow_port: int, evidently_port: int) -> Links:
    """The servers that `uniscale up` starts; MLflow may be another one by the settings."""
    uri = settings.tracking.uri or ""
    return Links(
        mlflow=uri.rstrip("/") if uri.startswith("http") else f"http://127.0.0.1:{mlflow_port}",
        airflow=f"http://127.0.0.1:{airflow_port}",
        evidently=f"http://127.0.0.1:{evidently_port}",
    )


def day_page(ds: date, file: str = "index.html") -> str:
    """A report of a day, as the monitoring step wrote it."""
    return f"/reports/{ds}/{file}"

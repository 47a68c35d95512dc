"""MLflow runs: parameters, numbers, files, and the model artefact, written in few calls."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

TRAINING, SWEEPS = "training", "sweeps"
_METRICS_PER_CALL = 1000  # MLflow refuses larger batches
_MAX_PARAM = 6000  # characters MLflow stores of a parameter


class Runs:
    """Writes runs of one installation; the client is MLflow's."""

    def __init__(self, client: Any, artifact_root: str | None) -> None:
        self._client = client
        self._artifact_root = artifact_root

    def experiment(self, name: str) -> str:
        """Identifier of the experiment, which is made on first use."""
        from mlflow.exceptions import MlflowException

        known = self._client.get_experiment_by_name(name)
        if known is None:
            location = None if self._artifact_root is None else f"{self._artifact_root}/{name}"
            try:
                return str(self._client.create_experiment(name, artifact_location=location))
            except MlflowException:
                known = self._client.get_experiment_by_name(name)
                if known is None:  # not a race with another process: the error stands
                    raise
        return str(known.experiment_id)

    def start(self, experiment: str, name: str, tags: Mapping[str, str], params: Mapping[str, Any]) -> str:
        """Start a run and write its parameters; nested ones are joined with dots.

        Returns:
            Identifier of the run.
        """
        from mlflow.entities import Param

        run_id = str(self._client.create_run(experiment, run_name=name, tags=dict(tags)).info.run_id)
        flat = [Param(key, str(value)[:_MAX_PARAM]) for key, value in flatten(params).items()]
        self._client.log_batch(run_id, params=flat)
        return run_id

    def log_numbers(
        self,
        run_id: str,
        metrics: Mapping[str, float],
        curve: Sequence[Mapping[str, float]],
        *,
        at: datetime | None = None,
    ) -> None:
        """Write final numbers, and curves point by point; each point has ``step``, the other entries are numbers.

        Args:
            run_id: Run they belong to.
            metrics: Final numbers by name.
            curve: Points in the order of their steps.
            at: Time they are stamped with; default now.
        """
        from mlflow.entities import Metric

        now = int((at or datetime.now(UTC)).timestamp() * 1000)
        points = [Metric(key, float(value), now, 0) for key, value in metrics.items()]
        points += [
            Metric(key, float(value), now, int(point["step"]))
            for point in curve
            for key, value in point.items()
            if key != "step" and isinstance(value, int | float)
        ]
        for start in range(0, len(points), _METRICS_PER_CALL):
            self._client.log_batch(run_id, metrics=points[start : start + _METRICS_PER_CALL])

    def store_model(self, experiment: str, run_id: str, name: str, model_dir: Path) -> str:
        """Keep a saved ranker as a logged model that ``mlflow.pyfunc.load_model`` can open, without a pickle.

        Returns:
            Identifier of the logged model.
        """
        import mlflow.pyfunc

        model = self._client.create_logged_model(experiment, name=name, source_run_id=run_id)
        with tempfile.TemporaryDirectory(prefix="uniscale-model-") as scratch:
            copy, packed = Path(scratch, "model"), Path(scratch, "packed")
            shutil.copytree(model_dir, copy)
            mlflow.pyfunc.save_model(
                packed,
                loader_module="uniscale.registry.flavor",
                data_path=str(copy),
                pip_requirements=["uniscale[train,track]"],  # given, or MLflow starts a process to guess them
            )
            self._client.log_model_artifacts(model.model_id, str(packed))
        self._client.finalize_logged_model(model.model_id, "READY")
        return str(model.model_id)

    def finish(self, run_id: str) -> None:
        """Mark the run as finished."""
        self._client.set_terminated(run_id, "FINISHED")

    def delete(self, run_id: str, source: str) -> None:
        """Delete a run and the logged model that came of it; its files go where they lie on this machine."""
        from mlflow.exceptions import MlflowException

        model_id = source.removeprefix("models:/")
        try:
            location = self._client.get_logged_model(model_id).artifact_location
            if location.startswith("file://"):
                shutil.rmtree(url2pathname(urlsplit(location).path), ignore_errors=True)
            self._client.delete_logged_model(model_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":  # it was deleted before a kill
                raise
        if self._client.get_run(run_id).info.lifecycle_stage == "active":
            self._client.delete_run(run_id)

    def heal(self, run_id: str) -> None:
        """Finish the run of a version whose process was killed right after it registered."""
        if self._client.get_run(run_id).info.status == "RUNNING":
            self.finish(run_id)

    def mark_half_made(self, experiment: str, key: str) -> None:
        """Mark runs of a training key that never became a version as killed."""
        left = self._client.search_runs(
            [experiment], filter_string=f"tags.training_key = '{key}' and attributes.status = 'RUNNING'"
        )
        for run in left:
            self._client.set_terminated(run.info.run_id, "KILLED")


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, keys joined with dots."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat

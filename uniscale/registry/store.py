"""The registry of rankers: one registered model ``ranker`` in MLflow, its versions, their runs and two aliases.

A version is found by its training key, so training that was killed after it registered is not done again. The version
is the last thing written: what a killed process leaves behind is a run without a version, which the next one marks.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from uniscale.config import Settings
from uniscale.contracts.outcomes import ALIASES
from uniscale.registry.client import artifact_root, open_client, tracking_uri
from uniscale.registry.runs import SWEEPS, TRAINING, Runs
from uniscale.registry.version import Version, read_days

__all__ = ["ALIASES", "MODEL", "Registry", "Version"]

MODEL = "ranker"


class Registry:
    """Model versions of one installation."""

    def __init__(self, settings: Settings) -> None:
        self._uri = tracking_uri(settings)
        self._client = open_client(settings)
        self._runs = Runs(self._client, artifact_root(settings))

    def champion(self) -> Version | None:
        """The version that serves, or None before the first."""
        return self._by_alias("champion")

    def challenger(self) -> Version | None:
        """The version that was trained last to replace it, or None."""
        return self._by_alias("challenger")

    def find(self, key: str) -> Version | None:
        """The newest version trained under this key, or None."""
        found = self._search({"training_key": key})
        if not found:
            return None
        self._runs.heal(found[0].run_id)
        return found[0]

    def get(self, version: str) -> Version:
        """A version by its number.

        Raises:
            ValueError: There is no such version.
        """
        from mlflow.exceptions import MlflowException

        try:
            return _version(self._client.get_model_version(MODEL, version))
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
        raise ValueError(f"the registry {self._uri} has no version {version!r} of {MODEL}; train the day again")

    def named(self, name: str) -> Version:
        """A version by its number or its alias.

        Raises:
            ValueError: There is no such version, or no version has the alias.
        """
        if name not in ALIASES:
            return self.get(name)
        found = self._by_alias(name)
        if found is None:
            raise ValueError(
                f"the registry {self._uri} has no {name} yet; train a day, or name a version by its number"
            )
        return found

    def run_of(self, version: str) -> tuple[str, str]:
        """Experiment and run that trained a version, as MLflow's pages name them.

        Raises:
            ValueError: There is no such version.
        """
        run_id = self.get(version).run_id
        return str(self._client.get_run(run_id).info.experiment_id), run_id

    def versions(self) -> list[Version]:
        """Every registered version, newest first."""
        return self._search({})

    def trained_for(self, ds: date, role: str = "challenger") -> Version | None:
        """The version trained for a day in a role: the one that holds the role's alias, else the newest, else None."""
        holder = self._by_alias(role) if role in ALIASES else None
        if holder is not None and holder.ds == ds:
            return holder
        found = self._search({"ds": ds.isoformat(), "role": role})
        return found[0] if found else None

    def register(
        self,
        *,
        ds: date,
        role: str,
        days: Sequence[date],
        recipe: Mapping[str, Any],
        model_name: str,
        model_dir: Path,
        metrics: Mapping[str, float],
        curve: Sequence[Mapping[str, float]],
        snapshot_id: int,
        code_version: str,
        num_params: int,
        key: str,
        again: bool = False,
    ) -> Version:
        """Store a trained model with its run; a version of the same key that is already there is returned instead.

        Args:
            ds: Day of the run.
            role: What it was trained as, for example ``challenger``.
            days: UTC days whose training frames it was trained on.
            recipe: The recipe's content, JSON-like; becomes the run's parameters.
            model_name: Architecture and size, for example ``hhsft-xs``.
            model_dir: Folder with ``model.json`` and ``weights.pt``; it is copied.
            metrics: Final numbers of the training, by name.
            curve: Points of the training curve; each has ``step`` and further numbers.
            snapshot_id: Lake snapshot it was trained on.
            code_version: Code it was trained by.
            num_params: Trainable parameters.
            key: Training key.
            again: Store it also if there is a version of the same key; `find` then finds this one.

        Raises:
            FileNotFoundError: ``model_dir`` is not a folder.
        """
        if not model_dir.is_dir():
            raise FileNotFoundError(f"model_dir {model_dir} is not a folder; save the model there first")
        known = None if again else self.find(key)
        if known is not None:
            return known
        draft = Version(
            name=model_name,
            version="",
            ds=ds,
            role=role,
            days=tuple(sorted(days)),
            recipe=recipe,
            num_params=num_params,
            snapshot_id=snapshot_id,
            code_version=code_version,
            key=key,
            run_id="",
            source="",
        )
        experiment = self._runs.experiment(TRAINING)
        self._runs.mark_half_made(experiment, key)
        run_id = self._runs.start(experiment, f"{model_name} {ds} {role}", draft.tags(), recipe)
        self._runs.log_numbers(run_id, {**metrics, "num_params": num_params}, curve)
        model_id = self._runs.store_model(experiment, run_id, model_name, model_dir)
        version = self._create_version(draft, run_id, f"models:/{model_id}")
        self._runs.finish(run_id)
        return version

    def set_alias(self, alias: str, version: Version | str) -> None:
        """Point an alias at a version.

        Raises:
            ValueError: The alias is not one of ours.
        """
        if alias not in ALIASES:
            raise ValueError(f"alias {alias!r} is not one of {', '.join(ALIASES)}")
        number = version.version if isinstance(version, Version) else version
        self._client.set_registered_model_alias(MODEL, alias, number)

    def aliased(self) -> set[str]:
        """Numbers of the versions that hold an alias."""
        return {found.version for alias in ALIASES if (found := self._by_alias(alias)) is not None}

    def delete(self, version: Version) -> None:
        """Forget a version, with its run and the files of its model; who asks for it later is told to train it again.

        Killed half-way, the same call finishes the work: the version goes last.
        """
        self._runs.delete(version.run_id, version.source)
        self._client.delete_model_version(MODEL, version.version)

    def download(self, version: Version | str) -> Path:
        """Local folder with ``model.json`` and ``weights.pt`` of a version."""
        from mlflow.artifacts import download_artifacts

        number = version.version if isinstance(version, Version) else version
        root = self._client.get_model_version_download_uri(MODEL, number)
        return Path(download_artifacts(artifact_uri=f"{root}/data/model", tracking_uri=self._uri))

    def log_trial(
        self,
        *,
        ds: date,
        name: str,
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        artifacts: Iterable[Path] = (),
    ) -> str:
        """Store one trial of a sweep as a finished run.

        Args:
            ds: Day of the run it was trained and judged on.
            name: What tells it from the other trials.
            params: Its settings, JSON-like.
            metrics: Its numbers.
            artifacts: Files to keep with it.

        Returns:
            Identifier of the run.
        """
        run_id = self._runs.start(self._runs.experiment(SWEEPS), name, {"ds": ds.isoformat()}, params)
        self._runs.log_numbers(run_id, metrics, ())
        for path in artifacts:
            self._client.log_artifact(run_id, str(path))
        self._runs.finish(run_id)
        return run_id

    def log_evaluation(self, version: Version, *, ds: date, metrics: Mapping[str, float | None]) -> None:
        """Put the metrics of the test days of ``ds`` next to those of the training; undefined ones are left out.

        They are stamped with the day, not with the time of writing, so writing them again changes nothing.
        """
        known = {f"eval_{name}": value for name, value in metrics.items() if value is not None}
        self._runs.log_numbers(version.run_id, known, (), at=datetime.combine(ds, time(), UTC))

    def log_decision(self, version: Version, *, ds: date, decision: str, evidence: Mapping[str, Any]) -> None:
        """Keep the evidence of a decision with the run of the version it was about, and show it in the registry.

        Writing the same decision again changes nothing.
        """
        self._client.log_dict(version.run_id, dict(evidence), f"decisions/{ds.isoformat()}.json")
        self._client.set_model_version_tag(MODEL, version.version, "decision", f"{decision} {ds.isoformat()}")

    def _create_version(self, draft: Version, run_id: str, source: str) -> Version:
        import mlflow
        from mlflow.exceptions import MlflowException

        mlflow.set_tracking_uri(self._uri)  # MLflow looks models:/ sources up there, not where its client points
        try:
            self._client.create_registered_model(MODEL, description="Rankers of the target domain's requests.")
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        tags = {**draft.tags(), "recipe": json.dumps(draft.recipe, sort_keys=True, default=str)}
        made = self._client.create_model_version(MODEL, source=source, run_id=run_id, tags=tags)
        return dataclasses.replace(_version(made), recipe=draft.recipe)

    def _by_alias(self, alias: str) -> Version | None:
        from mlflow.exceptions import MlflowException

        try:
            return _version(self._client.get_model_version_by_alias(MODEL, alias))
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None  # no model yet, or no version holds the alias
            raise

    def _search(self, tags: Mapping[str, str]) -> list[Version]:
        conditions = [f"name = '{MODEL}'", *(f"tag.`{key}` = '{value}'" for key, value in tags.items())]
        found: list[Version] = []
        page = None
        while True:
            entries = self._client.search_model_versions(
                " and ".join(conditions), order_by=["version_number DESC"], page_token=page
            )
            found += [_version(entry) for entry in entries]
            page = entries.token
            if not page:
                return found


def _version(entry: Any) -> Version:
    tags = entry.tags
    return Version(
        name=tags["model_name"],
        version=str(entry.version),
        ds=date.fromisoformat(tags["ds"]),
        role=tags["role"],
        days=read_days(tags["days"]) if "days" in tags else None,
        recipe=json.loads(tags["recipe"]),
        num_params=int(tags["num_params"]),
        snapshot_id=int(tags["snapshot_id"]),
        code_version=tags["code_version"],
        key=tags["training_key"],
        run_id=entry.run_id,
        source=entry.source,
    )

"""Trains and registers the rankers of a day: ``python -m ray_jobs.train --ds DS``.

On a fresh installation the first champion is trained before the challenger. A version that is already registered under
the same training key is reused. By hand, ``--recipe R --from DS --to DS`` trains one recipe on given days.

The last line of standard output is a JSON object; everything else goes to standard error.
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ray_jobs.session import ray_session
from uniscale.config import Settings, load_settings
from uniscale.config.calendar import train_days
from uniscale.console import err, exit_codes, parse_day
from uniscale.contracts.outcomes import ALIASES
from uniscale.lake import Lake

if TYPE_CHECKING:
    from uniscale.recipes.job import TrainJob
    from uniscale.recipes.recipe import Recipe
    from uniscale.registry.store import Registry, Version


class Session:
    """Trains jobs of one run; Ray starts with the first one that really needs training."""

    def __init__(
        self, settings: Settings, registry: Registry, ds: date, stack: ExitStack, *, force: bool = False
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._ds = ds
        self._stack = stack
        self._force = force
        self._started = False

    def version_of(self, job: TrainJob, role: str) -> tuple[Version, dict[str, Any]]:
        """The version of a job, trained now if none is registered or by force, and what the report tells of it."""
        version = None if self._force else self._registry.find(job.key)
        facts: dict[str, Any] = {"reused": version is not None}
        if version is None:
            version, facts = self._train(job, role)
        facts.update(recipe=job.recipe.name, version=version.version, num_params=version.num_params, key=job.key)
        facts["warmup_steps"] = job.recipe.train.warmup_steps
        return version, facts

    def _train(self, job: TrainJob, role: str) -> tuple[Version, dict[str, Any]]:
        from ray_jobs.fit import fit
        from uniscale.checkout import code_version
        from uniscale.models.zoo import load_model, num_params, save_model
        from uniscale.recipes.job import give_level

        if not self._started:
            err.print(f"starting {self._settings.training.num_workers} training workers (Ray)")
            self._stack.enter_context(ray_session(self._settings, self._settings.training.num_workers + 1))
            self._started = True
        with fit(self._settings, job) as fitted, TemporaryDirectory(prefix="us-model-") as folder:
            model = load_model(fitted.model_dir)
            levels = give_level(self._settings, job, model)
            save_model(model, Path(folder))
            facts: dict[str, Any] = {
                "reused": False,
                "seconds": round(fitted.seconds, 1),
                "rows_per_second": round(fitted.rows_per_second),
                "loss": fitted.loss,
                "num_requests": fitted.num_requests,
                "num_rows": fitted.num_items,
                "num_steps": fitted.curve[-1]["step"],
                "passes": round(fitted.passes, 2),
                "level": {task: round(added, 3) for task, added in levels.items()},
                "curve": fitted.curve[:: max(1, len(fitted.curve) // 60)],
            }
            version = self._registry.register(
                ds=self._ds,
                role=role,
                days=job.days,
                recipe=job.recipe.content(),
                model_name=f"{job.recipe.model}-{job.recipe.size}",
                model_dir=Path(folder),
                metrics={name: float(facts[name]) for name in ("loss", "seconds", "rows_per_second", "num_rows")},
                curve=fitted.curve,
                snapshot_id=job.snapshot_id,
                code_version=code_version(),
                num_params=num_params(model),
                key=job.key,
                again=self._force,
            )
        err.print(f"{job.recipe.name}: loss {facts['loss']:.4f} after {facts['seconds']} s, version {version.version}")
        return version, facts


def train_day(settings: Settings, ds: date, *, force: bool = False) -> dict[str, Any]:
    """Train what a day needs: the first champion if none is registered, the challenger, and a refresh.

    The refresh is the champion's recipe on the challenger's days: of two recipes trained on different days nobody could
    tell whether the recipe or the freshness makes the difference. There is none where the challenger has the champion's
    recipe, or the champion these days. Each day has a seed of its own, so that the luck of an initialisation is not the
    same every day.

    Args:
        settings: The installation.
        ds: Last training day.
        force: Train the challenger, and a first champion, also if a version of the same inputs is registered.

    Returns:
        Snapshot, days, and per role the version with its figures.
    """
    from uniscale.decision.champion import make_champion
    from uniscale.decision.contest import champion_at
    from uniscale.recipes.catalogue import get_recipe
    from uniscale.recipes.job import plan_job
    from uniscale.registry.store import Registry

    lake, registry, days = Lake(settings), Registry(settings), train_days(settings, ds)
    models: dict[str, Any] = {}
    with ExitStack() as stack:
        session = Session(settings, registry, ds, stack, force=force)
        champion = champion_at(lake, registry, ds)
        if champion is None:
            first = get_recipe(settings.training.champion_recipe, settings.recipes)
            job = plan_job(settings, lake, of_day(first, ds), days, "champion")
            champion, models["champion"] = session.version_of(job, "champion")
            make_champion(lake, registry, champion, how="first", reason="there was no champion", ds=ds)
        else:
            about = {"recipe": champion.recipe_name, "version": champion.version, "num_params": champion.num_params}
            models["champion"] = about
        daily = get_recipe(settings.training.challenger_recipe, settings.recipes)
        job = plan_job(settings, lake, of_day(daily, ds), days, "challenger")
        version, models["challenger"] = session.version_of(job, "challenger")
        registry.set_alias("challenger", version)
        if champion.recipe_key != version.recipe_key and champion.days != version.days:
            fresh = plan_job(settings, lake, of_day(recipe_of(champion), ds), days, "refresh")
            _, models["refresh"] = session.version_of(fresh, "refresh")
    return {"snapshot_id": job.snapshot_id, "days": [day.isoformat() for day in days], "models": models}


def of_day(recipe: Recipe, ds: date) -> Recipe:
    """A recipe with the seed of a day."""
    return replace(recipe, seed_offset=recipe.seed_offset + ds.toordinal())


def recipe_of(champion: Version) -> Recipe:
    """The recipe of the champion, with the seed of the installation.

    Raises:
        ValueError: It was registered by code whose recipes had other fields.
    """
    from uniscale.recipes.recipe import Recipe

    try:
        return replace(Recipe.from_content(dict(champion.recipe)), seed_offset=0)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"the recipe of champion version {champion.version} is not one of this code ({error}), so it cannot be "
            "trained on fresher days; train a champion: uniscale train --recipe R --from DS --to DS --alias champion"
        ) from error


def train_recipe(settings: Settings, name: str, first: date, last: date, alias: str | None) -> dict[str, Any]:
    """Train one recipe by hand on the days from ``first`` to ``last``; an alias is set only if asked for.

    Raises:
        ValueError: The days are in the wrong order, or the alias or recipe does not exist.
    """
    from uniscale.decision.champion import make_champion
    from uniscale.recipes.catalogue import get_recipe
    from uniscale.recipes.job import plan_job
    from uniscale.registry.store import Registry

    if alias not in (None, *ALIASES):
        raise ValueError(f"no alias is called {alias!r}; the aliases are {', '.join(ALIASES)}")
    if last < first:
        raise ValueError(f"--from {first} lies after --to {last}; give the earlier day first")
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    registry = Registry(settings)
    role = alias or "manual"
    job = plan_job(settings, Lake(settings), get_recipe(name, settings.recipes), days, role)
    with ExitStack() as stack:
        version, facts = Session(settings, registry, last, stack).version_of(job, role)
    if alias == "champion":
        make_champion(Lake(settings), registry, version, how="set", reason="trained by hand as champion")
    elif alias is not None:
        registry.set_alias(alias, version)
    return {"snapshot_id": job.snapshot_id, "days": [day.isoformat() for day in days], "model": facts}


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    ds: Annotated[str | None, typer.Option(help="Day of the run, YYYY-MM-DD.")] = None,
    recipe: Annotated[str | None, typer.Option(help="Train this recipe by hand.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="First training day, with --recipe.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last training day, with --recipe.")] = None,
    alias: Annotated[str | None, typer.Option(help="Alias to set, with --recipe: champion or challenger.")] = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="With --ds: train also what is registered.")] = False,
) -> None:
    """Train the rankers of a day, or one recipe by hand; the last line of output is a JSON object."""
    start = time.monotonic()
    with exit_codes():
        settings = load_settings()
        if ds is not None and recipe is None:
            details = train_day(settings, parse_day(ds), force=force)
        elif ds is None and recipe is not None and first is not None and last is not None:
            details = train_recipe(settings, recipe, parse_day(first), parse_day(last), alias)
        else:
            raise typer.BadParameter("give either --ds DS, or --recipe R --from DS --to DS")
        print(json.dumps({**details, "seconds": round(time.monotonic() - start, 1)}, default=str))


if __name__ == "__main__":
    app()

"""What a command needs, looked up before anything slow starts: nobody waits for Airflow, Ray or MLflow to hear "no".

Each check takes a fraction of a second, changes nothing and says what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from uniscale.config import Settings
from uniscale.lake import Lake


def require_requests(settings: Settings, *runs: date) -> None:
    """Every run must have requests to train on and to be judged on, landed or waiting in ``source.events_dir``.

    Raises:
        ValueError: A run has none; the message tells the days and what there is.
    """
    from uniscale.sources.landing import refuse_unrunnable

    for ds in runs:
        refuse_unrunnable(settings, Lake(settings), ds)


def require_recipes(settings: Settings) -> None:
    """What is trained every day must be configured so that it can be built.

    Raises:
        ValueError: A field that a recipe of the installation's own changes is none of its ranker's configuration.
    """
    for name in {settings.training.champion_recipe, settings.training.challenger_recipe} & set(settings.recipes):
        from uniscale.recipes.catalogue import get_recipe  # packaged recipes need no look at the rankers

        get_recipe(name, settings.recipes)


def require_lake(settings: Settings) -> None:
    """There must be a lake.

    Raises:
        FileNotFoundError: There is none.
    """
    with Lake(settings).read():
        pass


def require_frames(settings: Settings, days: Sequence[date]) -> None:
    """The training frames of these days must have been built.

    Raises:
        ValueError: Those of a day were not.
        FileNotFoundError: There is no lake.
    """
    from uniscale.features.training_frames.build import training_frame_keys

    with Lake(settings).read() as con:
        training_frame_keys(con, days)


def require_registry(settings: Settings) -> None:
    """A model must have been trained here, or a tracking server be named.

    Raises:
        ValueError: Neither.
    """
    from uniscale.registry.client import is_there

    if not is_there(settings):
        raise ValueError(f"no model has been trained in {settings.home} yet; train one: uniscale day DS")

"""The named recipes: ``MODEL_DATA_SIZE``, so that another ranker, other data or another size is another word.

An installation's configuration may name more, each a packaged one with changes (`RecipeSettings`). Models are those of
the zoo, data those of `uniscale.data.recipe`. Rates were chosen as docs/training.md tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

from uniscale.config.settings import RecipeSettings
from uniscale.contracts.optimisation import TrainConfig, changed
from uniscale.contracts.training import check_recipe_name
from uniscale.data.recipe import DATA
from uniscale.models.zoo import MODELS, check_config_changes
from uniscale.recipes.recipe import Recipe

USUAL_RATES = (0.2, 1e-3)
"""Learning rates of tables and of everything else."""

RATES = {
    **dict.fromkeys(("dlrm", "wukong", "hiformer", "hyformer", "msn"), (0.4, 2e-3)),
    **dict.fromkeys(("rankmixer", "rankmixer_moe", "unimixer", "unimixer_lite", "mdl", "longer"), (0.8, 4e-3)),
}
"""Those of rankers that bear other ones: with norms, mostly higher ones."""

BATCHES = {"xs": (32, 100), "s": (64, 200), "m": (128, 400), "l": (256, 800), "xl": (256, 800)}
"""Requests of a batch, and steps of warm-up, by size; l and xl have not been studied."""


def recipe(model: str, data: str, size: str) -> Recipe:
    """The recipe of a ranker on some data at a size."""
    embedding_rate, dense_rate = RATES.get(model, USUAL_RATES)
    batch_requests, warmup_steps = BATCHES[size]
    train = TrainConfig(
        epochs=2,
        batch_requests=batch_requests,
        embedding_rate=embedding_rate,
        dense_rate=dense_rate,
        warmup_steps=warmup_steps,
    )
    return Recipe(name=f"{model}_{data}_{size}", model=model, size=size, data=DATA[data], train=train)


RECIPES = {one.name: one for one in (recipe(*words) for words in product(MODELS, DATA, BATCHES))}
"""All recipes by name."""


def get_recipe(name: str, own: Mapping[str, RecipeSettings] | None = None) -> Recipe:
    """A recipe by name.

    Args:
        name: Its name.
        own: Recipes of the installation, `Settings.recipes`.

    Raises:
        ValueError: No recipe has this name; the message lists what a name is made of. Or one of the installation's own
            has a field that its ranker's configuration has not.
    """
    yours = own or {}
    check_recipe_name(name, yours)
    if name not in yours:
        return RECIPES[name]
    changes = yours[name]
    base = get_recipe(changes.base, yours)
    config_changes = {**(base.config_changes or {}), **changes.model}
    check_config_changes(base.model, config_changes)
    return replace(
        base,
        name=name,
        train=changed(base.train, changes.optimisation),
        config_changes=config_changes or None,
        seed_offset=base.seed_offset + changes.seed_offset,
    )

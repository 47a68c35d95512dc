"""Every named recipe is what its name says and can be built."""

import json

import pytest

from uniscale.config.settings import TrainingSettings
from uniscale.models.zoo import MODELS, SIZES, build_model
from uniscale.recipes.catalogue import RECIPES, get_recipe
from uniscale.recipes.recipe import Recipe


def test_there_are_recipes():
    assert len(RECIPES) >= 9


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_says_what_it_is(name):
    recipe = get_recipe(name)
    assert recipe.name == name
    assert recipe.model in MODELS
    assert recipe.size in SIZES
    assert name.startswith(recipe.model)
    assert name.endswith(f"_{recipe.size}")
    assert RECIPES[name].__name__ == name
    assert RECIPES[name].__doc__


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_the_way_through_json(name):
    recipe = get_recipe(name)
    assert Recipe.from_content(json.loads(json.dumps(recipe.content()))) == recipe


@pytest.mark.parametrize("name", [name for name in RECIPES if name.endswith("_xs")])
def test_a_recipe_builds_its_model(name):
    recipe = get_recipe(name)
    assert build_model(recipe.model, recipe.size, ("search",)).size == recipe.size


def test_the_default_roles_have_recipes():
    roles = TrainingSettings()
    assert get_recipe(roles.champion_recipe).data.kind == "exposed"
    assert get_recipe(roles.challenger_recipe).data.kind == "es3"


def test_an_unknown_recipe_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"'nope'.*dlrm_xs.*hhsft_xs"):
        get_recipe("nope")

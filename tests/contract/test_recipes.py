"""Every named recipe is what its name says and can be built."""

import json
from itertools import product

import pytest

from uniscale.config.settings import TrainingSettings
from uniscale.contracts import training as words
from uniscale.contracts.training import check_recipe_name
from uniscale.data.recipe import DATA
from uniscale.models.zoo import MODELS, SIZES, build_model
from uniscale.recipes.catalogue import RECIPES, get_recipe
from uniscale.recipes.recipe import Recipe


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_says_what_it_is(name):
    recipe = get_recipe(name)
    assert recipe.name == name
    assert recipe.model in MODELS
    assert recipe.size in SIZES
    assert recipe.data == DATA[recipe.data.name]
    assert name == f"{recipe.model}_{recipe.data.name}_{recipe.size}"


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_the_way_through_json(name):
    recipe = get_recipe(name)
    assert Recipe.from_content(json.loads(json.dumps(recipe.content()))) == recipe


@pytest.mark.parametrize("name", [name for name in RECIPES if name.endswith("_es3_xs")])
def test_a_recipe_builds_its_model(name):
    recipe = get_recipe(name)
    assert build_model(recipe.model, recipe.size, ("search",)).size == recipe.size


def test_every_word_that_a_setting_may_name_is_a_recipe_and_no_other():
    assert (set(MODELS), set(DATA), set(SIZES)) == (set(words.RANKERS), set(words.DATA), set(words.SIZES))
    assert set(RECIPES) == {"_".join(name) for name in product(MODELS, DATA, SIZES)}
    for name in RECIPES:
        check_recipe_name(name)


def test_the_default_roles_have_recipes():
    roles = TrainingSettings()
    assert get_recipe(roles.champion_recipe).data.name == "exposed"
    assert get_recipe(roles.challenger_recipe).data.name == "es3"


def test_an_unknown_recipe_is_refused_with_what_names_are_made_of():
    with pytest.raises(
        ValueError, match=r"'nope'; a name is MODEL_DATA_SIZE.*dlrm.*hhsft.*exposed, exposed_long.*es3.*xs, s, m, l, xl"
    ):
        get_recipe("nope")

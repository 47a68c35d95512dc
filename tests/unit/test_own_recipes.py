"""Recipes of an installation: configured, checked before anything starts, listed and trained like packaged ones."""

import json

import pytest
from typer.testing import CliRunner

from uniscale.cli.main import app
from uniscale.cli.preconditions import require_recipes
from uniscale.config import load_settings
from uniscale.recipes.catalogue import get_recipe
from uniscale.recipes.recipe import Recipe

OWN = """
[training]
challenger_recipe = "mine"

[recipes.mine]
base = "hhsft_es3_s"
optimisation = { epochs = 1, dense_rate = 5e-4, task_weights = { cart = 0.3 } }
model = { has_dapga = false }

[recipes.mine_again]
base = "mine"
seed_offset = 3
"""


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """Write the configuration that the next command reads."""
    file = tmp_path / "uniscale.toml"
    monkeypatch.setenv("UNISCALE_CONFIG", str(file))
    monkeypatch.delenv("UNISCALE_LAKE__THREADS", raising=False)

    def write(text=OWN):
        file.write_text(text, encoding="utf-8")
        return file

    return write


def test_a_recipe_of_ones_own_is_its_base_with_the_changes(configured):
    configured()
    settings = load_settings()
    base, mine, again = (get_recipe(name, settings.recipes) for name in ("hhsft_es3_s", "mine", "mine_again"))
    assert (mine.name, mine.model, mine.size, mine.data) == ("mine", base.model, base.size, base.data)
    assert (mine.train.epochs, mine.train.dense_rate, mine.train.task_weights) == (1, 5e-4, {"cart": 0.3})
    assert mine.train.embedding_rate == base.train.embedding_rate
    assert mine.config_changes == {"has_dapga": False}
    assert (again.train, again.config_changes, again.seed_offset) == (mine.train, mine.config_changes, 3)
    assert Recipe.from_content(json.loads(json.dumps(again.content()))) == again


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        ("epochs = 1", "epoch = 1", r"recipes.mine.optimisation: epoch is no field .* there are epochs, batch"),
        ("epochs = 1", "epochs = 0", r"recipes.mine.optimisation: epochs=0 must be at least 1"),
        ("dense_rate = 5e-4", 'dense_rate = "high"', r"recipes.mine.optimisation: dense_rate: .* valid number"),
        ("cart = 0.3", "card = 0.3", r"task_weights=.*must name tasks out of click, cart, purchase"),
        (
            "hhsft_es3_s",
            "hhsft_es3_huge",
            r"recipes.mine.base = 'hhsft_es3_huge': no recipe .* your own: mine, mine_again",
        ),
        ('base = "mine"', 'base = "mine_again"', r"\[recipes.mine_again\]: its base leads back to itself"),
        ('challenger_recipe = "mine"', 'challenger_recipe = "mein"', r"training.challenger_recipe = 'mein': no recipe"),
        ("[recipes.mine_again]", "[recipes.dlrm_es3_xs]", r"\[recipes.dlrm_es3_xs\]: call it otherwise"),
        ("seed_offset = 3", "seed_ofset = 3", r"recipes.mine_again.seed_ofset is no setting; did you mean seed_offset"),
    ],
)
def test_a_recipe_that_will_not_do_is_refused_with_the_file_and_the_place(configured, written, instead, told):
    file = configured(OWN.replace(written, instead))
    with pytest.raises(ValueError, match=told) as refused:
        load_settings()
    assert str(refused.value).startswith(f"{file}: ")


def test_a_field_that_the_ranker_has_not_is_refused_before_a_day_starts(configured):
    configured(OWN.replace("has_dapga", "has_dappga"))
    with pytest.raises(ValueError, match="hhsft has no field has_dappga in its configuration; its fields are"):
        require_recipes(load_settings())


LONG = '[recipes.long]\nbase = "longer_es3_xs"\nmodel = { sequence_length = 2000 }\n'


def test_histories_longer_than_those_served_are_refused_before_a_day_starts(configured):
    configured(LONG)
    with pytest.raises(ValueError, match=r"\[recipes.long\]: sequence_length = 2000, .* set features.history_length"):
        load_settings()


def test_a_recipe_reads_histories_as_long_as_those_served(configured):
    configured(LONG + "[features]\nhistory_length = 2000\n")
    assert get_recipe("long", load_settings().recipes).config_changes == {"sequence_length": 2000}


def test_the_command_lists_ones_own_and_shows_one_whole(configured):
    configured()
    listed = CliRunner().invoke(app, ["recipes"])
    assert "challenger, trained every day: mine" in listed.output
    assert "epochs = 1, dense_rate = 0.0005" in listed.output
    told = json.loads(CliRunner().invoke(app, ["recipes", "--json"]).stdout)
    assert set(told["own"]) == {"mine", "mine_again"}
    shown = json.loads(CliRunner().invoke(app, ["recipes", "mine", "--json"]).stdout)
    assert (shown["train"]["epochs"], shown["model"]) == (1, "hhsft")
    refused = CliRunner().invoke(app, ["recipes", "nope"])
    assert (refused.exit_code, "your own: mine, mine_again" in refused.output) == (2, True)

"""Claims about worlds before they are built: what may be asked for, how it is refused, how it is kept."""

import json
import tomllib

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from uniscale.checkout import PROJECT_ROOT
from uniscale.cli.main import app
from uniscale.simulator.blueprint import WORLD_FILE, read_world, world_name
from uniscale.simulator.knobs import Knobs, knob_table
from uniscale.simulator.worlds import DEFAULT, PRESETS, choose_world

NUMBERS = [name for name, field in Knobs.model_fields.items() if "low" in field.json_schema_extra]


def run(*words):
    return CliRunner().invoke(app, ["simulate", *words])


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_has_its_default_within_its_bounds_and_nothing_outside_is_taken(name):
    field = Knobs.model_fields[name]
    low, high = field.json_schema_extra["low"], field.json_schema_extra["high"]
    assert low <= field.default <= high
    assert field.json_schema_extra["unit"]
    assert field.description.endswith(".")
    for wrong in (low - 1, high + 1, float("nan"), float("inf"), True, "many"):
        with pytest.raises(ValueError, match=name):
            choose_world(changes=[f"{name}={wrong}"])


def test_what_is_no_number_has_a_description_too():
    (name,) = Knobs.model_fields.keys() - set(NUMBERS)
    assert name == "follow_up_from"
    assert "oracle" in Knobs.model_fields[name].description


def test_a_truth_value_in_a_file_is_no_number(tmp_path):
    (tmp_path / "mine.toml").write_text("[knobs]\nbots = true\n")
    with pytest.raises(ValueError, match="bots is no switch"):
        choose_world(str(tmp_path / "mine.toml"))


def test_knobs_do_not_change_once_they_are_set():
    knobs = Knobs()
    with pytest.raises(ValidationError):
        knobs.bots = 0.1
    assert DEFAULT.knobs == knobs


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--set", "feed_per_serch=3"], "did you mean feed_per_search?"),
        (["--set", "colour=red"], "uniscale simulate --knobs lists them"),
        (["--set", "position_bias_search=9"], "exponent, 0 to 3"),
        (["--set", "num_favourites=2.5"], "num_favourites = '2.5'"),
        (["--set", "feed_per_search"], "write --set NAME=VALUE"),
        (["--set", "=3"], "write --set NAME=VALUE"),
        (["--set", "follow_up_from=clicked"], "'whole_list' or 'shown'"),
        (["--set", "shown_at_least=20"], "above shown_at_most=12"),
        (["--set", "candidates_per_search=5"], "below shown_at_most=12"),
        (["--set", "search_need=0.8"], "search_need + search_favourite is above 1"),
        (["--set", "feed_need=0.5"], "feed_favourite + feed_need is above 1"),
        (["--set", "feed_per_search=0.1"], "below the 0.44 visits that searches lead to"),
        (["--set", "known_in_hours=0.5"], "below known_in_seconds=0.9"),
        (["--world", "moon"], "choose one of default, follow_shown"),
        (["--world", "moon.toml"], "moon.toml does not exist"),
    ],
)
def test_a_world_that_cannot_be_is_refused_before_anything_is_written(tmp_path, monkeypatch, words, told):
    monkeypatch.chdir(tmp_path)
    refused = run("--out", "shop", *words)
    assert refused.exit_code == 2
    assert told in refused.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("bots = 0.1\n", "below [knobs]"),
        ("[knobs]\nrobots = 1\n", "no knob is called robots"),
        ("[knobs\n", "is no TOML file"),
        ("knobs = 3\n", "write [knobs]"),
    ],
)
def test_a_file_that_is_no_world_is_refused_with_its_name(tmp_path, text, told):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"mine\.toml") as error:
        choose_world(str(file))
    assert told in str(error.value)


def test_a_simulation_refused_with_force_leaves_the_old_one_as_it_is(tmp_path):
    out = tmp_path / "shop"
    assert run("--out", str(out), "--days", "1").exit_code == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert run("--out", str(out), "--force", "--set", "bots=7").exit_code == 2
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_survives_its_file_whole(tmp_path, name):
    world = choose_world(name)
    world.write(tmp_path / WORLD_FILE)
    assert read_world(tmp_path / WORLD_FILE) == world
    content = tomllib.loads((tmp_path / WORLD_FILE).read_text())
    assert content["knobs"].keys() == Knobs.model_fields.keys()
    assert world_name(tmp_path) == name
    assert world.about


def test_presets_differ_from_the_default_and_from_each_other():
    assert list(PRESETS) == ["default", "follow_shown", "long_lists", "channels_apart", "everyday"]
    assert PRESETS["default"].knobs == Knobs()
    assert len({json.dumps(world.knobs.changed(), sort_keys=True) for world in PRESETS.values()}) == len(PRESETS)


def test_a_file_leaves_out_what_is_at_its_default_and_set_comes_last(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('about = "More feed."\n[knobs]\nfeed_per_search = 2\nbots = 0.01\n')
    world = choose_world(str(file), ["bots=0.02", "bots = 0.03"])
    assert world.knobs.changed() == {"feed_per_search": 2.0, "bots": 0.03}
    assert world.name == "mine, bots=0.03"


def test_a_simulation_leaves_its_world_next_to_its_logs_and_can_be_made_again_from_it(tmp_path):
    made = run("--out", str(tmp_path / "a"), "--days", "1", "--world", "follow_shown", "--set", "bots=.01", "--json")
    assert made.exit_code == 0, made.stderr
    assert json.loads(made.stdout)["world"] == "follow_shown, bots=0.01"
    about = json.loads((tmp_path / "a" / "simulation.json").read_text())
    assert about["world"] == world_name(tmp_path / "a") == "follow_shown, bots=0.01"
    again = run("--out", str(tmp_path / "b"), "--days", "1", "--world", str(tmp_path / "a" / WORLD_FILE))
    assert again.exit_code == 0, again.stderr
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.parquet"))
    assert len(files) > 9  # the bots have a table of their own
    assert all((tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes() for file in files)


def test_the_command_lists_knobs_and_presets_without_a_folder():
    knobs, worlds = run("--knobs"), run("--worlds")
    assert (knobs.exit_code, worlds.exit_code) == (0, 0)
    assert all(f"`{name}`" in knobs.stdout for name in Knobs.model_fields)
    assert all(f"{name}: " in worlds.stdout for name in PRESETS)


def test_the_docs_hold_the_table_of_knobs_as_the_command_prints_it():
    page = (PROJECT_ROOT / "docs" / "worlds.md").read_text()
    assert knob_table() in page
    assert all(f"`{name}`" in page for name in PRESETS)

"""Claims about the parts of the marketplace that a person can check by hand."""

import json
from datetime import date

import numpy as np
import pytest
from typer.testing import CliRunner

from uniscale.cli.main import app
from uniscale.simulator.choice import examination
from uniscale.simulator.draws import stream
from uniscale.simulator.events import EVENT, Agenda, recording_delay
from uniscale.simulator.knobs import Knobs
from uniscale.simulator.output import DayFiles
from uniscale.simulator.pages import request_key
from uniscale.simulator.retrieval import best_of, drop_repeats, group_items, positions
from uniscale.simulator.simulate import simulate
from uniscale.simulator.sizes import SIZES, size_named
from uniscale.simulator.state import first_day, next_day
from uniscale.simulator.words import ADJECTIVES, NOUNS, USES, WORDS, pick_adjectives, word_vectors
from uniscale.simulator.world import build_world

START = date(2026, 1, 5)


def test_examination_falls_with_position_and_starts_at_one():
    seen = examination(0.4, np.arange(1, 13))
    assert seen[0] == 1
    assert (np.diff(seen) < 0).all()
    assert examination(0.3, np.array([4]))[0] > seen[3]


def test_positions_follow_the_score_and_leave_out_the_rest():
    score = np.array([[0.1, 0.9, 0.5, 2.0], [3.0, 2.0, 1.0, 0.0]])
    is_there = np.array([[True, True, True, False], [True, True, True, True]])
    assert positions(score, is_there, np.array([2, 3])).tolist() == [[0, 1, 2, 0], [1, 2, 3, 0]]


def test_an_item_drawn_twice_is_kept_once_at_its_first_place():
    items = np.array([[7, 3, 7, 3], [5, 5, 6, 0]])
    is_there = np.array([[True, True, True, True], [False, True, True, True]])
    assert drop_repeats(items, is_there).tolist() == [[True, True, False, False], [False, True, True, True]]


def test_retrieval_takes_only_members_that_are_on_sale():
    groups = group_items(np.array([0, 1, 0, 1, 0]), 2)
    on_sale = np.array([True, True, False, True, True])
    items, is_there = best_of(groups, np.array([0, 1]), stream(1, "x"), count=3, is_on_sale=on_sale, bonus=np.zeros(5))
    found = [set(row[there].tolist()) for row, there in zip(items, is_there, strict=True)]
    assert found == [{0, 4}, {1, 3}]


def test_request_keys_order_by_day_then_domain_then_number():
    keys = [
        request_key(0, 2, np.array([5]))[0],
        request_key(1, 0, np.array([0]))[0],
        request_key(1, 0, np.array([1]))[0],
    ]
    assert keys == sorted(keys)
    assert keys[1] >> 34 == 1


def test_what_is_due_leaves_the_agenda_and_the_rest_stays():
    agenda = Agenda()
    events = np.zeros(3, dtype=EVENT)
    events["acted_at"] = [10, 30, 20]
    agenda.events.append(events)
    assert agenda.due_events(20)["acted_at"].tolist() == [10]
    assert agenda.due_events(20)["acted_at"].tolist() == []
    assert agenda.due_events(31)["acted_at"].tolist() == [30, 20]


def test_recording_delays_have_their_three_shares():
    hours = recording_delay(Knobs(), stream(1, "delay"), 100_000) / 3.6e9
    assert hours.min() > 0
    assert (hours < 0.1).mean() == pytest.approx(0.90, abs=0.005)
    assert ((hours >= 24) & (hours <= 40)).mean() == pytest.approx(0.02, abs=0.002)


def test_adjectives_fit_the_style_they_are_drawn_for():
    style = np.zeros((4_000, 4), dtype=np.float32)
    style[:, 0] = 2.0
    picked = pick_adjectives(style, 1, 1.5, stream(1, "words"))[:, 0]
    spoken = word_vectors()[picked][:, 0]
    assert spoken.mean() > 0.5
    assert all(len(row) == len(ADJECTIVES[0]) for row in ADJECTIVES)
    assert len(set(WORDS)) == len(WORDS)


@pytest.mark.parametrize("name", SIZES)
def test_every_size_has_words_for_its_categories_and_lists_of_30_to_100(name):
    size = size_named(name)
    assert size.num_departments <= len(NOUNS)
    assert size.categories_per_department <= len(USES)
    assert 30 <= size.candidates_per_search <= 100
    assert size.num_items / size.num_categories > size.candidates_per_search


def test_tastes_drift_slowly_and_arrivals_are_not_there_early():
    world = build_world(size_named("xs"), 3, START)
    state = first_day(world)
    before = state.taste.copy()
    assert not state.is_on_sale[world.items.launch_day >= 0].any()
    for _ in range(10):
        next_day(world, state)
    correlation = np.corrcoef(before.ravel(), state.taste.ravel())[0, 1]
    assert 0.75 < correlation < 0.95
    assert state.is_on_sale[world.items.launch_day == 9].all()
    assert not state.is_on_sale[world.items.launch_day == 10].any()


def test_a_day_that_fails_leaves_no_file_under_its_name(tmp_path):
    with pytest.raises(RuntimeError, match="power cut"), DayFiles(tmp_path, START, ()):
        raise RuntimeError("power cut")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("days", "size", "seed", "words"),
    [(0, "xs", 7, "days=0"), (1, "xxl", 7, "choose one of xs, s, m, l"), (1, "xs", -1, "seed=-1")],
)
def test_impossible_arguments_are_refused_before_anything_is_written(tmp_path, days, size, seed, words):
    with pytest.raises(ValueError, match=words):
        simulate(tmp_path / "out", days=days, size=size, seed=seed, start=START)
    assert not (tmp_path / "out").exists()


def test_the_command_refuses_a_folder_in_use_and_replaces_its_own_with_force(tmp_path):
    def run(*words):
        return CliRunner().invoke(app, ["simulate", "--out", str(tmp_path / "shop"), "--days", "1", *words])

    first = run("--json")
    assert first.exit_code == 0, first.stderr
    assert json.loads(first.stdout)["rows"]["candidates"] > 50_000
    again = run()
    assert again.exit_code == 2
    assert "--force" in again.stderr
    assert run("--force").exit_code == 0
    (tmp_path / "shop" / "thesis.txt").write_text("mine")
    refused = run("--force")
    assert refused.exit_code == 2
    assert "thesis.txt" in refused.stderr
    assert (tmp_path / "shop" / "simulation.json").exists()


def test_what_an_interruption_left_is_replaced_but_never_somebody_elses_logs(tmp_path, monkeypatch):
    def stop(*arguments):
        raise KeyboardInterrupt

    command = ["simulate", "--out", str(tmp_path / "shop"), "--days", "1"]
    with monkeypatch.context() as patch:
        patch.setattr("uniscale.simulator.simulate.session_events", stop)
        assert CliRunner().invoke(app, command).exit_code == 130
    assert not (tmp_path / "shop" / "simulation.json").exists()
    assert list((tmp_path / "shop").rglob("*.parquet")) == []
    assert CliRunner().invoke(app, command).exit_code == 0
    (tmp_path / "shop" / "simulation.json").unlink()
    assert CliRunner().invoke(app, [*command, "--force"]).exit_code == 2
    assert list((tmp_path / "shop" / "events").rglob("*.parquet"))

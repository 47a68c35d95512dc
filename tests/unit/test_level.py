"""The level: chances add up to what happened in the rows shown first, and the order stays."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
import torch
from support_frames import DOMAINS, DS, frames_schema, random_frames, write_frames

from uniscale.contracts.tasks import CLICK, TASKS
from uniscale.data.collate import collate
from uniscale.data.frames import read_frames
from uniscale.data.histories import read_histories
from uniscale.evaluation import level as module
from uniscale.evaluation.level import level, set_level
from uniscale.evaluation.scoring import score_frames, score_records
from uniscale.models.zoo import build_model, load_model, save_model

BEFORE = date(2026, 1, 1)
DOMAIN = DOMAINS[0]


def frames(ds, share, *, num_requests=400):
    """Searches of three items of which the first place is clicked as often as told, and the others never."""
    rng = np.random.default_rng(5)
    rows = random_frames(num_requests, domains=(DOMAIN,), max_items=3).to_pylist()
    for row in rows:
        count = len(row["item_ids"])
        first = rng.permutation(count)[0]
        row["ds"], row["sample_id"] = ds, f"{ds} {row['sample_id']}"
        row["is_exposed"], row["provenance"] = [True] * count, ["native"] * count
        row["position"] = [1 + (place - first) % count for place in range(count)]
        row["is_natively_clicked"] = [place == first and rng.random() < share for place in range(count)]
        row["is_clicked"] = [True] * count  # attributed: not what happened in the search
        row.update({task.native_label: [False] * count for task in TASKS if task is not CLICK})
    return pa.Table.from_pylist(rows, schema=frames_schema())


@pytest.fixture
def ranker():
    torch.manual_seed(1)
    return build_model("dlrm", "xs", DOMAINS).eval()


def first_places(model, lake, ds=DS):
    """Chances of the rows shown first, and whether they were clicked."""
    chances, clicks = [], []
    histories = read_histories(lake, [ds], "train", DOMAINS, model.inputs.history_length)
    for records in read_frames(lake, [ds], "train", domains=[DOMAIN]):
        scored = score_records(model, records, histories).column("click_probability").combine_chunks()
        is_first = records.column("position").flatten().to_numpy() == 1
        chances.append(scored.flatten().to_numpy()[is_first])
        clicks.append(records.column("is_natively_clicked").flatten().to_numpy(zero_copy_only=False)[is_first])
    return np.concatenate(chances), np.concatenate(clicks)


def test_a_level_makes_the_chances_add_up_to_what_happened():
    rng = np.random.default_rng(3)
    logits = rng.normal(-3, 2, (5000, 2))
    happened = rng.random((5000, 2)) < 1 / (1 + np.exp(-logits - np.array([2.0, -1.0])))
    found = level(torch.as_tensor(logits), torch.as_tensor(happened)).numpy()
    assert found == pytest.approx([2.0, -1.0], abs=0.15)
    assert (1 / (1 + np.exp(-logits - found))).sum(axis=0) == pytest.approx(happened.sum(axis=0), rel=0.01)


def test_nothing_seen_gives_no_level_and_nothing_happened_a_moderate_one():
    assert level(torch.empty(0, 3), torch.empty(0, 3)).tolist() == pytest.approx([0, 0, 0])
    assert -5 < level(torch.zeros(500, 1), torch.zeros(500, 1)).item() < -1


@pytest.mark.parametrize("share", [0.1, 0.7])
def test_the_rows_shown_first_are_predicted_as_often_as_they_were_clicked_natively(lake, ranker, share):
    write_frames(lake, [frames(DS, share)])
    before, _ = first_places(ranker, lake)
    told = set_level(ranker, lake, [DS], target_domain=DOMAIN)
    chances, clicks = first_places(ranker, lake)
    assert chances.mean() == pytest.approx(clicks.mean(), abs=0.01)
    assert (np.argsort(chances, kind="stable") == np.argsort(before, kind="stable")).mean() > 0.99
    assert ranker.level_JK[0].tolist() == pytest.approx(list(told.values()))
    assert not ranker.level_JK[1:].any()
    again = set_level(ranker, lake, [DS], target_domain=DOMAIN)
    assert again == pytest.approx(told)


def test_a_level_is_saved_with_the_model_and_unknown_to_training(lake, ranker, tmp_path):
    write_frames(lake, [frames(DS, 0.7)])
    records = next(iter(read_frames(lake, [DS], "train")))
    batch, labels, _ = collate(records, DOMAINS, read_histories(lake, [DS], "train", DOMAINS, 20))
    with torch.inference_mode():
        trained = ranker(batch, labels.place_N)
        set_level(ranker, lake, [DS], target_domain=DOMAIN)
        assert torch.equal(ranker(batch, labels.place_N), trained)
        torch.testing.assert_close(ranker(batch), trained + ranker.level_JK[0])
        save_model(ranker, tmp_path / "model")
        assert torch.equal(load_model(tmp_path / "model")(batch), ranker(batch))


def test_all_days_count_and_of_many_rows_an_even_share_of_each(lake, ranker, monkeypatch):
    write_frames(lake, [frames(BEFORE, 0.9), frames(DS, 0.1)])
    one, other, both = (
        set_level(ranker, lake, days, target_domain=DOMAIN)["click"] for days in ([BEFORE], [DS], [BEFORE, DS])
    )
    assert one > both + 1 > other + 2
    monkeypatch.setattr(module, "ROWS", 200)
    assert set_level(ranker, lake, [BEFORE, DS], target_domain=DOMAIN)["click"] == pytest.approx(both, abs=0.3)


def test_a_log_without_places_has_no_level(lake, ranker):
    table = frames(DS, 0.5)
    nowhere = pa.array([[None] * len(places) for places in table.column("position").to_pylist()], pa.list_(pa.int32()))
    write_frames(lake, [table.set_column(table.schema.get_field_index("position"), "position", nowhere)])
    assert set_level(ranker, lake, [DS], target_domain=DOMAIN) == pytest.approx({"click": 0, "cart": 0, "purchase": 0})
    assert score_frames(ranker, lake, [DS], target_domain=DOMAIN).num_rows == 0

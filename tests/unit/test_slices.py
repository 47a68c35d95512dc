"""Slices of the test requests against a brute-force reading of the frames, and metrics on them."""

from datetime import timedelta
from math import expm1

import numpy as np
import pytest
from support_evaluation import predictions, write_test_day
from support_frames import DOMAINS, DS

from uniscale.contracts.frames import NUMERIC
from uniscale.contracts.slices import NEW_ITEM_DAYS, SLICES
from uniscale.evaluation.comparison import measure_roles
from uniscale.evaluation.metrics import gauc
from uniscale.evaluation.outcomes import read_judged
from uniscale.evaluation.slices import find_slices, thirds

DAYS = [DS, DS + timedelta(days=1)]
QUERY, REQUESTS, CLICKS, AGE = (
    names.index(name)
    for names, name in (
        (NUMERIC.query, "log_query_num_requests_30d"),
        (NUMERIC.user, "log_user_num_requests_30d"),
        (NUMERIC.user, "log_user_num_clicks_30d"),
        (NUMERIC.item, "log_hours_since_item_listed"),
    )
)


@pytest.fixture
def judged(lake, settings):
    """Two test days, and the predictions of a ranker for them."""
    written = [write_test_day(lake, day, 90, seed=day.day) for day in DAYS]
    rows = [row for frames in written for row in sorted(frames.to_pylist(), key=lambda row: row["sample_id"])]
    return [row for row in rows if any(row["is_exposed"])], predictions(written[0], 0.4), predictions(written[1], 0.4)


def known(value):
    return 0.0 if value is None or np.isnan(value) else value


def test_a_slice_holds_the_requests_that_its_description_says(lake, judged):
    rows, *_ = judged
    with lake.read() as con:
        found = find_slices(con, DAYS, DOMAINS[0])
    assert list(found) == list(SLICES)
    asked = np.array([known(row["query_numeric"][QUERY]) for row in rows])
    head, torso, tail = (found[f"{part}_query"] for part in ("head", "torso", "tail"))
    assert (head.astype(int) + torso + tail == 1).all()
    assert asked[tail].max() < asked[torso].min() <= asked[torso].max() < asked[head].min()
    for part in (head, tail):
        assert 0.2 < part.mean() < 0.5
    assert found["new_user"].tolist() == [
        known(row["user_numeric"][REQUESTS]) == known(row["user_numeric"][CLICKS]) == 0 for row in rows
    ]
    assert found["new_item"].tolist() == [
        any(
            shown and clicked and expm1(item[AGE]) < 24 * NEW_ITEM_DAYS
            for shown, clicked, item in zip(row["is_exposed"], row["is_clicked"], row["item_numeric"], strict=True)
        )
        for row in rows
    ]
    assert 0 < found["new_item"].sum() < len(rows)


def test_a_metric_on_a_slice_is_that_of_its_requests_alone(lake, settings, judged):
    _, first, _ = judged
    with lake.read() as con:
        con.register("predicted", first)
        mask = find_slices(con, DAYS[:1], settings.target_domain)["tail_query"]
        measured = measure_roles(
            con, settings, DAYS[:1], {"champion": "from predicted"}, on_slices={("tail_query", "gauc")}
        )
        outcomes, scores = read_judged(con, "from predicted", DAYS[:1], settings.target_domain)
    kept = [row for row, request in enumerate(outcomes.request_N) if mask[request]]
    alone = gauc(outcomes.request_N[kept], outcomes.is_clicked_N[kept], scores.click_N[kept])
    assert measured.sliced["champion"]["tail_query"]["gauc"].value == pytest.approx(alone)
    assert measured.samples["champion"]["gauc"].value != pytest.approx(alone)
    assert measured.sliced["champion"]["tail_query"]["gauc"].num_requests <= mask.sum()


@pytest.mark.parametrize(
    ("asked", "head", "tail"),
    [
        ([0, 0, 0, 0, 1, 5, 9], [4, 5, 6], [0, 1, 2, 3]),
        ([2, 2, 2, 2], [], [0, 1, 2, 3]),
        ([1, 2, 3, 3, 3, 3], [2, 3, 4, 5], [0, 1]),
        ([], [], []),
    ],
)
def test_queries_of_one_frequency_stay_together(asked, head, tail):
    found = thirds(np.array(asked, dtype=float))
    assert [np.flatnonzero(mask).tolist() for mask in found] == [head, tail]


def test_a_day_without_requests_has_empty_slices(lake, judged):
    with lake.read() as con:
        found = find_slices(con, [DS + timedelta(days=9)], DOMAINS[0])
    assert {name: len(mask) for name, mask in found.items()} == dict.fromkeys(SLICES, 0)

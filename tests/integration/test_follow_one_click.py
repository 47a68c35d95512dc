"""The walk of docs/follow-one-click.md: an outside click from the line of a CSV file to the gradient of a logit."""

import ast
import re

import pyarrow as pa
import pytest
import torch
from support_sources import write_logs
from support_warehouse import rows

from tests.support_lineage import ANNA, DS, at_home, run_steps, small_log
from uniscale.checkout import PROJECT_ROOT
from uniscale.contracts.events import EVENT_TABLES
from uniscale.contracts.tasks import TASK_NAMES
from uniscale.data.collate import collate
from uniscale.data.histories import read_histories
from uniscale.data.mixture import read_training
from uniscale.data.recipe import get_data
from uniscale.models.loss import item_losses
from uniscale.models.zoo import build_model
from uniscale.pipeline.steps import steps_until

PAGE = PROJECT_ROOT / "docs" / "follow-one-click.md"
CLICK, ITEM, REQUEST = "o1", "s3", "r-a1"


def by_day(sent):
    """Rows of a table as a shop would send them: by day, facts as an object."""
    days = {}
    for row in sent:
        facts = {"attributes": dict(row["attributes"] or [])} if "attributes" in row else {}
        days.setdefault(row["ds"], []).append({name: value for name, value in {**row, **facts}.items() if name != "ds"})
    return days


@pytest.fixture(scope="module")
def walked(tmp_path_factory, parsed_project):
    """An installation whose day has run as far as the frames, from files."""
    folder = tmp_path_factory.mktemp("click")
    log = small_log()
    logs = {table.name: by_day(getattr(log, table.name)) for table in EVENT_TABLES}
    write_logs(folder / "events", "csv", logs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNISCALE_SOURCE__EVENTS_DIR", str(folder / "events"))
        settings, lake = at_home(patch, folder / "home")
        run_steps(*steps_until("frames"))
        yield settings, lake


def of_the_item(table):
    """The fields of a list-wise record at the item, as SQL."""
    return (
        f"from lake.{table}, lateral (select list_position(item_ids, '{ITEM}') as place) where sample_id = '{REQUEST}'"
    )


def test_the_line_is_landed_as_an_outside_action_of_no_request(walked):
    _, lake = walked
    landed = f"select user_id, item_id, action, domain, request_id from lake.raw.actions where action_id = '{CLICK}'"
    assert rows(lake, landed) == [(ANNA, ITEM, "click", "feed", None)]
    assert rows(lake, f"select item_id from lake.marts.outside_actions where action_id = '{CLICK}'") == [(ITEM,)]


def test_it_labels_the_row_that_was_not_shown_and_no_other(walked):
    _, lake = walked
    attributed = f"select request_id, item_id, target from lake.marts.fct_attributions where action_id = '{CLICK}'"
    assert rows(lake, attributed) == [(REQUEST, ITEM, "unexposed")]
    own = f"from lake.marts.fct_exposures where request_id = '{REQUEST}' and item_id = '{ITEM}'"
    assert rows(lake, f"select is_exposed, is_clicked {own}") == [(False, False)]


def test_sample_and_frame_hold_the_label_and_what_it_would_be_without(walked):
    _, lake = walked
    sampled = rows(
        lake,
        "select provenance[place], is_clicked[place], is_natively_clicked[place], action_ids[place] "
        + of_the_item("es3.samples"),
    )
    assert sampled == [("attributed_unexposed", True, False, CLICK)]
    framed = f"select is_clicked[place], is_natively_clicked[place] {of_the_item('ml.frames')} and split = 'train'"
    assert rows(lake, framed) == [(True, False)]


@pytest.mark.parametrize(("data", "target"), [("es3", 1.0), ("unexposed", 0.0)])
def test_the_gradient_pulls_the_item_up_with_attribution_and_down_without(walked, data, target):
    settings, lake = walked
    days = [DS.replace(day=6)]
    read = pa.Table.from_batches(read_training(lake, days, get_data(data), target_domain=settings.target_domain))
    record = read.filter(pa.compute.equal(read["sample_id"], REQUEST))
    histories = read_histories(lake, days, "train", settings.domains, length=20)
    batch, labels, meta = collate(record, settings.domains, histories)
    row, click = meta.item_ids.index(ITEM), TASK_NAMES.index("click")
    assert labels.targets_NK[row, click] == target
    torch.manual_seed(0)
    logits = build_model("hhsft", "xs", settings.domains)(batch, labels.place_N)
    logits.retain_grad()
    item_losses(logits, labels).sum().backward()
    weight, chance = labels.weight_N[row], torch.sigmoid(logits[row, click].detach())
    assert logits.grad[row, click] == pytest.approx(float(weight * (chance - target)), rel=1e-5)
    assert (logits.grad[row, click] < 0) == bool(target)


def test_every_place_that_the_page_names_is_there():
    places = re.findall(r"`((?:uniscale|dbt_project|tests)/[\w/.]+)`(?: `(\w+)`)?", PAGE.read_text(encoding="utf-8"))
    assert len(places) > 15
    for path, name in places:
        file = PROJECT_ROOT / path
        assert file.is_file(), f"{path} is not there"
        if name:
            tree = ast.parse(file.read_text(encoding="utf-8"))
            assert name in {node.name for node in tree.body if hasattr(node, "name")}, f"{path} has no {name}"

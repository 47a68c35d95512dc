"""Building, saving and refusing rankers."""

import json
import tomllib
from dataclasses import replace

import pytest
import torch
from support_models import DOMAINS, random_batch

from uniscale.checkout import PROJECT_ROOT
from uniscale.contracts.frames import NUMERIC
from uniscale.models.dlrm import DLRM, DLRMConfig
from uniscale.models.hhsft import HHSFTConfig
from uniscale.models.zoo import MODELS, SIZES, build_model, load_model, save_model


def test_an_unknown_model_is_refused_with_the_names_of_all():
    with pytest.raises(ValueError, match=f"no model 'bert'; models are {', '.join(sorted(MODELS))}"):
        build_model("bert", "xs", DOMAINS)


def test_an_unknown_size_is_refused_with_the_names_of_all():
    with pytest.raises(ValueError, match=r"no size 'xxl'; sizes are xs, s, m, l, xl"):
        build_model("hhsft", "xxl", DOMAINS)


@pytest.mark.parametrize("domains", [(), ("search", "search")])
def test_domains_must_be_named_once(domains):
    with pytest.raises(ValueError, match="at least one domain, each once"):
        build_model("hhsft", "xs", domains)


@pytest.mark.parametrize("num_heads", [0, 3])
def test_heads_that_do_not_divide_all_widths_are_refused_with_numbers_that_do(num_heads):
    with pytest.raises(ValueError, match=rf"num_heads={num_heads} must divide hfa_width=16 and .*: 1, 2, 4$"):
        replace(HHSFTConfig.of(SIZES["xs"]), num_heads=num_heads, gfa_width=20)


@pytest.mark.parametrize(("field", "value", "minimum"), [("hfa_layers", -1, 0), ("gfa_rank", 0, 1)])
def test_numbers_that_are_too_small_are_refused_with_the_smallest_that_works(field, value, minimum):
    with pytest.raises(ValueError, match=f"{field}={value} must be at least {minimum}"):
        replace(HHSFTConfig.of(SIZES["xs"]), **{field: value})


def test_a_domain_the_model_does_not_know_is_refused():
    model = build_model("dlrm", "xs", ("search", "feed"))
    with pytest.raises(ValueError, match="domain_R holds index 2, but the model has 2 domains"):
        model(random_batch(num_domains=3))


def test_an_item_of_a_request_that_is_not_there_is_refused():
    from uniscale.models.common.layout import RequestLayout

    with pytest.raises(ValueError, match="names request 4, but the batch has 2"):
        RequestLayout(torch.tensor([0, 4]), 2)


@pytest.fixture
def saved(tmp_path):
    save_model(build_model("dlrm", "xs", DOMAINS), tmp_path)
    return tmp_path


def test_a_folder_without_a_model_is_refused(tmp_path, saved):
    with pytest.raises(FileNotFoundError, match=r"model\.json is missing"):
        load_model(tmp_path / "empty")
    (saved / "weights.pt").unlink()
    with pytest.raises(FileNotFoundError, match=r"weights\.pt is missing"):
        load_model(saved)


def test_weights_of_another_architecture_are_refused_with_the_difference(saved):
    weights = torch.load(saved / "weights.pt", weights_only=True)
    weights["from_item.bias"] = weights["from_item.bias"][:-1]
    weights["extra"] = weights.pop("from_request.bias")
    torch.save(weights, saved / "weights.pt")
    with pytest.raises(ValueError, match="3 differing tensors") as refused:
        load_model(saved)
    assert "from_item.bias: saved (255,), expected (256,)" in str(refused.value)
    assert "from_request.bias: saved nothing, expected (256,)" in str(refused.value)


def change(folder, **values):
    description = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**description, **values}))


def test_a_model_trained_before_a_feature_was_added_scores_as_it_did(saved, monkeypatch):
    torch.manual_seed(3)
    batch = random_batch()
    expected = load_model(saved)(batch)
    new = replace(NUMERIC, user=("new", *NUMERIC.user), item=(*NUMERIC.item[:2], "newer", *NUMERIC.item[2:]))
    monkeypatch.setattr("uniscale.models.common.inputs.NUMERIC", new)
    user, item = batch.user_numeric_RF, batch.item_numeric_NF
    wider = replace(
        batch,
        user_numeric_RF=torch.cat([torch.full_like(user[:, :1], 9.0), user], 1),
        item_numeric_NF=torch.cat([item[:, :2], torch.full_like(item[:, :1], 9.0), item[:, 2:]], 1),
    )
    torch.testing.assert_close(load_model(saved)(wider), expected)


def test_a_model_that_reads_a_feature_that_is_gone_is_refused_with_its_name(saved):
    numeric = {"user": ["gone", *NUMERIC.user], "query": NUMERIC.query, "item": NUMERIC.item}
    change(saved, numeric=numeric)
    with pytest.raises(ValueError, match=r"reads the features \['gone'\], which the frames do not hold"):
        load_model(saved)


def test_a_model_of_other_feature_services_is_refused_with_both(saved):
    change(saved, feature_services=["ranker_request_v1"])
    with pytest.raises(ValueError, match=r"services ranker_request_v1; features now come from ranker_request_v3, .*"):
        load_model(saved)


@pytest.mark.parametrize("tasks", [["click", "purchase"], ["cart", "click", "purchase"], None])
def test_a_model_of_other_tasks_or_another_order_of_them_is_refused_with_both(saved, tasks):
    change(saved, tasks=tasks)
    if tasks is None:
        description = json.loads((saved / "model.json").read_text())
        del description["tasks"]
        (saved / "model.json").write_text(json.dumps(description))
    with pytest.raises(
        ValueError, match=r"trained on the tasks (cart, )?click, purchase; tasks are now click, cart, pur"
    ):
        load_model(saved)


@pytest.mark.parametrize("field", ["mlp_width", "depth"])
def test_a_configuration_with_other_fields_is_refused_with_their_names(saved, field):
    description = json.loads((saved / "model.json").read_text())
    if field in description["config"]:
        del description["config"][field]
    else:
        description["config"][field] = 3
    (saved / "model.json").write_text(json.dumps(description))
    with pytest.raises(ValueError, match=f"another version of DLRMConfig.*: {field}"):
        load_model(saved)


def test_a_model_saved_under_another_size_table_still_loads(saved):
    narrow = DLRM(replace(DLRMConfig.of(SIZES["xs"]), mlp_width=8), size="xs", domains=DOMAINS, numeric=NUMERIC)
    save_model(narrow, saved)
    assert load_model(saved).config.mlp_width == 8


def test_a_field_that_differs_from_its_size_outlives_saving(tmp_path):
    model = build_model("hhsft", "xs", DOMAINS, config_changes={"has_dapga": False, "hfa_layers": 2})
    assert (model.dapga, len(model.hfa)) == (None, 2)
    save_model(model, tmp_path)
    assert load_model(tmp_path).config == model.config


def test_a_field_that_the_configuration_lacks_is_refused_with_those_it_has():
    with pytest.raises(ValueError, match=r"dlrm has no field has_dapga .* its fields are"):
        build_model("dlrm", "xs", DOMAINS, config_changes={"has_dapga": False})


def test_no_architecture_of_the_zoo_may_import_another():
    contracts = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (apart,) = (contract["modules"] for contract in contracts if contract["type"] == "independence")
    assert sorted(apart) == sorted({model.__module__ for model in MODELS.values()})

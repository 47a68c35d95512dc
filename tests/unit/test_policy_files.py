"""A policy file that is wrong is refused in words a person can act on: the file, the key, the fault, one per line."""

import pytest
import yaml

from uniscale.contracts.policy import DEFAULT_POLICY, load_policy


def refused(tmp_path, text: str) -> list[str]:
    """The lines a person sees."""
    file = tmp_path / "policy.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError) as caught:
        load_policy(file)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"policy {file}: ") for line in lines)
    return [line.removeprefix(f"policy {file}: ") for line in lines]


def changed(action="click", **values) -> str:
    content = yaml.safe_load(DEFAULT_POLICY.read_text(encoding="utf-8"))
    content["attribution"][action].update(values)
    return yaml.safe_dump(content)


def test_an_unknown_key_is_named_with_the_key_that_was_meant(tmp_path):
    assert refused(tmp_path, changed(window=24)) == [
        "attribution.click.window: unknown key; did you mean window_hours?"
    ]


def test_an_unknown_key_that_resembles_none_is_answered_with_all_of_its_section(tmp_path):
    (line,) = refused(tmp_path, changed(zzz=1))
    assert line.startswith("attribution.click.zzz: unknown key; known are window_hours, before_request_hours, targets")


def test_an_unknown_section_is_named(tmp_path):
    text = DEFAULT_POLICY.read_text(encoding="utf-8") + "weights_: {native: 1}\n"
    assert refused(tmp_path, text) == ["weights_: unknown key; did you mean weights?"]


def test_overlapping_targets_are_named(tmp_path):
    assert refused(tmp_path, changed("purchase", targets=["exposed", "clicked"])) == [
        "attribution.purchase: targets ('exposed', 'clicked') overlap: exposed already holds clicked and "
        "exposed_unclicked"
    ]


def test_every_fault_has_a_line(tmp_path):
    content = yaml.safe_load(DEFAULT_POLICY.read_text(encoding="utf-8"))
    del content["attribution"]["click"]["label_weight"]
    del content["weights"]
    content["attribution"]["purchase"]["tie"] = "random"
    assert refused(tmp_path, yaml.safe_dump(content)) == [
        "attribution.click.label_weight: missing; the default file has it, with its meaning",
        "attribution.purchase.tie: input should be 'most_recent' or 'earliest'; found 'random'",
        "weights: missing; the default file has it, with its meaning",
    ]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"window_hours": 0}, "attribution.click.window_hours: input should be greater than 0; found 0"),
        (
            {"window_hours": "a day"},
            "attribution.click.window_hours: input should be a valid integer, unable to parse string as an integer; "
            "found 'a day'",
        ),
        (
            {"before_request_hours": -1},
            "attribution.click.before_request_hours: input should be greater than or equal to 0; found -1",
        ),
        (
            {"targets": []},
            "attribution.click.targets: tuple should have at least 1 item after validation, not 0; found []",
        ),
        (
            {"match": "cluster"},
            "attribution.click: match: cluster needs cluster_attribute; name the item attribute that holds the cluster",
        ),
        (
            {"cluster_attribute": "product"},
            "attribution.click: cluster_attribute 'product' is not read by match: item; set match: cluster",
        ),
    ],
    ids=["window of 0", "wrong type", "negative", "no target", "no cluster attribute", "unread cluster attribute"],
)
def test_a_value_that_cannot_be_is_named(tmp_path, values, line):
    assert refused(tmp_path, changed(**values)) == [line]


def test_an_empty_file_is_told_where_to_start(tmp_path):
    assert refused(tmp_path, "# nothing yet\n") == [f"empty; start from {DEFAULT_POLICY}"]


def test_a_file_without_sections_is_told_what_it_holds(tmp_path):
    assert refused(tmp_path, "- click\n- purchase\n") == [f"a list, not sections; start from {DEFAULT_POLICY}"]


def test_a_section_that_is_a_value_is_named(tmp_path):
    text = DEFAULT_POLICY.read_text(encoding="utf-8").replace("unexposed:\n  ratio: 2.0", "unexposed: 2.0")
    assert refused(tmp_path, text) == [
        "unexposed: input should be a valid dictionary or instance of Unexposed; found 2.0"
    ]


def test_broken_yaml_is_told_the_line(tmp_path):
    (line,) = refused(tmp_path, "version: [1\nattribution: {")
    assert line.startswith("not YAML:")
    assert "line 2" in line


def test_a_key_given_twice_is_refused_not_overwritten(tmp_path):
    text = DEFAULT_POLICY.read_text(encoding="utf-8").replace(
        "    window_hours: 24", "    window_hours: 24\n    window_hours: 48"
    )
    (line,) = refused(tmp_path, text)
    assert "window_hours is given twice" in line
    number = next(n for n, one in enumerate(text.splitlines(), start=1) if one == "    window_hours: 48")
    assert f"line {number}" in line


def test_a_file_that_is_not_there_is_an_error_with_its_name(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"policy .*mine\.yaml: no such file; copy "):
        load_policy(tmp_path / "mine.yaml")


def test_labels_stay_open_until_a_later_request_can_no_longer_take_an_action(tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text(changed(before_request_hours=49), encoding="utf-8")
    assert load_policy(file).attribution.window_days == 7 + 3


def test_the_digest_tells_two_policies_of_one_version_apart(tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text(changed(), encoding="utf-8")
    assert load_policy(file).digest == load_policy().digest
    file.write_text(changed(tie="earliest"), encoding="utf-8")
    assert load_policy(file).version == load_policy().version
    assert load_policy(file).digest != load_policy().digest

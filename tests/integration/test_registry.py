"""The registry on a real MLflow database."""

import json
import shutil
import sqlite3
import subprocess
import sys
from datetime import date

import pytest
from support_evaluation import decision_row, insert, predictions, write_test_day
from support_frames import DOMAINS, random_frames

from uniscale.config import load_settings
from uniscale.contracts.outcomes import DECISIONS
from uniscale.decision.champion import make_champion
from uniscale.pipeline.prune import prune_models
from uniscale.registry.store import Registry

DS = date(2026, 1, 5)


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory):
    """MLflow's tables take seconds to make; they are made once."""
    home = tmp_path_factory.mktemp("mlflow")
    settings = load_settings()
    settings.home = home
    Registry(settings)
    return home / "mlflow.db"


@pytest.fixture
def registry(settings, empty_database):
    settings.home.mkdir(parents=True, exist_ok=True)
    shutil.copy(empty_database, settings.home / "mlflow.db")
    return Registry(settings)


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    import torch

    from uniscale.models.zoo import build_model, save_model

    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("model")
    save_model(build_model("dlrm", "xs", DOMAINS), folder)
    return folder


def facts(model_dir, **changes):
    return {
        "ds": DS,
        "role": "challenger",
        "days": [date(2026, 1, 4), DS],
        "recipe": {"name": "dlrm_exposed_xs", "train": {"epochs": 1}},
        "model_name": "dlrm-xs",
        "model_dir": model_dir,
        "metrics": {"loss": 0.25},
        "curve": [{"step": step, "loss": 1 / step} for step in range(1, 1200)],
        "snapshot_id": 7,
        "code_version": "abc-123",
        "num_params": 99,
        "key": "key-1",
        **changes,
    }


def run_of(settings, version):
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=f"sqlite:///{settings.home / 'mlflow.db'}").get_run(version.run_id)


def test_a_registered_model_comes_back_with_all_it_was_given(registry, settings, model_dir):
    version = registry.register(**facts(model_dir))
    assert (version.version, version.name, version.ds, version.role) == ("1", "dlrm-xs", DS, "challenger")
    assert version.recipe == {"name": "dlrm_exposed_xs", "train": {"epochs": 1}}
    assert version.days == (date(2026, 1, 4), DS)
    assert (version.snapshot_id, version.num_params, version.code_version) == (7, 99, "abc-123")
    assert Registry(settings).find("key-1") == version
    assert registry.find("key-2") is None
    run = run_of(settings, version)
    assert run.info.status == "FINISHED"
    assert run.data.params["train.epochs"] == "1"
    assert run.data.metrics["loss"] == pytest.approx(1 / 1199)  # the newest point of the curve
    assert run.data.tags["snapshot_id"] == "7"
    kept = registry.download(version)
    assert {path.name for path in kept.iterdir()} == {"model.json", "weights.pt"}
    assert (kept / "weights.pt").read_bytes() == (model_dir / "weights.pt").read_bytes()


def test_the_same_key_is_registered_once(registry, model_dir):
    first = registry.register(**facts(model_dir))
    assert registry.register(**facts(model_dir)) == first
    assert registry.register(**facts(model_dir, key="key-2")).version == "2"


def test_a_version_registered_before_versions_kept_their_days_says_so(registry, model_dir):
    registry.register(**facts(model_dir))
    registry.register(**facts(model_dir, key="key-2"))
    registry._client.delete_model_version_tag("ranker", "1", "days")
    assert [(version.version, version.days) for version in registry.versions()] == [
        ("2", (date(2026, 1, 4), DS)),
        ("1", None),
    ]


def test_aliases_move_and_an_unknown_one_is_refused(registry, model_dir):
    assert registry.champion() is None
    one = registry.register(**facts(model_dir))
    assert registry.champion() is None
    two = registry.register(**facts(model_dir, key="key-2"))
    registry.set_alias("champion", one)
    registry.set_alias("challenger", two)
    assert (registry.champion(), registry.challenger()) == (one, two)
    registry.set_alias("champion", "2")
    assert registry.champion() == two
    with pytest.raises(ValueError, match="'winner' is not one of champion, challenger"):
        registry.set_alias("winner", one)


def test_the_version_of_a_day_is_the_holder_of_the_alias_else_the_newest(registry, model_dir):
    one = registry.register(**facts(model_dir))
    two = registry.register(**facts(model_dir, key="key-2"))
    registry.register(**facts(model_dir, key="key-3", role="manual"))
    assert registry.trained_for(DS) == two
    registry.set_alias("challenger", one)
    assert registry.trained_for(DS) == one
    assert registry.trained_for(date(2026, 1, 6)) is None


def test_a_half_made_run_is_marked_and_done_again(registry, settings, model_dir, monkeypatch):
    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(registry, "_create_version", die)
    with pytest.raises(KeyboardInterrupt):
        registry.register(**facts(model_dir))
    assert Registry(settings).find("key-1") is None
    version = Registry(settings).register(**facts(model_dir))
    with sqlite3.connect(settings.home / "mlflow.db") as con:
        states = dict(con.execute("select run_uuid, status from runs").fetchall())
    assert states.pop(version.run_id) == "FINISHED"
    assert list(states.values()) == ["KILLED"]


def test_a_run_killed_right_after_its_version_is_finished_when_it_is_found(registry, settings, model_dir, monkeypatch):
    monkeypatch.setattr(registry._runs, "finish", lambda run_id: None)
    version = registry.register(**facts(model_dir))
    assert run_of(settings, version).info.status == "RUNNING"
    assert Registry(settings).find("key-1") == version
    assert run_of(settings, version).info.status == "FINISHED"


def test_mlflow_itself_loads_the_champion_without_a_pickle_and_scores_frames(registry, settings, model_dir):
    import mlflow
    import torch

    from uniscale.evaluation.scoring import score_records
    from uniscale.models.zoo import load_model

    registry.set_alias("champion", registry.register(**facts(model_dir)))
    names = [path.name for path in (settings.home / "mlartifacts").rglob("*") if path.is_file()]
    assert "weights.pt" in names
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".cloudpickle"))]
    torch.load(registry.download("1") / "weights.pt", weights_only=True)
    mlflow.set_tracking_uri(f"sqlite:///{settings.home / 'mlflow.db'}")
    loaded = mlflow.pyfunc.load_model("models:/ranker@champion")
    frames = random_frames(5, split="eval", domains=DOMAINS[:1])
    assert loaded.predict(frames).equals(score_records(load_model(model_dir), frames).to_pandas())


def test_a_trial_and_a_decision_are_kept_with_their_files(registry, settings, model_dir, tmp_path):
    (tmp_path / "plot.txt").write_text("x")
    run_id = registry.log_trial(
        ds=DS, name="w16", params={"size": "xs"}, metrics={"auc": 0.6}, artifacts=[tmp_path / "plot.txt"]
    )
    version = registry.register(**facts(model_dir))
    for _ in range(2):
        registry.log_evaluation(version, ds=DS, metrics={"gauc": 0.6, "gmv_proxy": None})
        registry.log_decision(version, ds=DS, decision="kept", evidence={"metric": "gauc"})
    files = list((settings.home / "mlartifacts").rglob("*.*"))
    assert [path.read_text() for path in files if path.name == "plot.txt" and run_id in path.parts] == ["x"]
    (evidence,) = [path for path in files if path.name == "2026-01-05.json"]
    assert json.loads(evidence.read_text()) == {"metric": "gauc"}
    assert run_of(settings, version).data.metrics["eval_gauc"] == 0.6
    with sqlite3.connect(settings.home / "mlflow.db") as con:
        assert con.execute("select count(*) from metrics where key like 'eval_%'").fetchone() == (1,)


@pytest.mark.parametrize("is_moved", [False, True])
def test_a_copied_or_moved_home_has_its_models_and_leaves_the_old_one_alone(
    registry, settings, model_dir, tmp_path, is_moved
):
    import mlflow

    registry.set_alias("champion", registry.register(**facts(model_dir)))
    old, new = settings.home, tmp_path / "the shop's 2nd home [50 %]"
    shutil.copytree(old, new)
    before = sorted(path for path in old.rglob("*") if path.is_file())
    if is_moved:
        shutil.rmtree(old)
    settings.home = new
    there = Registry(settings)
    version = there.champion()
    kept = there.download(version)
    assert kept.is_relative_to(new)
    assert (kept / "weights.pt").read_bytes() == (model_dir / "weights.pt").read_bytes()
    there.log_decision(version, ds=DS, decision="kept", evidence={"metric": "gauc"})
    assert len(list(new.rglob("2026-01-05.json"))) == 1
    second = there.register(**facts(model_dir, key="key-2"))
    assert there.download(second).is_relative_to(new)
    mlflow.set_tracking_uri(f"sqlite:///{new / 'mlflow.db'}")
    assert mlflow.artifacts.download_artifacts("models:/ranker@champion/data/model/model.json").startswith(str(new))
    assert sorted(path for path in old.rglob("*") if path.is_file()) == ([] if is_moved else before)


def test_old_models_that_never_served_are_deleted_with_their_files_and_no_other(registry, settings, lake, model_dir):
    """Of five old ones: the champion, the one that it replaced, one that a decision names, two that never served."""
    old = [registry.register(**facts(model_dir, key=f"old-{number}")) for number in range(5)]
    registry.register(**facts(model_dir, key="new", ds=date(2026, 5, 1)))
    for number in (0, 1):
        make_champion(lake, registry, old[number], how="set", reason="for the test")
    insert(lake, DECISIONS, [decision_row(DS, champion=old[2].version)])
    (lost,) = [registry.download(version).parent for version in old[3:4]]

    assert prune_models(settings, lake, keep_days=200) == 0
    assert prune_models(settings, lake, keep_days=90) == 2
    assert [version.version for version in registry.versions()] == ["6", "3", "2", "1"]
    assert registry.download(old[2]).is_dir()
    assert not lost.exists()
    with pytest.raises(ValueError, match="has no version '4' of ranker; train the day again"):
        registry.get("4")
    assert prune_models(settings, lake, keep_days=90) == 0


def test_a_deletion_that_was_killed_before_its_end_is_finished(registry, model_dir):
    registry.register(**facts(model_dir))
    version = registry.register(**facts(model_dir, key="key-2"))
    registry._runs.delete(version.run_id, version.source)
    registry.delete(version)
    assert [left.version for left in registry.versions()] == ["1"]


def test_an_unknown_version_and_a_missing_folder_are_refused(registry, model_dir, tmp_path):
    with pytest.raises(ValueError, match="no version '7' of ranker"):
        registry.get("7")
    with pytest.raises(FileNotFoundError, match="nothing-here is not a folder"):
        registry.register(**facts(tmp_path / "nothing-here"))


def test_two_processes_may_make_the_database_at_once_and_say_nothing(settings):
    code = "from uniscale.config import load_settings as s; from uniscale.registry.store import Registry as R; R(s())"
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    assert [out for out, _ in said] == ["", ""]
    assert [err for _, err in said] == ["", ""]
    assert Registry(settings).champion() is None


def test_scoring_reads_every_candidate_of_the_test_days_once(lake, model_dir):
    from uniscale.evaluation.scoring import score_frames
    from uniscale.models.zoo import load_model

    frames = write_test_day(lake, DS, 20)
    scored = score_frames(load_model(model_dir), lake, [DS, date(2026, 1, 6)], target_domain="search")
    assert scored.select(["request_id", "item_ids"]).equals(predictions(frames, 0).select(["request_id", "item_ids"]))
    assert all(0 < p < 1 for lists in scored["click_probability"].to_pylist() for p in lists)
    assert score_frames(load_model(model_dir), lake, [], target_domain="search").num_rows == 0

"""What a reader of a day is told in so many words."""

from datetime import date

from support_evaluation import samples_built

from benchmarks.ui.history import write_history
from uniscale.pipeline.progress import Change
from uniscale.pipeline.remarks import es3_remark, kept_remark, remarks, seconds_between, warmup_remark
from uniscale.pipeline.results import SamplesBuilt, Trained, read_results
from uniscale.pipeline.summary import day_summary
from uniscale.ui.queries.judged import metrics_of_day

DS = date(2026, 1, 7)


def trained(steps, warmup):
    return Trained(recipe="hhsft_es3_xs", version="2", num_params=1, num_steps=steps, warmup_steps=warmup)


def test_training_that_ends_within_its_warm_up_is_said_with_both_numbers():
    said = warmup_remark(trained(16, 100))
    assert "16 steps" in said and "warm-up takes 100" in said and "16 %" in said
    assert warmup_remark(trained(154, 100)) is None
    assert warmup_remark(trained(None, None)) is None  # trained before, by code that did not say


def built(*rows) -> SamplesBuilt:
    from pydantic import TypeAdapter

    return TypeAdapter(SamplesBuilt).validate_json(samples_built(*rows))


def test_es3_that_added_nothing_is_said():
    assert es3_remark(built(10, 0, 0, 0)).startswith("ES3 added nothing")
    assert es3_remark(built(10, 5, 0, 2)) == "ES3 added no attributed rows on these days."
    assert es3_remark(built(10, 5, 1, 2)) is None


def row(value, low, high):
    return {"difference": {"value": value, "ci_low": low, "ci_high": high, "num_requests": 900}}


def test_a_challenger_kept_out_although_the_truth_is_better_is_explained():
    metrics = {"gauc": row(0.01, -0.01, 0.03), "true_gauc": row(0.05, 0.04, 0.06), "auc": row(0.01, -0.01, 0.03)}
    said = kept_remark("kept", "gauc", metrics)
    assert "True GAUC, whole list +0.0500" in said and "not certain" in said and "simulated shop only" in said
    assert "AUC +0.0100" not in said
    assert kept_remark("promoted", "gauc", metrics) is None
    assert kept_remark("kept", "gauc", {"gauc": row(0.01, -0.01, 0.03)}) is None
    assert kept_remark("kept", "gauc", {"true_gauc": metrics["true_gauc"]}) is None  # nothing was compared


def told(*changes):
    return [Change(step=step, state=state, at=at) for step, state, at in changes]


def test_seconds_that_no_step_shows_are_those_between_the_steps_of_the_last_run():
    earlier = (("land", "running", 0.0), ("land", "failed", 3.0))
    run = (("land", "running", 100.0), ("land", "done", 102.0), ("marts", "running", 105.0), ("marts", "done", 110.0))
    assert seconds_between(told(*run)) == 3.0
    assert seconds_between(told(*earlier, *run)) == 3.0
    assert seconds_between(told(*run, ("samples", "running", 111.5))) == 4.5
    assert seconds_between(told(*run, ("marts", "failed", 120.0))) is None
    assert seconds_between(told(*run, ("marts", "running", 9_000.0))) is None  # taken up again hours later
    assert seconds_between([]) is None


def test_a_page_is_told_of_everything_at_once(settings, lake):
    ds = write_history(settings, 1)[0]
    with lake.read() as con:
        metrics = metrics_of_day(con, ds)
    said = remarks(read_results(lake, ds), metrics, "gauc")
    assert any("warm-up takes 100" in remark for remark in said)
    assert day_summary(lake, ds)["decision"] == "kept"

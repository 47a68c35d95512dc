"""The benchmark of a GPU: what comes first, what a budget leaves out, and that no result is lost with a later one."""

import json
from types import SimpleNamespace

import pytest
import torch
from torch.autograd import DeviceType

from benchmarks import record
from benchmarks.gpu.compare import TOLERANCE, largest_difference
from benchmarks.gpu.kernels import of_kernels
from benchmarks.gpu.plan import FORMS, Cell, Check, plan
from benchmarks.gpu.report import page
from benchmarks.gpu.run import OUT_OF_MEMORY, Run
from benchmarks.training.requests import DOMAINS, random_labels
from benchmarks.training.steps import training_flops
from uniscale.batch.synthetic import random_batch
from uniscale.contracts.inputs import HISTORY_LENGTH
from uniscale.models.zoo import MODELS, build_model

HEAD = {"card": "card", "date": "2026-01-01", "command": "c", "code_version": "v", "hardware": "h"}
TIMED = {
    "outcome": "timed",
    "rows_per_second": 5.0,
    "seconds": 1.0,
    "share_of_peak": 0.5,
    "busy_share": 0.9,
    "kernels": 7,
    "peak_gib": 1.5,
    "first_seconds": 2.0,
    "time_by_kind": {"matrix products": 1.0},
}


def _cell(ranker="hhsft", size="m", form="fp32", requests=256):
    return Cell(ranker=ranker, size=size, form=form, requests=requests)


class _Clock:
    """Each item takes so many seconds."""

    def __init__(self, each=1.0):
        self.now, self.each, self.done, self.released = 0.0, each, [], 0

    def do(self, item):
        self.done.append(item)
        self.now += self.each
        if isinstance(item, Check):
            return {"outcome": "compared", "first_loss": 1.0, "last_loss": 0.9, "difference": 0.0, "is_same": True}
        return TIMED

    def release(self):
        self.released += 1


def _run(asked, clock, *, budget=480.0, do=None, write=lambda kept: None):
    run = Run(HEAD, asked, clock=lambda: clock.now, budget_seconds=budget, write=write)
    run.go(do or clock.do, clock.release)
    return run


def test_the_plan_asks_everything_once_and_the_leading_rankers_first():
    asked = plan(sorted(MODELS), ["m", "l", "xl"], [256, 1024, 4096], list(FORMS))
    cells = [item for item in asked if isinstance(item, Cell)]
    assert len(set(asked)) == len(asked)
    assert len(cells) == len(MODELS) * 3 * 3 * len(FORMS)
    assert {item.ranker for item in asked if isinstance(item, Check)} == set(MODELS)
    assert {item.ranker for item in asked[:20]} == {"hhsft", "rankmixer"}
    assert all(cell.size == "m" for cell in cells[:18])


def test_every_ranker_is_timed_at_the_first_size_before_anything_is_compiled():
    asked = plan(sorted(MODELS), ["m", "l"], [256, 1024, 4096], list(FORMS))
    begin = next(place for place, item in enumerate(asked) if isinstance(item, Cell) and FORMS[item.form].compiled)
    seen = {(cell.ranker, cell.form) for cell in asked[:begin] if isinstance(cell, Cell) and cell.size == "m"}
    assert seen == {(ranker, form) for ranker in MODELS for form in FORMS if not FORMS[form].compiled}


def test_what_would_end_after_the_budget_is_left_out_and_named():
    clock = _Clock(each=20.0)
    asked = [_cell(requests=requests) for requests in (1, 2, 3, 4)]
    run = _run(asked, clock, budget=50.0)
    assert [item.requests for item in clock.done] == [1, 2]
    assert run.kept["left_out"] == ["hhsft m, fp32, 3 requests", "hhsft m, fp32, 4 requests"]
    assert not run.problems


def test_a_short_item_is_still_done_where_a_long_one_is_left_out():
    clock = _Clock()
    run = _run([_cell(form="bf16 compiled"), _cell()], clock, budget=60.0)
    assert [item.form for item in clock.done] == ["fp32"]
    assert run.kept["left_out"] == ["hhsft m, bf16 compiled, 256 requests"]


def test_a_batch_out_of_memory_is_recorded_and_larger_ones_of_its_kind_are_not_tried():
    clock = _Clock()

    def do(item):
        if item.requests >= 1024 and item.form == "fp32":
            raise torch.cuda.OutOfMemoryError("no room")
        return clock.do(item)

    asked = [_cell(form=form, requests=requests) for form in ("fp32", "bf16") for requests in (256, 1024, 4096)]
    run = _run(asked, clock, do=do)
    outcomes = [cell["outcome"] for cell in run.kept["cells"]]
    assert outcomes == ["timed", OUT_OF_MEMORY, "not tried, as 1,024 do not fit", "timed", "timed", "timed"]
    assert clock.released == 1
    assert not run.problems


def test_a_ranker_that_fails_is_told_and_the_next_one_goes_on(capsys):
    clock = _Clock()

    def do(item):
        if item.ranker == "dlrm":
            raise RuntimeError("CUDA error: invalid configuration argument\nmore")
        return clock.do(item)

    run = _run([_cell(ranker="dlrm"), _cell()], clock, do=do)
    assert [cell["outcome"] for cell in run.kept["cells"]][1] == "timed"
    (problem,) = run.problems
    assert problem == "dlrm m, fp32, 256 requests: failed: RuntimeError: CUDA error: invalid configuration argument"
    assert "Traceback" in capsys.readouterr().err


def test_losses_that_are_not_the_processors_are_a_problem():
    found = {"outcome": "compared", "first_loss": 1.0, "last_loss": 0.9, "difference": 0.5, "is_same": False}
    run = _run([Check(ranker="dlrm")], _Clock(), do=lambda item: found)
    assert run.problems == ["dlrm against the CPU: losses differ by 5.0e-01, NOT the same"]


def test_a_killed_run_keeps_its_results_and_says_what_it_did_not_reach(tmp_path):
    clock = _Clock()

    def write(kept):
        full = {**kept, "peak_tflops": {"fp32": 50.0}, "loader_rows_per_second": {256: 1e6}}
        record.store("gpu_card", full, page(full), folder=tmp_path)

    def do(item):
        if item.requests == 3:
            raise KeyboardInterrupt
        return clock.do(item)

    with pytest.raises(KeyboardInterrupt):
        _run([_cell(requests=requests) for requests in (1, 2, 3, 4)], clock, do=do, write=write)
    (kept,) = (json.loads(path.read_text()) for path in tmp_path.glob("gpu_card_*.json"))
    assert [cell["requests"] for cell in kept["cells"]] == [1, 2]
    assert kept["left_out"] == ["hhsft m, fp32, 3 requests", "hhsft m, fp32, 4 requests"]
    (text,) = (path.read_text() for path in tmp_path.glob("gpu_card_*.md"))
    assert "| hhsft | m | 2 | fp32 | 5 | 1,000.00 | 50.0% | 90% | 7 | 1.50 | 2.0 |" in text
    assert "Left out, for want of time: hhsft m (2)." in text


def test_kernels_are_counted_without_annotations_and_by_the_operation_that_launched_them():
    def event(key, kind, microseconds, count=1, is_user_annotation=False):
        return SimpleNamespace(
            key=key,
            device_type=kind,
            self_device_time_total=microseconds,
            count=count,
            is_user_annotation=is_user_annotation,
        )

    found = of_kernels(
        [
            event("aten::addmm", DeviceType.CPU, 600.0, 3),
            event("aten::add", DeviceType.CPU, 100.0, 2),
            event("triton_poi_fused_add_0", DeviceType.CPU, 200.0),
            event("cudaLaunchKernel", DeviceType.CPU, 0.0, 6),
            event("sm90_xmma_gemm", DeviceType.CUDA, 600.0, 3),
            event("elementwise", DeviceType.CUDA, 100.0, 2),
            event("triton_poi_fused_add_0", DeviceType.CUDA, 200.0),
            event("Memset (Device)", DeviceType.CUDA, 100.0),
            event("Optimizer.step#Adam.step", DeviceType.CUDA, 900.0, is_user_annotation=True),
        ],
        seconds=2e-3,
    )
    assert found["kernels"] == 7
    assert found["busy_share"] == pytest.approx(0.5)
    shares = {kind: share for kind, share in found["time_by_kind"].items() if share > 1e-9}
    assert shares == pytest.approx({"matrix products": 0.6, "sums and products": 0.1, "compiled": 0.2, "other": 0.1})
    assert found["longest"][0] == {"name": "sm90_xmma_gemm", "ms": 0.6, "count": 3}


def test_a_difference_is_relative_and_the_largest_of_all_steps():
    assert largest_difference([1.0, 2.0, 4.0], [1.0, 2.002, 4.001]) == pytest.approx(1e-3)
    assert largest_difference([1.0], [1.0]) == 0 < TOLERANCE


def test_operations_of_a_training_step_grow_with_its_requests():
    torch.manual_seed(0)
    model = build_model("dlrm", "xs", DOMAINS)

    def count(requests):
        batch = random_batch(sizes=(4,) * requests, length=HISTORY_LENGTH, missing=0.0)
        return training_flops(model, batch, random_labels(batch))

    one, two, three = (count(requests) for requests in (3, 6, 9))
    assert 0 < one < two < three
    assert three - two == two - one

"""Where training runs, and what follows from it."""

import os

import pytest
from pydantic import ValidationError

from uniscale.config.settings import CPU_MICRO_BATCH, TrainingSettings
from uniscale.pipeline.processes import child_environment


@pytest.mark.parametrize(("device", "group"), [("cpu", "gloo"), ("cuda", "cpu:gloo,cuda:nccl")])
def test_the_back_end_follows_from_the_device(device, group):
    assert TrainingSettings(device=device).process_group == group


@pytest.mark.parametrize(("device", "backend"), [("cuda", "gloo"), ("cpu", "nccl")])
def test_a_back_end_that_cannot_reach_the_device_is_refused_with_the_remedy(device, backend):
    with pytest.raises(ValidationError, match=f"backend = '{backend}'.*device = '{device}'.*leave backend out"):
        TrainingSettings(device=device, backend=backend)


def test_only_a_cpu_computes_a_batch_in_parts_unless_told():
    assert TrainingSettings(device="cpu").micro_batch_limit == CPU_MICRO_BATCH
    assert TrainingSettings(device="cuda").micro_batch_limit is None
    assert TrainingSettings(device="cuda", micro_batch=7).micro_batch_limit == 7


def test_threads_of_child_processes_do_not_spin_while_they_wait_unless_told(settings, monkeypatch):
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    found = child_environment(settings)
    assert (found["OMP_WAIT_POLICY"], found["GOMP_SPINCOUNT"]) == ("PASSIVE", "0")
    monkeypatch.setitem(os.environ, "OMP_WAIT_POLICY", "ACTIVE")
    assert child_environment(settings)["OMP_WAIT_POLICY"] == "ACTIVE"

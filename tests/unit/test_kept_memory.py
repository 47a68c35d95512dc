"""A training process keeps the pages of freed tensors."""

import platform
import subprocess
import sys

import pytest

# Ten tensors alive at a time, as in a step; the faults of fifty further steps are counted.
STEPS = """
import resource, sys, torch
from uniscale.training.memory import keep_memory
torch.set_num_threads(1)
if sys.argv[1] == "kept":
    assert keep_memory()
def steps(number):
    for _ in range(number):
        tensors = [torch.ones(2**20) for _ in range(10)]
        del tensors
steps(5)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
steps(50)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how):
    done = subprocess.run([sys.executable, "-c", STEPS, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has the setting")
def test_steps_take_no_new_pages_once_memory_is_kept():
    given_back, kept = page_faults("given back"), page_faults("kept")
    assert kept < given_back / 100, (given_back, kept)

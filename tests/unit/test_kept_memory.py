"""A training process takes tensors from memory that it keeps."""

import platform
import subprocess
import sys

import pytest

# Blocks that the C library asks of the system one by one, and gives back one by one, are counted as mapped.
MAPPED = """
import ctypes, sys, torch
from uniscale.training.memory import LARGEST_REUSED, keep_memory
if sys.argv[1] == "kept":
    assert keep_memory()
names = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in names]
mallinfo2 = ctypes.CDLL(None).mallinfo2
mallinfo2.restype = Info
before = mallinfo2().hblkhd
tensor = torch.empty(LARGEST_REUSED - 2**20, dtype=torch.uint8)
print(mallinfo2().hblkhd - before)
"""


def mapped_bytes(how):
    done = subprocess.run([sys.executable, "-c", MAPPED, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has the setting")
def test_a_large_tensor_comes_from_memory_that_is_kept():
    assert mapped_bytes("given back") > 30 * 2**20
    assert mapped_bytes("kept") == 0

"""Memory that is kept: what a step frees, the next one takes without the kernel's help."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import resource
import numpy as np
from img2imu_kit._memory import reuse_memory
told = reuse_memory()
np.ones(5_000_000)  # the heap grows once
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(5_000_000)  # 40 MB, about 9,800 pages
print(told, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def run(**environment) -> tuple[bool, int]:
    """Whether glibc was told, and the page faults of twenty arrays of 40 MB."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MALLOC_")}
    clean["NUMPY_MADVISE_HUGEPAGE"] = "0"  # pages of 4 KiB, so that they can be counted
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env=clean | environment, capture_output=True, check=True)
    told, faults = done.stdout.decode().split()
    return told == "True", int(faults)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no glibc")
def test_what_was_freed_is_taken_again_without_page_faults():
    told, kept = run()
    assert told
    lost = run(IMG2IMU_REUSE_MEMORY="0")
    assert lost[0] is False
    assert kept < 1000 < 100_000 < lost[1]  # 20 x 9,766 pages

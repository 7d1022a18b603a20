"""Freed memory is kept for the next step, where the C library would hand it back each time."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

__all__ = ["reuse_memory"]

# Numbers of malloc.h; an int is what `mallopt` takes, so the limit of kept memory is 2 GiB.
_TRIM_THRESHOLD, _MMAP_MAX, _MOST = -1, -4, 2**31 - 1


@cache
def reuse_memory() -> bool:
    """Tell glibc to keep freed memory, once a process; called by the loops that allocate much.

    Every step of a network frees its maps and asks for the same sizes again. By default glibc
    maps each large piece anew, and the kernel fills it with zeros page by page: a third to a
    half of the time of a step on a CPU. Kept, the process holds on to its peak (up to 2 GiB
    that are free) until it ends.

    Returns
    -------
    bool
        Whether it was told: False where there is no glibc, or where the environment says
        ``IMG2IMU_REUSE_MEMORY=0``.

    References
    ----------
    mallopt(3): M_MMAP_MAX, M_TRIM_THRESHOLD.
    """
    if not sys.platform.startswith("linux") or os.environ.get("IMG2IMU_REUSE_MEMORY") == "0":
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library: musl knows no mallopt
        return False
    # no piece is mapped by itself, and the top of the heap is not given back
    return bool(mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, _MOST))

"""Memory: kept for the next step, where the C library would hand it back; and when it ends."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from .errors import ParameterError

__all__ = ["fits_in_memory", "reuse_memory"]

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


@contextmanager
def fits_in_memory(what: str, *, where: str, remedy: str) -> Iterator[None]:
    """Memory that is full, as an error that says what would need less.

    Raises
    ------
    ParameterError
        `what` does not fit. Any other error passes.
    """
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        # on a CPU torch says it in a RuntimeError of its allocator
        if not (isinstance(error, torch.OutOfMemoryError | MemoryError) or "alloc" in str(error)):
            raise
        problem = f"{what} does not fit in memory"
        raise ParameterError(problem, where=where, remedy=remedy) from None

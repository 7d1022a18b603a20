"""Signals to stop, noted instead of obeyed, so that a step can be finished and saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["noted_signals"]


@contextmanager
def noted_signals() -> Iterator[list[int]]:
    """Collect SIGINT (Ctrl-C, a notebook's stop button) and SIGTERM; the second interrupts.

    Outside the main thread, where Python delivers no signals, nothing is collected.

    Examples
    --------
    >>> import signal
    >>> with noted_signals() as signals:
    ...     signal.raise_signal(signal.SIGINT)
    ...     print("still here")
    still here
    >>> signal.SIGINT in signals
    True
    """
    caught: list[int] = []

    def note(number, frame) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {kind: signal.signal(kind, note) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)

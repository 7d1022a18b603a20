"""Requests that come faster than they can be met: only the newest counts."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition, Thread
from typing import Any

__all__ = ["Latest"]


class Latest:
    """Meet requests one after the other on a thread; those that wait are replaced by newer ones.

    So a dragged slider is never followed by a queue of pictures that nobody wants any more: at
    most one is being drawn, and one waits.

    Parameters
    ----------
    meet : callable
        Called with a request. An exception ends the thread, and the next request begins another.

    Examples
    --------
    >>> import time
    >>> met = []
    >>> latest = Latest(lambda request: (time.sleep(0.05), met.append(request)))
    >>> for request in range(100):
    ...     latest(request)
    >>> latest.wait()
    >>> len(met) < 5, met[-1]
    (True, 99)
    """

    def __init__(self, meet: Callable[[Any], None]) -> None:
        self._meet = meet
        self._changed = Condition()
        self._waiting: list[Any] = []  # one at most
        self._busy = False

    def __call__(self, request: Any) -> None:
        """Ask for something, in place of what was asked for and not yet begun."""
        with self._changed:
            self._waiting = [request]
            if not self._busy:
                self._busy = True
                Thread(target=self._run, daemon=True).start()

    def wait(self, seconds: float = 60.0) -> None:
        """Return when nothing is being done and nothing waits."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._busy, timeout=seconds):
                raise TimeoutError(f"still busy after {seconds:g} s")

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._waiting:
                    self._rest()
                    return
                request = self._waiting.pop()
            try:
                self._meet(request)
            except BaseException:
                with self._changed:
                    self._rest()
                raise

    def _rest(self) -> None:
        self._busy = False
        self._changed.notify_all()

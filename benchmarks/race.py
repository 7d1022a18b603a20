"""Ways to do one thing, timed in turn in one process: ours, what one would write instead, a floor.

A busy machine changes the clock more than what is compared, so ways take turns: each round times
every way once, and a ratio is the median over rounds of ratios within a round.
"""

from __future__ import annotations

import gc
import json
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

OURS = "img2imu_kit"


@dataclass
class Line:
    """A line of the table.

    Attributes
    ----------
    row, case, way : str
        Row of the table, what is done, and by whom.
    value, unit : float, str
        Median over rounds, with the least and the most: seconds, windows/s, MB.
    ratio : float, optional
        Seconds of this way over ours: how many times as fast ours is. `check` compares it.
    cpu_ratio : float, optional
        The same of CPU time, all threads of this process: what a busy machine changes least.
    target : str
        ``">= 20"`` for the ratio if there is one, else for the value; empty for none.
    note : str
        Why a line holds nothing, or what the figure means.
    """

    row: str
    case: str
    way: str
    value: float | None = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    ratio: float | None = None
    cpu_ratio: float | None = None
    target: str = ""
    note: str = ""

    @property
    def key(self) -> str:
        return f"{self.row}: {self.case}: {self.way}"

    @property
    def met(self) -> bool | None:
        """Whether the target is reached, None without one."""
        found = self.value if self.ratio is None else self.ratio
        if not self.target or found is None:
            return None
        sign, bound = self.target.split()
        found = float(found)  # of numpy's the answer would be one that JSON does not know
        return found >= float(bound) if sign == ">=" else found <= float(bound)

    def __str__(self) -> str:
        def number(value: float | None) -> str:
            if value is None:
                return ""
            return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

        spread = "" if self.low is None else f"{number(self.low)} to {number(self.high)}"
        verdict = {None: "", True: "met", False: "MISSED"}[self.met]
        cells = f"{self.row:2}{self.case:37.37} {self.way:31.31}{number(self.value):>9} "
        cells += f"{self.unit:11}{spread:>20}{number(self.ratio):>8}"
        cells += f"{number(self.cpu_ratio):>7}  {self.target:8}{verdict:8}"
        return f"{cells}{self.note}".rstrip()


HEAD = f"{'median':>80} {'':11}{'least to most':>20}{'x ours':>8}{'x CPU':>7}  target"


def race(
    row: str,
    case: str,
    ways: dict[str, Callable[[], Any] | tuple[Callable[[], Any], float] | str],
    *,
    count: float,
    unit: str,
    rounds: int = 5,
    targets: dict[str, str] | None = None,
    clock: bool = True,
    warm: bool = True,
) -> list[Line]:
    """Time ways in turn; print and return a line for each.

    Parameters
    ----------
    ways : dict of name -> function, or (function, count) where a slow one does fewer, or why not
        Ours, named `OURS`, is the one that others are compared with.
    count, unit
        How many of what each call does.
    targets : dict of name -> target
    clock : bool
        False: the functions look at the clock themselves, and return seconds for one.
    warm : bool
        Call each once before the rounds.
    """
    runs, counts, missing = {}, {}, {}
    for name, way in ways.items():
        if isinstance(way, str):
            missing[name] = way
            continue
        runs[name], counts[name] = way if isinstance(way, tuple) else (way, count)
        if clock and warm:
            runs[name]()  # caches, threads, what is made once
    taken: dict[str, list[float]] = {name: [] for name in runs}
    worked: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            gc.collect()
            start, start_cpu = time.perf_counter(), time.process_time()
            result = run()
            seconds = (time.perf_counter() - start) / counts[name]
            worked[name].append((time.process_time() - start_cpu) / counts[name])
            taken[name].append(seconds if clock else result)
    lines = []
    for name in ways:
        line = Line(row, case, name, note=missing.get(name, ""))
        if name in taken:
            rates = [1 / seconds for seconds in taken[name]]
            line.value, line.low, line.high = median(rates), min(rates), max(rates)
            line.unit = f"{unit}/s"
            if name != OURS:
                line.ratio = _ratio(taken[name], taken[OURS])
                if clock and min(worked[OURS]) > 0.1 * min(taken[OURS]):  # not another process
                    line.cpu_ratio = _ratio(worked[name], worked[OURS])
                line.target = (targets or {}).get(name, "")
        lines.append(say(line))
    return lines


def _ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """Median over rounds of ratios within a round."""
    return median(a / b for a, b in zip(theirs, ours, strict=True))


def growth(
    row: str, case: str, work: Callable[[int], Any], sizes: Sequence[int], unit: str
) -> list[Line]:
    """Whether time grows as a line with the size: what one more costs, and the largest residual."""
    work(sizes[0])
    seconds = [min(_timed(work, size) for _ in range(3)) for size in sizes]
    return [say(line_through(row, case, sizes, seconds, unit))]


def line_through(
    row: str, case: str, sizes: Sequence[float], seconds: Sequence[float], unit: str
) -> Line:
    """A least-squares line: one more costs so many ms; the largest residual as a share."""
    slope, start = np.polyfit(sizes, seconds, 1)
    fitted = start + slope * np.asarray(sizes)
    worst = float(np.abs(fitted / seconds - 1).max())
    note = f"{slope * 1e3:.3g} ms a {unit} + {start * 1e3:.3g} ms, {min(sizes)} to {max(sizes)}"
    share = {"value": 100 * worst, "unit": "%", "target": "<= 10", "note": note}
    return Line(row, case, "growth: residual of a line", **share)


def fact(row: str, case: str, way: str, value: float, unit: str, **more: Any) -> Line:
    """Print and return a line that holds one figure."""
    return say(Line(row, case, way, value, unit, **more))


def say(line: Line) -> Line:
    print(line, flush=True)
    return line


def alone(work: Callable, *arguments: Any) -> tuple[float, float, Any]:
    """Do work in a process of its own: seconds, peak of resident memory in MB, what it returned."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_watched, work, *arguments).result()


def _watched(work: Callable, *arguments: Any) -> tuple[float, float, Any]:
    start = time.perf_counter()
    result = work(*arguments)
    return time.perf_counter() - start, peak_mb(), result


def peak_mb() -> float:
    """Most memory that this process has held, in MB; NaN where /proc is not."""
    # not ru_maxrss, which a child inherits from the process that started it
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+)", status.read_text()) if status.exists() else None
    return int(found[1]) / 1024 if found else float("nan")


def _timed(work: Callable, *arguments: Any) -> float:
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


def write(path: Path, lines: Sequence[Line], **about: Any) -> None:
    """Lines as JSON, one to a line of the file."""
    content = about | {"lines": [asdict(line) | {"met": line.met} for line in lines]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def check(lines: Sequence[Line], stored: dict[str, float], slack: float = 0.3) -> list[str]:
    """What has become slower beside the others than it was, by more than `slack`."""
    return [
        f"{line.key}: {line.ratio:.2f} times as fast, was {stored[line.key]:.2f}"
        for line in lines
        if line.ratio is not None and line.ratio < stored.get(line.key, 0) * (1 - slack)
    ]

"""Rows h and i: explorers in a browser, the first import, and the whole story of the quickstart."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from race import OURS, Line, fact, race, say

HERE = Path(__file__).parent


def explorer_rows() -> list[Line]:
    """Half of `bench_explorer.py`'s moves; it draws both figures in results/."""
    command = [sys.executable, str(HERE / "bench_explorer.py"), "100"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parent)
    if done.returncode:
        problem = (done.stderr.strip().splitlines() or ["failed"])[-1]
        return [say(Line("h", "slider to picture", OURS, note=problem[:80]))]
    slow = dict(re.findall(r"(\w+) +\d+ moves:.* p95 (\d+) ms", done.stdout))
    trivial, lines = float(slow["trivial"]), []
    for kind in ("frames", "bands"):
        case, note = f"slider to picture, {kind}, p95", f"a trivial widget: {trivial:.0f} ms"
        took = float(slow[kind])
        lines.append(fact("h", case, OURS, took, "ms", ratio=trivial / took, note=note))
    return lines


def start_rows() -> list[Line]:
    def python(code: str):
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    draw = "import numpy as np, img2imu_kit as ik; ik.to_image(np.random.rand(3, 500), 100)"
    lines = race(
        "i",
        "import",
        {
            OURS: python("import img2imu_kit"),
            "numpy": python("import numpy"),
            "floor: python": python("pass"),
        },
        count=1,
        unit="starts",
    )
    ways = {OURS: python(draw), "floor: torch, pandas, scipy": python(
        "import torch, pandas, scipy.signal"
    )}  # fmt: skip
    lines += race("i", "import to first picture", ways, count=1, unit="starts", rounds=3)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "img2imu_kit", "quickstart", "--folder", folder]
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
    note = "" if status == 0 else f"failed with {status}"
    lines.append(fact("i", "quickstart", OURS, seconds, "s", note=note))
    lines.append(fact("i", "quickstart: peak memory", OURS, usage.ru_maxrss / 1024, "MB"))
    return lines

"""What reading a large CSV costs: `ik.read` beside pandas alone, and polars if it is installed.

    python benchmarks/bench_big_csv.py [--megabytes 1000] [--rounds 3]

Stamps in milliseconds and six axes, 50 Hz, about 63 bytes a line. pandas parses with the C parser
that `ik.read` uses too, to float64. Each way runs in a process of its own, all in turn; the best
wall-clock time and the highest peak of resident memory count. `ik.read` does more than parse: it
finds the layout, checks each number and stamp, and puts the samples on an even clock. The file
lies in a folder for temporary files and is removed.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

WAYS = {
    "pandas.read_csv": "import pandas; rows = len(pandas.read_csv(path, engine='c'))",
    "img2imu_kit.read": "import img2imu_kit as ik; rows = len(ik.read(path, unit=units)[0])",
    "polars.read_csv": "import polars; rows = len(polars.read_csv(path))",
}


def write(path: Path, megabytes: float) -> int:
    """A recording of a walk with that many megabytes; the number of its rows."""
    block = 100_000
    motion = np.random.default_rng(0).normal([0, 0, 9.8, 0, 0, 0], 1, (block, 6))
    cells = [",".join(f"{value:.5f}" for value in row) for row in motion]
    rows = 0
    with open(path, "w") as file:
        file.write("timestamp_ms,acc_x,acc_y,acc_z,gyro_x,gyro_y,gyro_z\n")
        while file.tell() < megabytes * 1e6:
            first = 1_714_561_200_000 + 20 * rows
            file.writelines(f"{first + 20 * i},{row}\n" for i, row in enumerate(cells))
            rows += block
    return rows


def measure(way: str, path: Path) -> tuple[float, float, int]:
    """Seconds, peak of resident memory in MB, and rows that one way reads, in this process."""
    names = {"path": str(path), "units": ("m/s2", "rad/s")}
    start = time.perf_counter()
    exec(WAYS[way], names)
    seconds = time.perf_counter() - start
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, names["rows"]


def main() -> None:
    """Print a line for each way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=float, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)  # a way, in its own process
    options = parser.parse_args()
    if options.measure:
        print(*measure(options.measure[0], Path(options.measure[1])))
        return
    ways = [way for way in WAYS if importlib.util.find_spec(way.split(".")[0])]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "walk.csv"
        rows = write(path, options.megabytes)
        print(f"{path.stat().st_size / 1e6:,.0f} MB, {rows:,} rows of 7 columns")
        best = {way: [float("inf"), 0.0] for way in ways}
        for _ in range(options.rounds):
            for way in ways:
                command = [sys.executable, __file__, "--measure", way, str(path)]
                output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                seconds, megabytes, count = map(float, output.stdout.split()[-3:])
                assert count == rows, f"{way} read {count:.0f} of {rows} rows"
                best[way] = [min(best[way][0], seconds), max(best[way][1], megabytes)]
    print(f"{'':20}{'s':>8}{'MB/s':>8}{'peak MB':>10}{'x time':>8}{'x memory':>10}")
    seconds, peak = best["pandas.read_csv"]
    for way, (took, held) in best.items():
        times = f"{took / seconds:8.2f}{held / peak:10.2f}"
        print(f"{way:20}{took:8.1f}{options.megabytes / took:8.0f}{held:10,.0f}{times}")


if __name__ == "__main__":
    main()

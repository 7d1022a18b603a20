"""How fast the kit is, in one table: beside what one would write instead, and beside a floor.

    python benchmarks/bench.py [ROW ...] [--check] [--store] [--long] [--json FILE]

Rows: a pictures, b CSV, c hours to shards, d a step of pre-training, e features, f t-SNE, g the
few-label table, h explorers, i start. Each runs in a process of its own; within it ways take turns,
see `race`. Ratios are what is kept: `--store` writes them to benchmarks/ratios.json, `--check` ends
with 1 where one has fallen by more than a third. `--long` adds a hundred hours of motion,
`torch.compile` and a map of 20,000 points. Ways whose package is not installed say so:
pip install polars PyWavelets ssqueezepy lightly.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

import race

ROWS = {
    "a": ("bench_pictures", "rows"),
    "b": ("bench_files", "csv_rows"),
    "c": ("bench_files", "shard_rows"),
    "d": ("bench_networks", "step_rows"),
    "e": ("bench_networks", "feature_rows"),
    "f": ("bench_scores", "map_rows"),
    "g": ("bench_scores", "table_rows"),
    "h": ("bench_start", "explorer_rows"),
    "i": ("bench_start", "start_rows"),
}
LONG = {
    "c": {"hours": (1, 2, 4, 8, 100)},
    "e": {"compiled": True},
    "f": {"sizes": (1000, 5000, 20_000)},
}
STORED = Path(__file__).parent / "ratios.json"


def run(row: str, options: dict) -> list[race.Line]:
    """One row, in this process, with freed memory kept for every way."""
    from img2imu_kit._memory import reuse_memory

    reuse_memory()
    module, name = ROWS[row]
    return getattr(import_module(module), name)(**options)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {' '.join(ROWS)}; default: all")
    parser.add_argument("--check", action="store_true", help="end with 1 where a ratio has fallen")
    parser.add_argument("--store", action="store_true", help="keep these ratios for --check")
    parser.add_argument("--long", action="store_true", help="a hundred hours, 20,000 points")
    parser.add_argument("--json", type=Path, default=Path("results/bench.json"))
    asked = parser.parse_args()
    if unknown := set(asked.rows) - set(ROWS):
        parser.error(f"no row {', '.join(sorted(unknown))}; there are {' '.join(ROWS)}")
    load = os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f} before the start")
    print(race.HEAD, flush=True)
    lines: list[race.Line] = []
    failed: list[str] = []
    about = {"machine": platform.machine(), "cores": os.cpu_count(), "load": load}
    start = time.perf_counter()
    for row in asked.rows or ROWS:
        options = LONG.get(row, {}) if asked.long else {}
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            try:
                lines += pool.submit(run, row, options).result()
            except Exception as error:  # the other rows are worth something without it
                failed.append(f"{row}: {error!r}")
                print(failed[-1], flush=True)
        race.write(asked.json, lines, **about)  # after each row: a run may be stopped
    seconds = time.perf_counter() - start
    print(f"{seconds / 60:.1f} minutes, load {os.getloadavg()[0]:.1f} at the end")
    missed = [line.key for line in lines if line.met is False]
    print(f"targets missed: {', '.join(missed) or 'none'}\nwritten: {asked.json}")
    stored = json.loads(STORED.read_text()) if STORED.exists() else {}
    if asked.store:
        stored |= {line.key: round(line.ratio, 3) for line in lines if line.ratio is not None}
        STORED.write_text(json.dumps(stored, indent=1) + "\n")
    slower = race.check(lines, stored) if asked.check else []
    if asked.check:
        print("\n".join(["slower than it was:", *slower] if slower else ["no ratio has fallen"]))
    sys.exit(bool(slower or failed))


if __name__ == "__main__":
    main()

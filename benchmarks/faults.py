"""Killed at random again and again: what is lost, and whether the end is the same.

A conversion and a table of scores are each killed ten times (SIGKILL and SIGTERM in turn) at a
random moment, called again, and at last left alone; what they wrote is compared byte by byte with
what they write undisturbed. Pre-training is killed so in ``tests/pretrain/test_pretrain.py``.

    python benchmarks/faults.py
"""

from __future__ import annotations

import multiprocessing
import random
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path

import pandas as pd

import img2imu_kit as ik
from img2imu_kit.evaluate import Handcrafted, few_label_table

TIMES = 10


def convert(source: Path, out: Path) -> None:
    quiet()
    ik.convert_folder(source, out, seconds=4, overlap=0.9, workers=1, progress=False)


def score(source: Path, out: Path) -> None:
    quiet()
    windows = ik.sliding_windows(ik.read(source), seconds=4, overlap=0.5)
    methods = {"by hand": Handcrafted("forest")}
    asked = {"shots": [1, 5], "seeds": 20, "by": "recording", "workers": 1, "progress": False}
    table = few_label_table({"moves": windows}, methods, folder=out / "cache", **asked)
    lists = table.drop(columns="seconds")  # how long it took is not the same twice
    lists.to_csv(out / "scores.csv", index=False)


def quiet() -> None:
    warnings.simplefilter("ignore")


def results(out: Path) -> dict[str, bytes]:
    """What a call has made, without what is only kept for the next call."""
    kept = (".parquet", ".safetensors", ".json")
    files = [path for path in out.rglob("*") if path.is_file() and path.suffix not in kept]
    return {path.name: path.read_bytes() for path in files if not path.name.startswith(".part-")}


def torn(out: Path) -> int:
    """Files under their own name that are not whole: none can be opened half."""
    count = 0
    for path in out.rglob("*"):
        if path.suffix == ".tar" and path.is_file():
            import tarfile

            with tarfile.open(path) as tar:
                count += not all(member.size for member in tar)
        elif path.suffix == ".parquet":
            count += pd.read_parquet(path).empty
    return count


def tried(job, source: Path, room: Path) -> str:
    spawn = multiprocessing.get_context("forkserver")
    spawn.set_forkserver_preload(["img2imu_kit.evaluate.table", "img2imu_kit.pictures.shards"])
    whole, killed = room / f"{job.__name__}-whole", room / f"{job.__name__}-killed"
    for out in (room / "warm", whole, killed):
        out.mkdir(exist_ok=True)
        if out is killed:
            break
        began = time.monotonic()  # of the second one: the first waits for all that is imported
        alone = spawn.Process(target=job, args=(source, out))
        alone.start()
        alone.join()
    lasts, codes, bad = time.monotonic() - began, [], 0
    for i in range(TIMES):
        child = spawn.Process(target=job, args=(source, killed))
        child.start()
        child.join(random.uniform(0, 1) * lasts / 5)  # each goes on where the last one was
        if child.is_alive():
            (child.terminate if i % 2 else child.kill)()
        child.join()
        codes.append(child.exitcode)
        bad += torn(killed)
    last = spawn.Process(target=job, args=(source, killed))
    last.start()
    last.join()
    deaths = sum(code in (-signal.SIGKILL, -signal.SIGTERM) for code in codes)
    same = results(killed) == results(whole)
    return f"{deaths} of {TIMES} killed under way, {bad} torn files, the end the same: {same}"


def main() -> int:
    random.seed(0)
    said = []
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        people = ik.load_dataset("synthetic", subjects=6, seconds=24)
        for i, person in enumerate(people):
            path = room / "walks" / f"{i:02d}-{person.name.replace('/', '-')}.npz"
            ik.readers.save_npz(person, path)
        for job in (convert, score):
            said.append(tried(job, room / "walks", room))
            print(f"{job.__name__}: {said[-1]}", flush=True)
    return int(not all(text.endswith("True") and " 0 torn" in text for text in said))


if __name__ == "__main__":
    sys.exit(main())

"""The sensor baselines of ``data/checkpoints``: how they were pre-trained.

    python benchmarks/pretrain_baselines.py FOLDER [DATA]

2,000 updates each, rounded up to whole epochs, on the windows of `baselines.load_corpus`:
a quarter of an hour on two cores. Stopped, the same command continues. DATA is a folder that
holds ``chest_accelerometer/`` and ``sisfall/``; default: the cache. Then
``img2imu reproduce --baselines FOLDER`` measures them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import joblib
import torch

import img2imu_kit as ik

STEPS = 2000


def pretrain(name: str, windows: ik.Windows, folder: Path) -> str:
    torch.set_num_threads(1)
    encoder = ik.pretrain_signals(
        name, windows, steps=STEPS, folder=folder / name, corpus="sensor corpus", progress=False
    )
    return f"{encoder}, loss {encoder.history.loss.iloc[-1]:.3f}"


def main() -> None:
    folder, *data = map(Path, sys.argv[1:])
    windows = ik.baselines.load_corpus(
        *(data[0] / name for name in ("chest_accelerometer", "sisfall") if data)
    )
    jobs = (joblib.delayed(pretrain)(name, windows, folder) for name in ik.baselines.LEARNERS)
    for line in joblib.Parallel(min(joblib.cpu_count(), 4), return_as="generator")(jobs):
        print(line, flush=True)


if __name__ == "__main__":
    main()

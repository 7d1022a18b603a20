"""The development sets, or the four tasks, as one file for ``readout.py``.

    python development_sets.py OUT.npz development [DATA]
    python development_sets.py OUT.npz tasks [DATA]

DATA is a folder that holds each data set's own layout; default: the kit's cache. Three sets for
choices (4 s windows, ten draws): chest_accelerometer, sisfall, and seglearn's shoulder exercises
(a smartwatch; ``pip install seglearn``). The four tasks are for the end, and for looking once.
"""

from __future__ import annotations

import math
import pickle
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from readout import LabelledSet, save_sets

import img2imu_kit as ik
from img2imu_kit.datasets.tasks import TASKS

G = 9.80665
SEEDS, SHOTS, MOST = range(1000, 1010), 10, 1500


class _ArraysOnly(pickle.Unpickler):
    """Admits numpy arrays and nothing else: unpickling could run any code."""

    def find_class(self, module, name):
        if (module.split(".")[0], name) in {
            ("numpy", "_reconstruct"),
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
            ("numpy", "scalar"),
            ("_codecs", "encode"),
        }:
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        raise pickle.UnpicklingError(f"{module}.{name}")


def load_shoulder_exercises() -> list[ik.Recording]:
    """Seven exercises of ten people, accelerometer of a watch at 50 Hz (Burns et al. 2018)."""
    import seglearn.datasets

    path = Path(seglearn.datasets.__file__).parent / "data" / "watch_dataset.npy"
    with open(path, "rb") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        data = _ArraysOnly(file, encoding="latin1").load().item()
    names = list(data["y_labels"])
    return [
        ik.Recording(
            np.asarray(x, float)[:, :3] * G,
            50.0,
            ("acc_x", "acc_y", "acc_z"),
            ("m/s2",) * 3,
            subject=f"s{int(subject):02d}",
            name=f"r{i:03d}",
            labels=str(names[int(y)]),
        )
        for i, (x, y, subject) in enumerate(zip(data["X"], data["y"], data["subject"], strict=True))
    ]


def load_development_set(name: str, data: Path | None) -> ik.Windows:
    """Windows of 4 s, accelerometer in m/s2."""
    if name == "shoulder_exercises":
        recordings = load_shoulder_exercises()
    else:
        recordings = ik.load_dataset(name, data and data / name)
    if name == "chest_accelerometer":
        # raw counts about 2048: the median length of a person's samples is taken for gravity
        centred = [one.signal - 2048 for one in recordings]
        scale = [G / np.median(np.linalg.norm(x, axis=1)) for x in centred]
        recordings = [
            replace(one, signal=x * s, unit="m/s2")
            for one, x, s in zip(recordings, centred, scale, strict=True)
        ]
    recordings = [one.to_unit("m/s2") for one in recordings]
    return ik.sliding_windows(recordings, 4.0, overlap=0.5, purity=0.9).select("acc")


def label_few(name: str, cut: ik.Windows, by: str = "subject") -> LabelledSet:
    """At most 1,500 windows, evenly spread; ten draws of ten labelled windows a class.

    No person (or recording, `by`) is both in training and in test. A class with fewer than ten
    windows in training gives all it has.
    """
    cut = cut[:: math.ceil(len(cut) / MOST)]
    groups, draws = getattr(cut, by), []
    for seed in SEEDS:
        train, test = ik.split_by(groups, cut.label, test=0.3, seed=seed)
        label = cut.label[train].astype(str)
        names, counts = np.unique(label, return_counts=True)
        rare = np.isin(label, names[counts < SHOTS])
        drawn = np.flatnonzero(~rare)[ik.k_shot(cut.label[train][~rare], SHOTS, seed=seed)]
        drawn = np.sort(np.concatenate([drawn, np.flatnonzero(rare)])).astype(int)
        draws.append((train[drawn], test))
    classes = list(cut.classes)
    label = np.array([classes.index(x) for x in cut.label])
    print(name, cut, np.bincount(label), f"{len(set(groups))} groups", flush=True)
    return LabelledSet(name, cut.signal, cut.rate, label, draws)


def main() -> None:
    out, which, *rest = sys.argv[1:]
    data = Path(rest[0]) if rest else None
    if which == "development":
        names = ("chest_accelerometer", "sisfall", "shoulder_exercises")
        sets = [label_few(name, load_development_set(name, data)) for name in names]
    else:
        sets = [
            label_few(name, ik.load_task(name, data and data / t.dataset).select("acc"), t.by)
            for name, t in TASKS.items()
        ]
    save_sets(Path(out), sets)


if __name__ == "__main__":
    main()

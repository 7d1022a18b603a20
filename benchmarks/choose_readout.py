"""Which layers a vision network should be read at: chosen where nothing is reported.

    python benchmarks/choose_readout.py [DATA]

Activities at the chest and falls at the waist are none of the four tasks. Each readout differs from
the default in one lever; a score is the mean macro-F1 of both sets, 10 shots, 5 draws of subjects.
DATA is a folder that holds ``chest_accelerometer/`` and ``sisfall/``; default: the cache.
"""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

import img2imu_kit as ik
from img2imu_kit.evaluate import Handcrafted, ImageReadout, few_label_table, image_methods

WEIGHTS = {"sensor-aware": "img2imu:sensor-aware", "vision": "img2imu:vision"}
READOUTS = {"as it is": ImageReadout()}
READOUTS |= {f"layer {layer}": ImageReadout(layer=layer) for layer in (0, 2, 3, 4)}
READOUTS |= {
    f"layers {layers}": ImageReadout(layer=layers)
    for layers in ((0, 1), (0, 1, 2), (0, 1, 2, 3, 4))
}
READOUTS |= {f"range {kind}": ImageReadout(range=kind) for kind in ("per-axis", "per-window")}
READOUTS |= {f"pool {kind}": ImageReadout(pool=kind) for kind in ("gap", "time")}
READOUTS |= {
    f"layers (0, 1, 2, 3, 4), {rows} x {columns}": ImageReadout(
        layer=(0, 1, 2, 3, 4), rows=rows, columns=columns
    )
    for rows, columns in ((4, 1), (4, 4), (8, 2), (8, 4), (8, 8), (8, 12), (16, 1), (16, 8))
}


def labelled(name: str, data: Path | None):
    """Windows of 4 s in m/s2, at most about 1,200."""
    recordings = ik.load_dataset(name, data and data / name)
    if name == "chest_accelerometer":  # counts: 2048 is 0, 1 g the median distance
        recordings = [calibrate(recording) for recording in recordings]
    even = [recording.to_unit("m/s2") for recording in recordings]
    cut = ik.sliding_windows(even, 4.0, overlap=0.5, purity=0.9)
    return cut.select("acc")[:: math.ceil(len(cut) / 1200)]


def calibrate(recording: ik.Recording) -> ik.Recording:
    centred = recording.signal - 2048
    one_g = np.median(np.linalg.norm(centred, axis=1))
    return replace(recording, signal=9.80665 * centred / one_g, unit="m/s2")


def main() -> None:
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    tasks = {name: labelled(name, data) for name in ("chest_accelerometer", "sisfall")}
    methods = {"by hand + forest": Handcrafted()} | {
        f"{name} | {readout}": method
        for readout, settings in READOUTS.items()
        for name, method in image_methods(WEIGHTS, "", settings).items()
    }
    table = few_label_table(tasks, methods, shots=(10,), seeds=5)
    forest = table.method == "by hand + forest"
    print(f"by hand + forest: {table[forest].macro_f1.mean():.3f}\n")
    rows = table[~forest].copy()
    rows[["network", "readout"]] = rows.method.str.split(" | ", regex=False, expand=True)
    wide = rows.pivot_table(index="readout", columns="network", values="macro_f1")
    wide["mean"] = wide.mean(axis=1)
    print(wide.sort_values("mean", ascending=False).round(3).to_string())


if __name__ == "__main__":
    main()

"""Which layers a vision network should be read at: chosen where nothing is reported.

    python benchmarks/choose_lens.py [DATA]

Activities at the chest and falls at the waist are none of the four tasks. Each lens differs from
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
from img2imu_kit.evaluate.methods import Handcrafted, ImageReadout, vision_methods
from img2imu_kit.evaluate.table import few_label_table

WEIGHTS = {"sensor-aware": "img2imu:sensor-aware", "vision": "img2imu:vision"}
LENSES = {"as it is": ImageReadout()}
LENSES |= {f"layer {layer}": ImageReadout(layer=layer) for layer in (0, 2, 3, 4)}
LENSES |= {
    f"layers {layers}": ImageReadout(layer=layers)
    for layers in ((0, 1), (0, 1, 2), (0, 1, 2, 3, 4))
}
LENSES |= {f"range {kind}": ImageReadout(range=kind) for kind in ("per-axis", "per-window")}
LENSES |= {f"pool {kind}": ImageReadout(pool=kind) for kind in ("gap", "time")}
LENSES |= {
    f"layers (0, 1, 2, 3, 4), {rows} x {columns}": ImageReadout(
        layer=(0, 1, 2, 3, 4), rows=rows, columns=columns
    )
    for rows, columns in ((4, 1), (4, 4), (8, 2), (8, 4), (8, 8), (8, 12), (16, 1), (16, 8))
}


def labelled(name: str, data: Path | None):
    """Windows of 4 s in m/s2, at most about 1,200."""
    recordings = ik.load_dataset(name, data and data / name)
    if name == "chest_accelerometer":  # counts: zero is the middle, 1 g the median distance to it
        recordings = [
            replace(one, signal=9.80665 * centred / np.median(np.linalg.norm(centred, axis=1)),
                    unit="m/s2")
            for one in recordings
            for centred in [one.signal - 2048]
        ]  # fmt: skip
    cut = ik.sliding_windows(
        [one.to_unit("m/s2") for one in recordings], 4.0, overlap=0.5, purity=0.9
    )
    return cut.select("acc")[:: math.ceil(len(cut) / 1200)]


def main() -> None:
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    tasks = {name: labelled(name, data) for name in ("chest_accelerometer", "sisfall")}
    methods = {"by hand + forest": Handcrafted()} | {
        f"{name} | {lens}": method
        for lens, settings in LENSES.items()
        for name, method in vision_methods(WEIGHTS, "", settings).items()
    }
    table = few_label_table(tasks, methods, shots=(10,), seeds=5)
    forest = table.method == "by hand + forest"
    print(f"by hand + forest: {table[forest].macro_f1.mean():.3f}\n")
    rows = table[~forest].copy()
    rows[["network", "lens"]] = rows.method.str.split(" | ", regex=False, expand=True)
    wide = rows.pivot_table(index="lens", columns="network", values="macro_f1")
    wide["mean"] = wide.mean(axis=1)
    print(wide.sort_values("mean", ascending=False).round(3).to_string())


if __name__ == "__main__":
    main()

"""Which pictures, layers and cells: chosen on data sets that are none of the four tasks.

    python benchmarks/choose_readout.py [DATA] [--draws 10] [--out readout.csv]

Three development sets: activities at the chest, falls at the waist (both in the layout of their
owners, in the folder DATA or in the cache), and exercises of the shoulder, which come with the kit.
Windows of 4 s, accelerometer, ten labelled windows a class, draws 1000 and on; macro-F1. Each
readout differs from the default in one lever. Then the same for sensor baselines (whether their
layers vote), and for a jury of the network and statistics chosen by hand.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path

import numpy as np

import img2imu_kit as ik
from img2imu_kit.baselines import SignalEncoder
from img2imu_kit.evaluate import (
    Handcrafted,
    ImageReadout,
    Jury,
    Pixels,
    RawSignal,
    SignalMethod,
    few_label_table,
    image_methods,
    lever_methods,
)

GRAVITY = 9.80665
WEIGHTS = {"IMG2IMU": "img2imu:walk-sensor", "ImageNet": "imagenet:tf_efficientnet_lite0"}


def load_development_sets(data: Path | None, most: int = 1500) -> dict[str, ik.Windows]:
    """Name -> labelled windows, thinned evenly."""
    sets = {}
    for name in ("chest_accelerometer", "sisfall", "shoulder_exercises"):
        offline = name == "shoulder_exercises"
        recordings = ik.load_dataset(name, None if offline or data is None else data / name)
        if name == "chest_accelerometer":
            # Counts about 2048, without a unit: the median length of a person's vector is gravity.
            signals = [recording.signal - 2048.0 for recording in recordings]
            counts = [np.median(np.linalg.norm(signal, axis=1)) for signal in signals]
            recordings = [
                replace(recording, signal=signal * (GRAVITY / count), unit="m/s2")
                for recording, signal, count in zip(recordings, signals, counts, strict=True)
            ]
        recordings = [recording.to_unit("m/s2") for recording in recordings]
        cut = ik.sliding_windows(recordings, 4.0, overlap=0.5, purity=0.9).select("acc")
        sets[name] = cut[:: math.ceil(len(cut) / most)]
    return sets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--folder", type=Path, default=Path("results/readout"))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    networks = image_methods(WEIGHTS, "", ImageReadout())
    methods = {
        f"{name} | {lever}": method
        for name, network in networks.items()
        for lever, method in lever_methods(network).items()
    }
    ours = networks["IMG2IMU"]
    both = replace(ours, readout=ImageReadout(pixels=(0, 1)))
    first = replace(ours, readout=ImageReadout(layers=(0, 1, 2, 3, 4)))
    methods |= {"IMG2IMU | pixels of both": both, "IMG2IMU | layer 0 too": first}
    for name in ("simclr", "multitask", "cpc", "limu-bert"):
        encoder = SignalEncoder.load(f"img2imu:{name}")
        methods[f"{name} | features"] = SignalMethod(encoder)
        methods[f"{name} | fused"] = SignalMethod(encoder, fused=True)
    statistics = Handcrafted("extra-trees")
    methods |= {
        "pixels | as it is": Pixels(),
        "by hand | forest": Handcrafted(),
        "by hand | extra-trees": statistics,
        "by hand | logistic": Handcrafted(None),
        "MiniRocket | as it is": RawSignal("minirocket"),
        "Hydra | as it is": RawSignal("hydra"),
        "jury | IMG2IMU + extra-trees": Jury({"image": ours, "statistics": statistics}),
    }
    sets = load_development_sets(options.data)
    table = few_label_table(
        sets, methods, shots=(10,), seeds=range(1000, 1000 + options.draws), folder=options.folder
    )
    means = table.pivot_table(index="method", columns="task", values="macro_f1")[list(sets)]
    means["mean"] = means.mean(axis=1)
    print(means.reindex(list(methods)).round(3).to_string())
    if options.out:
        means.round(4).to_csv(options.out)


if __name__ == "__main__":
    main()

"""How well each change of a picture imitates its twin, on all three kinds of pictures.

    python benchmarks/fidelity_by_picture.py [DATA]

Real motion of two sets that are none of the four tasks; DATA is a folder that holds
``chest_accelerometer/`` and ``sisfall/``, by default the cache. Prints the table of
``docs/augmentations.md``. Each kind of picture is changed by its own set at strength 1, and
pictures of an STFT by the two changes more that bands have.
"""

from __future__ import annotations

import math
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

import img2imu_kit as ik
from img2imu_kit.augment import Invert, Tempo, fidelity_table, measure_fidelity

PRESETS = ("default", "motion", "motion-signed")


def load(name: str, data: Path | None) -> ik.Windows:
    """Windows of 4 s in m/s2, about 400 of them."""
    recordings = [one.select("acc") for one in ik.load_dataset(name, data and data / name)]
    if name == "chest_accelerometer":  # counts: 2048 is 0, 1 g the median distance
        recordings = [calibrate(recording) for recording in recordings]
    recordings = [recording.to_unit("m/s2") for recording in recordings]
    windows = ik.sliding_windows(recordings, 4.0, purity=0.9)
    return windows[:: math.ceil(len(windows) / 400)]


def calibrate(recording: ik.Recording) -> ik.Recording:
    centred = recording.signal - 2048
    one_g = np.median(np.linalg.norm(centred, axis=1))
    return replace(recording, signal=9.80665 * centred / one_g, unit="m/s2")


def measure(windows: ik.Windows, preset: str) -> pd.DataFrame:
    """One row for each change of the pictures of a preset."""
    table = fidelity_table(windows, preset)
    if preset == "default":
        more = [measure_fidelity(change, windows, preset) for change in (Tempo(), Invert())]
        table = pd.concat([table, pd.DataFrame(more).assign(set="not in the set")])
    return table


def cell(rows: pd.DataFrame) -> str:
    """Share explained on either set; in bold where both times it imitates its twin."""
    if set(rows.verdict) <= {"no twin", "invisible"}:
        return rows.verdict.iloc[0]
    text = " / ".join(f"{share:.2f}".replace("0.", ".") for share in rows.explained)
    return f"**{text}**" if set(rows.verdict) == {"imitates"} else text


def main() -> None:
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    warnings.simplefilter("ignore")  # short recordings
    sets = {name: load(name, data) for name in ("chest_accelerometer", "sisfall")}
    measured = {p: [measure(windows, p) for windows in sets.values()] for p in PRESETS}
    rows = pd.concat([table.assign(preset=p) for p in PRESETS for table in measured[p]])
    rows = rows.replace({"augmentation": {"all together": "the whole set"}})
    rows["name"] = rows.augmentation.where(rows.set != "vision", rows.augmentation + " (vision)")
    print(f"| change | {' | '.join(PRESETS)} |\n|---|{'---|' * len(PRESETS)}")
    for name in dict.fromkeys(rows.name):
        parts = [rows[(rows.name == name) & (rows.preset == p)] for p in PRESETS]
        print(f"| {name} | {' | '.join(cell(part) if len(part) else '' for part in parts)} |")


if __name__ == "__main__":
    main()

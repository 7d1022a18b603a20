"""Swimming style from a smartwatch (Brunner et al., ISWC 2019)."""

from __future__ import annotations

import warnings
from collections import Counter
from os import PathLike

import numpy as np

from ..errors import Img2ImuWarning
from ..signals.axes import ACC_GYRO, SI_UNITS
from ..signals.recording import Recording
from ..signals.resampling import from_samples
from ._owners import find_files, read_columns
from .cards import DatasetCard

__all__ = ["CARD", "load"]

CARD = DatasetCard(
    name="swimming",
    title="Swimming style recognition and lap counting using a smartwatch",
    task="swimming style",
    who="40 swimmers of different skill, in the pool",
    placement="wrist (smartwatch)",
    subjects=40,
    classes=("null", "freestyle", "breaststroke", "backstroke", "butterfly", "turn"),
    rate=30.0,
    axes=ACC_GYRO,
    unit=SI_UNITS,
    licence="none stated",
    citation="Brunner, Melnyk, Sigfússon, Wattenhofer: Swimming style recognition and lap counting "
    "using a smartwatch and deep learning. ISWC 2019. doi:10.1145/3341163.3347719",
    url="https://github.com/brunnergino/swimming-recognition-lap-counting",
    notes="Already resampled to 30 Hz by its owners. Label null is anything that is no stroke, "
    "such as resting; the paper merges null and turn into transition (merge_transition=True). "
    "Labels -1 and 6 occur, are documented nowhere, and become unlabelled.",
)

#: code in the files -> class
_LABELS = {**dict(enumerate(CARD.classes)), -1: "", 6: ""}
_COLUMNS = ("ACC_0", "ACC_1", "ACC_2", "GYRO_0", "GYRO_1", "GYRO_2")


def load(folder: str | PathLike, *, merge_transition: bool = False) -> list[Recording]:
    """One recording a file: accelerometer (m/s2) and gyroscope (rad/s) at 30 Hz.

    Parameters
    ----------
    folder : path
        At or above ``processed_30hz_relabeled/SWIMMER/STYLE_TIME.csv``.
    merge_transition : bool
        Call null and turn ``"transition"``, as the paper does.

    Returns
    -------
    list of Recording
        Subjects ``"s00"`` to ``"s39"``. Samples of undocumented classes are labelled ``""``, which
        `sliding_windows` leaves out; a warning says how many.

    Raises
    ------
    DatasetError, FormatError
        No such files; a malformed file, with the line.
    """
    names = dict(_LABELS)
    if merge_transition:
        names |= {code: "transition" for code, name in names.items() if name in ("null", "turn")}
    recordings, dropped, total = [], Counter(), 0
    for path, match in find_files(folder, r"(\d+)/(\w+_\d+)\.csv", CARD.name):
        table = read_columns(path, [*_COLUMNS, "timestamp", "label"])
        # float codes -1.0 ... 6.0 -> names; what the owners document nowhere is unlabelled
        codes = table["label"].to_numpy().astype(int)
        dropped.update(int(code) for code in codes[~np.isin(codes, range(len(CARD.classes)))])
        total += len(codes)
        about = {
            "labels": [names.get(code, "") for code in codes.tolist()],
            "name": f"{match[1]}/{match[2]}",
            "subject": f"s{int(match[1]):02d}",
            "axes": CARD.axes,
            "unit": CARD.unit,
        }
        signal = table[list(_COLUMNS)].to_numpy(np.float32)
        # seconds since the first sample, not since the watch was switched on
        times_s = (table["timestamp"] - table["timestamp"].iloc[0]).to_numpy() / 1e9
        # An even clock is left alone: interpolating what is resampled already smooths it twice.
        if np.abs(np.diff(times_s) * CARD.rate - 1).max(initial=0) < 0.1:
            recordings.append(Recording(signal, CARD.rate, **about))
        else:
            recordings += from_samples(
                signal, times_s, rate=CARD.rate, gap="split", equal="mean", **about
            )
    if dropped:
        counts = ", ".join(f"{code} ({count:,} samples)" for code, count in sorted(dropped.items()))
        warnings.warn(
            f"swimming: {dropped.total():,} of {total:,} samples carry undocumented labels and are "
            f'left unlabelled (""): {counts}',
            Img2ImuWarning,
            stacklevel=3,
        )
    return recordings

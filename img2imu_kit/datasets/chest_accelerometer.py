"""Everyday activities from an accelerometer on the chest (Casale et al., UCI 287)."""

from __future__ import annotations

from os import PathLike

import numpy as np

from ..errors import FormatError
from ..signals.recording import Recording
from ._owners import find_files, read_columns
from .cards import DatasetCard

__all__ = ["CARD", "load"]

CARD = DatasetCard(
    name="chest_accelerometer",
    title="Activity recognition from single chest-mounted accelerometer",
    task="everyday activities; also a corpus for pre-training on sensors",
    who="15 subjects",
    placement="chest",
    subjects=15,
    classes=(
        *("working at computer", "standing up/walking/stairs", "standing", "walking", "stairs"),
        *("walking and talking", "talking while standing"),
    ),
    rate=52.0,
    axes=("acc_x", "acc_y", "acc_z"),
    unit=("", "", ""),
    licence="CC BY 4.0 (UCI page; please check there)",
    citation="Casale, Pujol, Radeva: Personalization and user verification in wearable systems "
    "using biometric walking patterns. Personal and Ubiquitous Computing 16(5), 2012. "
    "doi:10.1007/s00779-011-0415-z",
    url="https://archive.ics.uci.edu/dataset/287",
    notes="Uncalibrated counts of a 12-bit converter, 0 to 4095; five files touch these rails, so "
    "peaks are cut off. Label 0 is unlabelled. The sequence number loses precision above 1e5 and "
    "is not used: samples are taken as even at 52 Hz.",
)


def load(folder: str | PathLike) -> list[Recording]:
    """One recording a subject: accelerometer in uncalibrated counts at 52 Hz.

    Parameters
    ----------
    folder : path
        At or above ``1.csv`` to ``15.csv``.

    Returns
    -------
    list of Recording
        Subjects and names ``"s01"`` to ``"s15"``; label 0 is ``""``.

    Raises
    ------
    DatasetError, FormatError
        No such files; a malformed file, with the line.
    """
    # Code 0 is no class; 1 to 7 are those of the card, in its order.
    names = np.array(["", *CARD.classes], dtype=object)
    recordings = []
    for path, match in find_files(folder, r"(\d+)\.csv", CARD.name):
        table = read_columns(path, ["1", "2", "3", "4"], width=5)  # "0" counts the samples
        codes = table["4"].to_numpy().astype(int)
        # Counts, not m/s2: the converter was never calibrated, so the card gives no unit.
        unknown = np.flatnonzero((codes < 0) | (codes >= len(names)))
        if len(unknown):
            where = f"{path}, line {unknown[0] + 1}"
            raise FormatError(f"label {codes[unknown[0]]}, expected 0 to 7", where=where)
        subject = f"s{int(match[1]):02d}"
        about = {"subject": subject, "name": subject, "labels": names[codes]}
        signal = table[["1", "2", "3"]].to_numpy()
        recordings.append(Recording(signal, CARD.rate, CARD.axes, CARD.unit, **about))
    return recordings

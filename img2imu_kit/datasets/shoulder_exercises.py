"""Seven shoulder exercises from a watch on either arm (Burns et al. 2018), offline."""

from __future__ import annotations

import pickle
from os import PathLike
from pathlib import Path

import numpy as np

from ..errors import FormatError, ParameterError
from ..signals.axes import ACC_GYRO, GRAVITY, SI_UNITS
from ..signals.recording import Recording
from ._owners import find_files
from .cards import DatasetCard

__all__ = ["CARD", "load"]

#: The file's codes, in its order, spelt out.
_EXERCISES = {
    "PEN": "pendulum",
    "ABD": "abduction",
    "FEL": "forward elevation",
    "IR": "internal rotation",
    "ER": "external rotation",
    "TRAP": "trapezius extension",
    "ROW": "upright row",
}
_ARMS = ("left", "right")  # 0 and 1 in the file

CARD = DatasetCard(
    name="shoulder_exercises",
    title="seglearn's watch dataset",
    task="physiotherapy exercises of the shoulder",
    who="10 healthy adults (the paper has 20), each exercise about 20 times with either arm",
    placement="smartwatch on the wrist of the active arm",
    subjects=10,
    classes=tuple(_EXERCISES.values()),
    rate=50.0,
    axes=ACC_GYRO,
    unit=SI_UNITS,
    licence="BSD 3-Clause (seglearn, which holds the data)",
    citation="Burns, Leung, Hardisty, Whyne, Henry, McLachlin: Shoulder physiotherapy exercise "
    "recognition: machine learning the inertial signals from a smartwatch. Physiological "
    "Measurement 39(7), 2018. doi:10.1088/1361-6579/aacfd9",
    url="https://github.com/dmbee/seglearn",
    notes="140 recordings of 19 to 52 s, 81 minutes: one for each person, arm and exercise. Comes "
    "with the package seglearn, so it needs no download. x of a hanging left arm is +1 g, of a "
    "right arm -1 g: the sign tells the arms apart. The names of the exercises are spelt out from "
    "the file's codes (PEN, ABD, FEL, IR, ER, TRAP, ROW).",
    package="seglearn",
)


def load(folder: str | PathLike, *, arm: str | None = None) -> list[Recording]:
    """One recording for each person, arm and exercise: m/s2 and rad/s at 50 Hz.

    Parameters
    ----------
    folder : path
        At or above ``watch_dataset.npy``.
    arm : {"left", "right"}, optional
        Only this arm. Default: both.

    Returns
    -------
    list of Recording
        By subject (``"s01"`` to ``"s10"``), arm and exercise; named ``"s01/left/pendulum"``.

    Raises
    ------
    DatasetError, FormatError
        No such file; one that is damaged or holds anything but arrays.
    """
    if arm not in (None, *_ARMS):
        raise ParameterError(f'arm is {arm!r}, expected "left", "right" or None')
    path, _ = find_files(folder, r"watch_dataset\.npy", CARD.name)[0]
    recordings = []
    for signal, subject, side, exercise in _read(path):
        about = {"subject": f"s{subject:02d}", "labels": CARD.classes[exercise]}
        about["name"] = f"{about['subject']}/{_ARMS[side]}/{about['labels']}"
        if arm in (None, _ARMS[side]):
            signal = signal * ([GRAVITY] * 3 + [1] * 3)  # the file has g and rad/s
            recordings.append(Recording(signal, CARD.rate, CARD.axes, CARD.unit, **about))
    return recordings


def _read(path: Path) -> list[tuple[np.ndarray, int, int, int]]:
    """Rows (signal [T, 6], subject, side, exercise), sorted by the last three."""
    try:
        with path.open("rb") as file:
            np.lib.format.read_magic(file)
            np.lib.format.read_array_header_1_0(file)
            # What follows in an object array is a pickle: here of one dictionary, in no dimension.
            data = _ArraysOnly(file, encoding="latin1").load().item()
        codes = list(data["y_labels"])
        numbers = (data[key].astype(int).tolist() for key in ("subject", "side", "y"))
        rows = sorted(zip(data["X"], *numbers, strict=True), key=lambda row: row[1:])
        widths = {signal.shape[1:] for signal, *_ in rows}
    except Exception as error:  # unpickling meets damage with whatever it stumbles over
        raise FormatError(f"not seglearn's watch data ({error})", where=str(path)) from None
    if codes != list(_EXERCISES) or widths != {(6,)}:
        what = f"exercises {codes} and columns {widths}, expected {list(_EXERCISES)} and (6,)"
        raise FormatError(what, where=str(path))
    for _, subject, side, exercise in rows:
        if side not in (0, 1) or exercise not in range(len(codes)):
            what = (
                f"subject {subject} has side {side}, exercise {exercise}, expected 0 or 1, 0 to 6"
            )
            raise FormatError(what, where=str(path))
    return rows


#: All that a pickle of arrays asks for, and none of it can do more than fill an array.
_ARRAY_PARTS = {
    # numpy's function that rebuilds an array, by its old and new place, from an array's own word
    "numpy.core.multiarray._reconstruct": np.empty(0).__reduce__()[0],
    "numpy._core.multiarray._reconstruct": np.empty(0).__reduce__()[0],
    "numpy.ndarray": np.ndarray,
    "numpy.dtype": np.dtype,
    # how old pickles spell bytes; the true function would take any codec
    "_codecs.encode": lambda text, _: text.encode("latin1"),
}


class _ArraysOnly(pickle.Unpickler):
    """Reads numpy arrays; a pickle may name any function of any module, and have it called."""

    def find_class(self, module: str, name: str) -> object:
        if (part := _ARRAY_PARTS.get(f"{module}.{name}")) is None:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, only arrays are read")
        return part

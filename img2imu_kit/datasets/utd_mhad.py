"""27 gestures and sport actions from one inertial sensor (UTD-MHAD, Chen et al., 2015)."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np

from ..errors import FormatError, ParameterError
from ..signals.axes import ACC_GYRO
from ..signals.recording import Recording
from ._owners import find_files
from .cards import DatasetCard

__all__ = ["CARD", "load"]

_ACTIONS = (
    "swipe left, swipe right, wave, clap, throw, cross arms, basketball shoot, draw x, "
    "draw circle clockwise, draw circle counter-clockwise, draw triangle, bowling, boxing, "
    "baseball swing, tennis swing, arm curl, tennis serve, push, knock, catch, "
    "pick up and throw, jog in place, walk in place, sit to stand, stand to sit, lunge, squat"
)

CARD = DatasetCard(
    name="utd_mhad",
    title="UTD multimodal human action dataset (inertial part)",
    task="gestures and sport actions",
    who="8 subjects (4 women, 4 men), each action four times",
    placement="right wrist for actions 1 to 21, right thigh for actions 22 to 27",
    subjects=8,
    classes=tuple(_ACTIONS.split(", ")),
    rate=50.0,
    axes=ACC_GYRO,
    unit=("g",) * 3 + ("deg/s",) * 3,
    licence='"public domain dataset" (paper)',
    citation="Chen, Jafari, Kehtarnavaz: UTD-MHAD: a multimodal dataset for human action "
    "recognition utilizing a depth camera and a wearable inertial sensor. ICIP 2015. "
    "doi:10.1109/ICIP.2015.7350781",
    url="https://www.utdallas.edu/~kehtar/UTD-MHAD.html",
    notes="861 trials of 2 to 7 s, one action each (the owners removed three corrupt ones). A "
    "classifier may tell wrist from thigh rather than actions: compare within one placement.",
)

#: Actions with the sensor on the thigh; the others wear it on the wrist.
_THIGH = range(22, 28)


def load(folder: str | PathLike, *, placement: str | None = None) -> list[Recording]:
    """One recording a trial: accelerometer (g) and gyroscope (deg/s) at 50 Hz.

    Parameters
    ----------
    folder : path
        At or above ``Inertial/aA_sS_tT_inertial.mat``.
    placement : {"wrist", "thigh"}, optional
        Only the 21 actions with the sensor on the wrist, or the 6 on the thigh. Default: all.

    Returns
    -------
    list of Recording
        Named ``"a1_s1_t1"``, subjects ``"s1"`` to ``"s8"``.

    Raises
    ------
    DatasetError, FormatError
        No such files; a file that is no MATLAB file with ``d_iner`` [T, 6].
    """
    if placement not in (None, "wrist", "thigh"):
        raise ParameterError(f'placement is {placement!r}, expected "wrist", "thigh" or None')
    recordings = []
    for path, match in find_files(folder, r"a(\d+)_s(\d+)_t\d+_inertial\.mat", CARD.name):
        action = int(match[1])  # from 1, in the order of the classes
        if not 1 <= action <= len(CARD.classes):
            raise FormatError(f"action {action}, expected 1 to 27", where=str(path))
        if placement in (None, "thigh" if action in _THIGH else "wrist"):
            about = {"subject": f"s{match[2]}", "name": path.stem.removesuffix("_inertial")}
            about["labels"] = CARD.classes[action - 1]
            signal = _signal(path)  # [T, 6]
            recordings.append(Recording(signal, CARD.rate, CARD.axes, CARD.unit, **about))
    return recordings


def _signal(path: Path) -> np.ndarray:
    from scipy.io import loadmat

    try:
        signal = loadmat(path, variable_names=["d_iner"])["d_iner"]
    except KeyError:
        raise FormatError("no variable d_iner", where=str(path)) from None
    except Exception as error:  # loadmat meets damage with whatever its parser stumbles over
        raise FormatError(f"not a readable MATLAB file ({error})", where=str(path)) from None
    if signal.ndim != 2 or signal.shape[1] != 6 or len(signal) == 0:
        raise FormatError(f"d_iner has shape {signal.shape}, expected [T, 6]", where=str(path))
    return signal

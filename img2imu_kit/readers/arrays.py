"""Recordings as arrays: ``.npz`` with the fields of `Recording` by name, ``.npy``, ``.mat``."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._files import atomic_write
from ..errors import ClockError, FormatError, NoSignalError, ParameterError, SignalError
from ..signals.recording import Recording, check_signal

__all__ = ["NUMPY_OPTIONS", "read_numpy", "save_npz"]

#: Options of `read` that a NumPy file heeds; in an ``.npz`` they replace what it holds.
NUMPY_OPTIONS = ("rate", "axes", "unit", "subject", "name")
#: Three sensors of three axes; what has more columns without a name is no recording.
_MOST_AXES = 9
_FIELDS = ("signal", "rate", "axes", "unit", "subject", "name", "labels", "start_s", "clock_s")


def read_numpy(
    path: str | Path,
    *,
    rate: float | None = None,
    axes: Sequence[str] | None = None,
    unit: str | Sequence[str] | None = None,
    subject: str | None = None,
    name: str | None = None,
) -> list[Recording]:
    """Read ``.npy`` or ``.mat`` (one signal [T, C]), or ``.npz`` (`save_npz`, or its keys).

    Parameters
    ----------
    path : path
    rate, axes, unit, subject, name
        As in `Recording`; they replace what an ``.npz`` holds. The others need ``rate``.

    Returns
    -------
    list of Recording

    Raises
    ------
    FormatError
        Damaged file, pickled objects (never unpickled), no key ``signal``, a window in each row.
    """
    path = Path(path)
    given = {"rate": rate, "axes": axes, "unit": unit, "subject": subject, "name": name}
    given = {key: value for key, value in given.items() if value is not None}
    arrays = _load(path)
    # Fields lie under their own names, or under 0/signal, 1/signal, ..., 10/signal: by length first
    numbers = sorted({key.rpartition("/")[0] for key in arrays}, key=lambda key: (len(key), key))
    recordings = []
    for number in numbers:
        prefix = f"{number}/" if number else ""
        fields: dict[str, Any] = {
            field: _plain(arrays[prefix + field]) for field in _FIELDS if prefix + field in arrays
        }
        if "signal" not in fields:
            raise FormatError(
                f"no array {prefix + 'signal'!r} among {', '.join(arrays)}",
                where=str(path),
                remedy="Save it with numpy.savez(path, signal=..., rate=...) or save_npz.",
            )
        fields = {"name": path.stem, **fields, **given}
        if "rate" not in fields:
            raise ClockError("no rate", where=str(path), remedy="Give rate=<Hz>.")
        _check_layout(np.asarray(fields["signal"]), named="axes" in fields, where=str(path))
        recordings.append(Recording(**fields))
    return recordings


def _check_layout(signal: np.ndarray, *, named: bool, where: str) -> None:
    """Refuse an array that is no [T, C]: windows, a row for each axis, a clock among the axes."""
    if signal.ndim == 3:
        what = f"shape {signal.shape}, expected [T, C] (samples, axes)"
        remedy = "Windows [N, C, T] are no recording: ik.Windows.from_numpy(X, y, groups, rate)."
        raise SignalError(what, where=where, remedy=remedy)
    signal = check_signal(signal, where=where)
    rows, columns = signal.shape
    rises = columns in (4, 7, 10) and rows > 2 and bool((np.diff(signal[:, 0]) > 0).all())
    if rises and not named:
        remedy = (
            "Give it as such: ik.readers.from_frame(pandas.DataFrame(X), time=0, time_unit='s')."
        )
        what = "the first column only rises: a clock, no axis"
        raise FormatError(what, where=where, remedy=remedy)
    if min(rows, columns) > _MOST_AXES and not named:  # UniMiB SHAR keeps a window a row
        axes = 3 if columns % 3 == 0 else 1
        shape = (rows, axes, columns // axes)
        raise FormatError(
            f"shape {signal.shape}: {columns} columns without names are not the axes of a sensor",
            where=where,
            remedy="If each row is a window (all of x, then y, then z), make Windows of it: "
            f"ik.Windows.from_numpy(X.reshape{shape}, y, groups, rate). If each is a sample, "
            "name the columns with axes=.",
        )
    if rows < columns:  # [C, T], as many programs keep it
        what = f"shape {signal.shape}, expected [T, C]: a row for each sample"
        raise FormatError(what, where=where, remedy="Transpose it.")


def save_npz(recordings: Recording | Iterable[Recording], path: str | Path) -> None:
    """Write recordings so that `read` gives them back; all of the file appears, or nothing.

    Parameters
    ----------
    recordings : Recording or iterable of Recording
        One is saved under the names of its fields, several under ``0/signal``, ``1/signal``, ...
    path : path
        Ends in ``.npz``; missing folders are made.

    Raises
    ------
    ParameterError
        Another suffix, or nothing to save.
    OutputError
        Disk full, or a place that cannot be written; what was there before is unchanged.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from img2imu_kit import read
    >>> walk = Recording(np.zeros((100, 3), np.float32), rate=50, name="walk")
    >>> path = Path(mkdtemp()) / "walk.npz"
    >>> save_npz(walk, path)
    >>> [again] = read(path)
    >>> again.rate
    50.0
    """
    path = Path(path)
    several = not isinstance(recordings, Recording)
    recordings = list(recordings) if several else [recordings]
    if path.suffix.lower() != ".npz" or not recordings:
        what = "nothing to save" if not recordings else f"suffix {path.suffix!r}, expected '.npz'"
        raise ParameterError(what, where=str(path))
    arrays: dict[str, np.ndarray] = {}
    for number, recording in enumerate(recordings):
        for field in _FIELDS:
            value = getattr(recording, field)
            if value is not None:
                kind = str if field == "labels" else None  # objects would be pickled
                arrays[f"{number}/{field}" if several else field] = np.asarray(value, dtype=kind)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    atomic_write({path: buffer.getbuffer()})


def _load(path: Path) -> dict[str, np.ndarray]:
    """Arrays of a file by name; a bare array is called signal."""
    if path.suffix.lower() == ".mat":
        return {"signal": _load_matlab(path)}
    try:
        with open(path, "rb") as file:
            loaded = np.load(file, allow_pickle=False)
            return {"signal": loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
    except (FileNotFoundError, PermissionError) as error:
        raise FormatError(f"cannot be read ({error.strerror})", where=str(path)) from None
    except Exception as error:  # zip, zlib, ast, tokenize: each has its own for a damaged file
        if "pickle" in str(error):
            raise FormatError(
                "holds pickled objects, which could run code and are not opened",
                where=str(path),
                remedy="Save numbers and texts only; labels as a text array: labels.astype(str).",
            ) from None
        raise FormatError("damaged, or not a NumPy file", where=str(path)) from None


def _load_matlab(path: Path) -> np.ndarray:
    """The only table of numbers in a MATLAB file (up to version 7.2)."""
    from scipy.io import loadmat

    try:
        variables = loadmat(path)
    except Exception:  # loadmat meets damage with whatever its parser stumbles over
        raise FormatError(
            "not a MATLAB file that can be read",
            where=str(path),
            remedy="Save it in MATLAB with -v7, or export it as CSV.",
        ) from None
    tables = {
        name: array
        for name, array in variables.items()
        # MATLAB knows no numbers but tables of 1 x 1: what has one row or column is a setting
        if isinstance(array, np.ndarray) and array.dtype.kind in "fiu" and min(array.shape) > 1
    }
    if len(tables) != 1:
        raise (FormatError if tables else NoSignalError)(
            f"{len(tables)} tables of numbers ({', '.join(tables)}), expected one [T, C]",
            where=str(path),
            remedy="Save one variable, or export it as CSV.",
        )
    return tables.popitem()[1]


def _plain(value: np.ndarray) -> Any:
    """A number or text for an array of no dimension."""
    return value.item() if value.ndim == 0 else value

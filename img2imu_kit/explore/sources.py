"""Where an explorer's recordings come from, and the code that brings them again."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.catalogue import LOADERS, load_dataset
from ..errors import Img2ImuError, ParameterError, SignalError
from ..readers.files import read
from ..signals.recording import Recording
from ..signals.windows import Windows, sliding_windows
from .panels import window_recording

__all__ = ["Given", "Source", "find_source", "find_windows", "uploaded"]

#: What an explorer may be given.
Given = str | PathLike | Recording | Sequence[Recording] | Windows | None
_DEFAULT = "shoulder_exercises"
#: Windows that are offered one by one: a longer list is none that anybody looks through.
_LISTED = 1000
#: Of these Python prints what it would read; a table is none.
_PRINTABLE = (str, int, float, bool, tuple, list, type(None))


@dataclass(frozen=True, eq=False)
class Source:
    """Recordings in m/s2 and rad/s, for which a picture's fixed limits are made."""

    recordings: tuple[Recording, ...]
    code: str  # Python expression for the list of them, before conversion of units
    note: str = ""  # what was guessed when they were read
    conversion: str = ""  # what converts its units, as code
    given: Windows | None = None  # what the recordings are, if they came as windows

    def cut(self, seconds: float, **settings: Any) -> Windows:
        """The windows that were given, or those of all recordings, as `sliding_windows` cuts them.

        Raises
        ------
        Img2ImuError
            Recordings of several rates or axes, or all shorter than a window.
        """
        if self.given is not None:
            return self.given
        return sliding_windows(self.recordings, seconds, **settings)

    def origin(self, index: int) -> str:
        """Python expression for one of the recordings."""
        if self.given is None:
            return f"{self.code}[{index}]{self.conversion}"
        about = "windows.rate, windows.axes, windows.unit"
        return f"ik.Recording({self.code}.signal[{index}].T, {about}){self.conversion}"


def find_source(source: Given = None, reading: Mapping[str, Any] | None = None) -> Source:
    """Recordings from wherever they are.

    Parameters
    ----------
    source : optional
        Recordings or windows, the name of a data set, or the path of a file or folder. Default:
        ``"shoulder_exercises"``, real motion that needs no download.
    reading : dict, optional
        Options of `read` for a path.

    Raises
    ------
    Img2ImuError
        No such data set or file, or a file that cannot be read.

    Examples
    --------
    >>> print(find_source().origin(0))
    ik.load_dataset("shoulder_exercises")[0]
    """
    if isinstance(source, Windows):
        return _windows(source)
    if isinstance(source, str) and source == "synthetic":
        people = load_dataset("synthetic", subjects=3, transitions=True)
        return _in_si(people, 'ik.load_dataset("synthetic", subjects=3, transitions=True)')
    source = _DEFAULT if source is None else source
    if isinstance(source, Recording):
        source = [source]
    if isinstance(source, str | PathLike):
        if source in LOADERS:
            return _in_si(load_dataset(source), f'ik.load_dataset("{source}")')
        return _read(Path(source).expanduser(), str(source), reading)
    recordings = list(source) if isinstance(source, Iterable) else [source]
    if not recordings or not all(isinstance(recording, Recording) for recording in recordings):
        raise ParameterError(
            "nothing to explore" if not recordings else f"{recordings[0]!r} is no recording",
            remedy="Give recordings, windows, the name of a data set, or the path of a file.",
        )
    return _in_si(recordings, "recordings")


def find_windows(
    source: Given = None,
    reading: Mapping[str, Any] | None = None,
    *,
    seconds: float = 4.0,
    most: int = 300,
    unlabelled: bool = False,
) -> Windows:
    """What a network reads of a source: windows of three axes, no more than open in seconds.

    Parameters
    ----------
    source, reading
        As in `find_source`. Windows are taken as they are, all of them.
    seconds : float
        Of a window.
    most : int
        Of more windows so many are taken, evenly, so that every recording keeps its share.
    unlabelled : bool
        Whether windows without a label are taken too.

    Returns
    -------
    Windows
        Of the accelerometer, or of the first three axes where there is none; windows that were
        given keep all of theirs.

    Examples
    --------
    >>> find_windows("synthetic", most=50)
    Windows(50 of 4 s (200 samples at 50 Hz), 3 axes, 6 classes, 3 subjects)
    """
    found = find_source(source, reading)
    # A window with a turn in its last second belongs to what fills it; one half and half to none.
    windows = found.cut(seconds, purity=0.51, unlabelled=unlabelled)
    if found.given is not None:
        return windows
    sensor = "acc" if any(axis.startswith("acc") for axis in windows.axes) else windows.axes[:3]
    count = min(most, len(windows))
    return windows.select(sensor)[np.linspace(0, len(windows) - 1, count).astype(int)]


def uploaded(name: str, content: bytes) -> Source:
    """Recordings in a file that arrived as bytes; nothing of it is kept on disk."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, Path(name).name)  # the browser may say anything: no way out of here
        path.write_bytes(content)
        try:
            return _read(path, path.name)
        except Img2ImuError as error:
            error.where = error.where.replace(str(path), path.name)
            raise


def _windows(windows: Windows) -> Source:
    """Windows as recordings, the first thousand of them, and all of them for `Source.cut`."""
    if not len(windows):
        raise ParameterError("nothing to explore", where="windows")
    ones = Recording(np.ones((1, len(windows.axes))), windows.rate, windows.axes, windows.unit)
    factors = _in_si([ones], "windows")
    (in_si,) = factors.recordings
    signal = windows.signal * in_si.signal[0][:, None]  # [N, C, T] * [C, 1]
    windows = replace(windows, signal=signal, unit=in_si.unit)
    each = [window_recording(windows, i) for i in range(min(len(windows), _LISTED))]
    named = tuple(
        replace(window, name=f"{i}: {window.name or 'window'}, {window.start_s:.4g} s")
        for i, window in enumerate(each)
    )
    note = f"the first {_LISTED} of {len(windows)} windows" if len(windows) > _LISTED else ""
    return Source(named, "windows", note, factors.conversion, windows)


def _read(path: Path, shown: str, reading: Mapping[str, Any] | None = None) -> Source:
    """Recordings of a file; what its reader guessed becomes a note instead of warnings."""
    reading = dict(reading or {})
    spelt = [
        f"{name}={value!r}" if isinstance(value, _PRINTABLE) else f"{name}={name}"
        for name, value in reading.items()
    ]
    code = f"ik.read({', '.join([repr(shown), *spelt])})"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            recordings = read(path, **reading)
        except Img2ImuError as error:
            if "=" in error.remedy:  # an option that no control sets
                error.remedy += f" In a cell: SpectrogramExplorer(ik.read({shown!r}, ...))."
            raise
    notes = dict.fromkeys(str(warning.message).replace(f"{path}", shown) for warning in caught)
    return _in_si(recordings, code, "; ".join(notes))


def _in_si(recordings: Sequence[Recording], code: str, note: str = "") -> Source:
    if not recordings:
        raise SignalError("no recording", where=code)
    units, call = ("m/s2", "rad/s"), '.to_unit("m/s2", "rad/s")'
    try:
        converted = tuple(recording.to_unit(*units) for recording in recordings)
    except ParameterError:  # an axis of unknown unit is shown as it is
        converted = tuple(recording.to_unit(*units, unknown="keep") for recording in recordings)
        call = '.to_unit("m/s2", "rad/s", unknown="keep")'
    changed = any(a.unit != b.unit for a, b in zip(recordings, converted, strict=True))
    return Source(converted, code, note, call if changed else "")

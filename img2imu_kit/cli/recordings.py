"""A user's own recordings, from paths and flags to windows."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import GuessWarning, ParameterError
from ..pictures.params import UNITS_OF_LIMITS
from ..readers.files import read
from ..signals.recording import Recording
from ..signals.windows import Windows, sliding_windows

__all__ = ["check_paths", "read_recordings", "select_sensor", "windows_of"]


def check_paths(paths: Iterable[Path]) -> None:
    """Raise `ParameterError` for a path that does not exist."""
    for path in paths:
        if not path.exists():
            raise ParameterError("no such file or folder", where=str(path))


def read_recordings(
    paths: Iterable[Path],
    reading: dict[str, Any],
    *,
    failed: dict | None = None,
    progress: bool = False,
) -> list[Recording]:
    """All recordings of files and folders, in m/s2 and rad/s where their unit is known."""
    lists = [read(path, failed=failed, progress=progress, **reading) for path in paths]
    recordings = itertools.chain.from_iterable(lists)
    return [recording.to_unit("m/s2", "rad/s", unknown="keep") for recording in recordings]


def select_sensor(recordings: Iterable[Recording], sensor: str) -> list[Recording]:
    """The axes of one sensor of each recording."""
    try:
        return [recording.select(sensor) for recording in recordings]
    except ParameterError as error:
        remedy = f"{error.remedy} Choose by sensor=."
        raise ParameterError(error.what, where=error.where, remedy=remedy) from None


def windows_of(
    paths: Iterable[Path],
    reading: dict[str, Any],
    cutting: dict[str, Any],
    sensor: str,
    *,
    progress: bool = False,
) -> Windows:
    """Windows of one sensor, cut from files and folders.

    Warns
    -----
    GuessWarning
        Pictures of a network have fixed limits in m/s2 or rad/s, and the unit is unknown.
    """
    recordings = read_recordings(paths, reading, progress=progress)
    windows = sliding_windows(select_sensor(recordings, sensor), **cutting)
    if set(windows.unit) - UNITS_OF_LIMITS:
        warnings.warn(
            f"{windows.recording[0]}: an unknown unit is taken for m/s2 or rad/s; give unit=",
            GuessWarning,
            stacklevel=3,
        )
    return windows

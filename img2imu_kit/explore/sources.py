"""Where an explorer's recordings come from, and the code that brings them again."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from ..datasets.catalogue import LOADERS, load_dataset
from ..errors import Img2ImuError, ParameterError, SignalError
from ..readers.files import read
from ..signals.recording import Recording

__all__ = ["Source", "find_source", "uploaded"]

#: Of these Python prints what it would read; a table is none.
_PRINTABLE = (str, int, float, bool, tuple, list, type(None))


@dataclass(frozen=True, eq=False)
class Source:
    """Recordings in m/s2 and rad/s, for which a picture's fixed limits are made."""

    recordings: tuple[Recording, ...]
    code: str  # Python expression for the list of them, before conversion of units
    note: str = ""  # what was guessed when they were read
    conversion: str = ""  # what converts its units, as code

    def origin(self, index: int) -> str:
        """Python expression for one of the recordings."""
        return f"{self.code}[{index}]{self.conversion}"


def find_source(
    source: str | PathLike | Recording | Sequence[Recording] | None = None,
    reading: Mapping[str, Any] | None = None,
) -> Source:
    """Recordings from wherever they are.

    Parameters
    ----------
    source : optional
        Recordings, the name of a data set, or the path of a file or folder. Default: simulated
        people, who need no download.
    reading : dict, optional
        Options of `read` for a path.

    Raises
    ------
    Img2ImuError
        No such data set or file, or a file that cannot be read.

    Examples
    --------
    >>> print(find_source().origin(0))
    ik.load_dataset("synthetic", subjects=3, transitions=True)[0]
    """
    if source is None or source == "synthetic":
        people = load_dataset("synthetic", subjects=3, transitions=True)
        return _in_si(people, 'ik.load_dataset("synthetic", subjects=3, transitions=True)')
    if isinstance(source, Recording):
        source = [source]
    if isinstance(source, str | PathLike):
        if source in LOADERS:
            return _in_si(load_dataset(source), f"ik.load_dataset({source!r})")
        return _read(Path(source).expanduser(), str(source), reading)
    recordings = list(source)
    if not recordings or not all(isinstance(recording, Recording) for recording in recordings):
        raise ParameterError(
            "nothing to explore" if not recordings else f"{recordings[0]!r} is no recording",
            remedy="Give recordings, the name of a data set, or the path of a file.",
        )
    return _in_si(recordings, "recordings")


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

"""A file by its suffix, or all the files of a folder."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from ..errors import FormatError, GuessWarning, ParameterError
from ..signals.recording import Recording
from .arrays import NUMPY_OPTIONS, read_numpy
from .tables import SPELLING, read_csv, read_parquet, stem

__all__ = ["READABLE", "read"]

_TEXT = (".csv", ".txt", ".tsv", ".gz")
#: Ends of the names of files that `read` understands.
READABLE = (
    *(".csv", ".txt", ".tsv", ".csv.gz", ".txt.gz", ".tsv.gz"),
    *(".npz", ".npy", ".mat", ".parquet"),
)


def read(path: str | Path, **options: Any) -> list[Recording]:
    """Read a file by its suffix, or every readable file of a folder and its subfolders.

    Parameters
    ----------
    path : path
        Text tables (``.csv``, ``.txt``, ``.tsv``, each also ``.gz``), ``.npz``, ``.npy``,
        ``.mat``, ``.parquet``, or a folder of them.
    **options
        As in `read_csv`; an option that a format has no use for (``delimiter`` for Parquet) is
        ignored. ``.npy`` and ``.mat`` need ``rate``. ``.npz`` holds the fields of `Recording` by
        name, as `save_npz` writes them.

    Returns
    -------
    list of Recording
        In a folder, names are paths relative to it without suffix.

    Raises
    ------
    FormatError, ClockError, SignalError
        With file and line, or file and sample.
    """
    path = Path(path)
    # `read_csv` has every option; a format heeds those that it has a use for
    known = set(read_csv.__annotations__) - {"path", "return"}
    if unknown := sorted(set(options) - known):
        listed = f"Known: {', '.join(sorted(known))}."
        raise ParameterError(f"read has no option {unknown[0]!r}", where=str(path), remedy=listed)
    if path.is_dir():
        return _read_folder(path, options)
    if not path.exists():
        raise FormatError("no such file or folder", where=str(path))
    suffix = path.suffix.lower()
    if suffix in _TEXT:
        return read_csv(path, **options)
    if suffix in (".npz", ".npy", ".mat"):
        return read_numpy(path, **{k: v for k, v in options.items() if k in NUMPY_OPTIONS})
    if suffix == ".parquet":
        return read_parquet(path, **{k: v for k, v in options.items() if k not in SPELLING})
    remedy = f"Readable are {', '.join(READABLE)}."
    raise FormatError(f"unknown suffix {suffix!r}", where=str(path), remedy=remedy)


def _read_folder(folder: Path, options: dict[str, Any]) -> list[Recording]:
    """Every readable file; a doubt about many files is shown once."""
    files = [p for p in sorted(folder.rglob("*")) if p.name.lower().endswith(READABLE)]
    files = [file for file in files if not file.name.startswith(".")]
    if not files:
        raise FormatError(f"no file that ends in {', '.join(READABLE)}", where=str(folder))
    recordings: list[Recording] = []
    doubts: dict[str, list[str]] = {}  # what was guessed -> of which files
    for file in files:
        name = stem(file.relative_to(folder).as_posix())
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", GuessWarning)
            recordings += read(file, **{**options, "name": name})
        for warning in caught:
            if issubclass(warning.category, GuessWarning):
                doubt = str(warning.message).removeprefix(f"{file}: ")
                doubts.setdefault(doubt, []).append(name)
            else:  # not ours to judge
                warnings.warn(warning.message, stacklevel=3)
    for doubt, names in doubts.items():
        others = f" and {len(names) - 1} more" if names[1:] else ""
        warnings.warn(f"{folder}, {names[0]}{others}: {doubt}", GuessWarning, stacklevel=3)
    return recordings

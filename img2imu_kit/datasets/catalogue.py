"""The data sets by name: list them, fetch them, load them.

Each module here is a set: its ``CARD`` of facts, and ``load``, which reads the owners' own layout.
The data stay with their owners: nothing is shipped with this package. Two sets need no download:
the synthetic one is generated, and ``shoulder_exercises`` lies in a package that this one requires.
"""

from __future__ import annotations

import inspect
from os import PathLike
from pathlib import Path

import pandas as pd

from .._files import package_folder
from ..errors import DatasetError, unknown_name
from ..signals.recording import Recording
from . import (
    chest_accelerometer,
    driver_behavior,
    shoulder_exercises,
    sisfall,
    sp_sw_har,
    swimming,
    synthetic,
    utd_mhad,
)
from ._download import bring, cache_folder, cached, mirror
from .cards import DatasetCard

__all__ = ["LOADERS", "card", "fetch_dataset", "list_datasets", "load_dataset"]

#: name -> module with ``CARD`` and ``load(folder, **options)``; generated sets have no folder
LOADERS = {
    module.CARD.name: module
    for module in (
        synthetic,
        shoulder_exercises,
        swimming,
        driver_behavior,
        utd_mhad,
        sp_sw_har,
        chest_accelerometer,
        sisfall,
    )
}


def list_datasets() -> pd.DataFrame:
    """The data sets, one row each: what, who, how many, on what terms, and whether at hand.

    Examples
    --------
    >>> list(list_datasets().index[:3])
    ['synthetic', 'shoulder_exercises', 'swimming']
    """
    rows = {
        name: {
            "task": facts.task,
            "subjects": facts.subjects,
            "classes": len(facts.classes),
            "rate_hz": facts.rate,
            "sensors": " ".join(dict.fromkeys(axis.split("_")[0] for axis in facts.axes)),
            "licence": facts.licence,
            "at_hand": facts.generated or _at_hand(name) is not None,
            "url": facts.url,
        }
        for name, facts in ((name, module.CARD) for name, module in LOADERS.items())
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("name")


def _at_hand(name: str) -> Path | None:
    """Folder of a set that needs no download: of its package, or in the cache."""
    package = card(name).package
    return package_folder(package) if package else cached(name)


def card(name: str) -> DatasetCard:
    """The data card of a set; print it to read it.

    Raises
    ------
    DatasetError
        No such data set.

    Examples
    --------
    >>> print(card("driver_behavior").citation)  # doctest: +ELLIPSIS
    Ferreira Júnior et al.: Driver behavior profiling: ...
    """
    if name not in LOADERS:
        raise unknown_name("data set", name, LOADERS, DatasetError)
    return LOADERS[name].CARD


def fetch_dataset(name: str, cache: str | PathLike | None = None) -> Path:
    """Bring a data set into the cache, unless it is there.

    Parameters
    ----------
    name : str
        As in `list_datasets`.
    cache : path, optional
        Folder to keep data sets in. Default: ``$IMG2IMU_CACHE``, else the system's cache folder.

    Returns
    -------
    Path
        The folder of this data set; of a set that comes with a package, the package's.

    Raises
    ------
    DatasetError
        No such data set, or one that is generated.
    DownloadError
        Offline, cut, damaged, no room, not writable, or no way to verify the download.

    Notes
    -----
    With ``$IMG2IMU_MIRROR`` (a folder, or an ``http``, ``https`` or ``file`` address) the archive
    ``NAME.tar.xz`` comes from there and must match the SHA-256 in the mirror's ``registry.txt``: it
    arrived as the mirror has it, and the mirror is trusted. Otherwise the files come from the
    owners' repository at a fixed commit, each verified by its git blob id. The owners of utd_mhad,
    chest_accelerometer and sisfall publish no checksum; rather than download them unverified,
    `fetch_dataset` says where to get them and where to unpack them.

    A broken download goes on where it stopped, and a data set's folder appears only when whole.

    Examples
    --------
    >>> fetch_dataset("shoulder_exercises").name  # it came with a package
    'seglearn'
    """
    facts = card(name)
    if facts.generated:
        remedy = f"Call load_dataset({name!r})."
        raise DatasetError(f"{name} is generated, there is nothing to fetch", remedy=remedy)
    if facts.package:
        if folder := package_folder(facts.package):
            return folder
        what = f"{name} comes with the package {facts.package}, which is not installed"
        raise DatasetError(what, remedy=f"Install it: pip install {facts.package}.")
    return bring(name, facts.url, cache)


def load_dataset(
    name: str, folder: str | PathLike | None = None, *, download: bool = False, **options
) -> list[Recording]:
    """The recordings of a data set.

    Parameters
    ----------
    name : str
        As in `list_datasets`; ``"synthetic"`` and ``"shoulder_exercises"`` need no download.
    folder : path, optional
        Where the files are, in their owners' layout. Default: the cache.
    download : bool
        Fetch what is not in the cache. Without it a download never starts by itself, except from
        a mirror that ``$IMG2IMU_MIRROR`` names.
    **options
        Of the set's own loader: ``subjects``, ``seconds``, ``rate``, ``classes``,
        ``transitions``, ``seed`` (synthetic), ``arm`` (shoulder_exercises), ``merge_transition``
        (swimming), ``events``, ``seconds``, ``linear`` (driver_behavior), ``placement``
        (utd_mhad), ``device`` (sp_sw_har), ``sensor`` (sisfall).

    Returns
    -------
    list of Recording

    Raises
    ------
    DatasetError
        No such data set, not in the cache, no such files in the folder, or a folder for a set
        that is generated.
    FormatError
        A malformed file, with its name and line.
    ParameterError
        An option that the set has not, or a value out of range.

    Examples
    --------
    >>> load_dataset("synthetic", subjects=1, seconds=10, classes=["walk"], seed=0)
    [Recording('s01/walk', 10.0 s at 50 Hz, acc_x ... gyro_z, subject 's01', walk)]
    """
    facts = card(name)
    load = LOADERS[name].load
    known = [option for option in inspect.signature(load).parameters if option != "folder"]
    for option in options:
        if option not in known:
            raise unknown_name(f"option of {name}", option, known)
    if facts.generated:
        if folder is not None:
            what = f"{name} is generated, no folder holds it"
            raise DatasetError(what, where=str(folder), remedy="Leave the folder out.")
        return load(**options)
    # No download starts unasked; but whoever names a mirror has asked.
    if folder is None:
        brought = download or mirror() or facts.package  # a package is there, or it says so
        folder = fetch_dataset(name) if brought else cached(name)
    if folder is None:
        raise DatasetError(
            f"{name} is not in the cache",
            where=str(cache_folder()),
            remedy=f"Fetch it with `img2imu datasets --fetch {name}` or "
            f"ik.datasets.fetch_dataset({name!r}), or give the folder where it is. It comes from "
            f"{facts.url}.",
        )
    return load(folder, **options)

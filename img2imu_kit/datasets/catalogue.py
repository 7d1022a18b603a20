"""Public data in, recordings out.

Six data sets in their owners' own layouts, each with a card of facts, and a synthetic one that
needs no download. The data stay with their owners: nothing is shipped with this package.

    >>> from img2imu_kit import datasets
    >>> list(datasets.list_datasets().index)
    ['swimming', 'driver_behavior', 'utd_mhad', 'sp_sw_har', 'chest_accelerometer', 'sisfall']

``datasets.fetch("swimming")`` brings a set into the cache, ``datasets.load("swimming")`` reads it
from there, ``datasets.load("swimming", folder)`` from a folder of yours.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import pandas as pd

from ..errors import DatasetError, unknown_name
from ..signals.recording import Recording
from . import chest_accelerometer, driver_behavior, sisfall, sp_sw_har, swimming, utd_mhad
from ._download import bring, cache_folder, cached, mirror
from .cards import DatasetCard

__all__ = ["card", "fetch_dataset", "list_datasets", "load_dataset"]

#: name -> module with ``CARD`` and ``load(folder, **options)``
LOADERS = {
    module.CARD.name: module
    for module in (
        swimming,
        driver_behavior,
        utd_mhad,
        sp_sw_har,
        chest_accelerometer,
        sisfall,
    )
}


def list_datasets() -> pd.DataFrame:
    """The data sets, one row each: what, who, how many, on what terms, and whether in the cache."""
    rows = []
    for name, module in LOADERS.items():
        facts = module.CARD
        rows.append(
            {
                "name": name,
                "task": facts.task,
                "subjects": facts.subjects,
                "classes": len(facts.classes),
                "rate_hz": facts.rate,
                "sensors": " ".join(dict.fromkeys(axis.split("_")[0] for axis in facts.axes)),
                "licence": facts.licence,
                "in_cache": cached(name) is not None,
                "url": facts.url,
            }
        )
    return pd.DataFrame(rows).set_index("name")


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
        The folder of this data set.

    Raises
    ------
    DatasetError
        No such data set.
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
    """
    return bring(name, card(name).url, cache)


def load_dataset(
    name: str, folder: str | PathLike | None = None, *, download: bool = False, **options
) -> list[Recording]:
    """The recordings of a data set.

    Parameters
    ----------
    name : str
        As in `list_datasets`.
    folder : path, optional
        Where the files are, in their owners' layout. Default: the cache.
    download : bool
        Fetch what is not in the cache. Without it a download never starts by itself, except from
        a mirror that ``$IMG2IMU_MIRROR`` names.
    **options
        Of the set's own loader: ``merge_transition`` (swimming), ``events``, ``seconds``,
        ``linear`` (driver_behavior), ``placement`` (utd_mhad), ``device`` (sp_sw_har), ``sensor``
        (sisfall).

    Returns
    -------
    list of Recording

    Raises
    ------
    DatasetError
        No such data set, not in the cache, or no such files in the folder.
    FormatError
        A malformed file, with its name and line.
    """
    facts = card(name)
    if folder is None:
        folder = fetch_dataset(name) if download or mirror() else cached(name)
    if folder is None:
        raise DatasetError(
            f"{name} is not in the cache",
            where=str(cache_folder()),
            remedy=f"Fetch it with `img2imu datasets --fetch {name}` or ik.datasets.fetch_dataset({name!r}), or "
            f"give the folder where it is. It comes from {facts.url}.",
        )
    return LOADERS[name].load(folder, **options)

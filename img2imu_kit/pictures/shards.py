"""Folders of recordings to tar shards of pictures: in processes, in bounded memory, resumable.

The work is a list of jobs, one for each recording. `convert_recording` does one, wherever it runs,
and doing it again changes nothing: so a run that was killed is repeated, and more machines than
one map it over `plan_conversion` with an engine of their own.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import tarfile
import warnings
import zlib
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import torch
from PIL import Image
from tqdm.auto import tqdm

from .._files import atomic_open
from ..errors import GuessWarning, Img2ImuError, ParameterError
from ..readers.files import Unread, find_recordings
from ..signals.axes import channel_index
from ..signals.windows import Windows, sliding_windows
from .image import to_image
from .params import UNITS_OF_LIMITS, SpectrogramParams, resolve

__all__ = ["Job", "convert_folder", "convert_recording", "plan_conversion"]

_AT_ONCE = 512  # windows drawn together: 14 MB of pictures of 96 pixels
#: In the head of a shard: what it is the picture of, how long that is, and its lines of the
#: manifest, so that a folder of shards is listed without a look at their pictures.
_MADE_FROM, _SECONDS, _LINES = "IMG2IMU.made_from", "IMG2IMU.seconds", "IMG2IMU.manifest"
_COLUMNS = ["key", "label", "subject", "recording", "start_s", "rate", "shard"]


@dataclass(frozen=True)
class Job:
    """One recording that becomes one shard.

    Attributes
    ----------
    unread : Unread
    shard : Path
    sensor : str or tuple of str
    cutting : dict
        Options of `sliding_windows`.
    params : SpectrogramParams
    """

    unread: Unread
    shard: Path
    sensor: str | tuple[str, ...]
    cutting: dict[str, Any]
    params: SpectrogramParams

    @property
    def made_from(self) -> str:
        """Changes with the files, the settings and the version that draws."""
        unread = self.unread
        stats = [file.stat() for file in unread.files]
        files = [(stat.st_size, stat.st_mtime_ns) for stat in stats]
        told = (unread.name, unread.files, files, unread.options, unread.rules, self.sensor)
        told = (*told, self.cutting, asdict(self.params), version("img2imu_kit"))
        return hashlib.sha256(repr(told).encode()).hexdigest()


def convert_folder(
    source: str | Path,
    out: str | Path,
    *,
    seconds: float = 5.0,
    overlap: float = 0.0,
    purity: float = 0.0,
    short: str = "skip",
    sensor: str | tuple[str, ...] = "acc",
    params: str | SpectrogramParams | None = None,
    reading: Mapping[str, Any] | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Draw all windows of a folder of recordings, as tar shards in WebDataset's layout.

    Each recording becomes a shard, ``NAME.tar``, of ``NAME_000000.png`` and ``NAME_000000.json``
    (label, subject, recording, start and rate) for each window. Shards are written whole or not
    at all: a run that was killed goes on where it stopped when it is called again, and draws
    anew only what has changed. Memory holds one recording for each worker, whatever the folder
    holds: keep files to a day or so.

    Parameters
    ----------
    source : path
        Folder (or file) of recordings, see `read`.
    out : path
        Folder for the shards and ``manifest.csv`` (a row a window: ``key``, which is its name in
        the shard, ``label``, ``subject``, ``recording``, ``start_s``, ``rate``, ``shard``);
        `load_images` takes it.
    seconds, overlap, purity, short
        As in `sliding_windows`. With ``purity=0`` each window has its most frequent label.
    sensor : str or tuple of str
        Prefix of the three axes that become colours, ``"acc"`` or ``"gyro"``, or their names.
    params : str or SpectrogramParams, optional
        Of the pictures, see `to_image`.
    reading : dict, optional
        Options of `read`: ``{"labels": "folder", "rate": 50}``.
    workers : int, optional
        Processes; one for each core unless given. 1 works in this process.
    progress : bool
        Show a bar that counts seconds of motion.

    Returns
    -------
    DataFrame
        A row a recording: ``recording, shard, windows, seconds, status`` (``"drawn"``,
        ``"kept"`` from an earlier run, ``"failed"``) and ``problem``.

    Raises
    ------
    FormatError
        No such folder, or nothing in it that can be read.
    ParameterError
        Unknown preset or option.
    OutputError
        The manifest cannot be written.

    Warns
    -----
    GuessWarning
        What was guessed while reading, once for all recordings; units that fixed limits of a
        picture are not made for.

    See Also
    --------
    plan_conversion, convert_recording : the same by an engine of yours, on many machines.

    Examples
    --------
    >>> import tempfile
    >>> from img2imu_kit import load_dataset
    >>> from img2imu_kit.readers import save_npz
    >>> folder = Path(tempfile.mkdtemp())
    >>> for walk in load_dataset("synthetic", subjects=2, classes=["walk"], seconds=10):
    ...     save_npz(walk, folder / "walks" / f"{walk.subject}.npz")
    >>> table = convert_folder(folder / "walks", folder / "shards", workers=1, progress=False)
    >>> table[["recording", "windows", "status"]].values.tolist()
    [['s01', 2, 'drawn'], ['s02', 2, 'drawn']]
    """
    settings = {"seconds": seconds, "overlap": overlap, "purity": purity, "short": short}
    jobs = plan_conversion(source, out, sensor=sensor, params=params, reading=reading, **settings)
    if workers is not None and workers < 1:
        raise ParameterError(f"workers is {workers}, expected 1 or more")
    results = run_jobs(jobs, workers or os.cpu_count() or 1)
    rows, doubts = {}, {}
    sizes = {job.shard: job.unread.size for job in jobs}
    bar = tqdm(desc="motion", unit="s", unit_scale=True, disable=not progress)
    with bar:
        done_bytes = 0
        for job, row in results:
            rows[job.shard] = row
            for doubt in row.pop("doubts"):
                doubts.setdefault(doubt, []).append(row["recording"])
            # how long the rest is nobody knows before it is read; bytes tell it nearly
            done_bytes += sizes[job.shard]
            if row["seconds"] and done_bytes:
                bar.total = (bar.n + row["seconds"]) * sum(sizes.values()) / done_bytes
            bar.update(row["seconds"])
    for doubt, names in doubts.items():
        others = f" and {len(names) - 1} more" if names[1:] else ""
        warnings.warn(f"{names[0]}{others}: {doubt}", GuessWarning, stacklevel=2)
    table = pd.DataFrame([rows[job.shard] for job in jobs])  # in the order of the folder
    done = [job.shard for job in jobs if rows[job.shard]["status"] != "failed"]
    _write_manifest(Path(out), done)
    return table


def plan_conversion(
    source: str | Path,
    out: str | Path,
    *,
    seconds: float = 5.0,
    overlap: float = 0.0,
    purity: float = 0.0,
    short: str = "skip",
    sensor: str | tuple[str, ...] = "acc",
    params: str | SpectrogramParams | None = None,
    reading: Mapping[str, Any] | None = None,
) -> list[Job]:
    """The jobs of `convert_folder`, which any process that sees both folders can do.

    When all are done, `convert_folder` with the same options finds every shard made, and writes
    the manifest.

    Examples
    --------
    >>> import tempfile
    >>> from img2imu_kit import load_dataset
    >>> from img2imu_kit.readers import save_npz
    >>> folder = Path(tempfile.mkdtemp())
    >>> save_npz(load_dataset("synthetic", subjects=1, seconds=10), folder / "walk.npz")
    >>> [job] = plan_conversion(folder / "walk.npz", folder / "shards", params="motion", seconds=4)
    >>> job.shard.name
    'walk.tar'
    """
    params = resolve(params)
    if not isinstance(params.size, tuple):
        raise ParameterError(
            "size is not set, so pictures of different recordings would differ in size",
            where="convert_folder",
            remedy="Choose a preset with a fixed size.",
        )
    found = find_recordings(source, **(reading or {}))
    stems = [re.sub(r"[^\w-]+", "_", unread.name or unread.files[0].stem) for unread in found]
    counts = Counter(stems)
    for i, (stem, unread) in enumerate(zip(stems, found, strict=True)):
        if counts[stem] > 1:  # a/b and a_b
            stems[i] = f"{stem}_{hashlib.sha256(unread.name.encode()).hexdigest()[:8]}"
    shards = [Path(out) / f"{stem}.tar" for stem in stems]
    cutting = {"seconds": seconds, "overlap": overlap, "purity": purity, "short": short}
    cutting |= {"unlabelled": True}
    return [Job(u, shard, sensor, cutting, params) for u, shard in zip(found, shards, strict=True)]


def convert_recording(job: Job) -> dict[str, Any]:
    """Do a job, unless its shard is already there and made of the same; a row of the table.

    Examples
    --------
    >>> import tempfile
    >>> from img2imu_kit import load_dataset
    >>> from img2imu_kit.readers import save_npz
    >>> folder = Path(tempfile.mkdtemp())
    >>> save_npz(load_dataset("synthetic", subjects=1, seconds=10), folder / "walk.npz")
    >>> [job] = plan_conversion(folder / "walk.npz", folder / "shards", params="motion", seconds=4)
    >>> convert_recording(job)["status"], convert_recording(job)["status"]
    ('drawn', 'kept')
    """
    if (kept := _kept(job)) is not None:
        return kept
    row = _row(job)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with atomic_open(job.shard) as file:
                row |= _draw(job, file)
        row["doubts"] = [_bare(str(warning.message), job) for warning in caught]
        return row | {"status": "drawn"}
    except Img2ImuError as error:  # this recording's fault: the others are drawn all the same
        return row | {"problem": str(error)}


def _row(job: Job) -> dict[str, Any]:
    """Of a job that has failed."""
    row = {"recording": job.unread.name or job.unread.files[0].stem, "shard": job.shard.name}
    return row | {"windows": 0, "seconds": 0.0, "status": "failed", "problem": "", "doubts": []}


def _draw(job: Job, file: BinaryIO) -> dict[str, Any]:
    """Write the shard of a recording; how many windows and seconds."""
    pieces = [
        piece.select([piece.axes[i] for i in channel_index(piece.axes, job.sensor)])
        for piece in job.unread.read()
    ]
    pieces = [piece.to_unit("m/s2", "rad/s", unknown="keep") for piece in pieces]
    if set(pieces[0].unit) - UNITS_OF_LIMITS and not isinstance(job.params.range, str):
        limits = f"limits {job.params.range} of pictures are made for m/s2 and rad/s"
        warnings.warn(f"an unknown unit, and the {limits}", GuessWarning, stacklevel=2)
    seconds = sum(piece.seconds for piece in pieces)
    cut = sliding_windows(pieces, **job.cutting)
    keys = [f"{job.shard.stem}_{i:06d}" for i in range(len(cut))]
    about = {_MADE_FROM: job.made_from, _SECONDS: repr(seconds), _LINES: _lines(cut, keys, job)}
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT, pax_headers=about) as tar:
        for start in range(0, len(cut), _AT_ONCE):
            part = cut[start : start + _AT_ONCE]
            images = to_image(part, params=job.params)  # uint8 [n, 3, H, W]
            for i, image in enumerate(images):
                key = keys[start + i]
                _add(tar, f"{key}.png", _png(image))
                _add(tar, f"{key}.json", json.dumps(_facts(part, i)).encode())
    return {"windows": len(cut), "seconds": seconds}


def _lines(windows: Windows, keys: list[str], job: Job) -> str:
    """Lines of ``manifest.csv``, one a window."""
    names = ("label", "subject", "recording", "start_s", "rate")
    facts = {name: getattr(windows, name) for name in names}
    table = pd.DataFrame({"key": keys} | facts | {"shard": job.shard.name}, columns=_COLUMNS)
    return table.to_csv(index=False, header=False, lineterminator="\n")


def _facts(windows: Windows, i: int) -> dict[str, Any]:
    names = ("label", "subject", "recording")
    facts = {name: str(getattr(windows, name)[i]) for name in names}
    return facts | {"start_s": float(windows.start_s[i]), "rate": windows.rate}


def _png(image: np.ndarray) -> bytes:
    """A picture uint8 [3, H, W] as PNG."""
    content = io.BytesIO()
    # Noise hardly repeats: looking for runs of one value alone is faster than zlib's search for
    # longer patterns, and the file smaller by a seventh.
    quick = {"compress_level": 1, "compress_type": zlib.Z_RLE}
    Image.fromarray(np.stack(image, axis=-1)).save(content, "PNG", **quick)
    return content.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)  # of no owner and time: the same motion gives the same bytes
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _kept(job: Job) -> dict[str, Any] | None:
    """The row of a shard that is as this job would make it; None where it is not."""
    try:
        with tarfile.open(job.shard) as tar:
            about = tar.pax_headers
        if about.get(_MADE_FROM) == job.made_from:
            windows = sum(1 for _ in csv.reader(io.StringIO(about[_LINES])))
            seconds = float(about[_SECONDS])
            return _row(job) | {"windows": windows, "seconds": seconds, "status": "kept"}
    except (OSError, KeyError, tarfile.TarError):
        pass
    return None


def _bare(doubt: str, job: Job) -> str:
    for file in job.unread.files:
        doubt = doubt.removeprefix(f"{file}: ")
    return doubt


def _write_manifest(out: Path, shards: Iterable[Path]) -> None:
    """``manifest.csv`` of all windows, from the heads of the shards, one after the other."""
    with atomic_open(out / "manifest.csv") as file:
        file.write((",".join(_COLUMNS) + "\n").encode())
        for shard in shards:
            with tarfile.open(shard) as tar:
                file.write(tar.pax_headers[_LINES].encode())


def run_jobs(jobs: Iterable[Job], workers: int) -> Iterator[tuple[Job, dict[str, Any]]]:
    """Each job with its row, as they are done.

    A worker that is killed takes its pool with it: what was under way is then done alone, so that
    the job that kills its process is known, and a new pool does the rest.
    """
    if workers == 1:
        yield from ((job, convert_recording(job)) for job in jobs)
        return
    waiting: deque[Job] = deque()
    for job in jobs:  # what is there needs no process
        if (kept := _kept(job)) is not None:
            yield job, kept
        else:
            waiting.append(job)
    while waiting:
        for job in (yield from _pooled(waiting, workers)):
            if (yield from _pooled(deque([job]), 1)):
                problem = "its process was killed, perhaps for want of memory"
                yield job, _row(job) | {"problem": problem}


def _pooled(
    waiting: deque[Job], workers: int
) -> Generator[tuple[Job, dict[str, Any]], None, list[Job]]:
    """Jobs with their rows until all are done or a worker is killed; what was under way then."""
    under_way: dict[Future, Job] = {}
    alone = {"initializer": torch.set_num_threads, "initargs": (1,)}  # a core each
    # spawned: a fork would share torch's threads, and lock where they had locked
    with ProcessPoolExecutor(min(workers, len(waiting)), get_context("spawn"), **alone) as pool:
        while waiting or under_way:
            try:
                while waiting and len(under_way) < workers:
                    under_way[pool.submit(convert_recording, waiting[0])] = waiting[0]
                    waiting.popleft()
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    row = future.result()
                    yield under_way.pop(future), row
            except BrokenProcessPool:
                return list(under_way.values())
    return []

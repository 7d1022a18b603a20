"""Many files to pictures at once, where one bad file does not stop the others."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from ..errors import GuessWarning, Img2ImuError, ParameterError
from ..pictures.archive import save_pictures
from ..pictures.image import to_image
from ..pictures.params import UNITS_OF_LIMITS, SpectrogramParams, resolve
from ..pictures.shards import convert_folder
from ..plots.signals import plot_image
from ..plots.style import save_figure
from ..signals.axes import channel_index
from ..signals.recording import Recording
from ..signals.windows import Windows, sliding_windows
from .recordings import check_paths, read_recordings

__all__ = ["Converted", "files_to_pictures", "files_to_shards"]


@dataclass
class Converted:
    """What was written (None: no picture), counts of recordings and windows, what failed and why.

    Examples
    --------
    >>> Converted().archive is None
    True
    """

    archive: Path | None = None
    recordings: int = 0
    windows: int = 0
    failed: dict[Path | str, Img2ImuError | str] = field(default_factory=dict)


def files_to_pictures(
    paths: Iterable[str | Path],
    out: str | Path,
    *,
    params: str | SpectrogramParams | None = None,
    png: bool = True,
    reading: dict[str, Any] | None = None,
    cutting: dict[str, Any] | None = None,
    progress: bool = True,
) -> Converted:
    """Read recordings, cut windows, and write their pictures.

    Parameters
    ----------
    paths : iterable of path
        What `read` reads: files, folders and exports of apps.
    out : path
        Folder for ``NAME_0000.png``, one a window with axes in s and Hz, and ``images.npz`` with
        ``images`` uint8 [N, 3, H, W], ``label``, ``subject``, ``recording``, ``start_s``, and
        ``rate`` (Hz) [N].
    params
        As in `to_image`. Images of one archive share a size, so ``size`` must be set where rates
        differ.
    png : bool
        Write the single pictures too.
    reading, cutting : dict
        Options of `read` and of `sliding_windows`. Default: windows of 5 s, of which each has
        its most frequent label. A recording shorter than a window is a failure.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Converted
        With ``failed``: path or name -> the error that says what and where.

    Raises
    ------
    ParameterError
        A path that does not exist.
    OutputError
        The archive cannot be written.

    Warns
    -----
    GuessWarning
        Fixed limits of a picture meet a signal of unknown unit.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> folder = Path(mkdtemp())
    >>> times = np.arange(500) / 50
    >>> swing = np.column_stack([times, *(np.sin(6 * times + k) for k in range(3))])
    >>> names = "t (s),ax (m/s2),ay (m/s2),az (m/s2)"
    >>> np.savetxt(folder / "walk.csv", swing, delimiter=",", header=names, comments="")
    >>> report = files_to_pictures([folder / "walk.csv"], folder / "out", png=False, progress=False)
    >>> report.windows, report.archive.name
    (2, 'images.npz')
    """
    out = Path(out)
    params = resolve(params)
    settings = {"seconds": 5.0, "purity": 0.0} | (cutting or {}) | {"unlabelled": True}
    paths = [Path(path) for path in paths]
    check_paths(paths)
    report = Converted()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ParameterError(f"cannot make the folder {out} ({error.strerror})") from None
    pictures: list[np.ndarray] = []
    windows: list[Windows] = []
    unknown_unit: list[str] = []
    cuts: dict[str, Windows] = {}
    for name, recordings in _read_all(paths, reading or {}, report.failed, progress).items():
        try:
            cuts[name] = sliding_windows(recordings, **settings)
        except Img2ImuError as error:  # this recording's fault: the others are still converted
            report.failed[name] = error
    total = sum(map(len, cuts.values()))
    bar = tqdm(total=total, desc="pictures", unit="window", disable=not progress)
    for name, cut in cuts.items():
        try:
            units = {cut.unit[i] for i in channel_index(cut.axes, params.channels)}
            images = to_image(cut, params=params)  # uint8 [N, 3, H, W]
            if pictures and images.shape[1:] != pictures[0].shape[1:]:
                raise ParameterError(
                    f"image of {images.shape[2:]} pixels, the first were {pictures[0].shape[2:]}",
                    remedy="Choose a preset with a fixed size.",
                )
            if not isinstance(params.range, str) and units - UNITS_OF_LIMITS:
                unknown_unit.append(name)
            for i in range(len(images)):
                if png:
                    _draw(images, cut, i, params, out / name)
                bar.update()
        except Img2ImuError as error:
            report.failed[name] = error
            continue
        pictures.append(images)
        windows.append(cut)
        report.recordings += 1
        report.windows += len(cut)
    bar.close()
    if unknown_unit:
        warnings.warn(
            f"{len(unknown_unit)} recording(s) in an unknown unit (the first: {unknown_unit[0]}): "
            f"the limits {params.range} are made for m/s2; give unit=, or range='per-window'",
            GuessWarning,
            stacklevel=2,
        )
    if pictures:
        report.archive = out / "images.npz"
        save_pictures(report.archive, np.concatenate(pictures), windows, params)
    return report


def files_to_shards(
    paths: Iterable[str | Path],
    out: str | Path,
    *,
    params: SpectrogramParams,
    reading: dict[str, Any] | None = None,
    cutting: dict[str, Any] | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Converted:
    """Draw a folder of recordings as tar shards, see `convert_folder`.

    Raises
    ------
    ParameterError
        More than one path: the folder of shards would be that of neither.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from img2imu_kit import load_dataset
    >>> from img2imu_kit.readers import save_npz
    >>> folder = Path(mkdtemp())
    >>> save_npz(load_dataset("synthetic", subjects=1, seconds=10), folder / "walk.npz")
    >>> report = files_to_shards([folder], folder / "shards", params=resolve("motion"), workers=1)
    >>> report.archive.name, report.recordings
    ('manifest.csv', 1)
    """
    if len(paths := list(paths)) != 1:
        remedy = "Give the folder around them, or call once for each with another folder to write."
        raise ParameterError(f"shards are made of one folder, not of {len(paths)}", remedy=remedy)
    # the axes that become colours, of which the length of acceleration is one
    sensor = "acc" if params.channels == "magnitude" else params.channels
    settings = {"params": params, "reading": reading, "workers": workers, "progress": progress}
    table = convert_folder(paths[0], out, sensor=sensor, **settings, **(cutting or {}))
    bad = table.status == "failed"
    return Converted(
        archive=None if bad.all() else Path(out) / "manifest.csv",
        recordings=int((~bad).sum()),
        windows=int(table.windows.sum()),
        failed=dict(zip(table.recording[bad], table.problem[bad], strict=True)),
    )


def _read_all(
    paths: list[Path], reading: dict[str, Any], failed: dict, progress: bool
) -> dict[str, list[Recording]]:
    """What can be read, by a name for files; a recording that gaps have split is one list."""
    found: dict[str, list[Recording]] = {}
    for path in dict.fromkeys(paths):
        try:
            recordings = read_recordings([path], reading, failed=failed, progress=progress)
        except Img2ImuError as error:
            failed[path] = error
            continue
        # of files of one name in several folders, as many folders as tell them apart
        folders = [*path.resolve().parts[1:-1]]
        prefix = ""
        while {prefix + _file_name(recording) for recording in recordings} & found.keys():
            prefix = f"{folders.pop() if folders else ''}_{prefix}"
        for recording in recordings:
            found.setdefault(prefix + _file_name(recording), []).append(recording)
    return found


def _file_name(recording: Recording) -> str:
    return recording.name.replace("/", "_") or "recording"


def _draw(images: np.ndarray, cut: Windows, i: int, params: SpectrogramParams, stem: Path) -> None:
    """One picture with axes in s and Hz, ``stem_0000.png``."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(5, 3.4), layout="constrained")
    plot_image(images[i], rate=cut.rate, seconds=cut.seconds, params=params, ax=ax)
    title = f"{stem.name}, {cut.start_s[i]:.1f} s"
    title += f", {cut.label[i]}" if cut.label[i] else ""
    ax.set_title(title, parse_math=False)  # a name may hold $
    save_figure(ax, stem.with_name(f"{stem.name}_{i:04d}.png"))
    plt.close(figure)

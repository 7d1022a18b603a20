"""Many files to pictures at once, where one bad file does not stop the others."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from .._files import atomic_write
from ..errors import GuessWarning, Img2ImuError, ParameterError
from ..pictures.image import to_image
from ..pictures.params import SpectrogramParams, resolve
from ..plots.signals import plot_image
from ..plots.style import save_figure
from ..readers.files import READABLE, read
from ..signals.axes import channel_index
from ..signals.windows import Windows, sliding_windows

__all__ = ["Converted", "files_to_pictures"]


@dataclass
class Converted:
    """What became of the files: the archive (None: no picture), counts, failures by path."""

    archive: Path | None = None
    files: int = 0
    windows: int = 0
    failed: dict[Path, Img2ImuError] = field(default_factory=dict)


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
        Files, or folders searched for files that `read` understands.
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
        With ``failed``: path -> the error that says what and where.

    Raises
    ------
    ParameterError
        A path that does not exist, or folders without a readable file.
    OutputError
        The archive cannot be written.

    Warns
    -----
    GuessWarning
        Fixed limits of a picture meet a signal of unknown unit.
    """
    out = Path(out)
    params = resolve(params)
    settings = {"seconds": 5.0, "purity": 0.0} | (cutting or {}) | {"unlabelled": True}
    files = _find_recordings(paths)
    report = Converted()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ParameterError(f"cannot make the folder {out} ({error.strerror})") from None
    pictures: list[np.ndarray] = []
    windows: list[Windows] = []
    unknown_unit: list[Path] = []
    bar = tqdm(_short_names(files).items(), "recordings", unit="file", disable=not progress)
    for path, name in bar:
        try:
            # Fixed limits of a picture are made for SI units.
            recordings = [
                r.to_unit("m/s2", "rad/s", unknown="keep") for r in read(path, **(reading or {}))
            ]
            cut = sliding_windows(recordings, **settings)
            units = {cut.unit[i] for i in channel_index(cut.axes, params.channels)}
            if not isinstance(params.range, str) and units - {"m/s2", "rad/s"}:
                unknown_unit.append(path)
            images = to_image(cut, params=params)  # uint8 [N, 3, H, W]
            if pictures and images.shape[1:] != pictures[0].shape[1:]:
                raise ParameterError(
                    f"image of {images.shape[2:]} pixels, the first were {pictures[0].shape[2:]}",
                    remedy="Choose a preset with a fixed size.",
                )
            if png:
                _draw(images, cut, params, out / name, progress)
        except Img2ImuError as error:  # this file's fault: the others are still converted
            report.failed[path] = error
            continue
        pictures.append(images)
        windows.append(cut)
        report.files += 1
        report.windows += len(cut)
    if unknown_unit:
        warnings.warn(
            f"{len(unknown_unit)} file(s) in an unknown unit (the first: {unknown_unit[0]}): the "
            f"limits {params.range} are made for m/s2; give unit=, or range='per-window'",
            GuessWarning,
            stacklevel=2,
        )
    if pictures:
        report.archive = out / "images.npz"
        _save(np.concatenate(pictures), windows, params, report.archive)
    return report


def _find_recordings(paths: Iterable[str | Path]) -> list[Path]:
    files: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = [p for p in sorted(path.rglob("*")) if p.name.lower().endswith(READABLE)]
            if not inside:
                raise ParameterError(
                    "no recording in this folder",
                    where=str(path),
                    remedy=f"Readable are {', '.join(READABLE)}.",
                )
            files += inside
        elif path.exists():
            files.append(path)
        else:
            raise ParameterError("no such file or folder", where=str(path))
    return files


def _short_names(files: list[Path]) -> dict[Path, str]:
    """A name for each file: its stem, with as many folders before it as tell it apart."""
    names: dict[Path, str] = {}
    for path in dict.fromkeys(files):
        parts = path.resolve().parts[:-1]
        name = path.name.split(".")[0]
        while name in names.values() and parts:
            *parts, folder = parts
            name = f"{folder}_{name}"
        names[path] = name
    return names


def _draw(
    images: np.ndarray, cut: Windows, params: SpectrogramParams, stem: Path, progress: bool
) -> None:
    import matplotlib.pyplot as plt

    bar = tqdm(images, stem.name, unit="window", leave=False, disable=not progress)
    for i, image in enumerate(bar):
        figure, ax = plt.subplots(figsize=(5, 3.4), layout="constrained")
        plot_image(image, rate=cut.rate, seconds=cut.seconds, params=params, ax=ax)
        title = f"{stem.name}, {cut.start_s[i]:.1f} s"
        ax.set_title(f"{title}, {cut.label[i]}" if cut.label[i] else title)
        save_figure(ax, stem.with_name(f"{stem.name}_{i:04d}.png"))
        plt.close(figure)


def _save(
    images: np.ndarray, windows: list[Windows], params: SpectrogramParams, archive: Path
) -> None:
    facts = {
        name: np.concatenate([getattr(cut, name) for cut in windows]).astype(kind)
        for name, kind in [("label", str), ("subject", str), ("recording", str), ("start_s", float)]
    }
    facts["rate"] = np.concatenate([np.full(len(cut), cut.rate) for cut in windows])
    content = io.BytesIO()
    np.savez_compressed(
        content, images=images, params=np.array(json.dumps(asdict(params))), **facts
    )
    atomic_write({archive: content.getbuffer()})

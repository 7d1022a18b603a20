"""A map of windows as a page of its own: hover over a point to see what lies there."""

from __future__ import annotations

import io
from base64 import b64encode
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from .._files import write_html
from ..errors import SignalError
from ..pictures.grid import Grid
from ..pictures.image import to_image
from ..pictures.params import SpectrogramParams, resolve
from ..pictures.power import make_grid
from ..signals.axes import channel_index
from ..signals.windows import Windows
from .style import COLOURS, class_style

__all__ = ["MARKS", "write_map"]

_PAGE = Path(__file__).with_name("map.html")
#: What draws the mark of a class, in the page and in the explorer's map.
MARKS = Path(__file__).with_name("marks.js")
#: Points of a line, as many as a narrow panel has pixels.
_POINTS = 256


def write_map(
    path: str | Path,
    xy: np.ndarray,
    windows: Windows,
    *,
    params: str | SpectrogramParams | None = "motion",
    title: str = "Map of motion",
    progress: bool = False,
    **overrides,
) -> Path:
    """Write points [N, 2] as one page of HTML that shows the window below the pointer.

    Its picture, its signal, its name, label and person; points have the colour of their label,
    person or recording. All is in the file: it makes no request, so it can be sent and kept.

    Parameters
    ----------
    path : path
        Of the ``.html`` file; its folder is made.
    xy : float [N, 2]
        A place for each window, as from `explain.tsne`.
    windows : Windows
    params, **overrides
        Of the pictures, as in `to_image`.
    title : str
    progress : bool
        Show a progress bar.

    Returns
    -------
    pathlib.Path
        The file, about 2 kB a window.

    Raises
    ------
    SignalError
        Not a place for each window, or one that is not finite.
    OutputError
        A file that cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from img2imu_kit import load_dataset, sliding_windows
    >>> people = load_dataset("synthetic", subjects=2, seconds=8)
    >>> windows = sliding_windows(people, seconds=4).select("acc")
    >>> page = Path(tempfile.mkdtemp(), "map.html")
    >>> places = windows.signal.mean(axis=2)[:, :2]
    >>> "https://" in write_map(page, places, windows).read_text()
    False
    """
    xy = np.asarray(xy, dtype=float)
    if xy.shape != (len(windows), 2) or not np.isfinite(xy).all():
        raise SignalError(f"xy {xy.shape}, expected ({len(windows)}, 2) finite numbers")
    params = resolve(params, **overrides)
    chosen = channel_index(windows.axes, params.channels)
    pictures = []
    with tqdm(total=len(xy), desc="pictures", unit="window", disable=not progress) as bar:
        for start in range(0, len(xy), 64):
            images = to_image(windows[start : start + 64], params=params)  # uint8 [n, 3, H, W]
            pictures += map(_as_webp, images)
            bar.update(len(images))
    lines, low, high = _lines(windows.signal[:, chosen])
    grid = make_grid(windows.signal.shape[2], windows.rate, params)
    size = np.maximum(np.ptp(xy, axis=0), 1e-3)
    content = {
        "xy": np.round((xy - (xy.min(axis=0) + xy.max(axis=0)) / 2) / size.max(), 4).tolist(),
        "size": np.round(size / size.max(), 4).tolist(),
        "groups": _groups(windows),
        "recording": windows.recording.tolist(),
        "start": np.round(windows.start_s, 2).tolist(),
        "seconds": windows.seconds,
        "axes": [windows.axes[i] for i in chosen],
        "unit": windows.unit[chosen[0]],
        "colours": COLOURS,
        "lines": _as_text(lines.tobytes()),
        "low": np.round(low, 3).tolist(),
        "high": np.round(high, 3).tolist(),
        "pictures": pictures,
        "ticks": _ticks(grid),
    }
    write_html(Path(path), _PAGE, title, content, marks=MARKS.read_text("utf-8"))
    return Path(path)


def _groups(windows: Windows) -> dict[str, dict]:
    """What points can be coloured by: name -> its values, their style, the value of each point."""
    groups = {}
    for name in ("label", "subject", "recording"):
        values, codes = np.unique(getattr(windows, name).astype(str), return_inverse=True)
        if any(values):  # at least one is not empty
            styles = [class_style(i) for i in range(len(values))]
            groups[name] = {"values": values.tolist(), "styles": styles, "of": codes.tolist()}
    return groups


def _lines(signal: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Signals [N, C, T] as uint8 [N, C, P] between the extremes [N] of each window."""
    count, channels, length = signal.shape
    if length > _POINTS:  # lowest and highest of each stretch: a short jolt is not lost
        edges = np.linspace(0, length, _POINTS // 2 + 1).astype(int)[:-1]
        ends = [reduce.reduceat(signal, edges, axis=2) for reduce in (np.minimum, np.maximum)]
        signal = np.stack(ends, axis=3).reshape(count, channels, -1)
    low, high = signal.min(axis=(1, 2)), signal.max(axis=(1, 2))
    span = np.maximum(high - low, 1e-9)[:, None, None]
    return np.round(255 * (signal - low[:, None, None]) / span).astype(np.uint8), low, high


def _ticks(grid: Grid) -> list[tuple[float, str]]:
    """Frequencies beside a picture: how far from its bottom, 0 to 1, and in Hz."""
    edges = grid.freq_edges_hz  # rows are drawn of one height, whatever they are in Hz
    marks = [hz for hz in (0.5, 1, 2, 5, 10, 20, 50, 100) if edges[0] < hz < edges[-1]]
    places = np.interp(marks, edges, np.linspace(0, 1, len(edges)))
    return [(round(float(place), 3), f"{hz:g}") for place, hz in zip(places, marks, strict=True)]


def _as_webp(image: np.ndarray) -> str:
    content = io.BytesIO()
    Image.fromarray(image.transpose(1, 2, 0)).save(content, "WEBP", quality=80)
    return _as_text(content.getvalue())


def _as_text(content: bytes) -> str:
    return b64encode(content).decode()

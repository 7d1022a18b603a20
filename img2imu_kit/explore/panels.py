"""What several explorers draw: a signal over seconds, a picture over seconds and Hz."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from ..errors import SignalError
from ..pictures.params import SpectrogramParams
from ..pictures.power import make_grid
from ..pictures.scalogram import cone_of_influence
from ..plots.style import COLOURS, XYZ
from ..signals.recording import Recording
from ..signals.windows import Windows
from .canvas import INK, Box, Panel, Scale, colour_map, panel, rgb, write

__all__ = [
    "colour_bar",
    "coloured",
    "legend",
    "picture_edges",
    "picture_panel",
    "shade_cone",
    "signal_panel",
    "window_bounds",
    "window_recording",
]

Edges = tuple[Scale, Scale]  # of a picture, in s and in Hz


def signal_panel(
    pixels: np.ndarray,
    box: Box,
    recording: Recording,
    axes: list[int],
    title: str,
    unit: bool = True,
    names: bool = True,
) -> Panel:
    """Draw some axes of a recording over seconds of its file, with their unit and names or not."""
    values = recording.signal[:, axes]  # [T, len(axes)]
    low, high = float(values.min()), float(values.max())
    margin = 0.05 * (high - low) or 1.0
    units = ", ".join(dict.fromkeys(recording.unit[i] for i in axes if recording.unit[i]))
    # In pixels: of the legend, which ends the line that the title begins.
    taken = sum(8 * len(recording.axes[i]) + 38 for i in axes) if names else 0
    room = max((box[2] - taken) // 7, 4)  # letters
    title = title if len(title) <= room else f"{title[: room - 1]}…"
    drawn = panel(
        pixels,
        box,
        (recording.start_s, recording.start_s + recording.seconds),
        (low - margin, high + margin),
        title=title,
        xlabel="time (s)",
        ylabel=(f"signal ({units})" if units else "signal") if unit else "",
    )
    for column, look in zip(values.T, _looks(len(axes)), strict=True):
        drawn.trace(column, *look)
    if names:
        left, top, width, _ = box
        legend(pixels, left + width, top - 20, [recording.axes[i] for i in axes])
    return drawn


def picture_panel(
    pixels: np.ndarray,
    box: Box,
    image: np.ndarray,
    title: str = "",
    edges: Edges | None = None,
    xlabel: str = "time (s)",
    ylabel: str = "frequency (Hz)",
) -> Panel:
    """Draw a picture, uint8 [H, W, 3], over its seconds and Hz, or without scales."""
    if edges is None:
        drawn = panel(pixels, box, (0, 1), (0, 1), title=title)
    else:
        drawn = panel(pixels, box, *edges, title=title, xlabel=xlabel, ylabel=ylabel)
    drawn.image(image)
    return drawn


def legend(pixels: np.ndarray, right: int, top: int, names: list[str]) -> None:
    """Write names of axes in the colours of their lines, ending at `right`."""
    for name, (colour, dashes) in zip(reversed(names), reversed(_looks(len(names))), strict=True):
        write(pixels, right, top, name, colour, align=1)
        right -= 8 * len(name) + 28
        Panel(pixels[top + 3 : top + 12, right : right + 24], (0, 1), (-1, 1)).trace(
            np.zeros(2), colour, dashes
        )
        right -= 10


def coloured(level: np.ndarray, params: SpectrogramParams) -> np.ndarray:
    """One channel of a picture, uint8 [F, S], in colours [F, S, 3]; zero is white with a sign."""
    picture = colour_map()[level]
    slow = signed_rows(len(level), params)
    picture[len(level) - slow :] = colour_map("RdBu_r")[level[len(level) - slow :]]
    return picture


def signed_rows(rows: int, params: SpectrogramParams) -> int:
    """How many of so many rows, counted from the bottom, have a sign."""
    if params.transform == "stft":
        return 0
    return rows if params.scale == "signed" else params.low_rows


def colour_bar(
    pixels: np.ndarray, box: Box, params: SpectrogramParams, rows: int = 0, unit: str = ""
) -> None:
    """Draw what the colours of a spectrogram mean: dB, or the extremes of each picture.

    Beside those of its `rows` that have a sign stands another bar, in the unit of the signal.
    """
    left, top, width, height = box
    fixed = not isinstance(params.range, str)
    ends = [f"{limit:g} dB" for limit in params.range] if fixed else ["least", "most"]
    slow = signed_rows(rows, params)
    signed = round(height * slow / max(rows, 1))  # pixels
    limit = params.range[1] if params.scale == "signed" else params.low_limit
    bars = [
        (top, height - signed, "cividis", ends),
        (top + height - signed, signed, "RdBu_r", [f"-{limit:g}", f"{limit:g} {unit}"]),
    ]
    for first, length, name, (low, high) in bars:
        if length > 0:
            picture_panel(pixels, (left, first, width, length), colour_map(name)[::-1][:, None])
            texts = [(low, first + length - 14), (high, first - 1)]
            if length < 30 and name == "RdBu_r":  # no room for two
                texts = [(f"±{high}", first + length // 2 - 8)]
            for text, row in texts:
                write(pixels, left + width + 5, row, text.replace("-", "\N{MINUS SIGN}"))


def shade_cone(drawn: Panel, window: Recording, params: SpectrogramParams) -> None:
    """Hatch what hears the end of the window as much as its inside (the cone of influence)."""
    kept, added = _cone(drawn.pixels.shape[:2], len(window), window.rate, params)
    drawn.pixels[:] = (drawn.pixels * kept + added) >> 8


@lru_cache(maxsize=32)  # a moved slider draws the same cone again
def _cone(
    shape: tuple[int, int], length: int, rate: float, params: SpectrogramParams
) -> tuple[np.ndarray, np.ndarray]:
    """What is kept of each pixel and what is added, in 256ths: uint16 [H, W, 1] and [H, W, 3]."""
    grid = make_grid(length, rate, params)
    height, width = shape
    row, column = np.ogrid[:height, :width]
    reach_s = cone_of_influence(grid, params)[::-1][row * len(grid.freqs_hz) // height]  # [H, 1]
    left, right, _, _ = grid.extent
    time_s = left + (column + 0.5) / width * (right - left)  # [1, W]
    near = np.minimum(time_s, length / rate - time_s) < reach_s  # [H, W]
    lines = near & ((row + column) % 7 == 0)
    kept = np.where(lines, 0, np.where(near, 166, 256))[..., None]
    added = np.where(lines[..., None], rgb(INK), np.where(near[..., None], 90, 0)) * 256
    return kept.astype(np.uint16), added.astype(np.uint16)


def picture_edges(window: Recording, params: SpectrogramParams) -> Edges:
    """Edges of a window's picture in seconds of the file and in Hz.

    All edges of rows that are not of one height in Hz.
    """
    grid = make_grid(len(window), window.rate, params)
    left, right, bottom, top = grid.extent
    up = (bottom, top) if grid.rows_are_even else grid.freq_edges_hz
    return (left + window.start_s, right + window.start_s), up


def window_bounds(recording: Recording, start_s: float, seconds: float) -> tuple[int, int]:
    """First sample of a window and the first after it.

    Raises
    ------
    SignalError
        The recording does not reach so far.

    Examples
    --------
    >>> window_bounds(Recording(np.zeros((500, 3)), rate=50), 2.5, 5)
    (125, 375)
    """
    # Sliders move by tenths, which no float holds exactly: 0.3 * 10 is a little below 3.
    start = math.floor(start_s * recording.rate + 1e-6)
    stop = start + round(seconds * recording.rate)
    if start < 0 or stop > len(recording) or stop <= start:
        raise SignalError(
            f"a window from {start_s:g} s of {seconds:g} s, but the recording lasts "
            f"{recording.seconds:.3g} s",
            where=recording.name or "recording",
            remedy="Choose a shorter window, or begin earlier.",
        )
    return start, stop


def window_recording(windows: Windows, index: int) -> Recording:
    """One of several windows [N, C, T] as a recording [T, C] that can be drawn."""
    window = windows[index]
    return Recording(
        window.signal[0].T,
        window.rate,
        axes=window.axes,
        unit=window.unit,
        subject=window.subject[0],
        name=window.recording[0],
        labels=window.label[0],
        start_s=float(window.start_s[0]),
    )


def _looks(count: int) -> list[tuple[str, tuple[int, ...]]]:
    """Colour and dashes of each of so many lines; three are those of red, green and blue."""
    return list(XYZ) if count == 3 else [(COLOURS[i % len(COLOURS)], ()) for i in range(count)]

"""From the settings of a spectrogram to one picture of all that they do: no widget in sight."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..errors import SignalError
from ..pictures.image import to_image
from ..pictures.params import SpectrogramParams, resolve
from ..plots.style import COLOURS
from ..signals.axes import channel_index
from ..signals.recording import Recording
from .canvas import Drawing, Panel, blank, colour_map, panel, write
from .spectrogram_state import SpectrogramState, extent, spread

__all__ = ["OVERVIEW", "legend", "render", "signal_panel"]

#: Colours of the axes x, y, z as lines; red, green and blue would be lost on many.
LINES = (COLOURS[3], COLOURS[2], COLOURS[0])
_WIDTH, _HEIGHT = 1080, 580
_MARK = COLOURS[1]
#: Left, top, width and height in pixels of the whole recording.
OVERVIEW = (66, 24, 994, 64)


def render(state: SpectrogramState) -> Drawing:
    """Draw the recording, the window in it, its spectrograms and its picture.

    Parameters
    ----------
    state : SpectrogramState

    Returns
    -------
    Drawing
        Above the whole recording with the window marked; the window's signal, and what a frame
        can tell apart in time and frequency; below, what becomes red, green and blue, and the
        picture that a network would see.

    Raises
    ------
    Img2ImuError
        Settings that contradict each other or do not fit the window; the message says how.

    Examples
    --------
    >>> from img2imu_kit import synthetic
    >>> drawing = render(SpectrogramState(synthetic(1, classes=["walk"])[0]))
    >>> drawing.note
    'frame 1.28 s, bin 0.781 Hz, step 0.08 s (94 % overlap); 33 bins x 110 frames, 96 x 96 pixels'
    """
    params = resolve(state.preset, **state.changes)
    recording, (start, stop) = state.recording, state.bounds()
    if start < 0 or stop > len(recording) or stop <= start:
        raise SignalError(
            f"a window from {state.start_s:g} s of {state.seconds:g} s, but the recording lasts "
            f"{recording.seconds:.3g} s",
            where=recording.name or "recording",
            remedy="Choose a shorter window, or begin earlier.",
        )
    window = recording.cut(start, stop)
    image = to_image(window, params=params)[0]
    levels = to_image(window, params=params, size=None)[0]
    chosen = channel_index(recording.axes, params.channels)
    pixels = blank(_WIDTH, _HEIGHT)
    _overview(pixels, recording, chosen, window)
    _signal(pixels, window, chosen)
    box = spread(params, recording.rate)
    _trade_off(pixels, box, recording.rate)
    names = ["magnitude"] if params.channels == "magnitude" else [recording.axes[i] for i in chosen]
    _spectrograms(pixels, levels, image, names, window, params, box)
    rate, n_fft, hop = recording.rate, params.n_fft, params.hop
    height, width = image.shape[1:]
    note = (
        f"frame {n_fft / rate:.3g} s, bin {rate / n_fft:.3g} Hz, step {hop / rate:.3g} s "
        f"({1 - hop / n_fft:.0%} overlap); {levels.shape[1]} bins x {levels.shape[2]} frames, "
        f"{height} x {width} pixels"
    ).replace("%", " %")
    still = [recording.axes[i] for i in chosen if not np.ptp(window.signal[:, i])]
    if still:
        note += f"; {', '.join(still)} never changes and is drawn mid-grey"
    return Drawing(
        pixels, _alt(recording, window, chosen, levels, image, params) + f" {note}.", note
    )


def _alt(recording: Recording, window: Recording, chosen: list[int], levels, image, params) -> str:
    """The figure in words."""
    what = f" while {', '.join(window.classes)}" if window.classes else ""
    low, high = extent(window, params)[1]
    brightest = levels.mean(axis=(0, 2))[::-1].argmax()
    strongest = low + (brightest + 0.5) * (high - low) / levels.shape[1]
    height, width = image.shape[1:]
    return (
        f"Recording {recording.name} of {recording.seconds:.3g} s with a window from "
        f"{window.start_s:.4g} s of {window.seconds:.3g} s marked{what}; the signal of "
        f"{', '.join(recording.axes[i] for i in chosen)}; their spectrograms from "
        f"{max(low, 0):.3g} to {high:.3g} Hz, on average brightest near {strongest:.2g} Hz; and "
        f"the RGB picture made of them, {height} x {width} pixels, mean brightness "
        f"{image.mean() / 2.55:.0f} %."
    )


def signal_panel(pixels: np.ndarray, box, window: Recording, axes: list[int], **labels) -> Panel:
    """Draw some axes of a recording over seconds, with a legend."""
    values = window.signal[:, axes]
    low, high = float(values.min()), float(values.max())
    margin = 0.05 * (high - low) or 1.0
    end_s = window.start_s + window.seconds
    drawn = panel(pixels, box, (window.start_s, end_s), (low - margin, high + margin), **labels)
    for column, colour in zip(values.T, _line_colours(len(axes)), strict=True):
        drawn.trace(column, colour)
    return drawn


def legend(pixels: np.ndarray, right: int, top: int, names: list[str]) -> None:
    """Write names of axes in the colours of their lines, ending at `right`."""
    for name, colour in zip(reversed(names), reversed(_line_colours(len(names))), strict=True):
        text = f"\N{EM DASH} {name}"
        write(pixels, right, top, text, colour, align=1)
        right -= 10 + 8 * len(text)


def _line_colours(count: int) -> list[str]:
    return list(LINES if count == 3 else [COLOURS[i % len(COLOURS)] for i in range(count)])


def _unit(recording: Recording, axes: list[int]) -> str:
    units = dict.fromkeys(recording.unit[i] for i in axes)
    return ", ".join(unit for unit in units if unit)


@lru_cache(maxsize=8)
def _whole(recording: Recording, chosen: tuple[int, ...]) -> tuple[np.ndarray, Panel]:
    """The recording from end to end; it may last hours, and is the same for every window."""
    pixels = blank(_WIDTH, 130)
    title = f"whole recording: {recording.name}" if recording.name else "whole recording"
    drawn = signal_panel(pixels, OVERVIEW, recording, list(chosen), title=title, xlabel="time (s)")
    legend(pixels, 1060, 4, [recording.axes[i] for i in chosen])
    return pixels, drawn


def _overview(
    pixels: np.ndarray, recording: Recording, chosen: list[int], window: Recording
) -> None:
    whole, drawn = _whole(recording, tuple(chosen))
    pixels[: len(whole)] = whole
    inside = pixels[drawn.top : drawn.top + drawn.pixels.shape[0]]
    inside = inside[:, drawn.left : drawn.left + drawn.pixels.shape[1]]
    place = Panel(inside, drawn.left, drawn.top, drawn.x, drawn.y)
    stretch = (window.start_s, window.start_s + window.seconds)
    place.shade(stretch, _MARK)
    place.box(stretch, drawn.y, _MARK)


def _signal(pixels: np.ndarray, window: Recording, chosen: list[int]) -> None:
    unit = _unit(window, chosen)
    title = f"window, {', '.join(window.classes)}" if window.classes else "window"
    labels = {"xlabel": "time (s)", "ylabel": f"signal ({unit})" if unit else "signal"}
    signal_panel(pixels, (66, 152, 660, 130), window, chosen, title=title, **labels)


def _trade_off(pixels: np.ndarray, box: tuple[float, float], rate: float) -> None:
    """What a frame cannot resolve, as a box under the hyperbola that none can get below."""
    seconds, hz = box
    widest, highest = 51.2 / rate, rate / 20  # as much of either as usual frames need
    drawn = panel(
        pixels,
        (800, 152, 260, 130),
        (0, widest),
        (0, highest),
        title=f"a frame blurs {seconds:.2g} s by {hz:.2g} Hz",
        xlabel="s",
        ylabel="Hz",
    )
    left, right = drawn.columns(0, min(seconds, widest))
    bottom, top = drawn.rows(0, min(hz, highest))
    drawn.pixels[top : bottom + 1, left : right + 1] = colour_map()[150]
    drawn.box((0, seconds), (0, hz), "#262626")
    limit = 1 / (np.pi * np.linspace(widest / 1000, widest, drawn.pixels.shape[1]))
    drawn.trace(limit.clip(max=2 * highest), COLOURS[3])
    drawn.text(0.36, 0.03, "none below s \N{MULTIPLICATION SIGN} Hz = 1/π", COLOURS[3])
    drawn.text(0.36, 0.16, f"this one: {seconds * hz * np.pi:.3g}/π", "#262626")


def _spectrograms(
    pixels: np.ndarray,
    levels: np.ndarray,
    image: np.ndarray,
    names: list[str],
    window: Recording,
    params: SpectrogramParams,
    box: tuple[float, float],
) -> None:
    across, up = extent(window, params)
    top, width, height = 346, 210, 190
    labels = {"xlabel": "time (s)", "ylabel": "frequency (Hz)"}
    for i, (name, level) in enumerate(zip(names, levels, strict=False)):
        title = name if len(names) == 1 else f"{name} \N{RIGHTWARDS ARROW} {'RGB'[i]}"
        place = (66 + 236 * i, top, width, height)
        drawn = panel(pixels, place, across, up, title=title, **labels)
        drawn.image(colour_map()[level])
        right, high = across[1] - (across[1] - across[0]) / 30, up[1] - (up[1] - up[0]) / 30
        drawn.box((right - box[0], right), (high - box[1], high), "white")
        labels = {"xlabel": "time (s)"}
    _colour_bar(pixels, (66 + 236 * len(names[:3]) - 12, top, 10, height), params)
    title = f"{image.shape[1]} \N{MULTIPLICATION SIGN} {image.shape[2]} RGB picture"
    drawn = panel(pixels, (850, top, width, height), across, up, title=title, xlabel="time (s)")
    drawn.image(image.transpose(1, 2, 0))


def _colour_bar(pixels: np.ndarray, box: tuple[int, int, int, int], params) -> None:
    left, top, width, height = box
    drawn = panel(pixels, box, (0, 1), (0, 1))
    drawn.image(colour_map()[::-1][:, None])
    fixed = not isinstance(params.range, str)
    ends = [f"{limit:g} dB" for limit in params.range] if fixed else ["least", "most"]
    for text, row in zip(ends, (top + height - 14, top - 1), strict=True):
        write(pixels, left + width + 5, row, text.replace("-", "\N{MINUS SIGN}"))

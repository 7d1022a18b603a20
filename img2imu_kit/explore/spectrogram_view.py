"""From the settings of a spectrogram to one picture of all that they do: no widget in sight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from ..pictures.image import to_image
from ..pictures.params import SpectrogramParams, resolve
from ..pictures.stft import taper
from ..plots.style import COLOURS
from ..signals.axes import channel_index
from ..signals.recording import Recording
from .canvas import INK, Drawing, Panel, blank, colour_map, panel, write
from .panels import colour_bar, picture_edges, picture_panel, signal_panel, window_bounds

__all__ = ["OVERVIEW", "SpectrogramState", "code", "render", "spread"]

_WIDTH, _HEIGHT = 1080, 580
_MARK = COLOURS[1]
#: Left, top, width and height in pixels of the whole recording.
OVERVIEW = (66, 24, 994, 64)


@dataclass(frozen=True, eq=False)
class SpectrogramState:
    """All that a picture of the explorer depends on.

    Parameters
    ----------
    recording : Recording
    start_s, seconds : float
        The window: where it begins, from the first sample, and how long it lasts.
    preset : str
        Name of the settings to begin with.
    changes : mapping
        Settings that differ from the preset's. They are checked when they are drawn, so that a
        state can hold a contradiction until it is resolved.
    origin : str
        Python expression for the recording, for `code`.
    remark : str
        What else is to be said about the recording: guesses made when it was read.
    """

    recording: Recording
    start_s: float = 0.0
    seconds: float = 10.0
    preset: str = "default"
    changes: Mapping[str, object] = field(default_factory=dict)
    origin: str = "recording"
    remark: str = ""

    def bounds(self) -> tuple[int, int]:
        """First sample of the window, and the first after it."""
        return window_bounds(self.recording, self.start_s, self.seconds)


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
    >>> from img2imu_kit import load_dataset
    >>> walk = load_dataset("synthetic", subjects=1, classes=["walk"])[0]
    >>> drawing = render(SpectrogramState(walk))
    >>> drawing.note
    'frame 1.28 s, bin 0.781 Hz, step 0.08 s (94 % overlap); 33 bins x 110 frames, 96 x 96 pixels'
    """
    params = resolve(state.preset, **state.changes)
    recording, window = state.recording, state.recording.cut(*state.bounds())
    image = to_image(window, params=params)[0]  # [3, H, W], as a network sees it
    levels = to_image(window, params=params, size=None)[0]  # [3, F, S], a pixel a bin and frame
    chosen = channel_index(recording.axes, params.channels)
    blur = spread(params, recording.rate)
    pixels = blank(_WIDTH, _HEIGHT)
    _overview(pixels, recording, chosen, window)
    title = f"window, {', '.join(window.classes)}" if window.classes else "window"
    signal_panel(pixels, (66, 152, 660, 130), window, chosen, title, with_legend=False)
    _trade_off(pixels, blur, recording.rate)
    names = ["magnitude"] if params.channels == "magnitude" else [recording.axes[i] for i in chosen]
    _spectrograms(pixels, levels, image, names, picture_edges(window, params), params, blur)

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
    note += f"; {state.remark}" * bool(state.remark)
    return Drawing(
        pixels, _alt(recording, window, chosen, levels, image, params) + f" {note}.", note
    )


def code(state: SpectrogramState) -> str:
    """Python that makes the RGB picture of a state, as ``image``.

    Examples
    --------
    >>> from img2imu_kit import load_dataset
    >>> walk = load_dataset("synthetic", subjects=1, classes=["walk"])[0]
    >>> print(code(SpectrogramState(walk, 5, 10, changes={"n_fft": 128}, origin="walk")))
    import img2imu_kit as ik
    <BLANKLINE>
    recording = walk
    window = recording.cut(250, 750)  # 5 to 15 s
    image = ik.to_image(window, params="default", n_fft=128)[0]  # uint8 [3, H, W]
    """
    start, stop = state.bounds()
    settings = "".join(f", {name}={value!r}" for name, value in state.changes.items())
    settings = settings.replace("'", '"')
    first = state.start_s + state.recording.start_s
    return (
        f"import img2imu_kit as ik\n\nrecording = {state.origin}\n"
        f"window = recording.cut({start}, {stop})  # {first:g} to {first + state.seconds:g} s\n"
        f'image = ik.to_image(window, params="{state.preset}"{settings})[0]  # uint8 [3, H, W]'
    )


def spread(params: SpectrogramParams, rate: float) -> tuple[float, float]:
    """Widths in s and Hz within which a frame cannot tell two events apart.

    Twice the standard deviations of the taper's energy, in time and in frequency. Their product is
    at least 1 / pi (Gabor's form of Heisenberg's inequality), whatever the taper.

    References
    ----------
    D. Gabor, "Theory of communication", Journal of the IEE 93 (1946).

    Examples
    --------
    >>> seconds, hz = spread(SpectrogramParams(n_fft=64), rate=50)
    >>> round(seconds, 2), round(hz, 2), round(seconds * hz * np.pi, 2)
    (0.36, 0.92, 1.03)
    """
    window = taper(params).numpy().astype(float)  # w[t], [n_fft]
    # sigma_t^2 = var of t under |w|^2, sigma_f^2 = var of f under |W|^2: sigma_t sigma_f >= 1/4 pi,
    # so that (2 sigma_t)(2 sigma_f) >= 1/pi. W is sampled 8 times finer than the bins.
    energy = np.abs(np.fft.fft(window, 8 * len(window))) ** 2
    return (
        2 * _deviation(np.arange(len(window)) / rate, window**2),
        2 * _deviation(np.fft.fftfreq(len(energy), 1 / rate), energy),
    )


def _deviation(values: np.ndarray, weights: np.ndarray) -> float:
    mean = np.average(values, weights=weights)
    return float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))


def _alt(recording: Recording, window: Recording, chosen: list[int], levels, image, params) -> str:
    """The figure in words."""
    what = f" while {', '.join(window.classes)}" if window.classes else ""
    low, high = picture_edges(window, params)[1]
    brightest = levels.mean(axis=(0, 2))[::-1].argmax()  # rows from low to high frequency
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


@lru_cache(maxsize=8)
def _whole(recording: Recording, chosen: tuple[int, ...]) -> tuple[np.ndarray, Panel]:
    """The recording from end to end; it may last hours, and is the same for every window."""
    pixels = blank(_WIDTH, 130)
    title = f"whole recording: {recording.name}" if recording.name else "whole recording"
    return pixels, signal_panel(pixels, OVERVIEW, recording, [*chosen], title, with_unit=False)


def _overview(
    pixels: np.ndarray, recording: Recording, chosen: list[int], window: Recording
) -> None:
    """The whole recording with the window marked."""
    whole, drawn = _whole(recording, tuple(chosen))
    pixels[: len(whole)] = whole
    left, top, width, height = OVERVIEW
    place = Panel(pixels[top : top + height, left : left + width], drawn.x, drawn.y)
    stretch = (window.start_s, window.start_s + window.seconds)
    place.shade(stretch, _MARK)
    place.box(stretch, drawn.y, _MARK)


def _trade_off(pixels: np.ndarray, blur: tuple[float, float], rate: float) -> None:
    """What a frame cannot resolve, as a box under the hyperbola that none can get below."""
    seconds, hz = blur
    widest, highest = 51.2 / rate, rate / 20  # as much of either as usual frames need
    title = f"a frame blurs {seconds:.2g} s by {hz:.2g} Hz"
    labels = {"title": title, "xlabel": "s", "ylabel": "Hz"}
    drawn = panel(pixels, (800, 152, 260, 130), (0, widest), (0, highest), **labels)
    left, right = drawn.columns(0, min(seconds, widest))
    bottom, top = drawn.rows(0, min(hz, highest))
    drawn.pixels[top : bottom + 1, left : right + 1] = colour_map()[150]
    drawn.box((0, seconds), (0, hz), INK)
    limit = 1 / (np.pi * np.linspace(widest / 1000, widest, drawn.pixels.shape[1]))
    drawn.trace(limit.clip(max=2 * highest), COLOURS[3])
    write(drawn.pixels, 94, 4, "none below s \N{MULTIPLICATION SIGN} Hz = 1/π", COLOURS[3])
    write(drawn.pixels, 94, 21, f"this one: {seconds * hz * np.pi:.3g}/π")


def _spectrograms(
    pixels: np.ndarray,
    levels: np.ndarray,
    image: np.ndarray,
    names: list[str],
    edges: tuple[tuple[float, float], tuple[float, float]],
    params: SpectrogramParams,
    blur: tuple[float, float],
) -> None:
    """One spectrogram for each colour, with the blur of a frame, and the picture they make."""
    top, width, height = 346, 210, 190
    (start, stop), (low, high) = edges
    right, upper = stop - (stop - start) / 30, high - (high - low) / 30  # a corner for the blur
    ylabel = "frequency (Hz)"  # the others stand on the same scale
    for i, (name, level) in enumerate(zip(names, levels, strict=False)):
        title = name if len(names) == 1 else f"{name} \N{RIGHTWARDS ARROW} {'RGB'[i]}"
        box = (66 + 236 * i, top, width, height)
        drawn = picture_panel(pixels, box, colour_map()[level], title, edges, ylabel=ylabel)
        drawn.box((right - blur[0], right), (upper - blur[1], upper), "white")
        ylabel = ""
    colour_bar(pixels, (66 + 236 * len(names[:3]) - 12, top, 10, height), params)
    title = f"{image.shape[1]} \N{MULTIPLICATION SIGN} {image.shape[2]} RGB picture"
    picture = image.transpose(1, 2, 0)  # [H, W, 3]
    picture_panel(pixels, (850, top, width, height), picture, title, edges, ylabel="")

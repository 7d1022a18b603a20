"""What the spectrogram explorer draws: a state, and the pure function from it to a picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial

import numpy as np
import torch

from ..pictures.image import painted, resized
from ..pictures.params import SpectrogramParams
from ..pictures.power import Spectrograms, one_thread, scaled, spectrogram
from ..pictures.scalogram import cone_of_influence
from ..pictures.stft import taper
from ..plots.style import COLOURS
from ..signals.axes import channel_index
from ..signals.gravity import remove_gravity
from ..signals.recording import Recording
from .base import WIDE
from .canvas import INK, Box, Drawing, Panel, blank, colour_map, panel, write
from .comparison import Score, Setting, differences, score_panel
from .panels import (
    colour_bar,
    coloured,
    picture_edges,
    picture_panel,
    shade_cone,
    signal_panel,
    window_bounds,
)

__all__ = ["SpectrogramState", "View", "code", "render", "spread", "strip", "view"]

_MARK = COLOURS[1]
#: Height in pixels of the strip that shows the whole recording, without its labels.
_STRIP = 44


@dataclass(frozen=True, eq=False)
class SpectrogramState:
    """All that a picture of the explorer depends on."""

    recording: Recording
    start_s: float = 0.0  # of the window, from the first sample
    seconds: float = 10.0
    preset: str = "default"
    # What differs from the preset. Checked when it is drawn, not before: a state can hold a
    # contradiction until it is resolved, for controls move one at a time.
    changes: Mapping[str, object] = field(default_factory=dict)
    gravity: bool = True  # False: accelerations without it
    pinned: Setting | None = None  # A, to be compared with all the above, B
    scores: Mapping[str, Score] = field(default_factory=dict)  # of "A" and "B", where known
    scored: str = ""  # how: by whom and with how many labels
    origin: str = "recording"  # a Python expression for it, for `code`
    remark: str = ""  # guesses made when it was read

    @property
    def setting(self) -> Setting:
        """All that a window is changed by."""
        return Setting(self.preset, self.changes, self.gravity)

    def bounds(self) -> tuple[int, int]:
        """First sample of the window, and the first after it."""
        return window_bounds(self.recording, self.start_s, self.seconds)


@dataclass(frozen=True, eq=False)
class View:
    """What a setting makes of a window."""

    setting: Setting
    params: SpectrogramParams
    recording: Recording
    window: Recording
    chosen: list[int]  # axes that become colours
    image: np.ndarray  # uint8 [C, H, W], as a network sees it
    levels: np.ndarray  # uint8 [C, F, S], a pixel a bin and frame
    power: Spectrograms  # of the same channels

    @property
    def names(self) -> list[str]:
        """Of what becomes red, green and blue, or grey."""
        if self.params.channels == "magnitude":
            return ["magnitude"]
        return [self.window.axes[i] for i in self.chosen]

    @property
    def picture(self) -> np.ndarray:
        """What a network sees, uint8 [H, W, 3]; a single channel is grey."""
        return np.broadcast_to(self.image, (3, *self.image.shape[1:])).transpose(1, 2, 0)

    def read(self, channels: Sequence[int], across: float, up: float) -> str:
        """Time, frequency and values at a place of the picture, both from 0 to 1."""
        power = self.power.power[0]  # [C, F, S]
        row = min(int(up * power.shape[1]), power.shape[1] - 1)
        column = min(int(across * power.shape[2]), power.shape[2] - 1)
        time_s = self.window.start_s + self.power.times_s[column]
        hz = self.power.freqs_hz[row]
        slow = self.params.transform == "cwt" and row < self.params.low_rows
        place = f"slower than {self.params.fmin_hz:g} Hz" if slow else f"{hz:.3g} Hz"
        values = []
        for i in channels:
            value, unit = float(power[i, row, column]), self.window.unit[self.chosen[i]]
            if self.params.scale != "signed" and not slow:
                text = f"{float(scaled(np.array(value), 'db')):.1f} dB"
            else:  # slow movement beside power is c |c|
                value = (
                    value
                    if self.params.scale == "signed"
                    else np.copysign(abs(value) ** 0.5, value)
                )
                text = f"{value:.2f} {unit}".rstrip()
            values.append(f"{self.names[i]} {text}")
        return f"{time_s:.2f} s, {place}: {', '.join(values)}".replace("-", "\N{MINUS SIGN}")


#: A rectangle of the picture, and what to say about a place in it, both ways from 0 to 1.
Spot = tuple[Box, Callable[[float, float], str]]


def render(state: SpectrogramState, width: int = WIDE) -> Drawing:
    """Draw the recording, the window in it, its spectrograms and its picture.

    Above the whole recording with the window marked; the window's signal, and what a frame or a
    band can tell apart in time and frequency; below, what becomes red, green and blue, and the
    picture that a network would see. Bands that hear the ends of the window are hatched there.
    With a setting pinned its pictures stand beside those of the present one.

    Parameters
    ----------
    state : SpectrogramState
    width : int
        Of the picture in pixels. Below 900 the spectrograms stand two by two.

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
    shown = view(state, state.setting)
    if state.pinned is not None:
        return _compare(state, view(state, state.pinned), shown, width)
    params, window, image = shown.params, shown.window, shown.image
    wide, bar = width >= 900, bool(state.scores)
    left, below = (66, 152) if wide else (54, 124)  # of the window's signal
    height = 130 if wide else 62
    beside = 260 if wide else 138  # width of the blur's panel
    top = below + height + (64 if wide else 58)  # of the spectrograms
    tall = 190 if wide else 100
    rows = 1 if wide or len(shown.names) == 1 else 2
    end = top + rows * (tall + 24) + 20
    pixels = blank(width, end + 84 * bar)
    spots = [_overview(pixels, shown)]
    title = f"window, {', '.join(window.classes)}" if window.classes else "window"
    title += "" if state.gravity else ", without gravity"
    box = (left, below, width - left - beside - 20 - (74 if wide else 70), height)
    signal_panel(pixels, box, window, shown.chosen, title, names=False)
    spots.append((box, partial(_read_signal, window, shown.chosen)))
    blur = _trade_off(beside, height, params, window.rate)
    pixels[below - 22 : below + height + 40, width - blur.shape[1] :] = blur
    spots += _spectrograms(pixels, shown, (left, top, tall), wide)
    if bar:
        place = (left, end + 22, width - left - 20, 22)
        score_panel(pixels, place, state.scores, f"score, {state.scored}")
    note = _note(shown) + f", {image.shape[1]} x {image.shape[2]} pixels" + _unseen(shown)
    note += _remarks(state, shown)
    alt = _alt(shown) + f" {note}."
    return Drawing(pixels, alt, note, partial(_read, spots))


def view(state: SpectrogramState, setting: Setting) -> View:
    """What a setting makes of a state's window, or a typed error."""
    params = setting.params()
    recording = state.recording if setting.gravity else _without_gravity(state.recording)
    window = recording.cut(*state.bounds())
    chosen = channel_index(recording.axes, params.channels)
    signal = window.signal.T[None, chosen]  # [1, C, T]
    if params.channels == "magnitude":
        signal = np.linalg.norm(signal, axis=1, keepdims=True)
    # The transform is what takes time: once for both pictures, and for who points at them. Painted
    # from it they have the bytes of `to_image`.
    with one_thread():
        power = spectrogram(signal, window.rate, params)
        flat = torch.from_numpy(np.ptp(signal, axis=2) == 0)  # [1, C]
        levels = painted(torch.from_numpy(power.power), flat, replace(params, size=None))
        image = resized(levels, params)
    return View(
        setting, params, recording, window, chosen, image.numpy()[0], levels.numpy()[0], power
    )


@lru_cache(maxsize=4)
def _without_gravity(recording: Recording) -> Recording:
    # The whole recording, not the window: the filter has to guess at both ends.
    return remove_gravity(recording)


def _read(spots: Sequence[Spot], x: int, y: int) -> str:
    for (left, top, width, height), say in spots:
        across, up = (x - left) / width, 1 - (y - top) / height
        if 0 <= across <= 1 and 0 <= up <= 1:
            return say(across, up)
    return ""


def _read_signal(window: Recording, chosen: list[int], across: float, _up: float) -> str:
    sample = min(int(across * len(window)), len(window) - 1)
    values = [
        f"{window.axes[i]} {window.signal[sample, i]:.2f} {window.unit[i]}".rstrip() for i in chosen
    ]
    return f"{window.times_s[sample]:.2f} s: {', '.join(values)}".replace("-", "\N{MINUS SIGN}")


def _compare(state: SpectrogramState, a: View, b: View, width: int) -> Drawing:
    """Pictures of two settings of the same window, A on the left."""
    differ = differences(a.setting, b.setting)
    wide, half = width >= 900, (width - 8) // 2
    tall, low = (190, 110) if wide else (84, 58)  # of the picture, and of each spectrogram
    top = 144
    most = max(len(a.names), len(b.names))
    end = top + tall + 24 + most * (low + 22) + 18
    pixels = blank(width, end + (34 + 22 * len(state.scores) + 40) * bool(state.scores))
    spots = [_overview(pixels, b)]
    said = f"from A to B: {', '.join(differ)}" if differ else "A and B are the same"
    write(
        pixels, 12, top - 44, said if len(said) < width / 6.7 else said[: int(width / 6.7)] + " …"
    )
    for left, name, shown in ((0, "A", a), (half + 8, "B", b)):
        edges = picture_edges(shown.window, shown.params)
        inner = (left + 54, half - 54 - 84)
        box = (inner[0], top, inner[1], tall)
        height, breadth = shown.image.shape[1:]
        title = f"{name}: {shown.setting.preset}, {height} \N{MULTIPLICATION SIGN} {breadth} RGB"
        picture_panel(pixels, box, shown.picture, title, edges, xlabel="", ylabel="Hz")
        spots.append((box, partial(shown.read, range(len(shown.names)))))
        for i, (axis, level) in enumerate(zip(shown.names, shown.levels, strict=False)):
            last = i == len(shown.names) - 1
            box = (inner[0], top + tall + 24 + i * (low + 22), inner[1], low)
            labels = {"xlabel": "time (s)" if last else "", "ylabel": "Hz"}
            picture = coloured(level, shown.params)
            drawn = picture_panel(pixels, box, picture, _channel(shown, i, axis), edges, **labels)
            if shown.params.transform == "cwt":
                shade_cone(drawn, shown.window, shown.params)
            spots.append((box, partial(shown.read, [i])))
            if not i:
                bar = (inner[0] + inner[1] + 8, box[1], 10, low)
                colour_bar(
                    pixels, bar, shown.params, len(level), shown.window.unit[shown.chosen[0]]
                )
    if state.scores:
        box = (54, end + 34, width - 54 - 20, 22 * len(state.scores))
        score_panel(pixels, box, state.scores, f"score, {state.scored}")
    note = f"{said}; B: {_note(b)}{_unseen(b)}{_remarks(state, b)}"
    alt = f"Two settings of one window side by side. A: {_alt(a)} B: {_alt(b)} {note}."
    return Drawing(pixels, alt, note, partial(_read, spots))


def _channel(shown: View, i: int, axis: str) -> str:
    return axis if len(shown.names) == 1 else f"{axis} \N{RIGHTWARDS ARROW} {'RGB'[i]}"


def _remarks(state: SpectrogramState, shown: View) -> str:
    """What is odd about the motion, and what was guessed when it was read."""
    window, params = shown.window, shown.params
    said = []
    still = [window.axes[i] for i in shown.chosen if not np.ptp(window.signal[:, i])]
    if still:
        said.append(f"{', '.join(still)} never changes and is drawn mid-grey")
    if not isinstance(params.range, str) and any(not window.unit[i] for i in shown.chosen):
        said.append("the unit is not known, and limits are made for m/s2")
    for name, score in state.scores.items():
        said.append(
            f"{name} scores {score.mean:.2f} by {state.scored} ({score.about}, "
            f"chance {score.chance:.2f})"
        )
    if state.remark:
        said.append(state.remark)
    return "".join(f"; {each}" for each in said)


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
    origin = state.origin if state.gravity else f"ik.signals.remove_gravity({state.origin})"
    return (
        f"import img2imu_kit as ik\n\nrecording = {origin}\n"
        f"window = recording.cut({start}, {stop})  # {first:g} to {first + state.seconds:g} s\n"
        f'image = ik.to_image(window, params="{state.preset}"{settings})[0]  # uint8 [3, H, W]'
    )


@lru_cache(maxsize=64)  # the same wherever the window is moved
def spread(params: SpectrogramParams, rate: float, hz: float = 0.0) -> tuple[float, float]:
    """Widths in s and Hz within which a frame, or the band about `hz`, cannot tell events apart.

    Twice the standard deviations of the taper's energy, in time and in frequency. Their product is
    at least 1 / pi (Gabor's form of Heisenberg's inequality), whatever the taper; a Gaussian's, and
    so a band's, is just that.

    References
    ----------
    D. Gabor, "Theory of communication", Journal of the IEE 93 (1946).

    Examples
    --------
    >>> seconds, hz = spread(SpectrogramParams(n_fft=64), rate=50)
    >>> round(seconds, 2), round(hz, 2), round(seconds * hz * np.pi, 2)
    (0.36, 0.92, 1.03)
    """
    if params.transform == "cwt":
        # A band's gain is a Gaussian of deviation hz / cycles, its energy one that is sqrt(2) less.
        width_hz = math.sqrt(2) * hz / params.cycles
        return 1 / (np.pi * width_hz), width_hz
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


def _note(shown: View) -> str:
    """What the transform does, in figures."""
    params, rate, (rows, columns) = shown.params, shown.window.rate, shown.levels.shape[1:]
    n_fft, hop = params.n_fft, params.hop
    if params.transform == "stft":
        return (
            f"frame {n_fft / rate:.3g} s, bin {rate / n_fft:.3g} Hz, step {hop / rate:.3g} s "
            f"({1 - hop / n_fft:.0%} overlap); {rows} bins x {columns} frames"
        ).replace("%", " %")
    low_hz, high_hz = shown.power.freqs_hz[[params.low_rows, -1]]
    slow = f" above {params.low_rows} rows of slow movement" if params.low_rows else ""
    return (
        f"{params.bands} bands from {low_hz:.3g} to {high_hz:.3g} Hz of {params.cycles:g} cycles"
        f"{slow}, step {hop / rate:.3g} s; {rows} rows x {columns} columns"
    )


def _unseen(shown: View) -> str:
    """Which bands hear an end of the window wherever they listen."""
    params, grid = shown.params, shown.power.grid
    if params.transform == "stft":
        return ""
    hidden = 2 * cone_of_influence(grid, params) >= shown.window.seconds
    hidden[: params.low_rows] = False  # rest has no period that would have to fit in
    if not hidden.any():
        return "; hatched: hears the ends of the window"
    return (
        f"; hatched: hears the ends of the window. Frequencies up to "
        f"{grid.freqs_hz[hidden].max():.2g} Hz cannot be seen in this window: make it longer"
    )


def _alt(shown: View) -> str:
    """The figure in words."""
    recording, window, params = shown.recording, shown.window, shown.params
    what = f" while {', '.join(window.classes)}" if window.classes else ""
    grid, signed = shown.power.grid, params.scale == "signed"
    # Slow movement, gravity in it, would outshine every band: only those are compared.
    skip = params.low_rows if params.transform == "cwt" else 0
    light = np.abs(shown.levels - 128.0) if signed else shown.levels
    brightest = skip + light.mean(axis=(0, 2))[::-1][skip:].argmax()  # rows from low to high
    strongest = grid.freqs_hz[brightest]
    low, high = grid.freq_edges_hz[[0, -1]]
    how = "strongest" if signed else "brightest"
    height, width = shown.image.shape[1:]
    return (
        f"Recording {recording.name} of {recording.seconds:.3g} s with a window from "
        f"{window.start_s:.4g} s of {window.seconds:.3g} s marked{what}; the signal of "
        f"{', '.join(window.axes[i] for i in shown.chosen)}"
        f"{'' if shown.setting.gravity else ' without gravity'}; their spectrograms from "
        f"{max(low, 0):.3g} to {high:.3g} Hz, on average {how} near {strongest:.2g} Hz; and "
        f"the RGB picture made of them, {height} x {width} pixels, mean brightness "
        f"{shown.image.mean() / 2.55:.0f} %."
    )


def strip(width: int) -> Box:
    """Left, top, width and height in pixels of the whole recording."""
    left = 66 if width >= 900 else 54
    return left, 22, width - left - 20, _STRIP


@lru_cache(maxsize=8)
def _recording_panel(
    recording: Recording, chosen: tuple[int, ...], width: int
) -> tuple[np.ndarray, Panel]:
    """The recording from end to end; it may last hours, and is the same for every window."""
    pixels = blank(width, 22 + _STRIP + 40)
    title = "whole recording" + f": {recording.name}" * bool(recording.name)
    title = title if width >= 900 else recording.name or title
    return pixels, signal_panel(pixels, strip(width), recording, [*chosen], title, unit=False)


def _overview(pixels: np.ndarray, shown: View) -> Spot:
    """The whole recording with the window marked."""
    width, window = pixels.shape[1], shown.window
    above, drawn = _recording_panel(shown.recording, tuple(shown.chosen), width)
    pixels[: len(above)] = above
    left, top, broad, height = box = strip(width)
    place = Panel(pixels[top : top + height, left : left + broad], drawn.x, drawn.y)
    stretch = (window.start_s, window.start_s + window.seconds)
    place.shade(stretch, _MARK)
    place.box(stretch, drawn.y, _MARK)
    start, stop = drawn.x
    return box, lambda across, up: f"{start + across * (stop - start):.1f} s: click to go there"


@lru_cache(maxsize=8)  # the same for every window
def _trade_off(width: int, height: int, params: SpectrogramParams, rate: float) -> np.ndarray:
    """What a frame or band cannot resolve, as a box under the hyperbola that none gets below.

    A panel of that size with the room for its labels, uint8 [22 + height + 40, 64 + width + 20, 3].
    """
    pixels = blank(64 + width + 20, 22 + height + 40)
    bands: list[float] = []
    if params.transform == "stft":
        seconds, hz = spread(params, rate)
        boxes = [(seconds, hz)]
        widest, highest = 51.2 / rate, rate / 20  # as much of either as usual frames need
        what = "a frame"
    else:
        # Three bands on their way up: as much as one is broader in Hz it is shorter in seconds.
        top_hz = min(params.fmax_hz or rate / 2, rate / 2)
        bands = np.geomspace(params.fmin_hz, top_hz, 5)[1:4].tolist()
        boxes = [spread(params, rate, hz) for hz in bands]
        seconds, hz = boxes[1]
        widest, highest = 1.4 * boxes[0][0], 1.4 * boxes[-1][1]
        what = f"a band of {bands[1]:.2g} Hz"
    roomy = width > 200
    title = f"{what} blurs {seconds:.2g} s by {hz:.2g} Hz"
    title = title if roomy else f"blur {seconds:.2g} s by {hz:.2g} Hz"
    labels = {"title": title, "xlabel": "s", "ylabel": "Hz"}
    drawn = panel(pixels, (64, 22, width, height), (0, widest), (0, highest), **labels)
    left, right = drawn.columns(0, min(seconds, widest))
    bottom, top = drawn.rows(0, min(hz, highest))
    drawn.pixels[top : bottom + 1, left : right + 1] = colour_map()[150]
    for wide, high in boxes:
        drawn.box((0, wide), (0, high), INK)
    limit = 1 / (np.pi * np.linspace(widest / 1000, widest, drawn.pixels.shape[1]))
    drawn.trace(limit.clip(max=2 * highest), COLOURS[3])
    if roomy:
        write(drawn.pixels, 94, 4, "none below s \N{MULTIPLICATION SIGN} Hz = 1/π", COLOURS[3])
        named = f"bands of {', '.join(f'{hz:.2g}' for hz in bands)} Hz"
        write(drawn.pixels, 94, 21, named if bands else f"this one: {seconds * hz * np.pi:.3g}/π")
    return pixels


def _spectrograms(
    pixels: np.ndarray, shown: View, place: tuple[int, int, int], wide: bool
) -> list[Spot]:
    """One spectrogram for each colour, with the blur of a frame, and the picture they make.

    In a row, or on a narrow page two by two; `place` is their left, top and height.
    """
    left, top, height = place
    params, window, names, width = shown.params, shown.window, shown.names, pixels.shape[1]
    edges = (start, stop), scale = picture_edges(window, params)
    low, high = scale[0], scale[-1]
    right, upper = stop - (stop - start) / 30, high - (high - low) / 30  # a corner for the blur
    if wide:
        breadth = (width - 240) // 4
        places = [(left + i * (breadth + 26), top) for i in range(len(names))]
        places.append((width - 20 - breadth, top))
        bar = (left + len(names) * (breadth + 26) - 12, top, 10, height)
    else:
        breadth = (width - left - 94) // 2
        places = [
            (left + i % 2 * (breadth + 12), top + i // 2 * (height + 24))
            for i in range(len(names) + 1)
        ]
        bar = (left + 2 * breadth + 20, top, 10, height)
    lowest = places[-1][1]
    spots: list[Spot] = []
    for i, (name, level) in enumerate(zip(names, shown.levels, strict=False)):
        box = (*places[i], breadth, height)
        labels = {
            "xlabel": "time (s)" if box[1] == lowest else "",
            "ylabel": "frequency (Hz)" if box[0] == left else "",  # others stand on the same scale
        }
        picture = coloured(level, params)
        drawn = picture_panel(pixels, box, picture, _channel(shown, i, name), edges, **labels)
        if params.transform == "stft":
            blur = spread(params, window.rate)
            drawn.box((right - blur[0], right), (upper - blur[1], upper), "white")
        else:
            shade_cone(drawn, window, params)
        spots.append((box, partial(shown.read, [i])))
    colour_bar(pixels, bar, params, shown.levels.shape[1], window.unit[shown.chosen[0]])
    rows, columns = shown.image.shape[1:]
    title = f"{rows} \N{MULTIPLICATION SIGN} {columns} RGB picture"
    box = (*places[-1], breadth, height)
    picture_panel(pixels, box, shown.picture, title, edges, ylabel="")
    return [*spots, (box, partial(shown.read, range(len(names))))]

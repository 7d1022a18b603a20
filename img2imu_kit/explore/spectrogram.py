"""Explore what each setting of a spectrogram does to a recording of yours.

From top to bottom: the state, the pure function that draws it, and the binding of controls to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any

import numpy as np
from ipywidgets import Button, FileUpload, Text

from ..datasets.catalogue import LOADERS
from ..errors import Img2ImuError
from ..pictures.image import to_image
from ..pictures.params import SpectrogramParams, resolve
from ..pictures.power import make_grid
from ..pictures.scalogram import cone_of_influence
from ..pictures.stft import taper
from ..plots.style import COLOURS
from ..readers.files import READABLE
from ..signals.axes import channel_index
from ..signals.recording import Recording
from .base import WIDE, Explorer
from .canvas import INK, Drawing, Panel, blank, colour_map, panel, write
from .controls import Settings, WindowControls, choice, control, preset_and_changes
from .panels import (
    colour_bar,
    coloured,
    picture_edges,
    picture_panel,
    shade_cone,
    signal_panel,
    window_bounds,
)
from .sources import Given, Source, find_source, uploaded

__all__ = ["SpectrogramExplorer", "SpectrogramState", "code", "render", "spread"]

_GIVEN = "own recordings"
_KNOWN = tuple(LOADERS)

_WIDTH, _HEIGHT = 1080, 580
_MARK = COLOURS[1]
#: Left, top, width and height in pixels of the whole recording.
OVERVIEW = (66, 24, 994, 64)


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
    origin: str = "recording"  # a Python expression for it, for `code`
    remark: str = ""  # guesses made when it was read

    def bounds(self) -> tuple[int, int]:
        """First sample of the window, and the first after it."""
        return window_bounds(self.recording, self.start_s, self.seconds)


def render(state: SpectrogramState, width: int = WIDE) -> Drawing:
    """Draw the recording, the window in it, its spectrograms and its picture.

    Above the whole recording with the window marked; the window's signal, and what a frame or a
    band can tell apart in time and frequency; below, what becomes red, green and blue, and the
    picture that a network would see. Bands that hear the ends of the window are hatched there.

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
    pixels = blank(_WIDTH, _HEIGHT)
    _overview(pixels, recording, chosen, window)
    title = f"window, {', '.join(window.classes)}" if window.classes else "window"
    signal_panel(pixels, (66, 152, 660, 130), window, chosen, title, names=False)
    _trade_off(pixels, params, recording.rate)
    names = ["magnitude"] if params.channels == "magnitude" else [recording.axes[i] for i in chosen]
    _spectrograms(pixels, levels, image, names, window, params)
    rows, columns = levels.shape[1:]
    height, width = image.shape[1:]
    note = _note(window, params, rows, columns) + f", {height} x {width} pixels"
    note += _unseen(window, params)
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


def _note(window: Recording, params: SpectrogramParams, rows: int, columns: int) -> str:
    """What the transform does, in figures."""
    rate, n_fft, hop = window.rate, params.n_fft, params.hop
    if params.transform == "stft":
        return (
            f"frame {n_fft / rate:.3g} s, bin {rate / n_fft:.3g} Hz, step {hop / rate:.3g} s "
            f"({1 - hop / n_fft:.0%} overlap); {rows} bins x {columns} frames"
        ).replace("%", " %")
    low_hz, high_hz = make_grid(len(window), rate, params).freqs_hz[[params.low_rows, -1]]
    slow = f" above {params.low_rows} rows of slow movement" if params.low_rows else ""
    return (
        f"{params.bands} bands from {low_hz:.3g} to {high_hz:.3g} Hz of {params.cycles:g} cycles"
        f"{slow}, step {hop / rate:.3g} s; {rows} rows x {columns} columns"
    )


def _unseen(window: Recording, params: SpectrogramParams) -> str:
    """Which bands hear an end of the window wherever they listen."""
    if params.transform == "stft":
        return ""
    grid = make_grid(len(window), window.rate, params)
    hidden = 2 * cone_of_influence(grid, params) >= window.seconds
    hidden[: params.low_rows] = False  # rest has no period that would have to fit in
    if not hidden.any():
        return "; hatched: hears the ends of the window"
    return (
        f"; hatched: hears the ends of the window. Frequencies up to "
        f"{grid.freqs_hz[hidden].max():.2g} Hz cannot be seen in this window: make it longer"
    )


def _alt(recording: Recording, window: Recording, chosen: list[int], levels, image, params) -> str:
    """The figure in words."""
    what = f" while {', '.join(window.classes)}" if window.classes else ""
    grid = make_grid(len(window), window.rate, params)
    signed = params.scale == "signed"
    # Slow movement, gravity in it, would outshine every band: only those are compared.
    skip = params.low_rows if params.transform == "cwt" else 0
    light = np.abs(levels - 128.0) if signed else levels
    brightest = skip + light.mean(axis=(0, 2))[::-1][skip:].argmax()  # rows from low to high
    strongest = grid.freqs_hz[brightest]
    low, high = grid.freq_edges_hz[[0, -1]]
    how = "strongest" if signed else "brightest"
    height, width = image.shape[1:]
    return (
        f"Recording {recording.name} of {recording.seconds:.3g} s with a window from "
        f"{window.start_s:.4g} s of {window.seconds:.3g} s marked{what}; the signal of "
        f"{', '.join(recording.axes[i] for i in chosen)}; their spectrograms from "
        f"{max(low, 0):.3g} to {high:.3g} Hz, on average {how} near {strongest:.2g} Hz; and "
        f"the RGB picture made of them, {height} x {width} pixels, mean brightness "
        f"{image.mean() / 2.55:.0f} %."
    )


@lru_cache(maxsize=8)
def _recording_panel(recording: Recording, chosen: tuple[int, ...]) -> tuple[np.ndarray, Panel]:
    """The recording from end to end; it may last hours, and is the same for every window."""
    pixels = blank(_WIDTH, 130)
    title = f"whole recording: {recording.name}" if recording.name else "whole recording"
    return pixels, signal_panel(pixels, OVERVIEW, recording, [*chosen], title, unit=False)


def _overview(
    pixels: np.ndarray, recording: Recording, chosen: list[int], window: Recording
) -> None:
    """The whole recording with the window marked."""
    strip, drawn = _recording_panel(recording, tuple(chosen))
    pixels[: len(strip)] = strip
    left, top, width, height = OVERVIEW
    place = Panel(pixels[top : top + height, left : left + width], drawn.x, drawn.y)
    stretch = (window.start_s, window.start_s + window.seconds)
    place.shade(stretch, _MARK)
    place.box(stretch, drawn.y, _MARK)


def _trade_off(pixels: np.ndarray, params: SpectrogramParams, rate: float) -> None:
    """What a frame or band cannot resolve, as a box under the hyperbola that none gets below."""
    bands: list[float] = []
    if params.transform == "stft":
        seconds, hz = spread(params, rate)
        boxes = [(seconds, hz)]
        widest, highest = 51.2 / rate, rate / 20  # as much of either as usual frames need
        title = f"a frame blurs {seconds:.2g} s by {hz:.2g} Hz"
    else:
        # Three bands on their way up: as much as one is broader in Hz it is shorter in seconds.
        top_hz = min(params.fmax_hz or rate / 2, rate / 2)
        bands = np.geomspace(params.fmin_hz, top_hz, 5)[1:4].tolist()
        boxes = [spread(params, rate, hz) for hz in bands]
        seconds, hz = boxes[1]
        widest, highest = 1.4 * boxes[0][0], 1.4 * boxes[-1][1]
        title = f"a band of {bands[1]:.2g} Hz blurs {seconds:.2g} s by {hz:.2g} Hz"
    labels = {"title": title, "xlabel": "s", "ylabel": "Hz"}
    drawn = panel(pixels, (800, 152, 260, 130), (0, widest), (0, highest), **labels)
    left, right = drawn.columns(0, min(seconds, widest))
    bottom, top = drawn.rows(0, min(hz, highest))
    drawn.pixels[top : bottom + 1, left : right + 1] = colour_map()[150]
    for wide, high in boxes:
        drawn.box((0, wide), (0, high), INK)
    limit = 1 / (np.pi * np.linspace(widest / 1000, widest, drawn.pixels.shape[1]))
    drawn.trace(limit.clip(max=2 * highest), COLOURS[3])
    write(drawn.pixels, 94, 4, "none below s \N{MULTIPLICATION SIGN} Hz = 1/π", COLOURS[3])
    named = f"bands of {', '.join(f'{hz:.2g}' for hz in bands)} Hz"
    write(drawn.pixels, 94, 21, named if bands else f"this one: {seconds * hz * np.pi:.3g}/π")


def _spectrograms(
    pixels: np.ndarray, levels, image, names: list[str], window: Recording, params
) -> None:
    """One spectrogram for each colour, with the blur of a frame, and the picture they make."""
    top, width, height = 346, 210, 190
    edges = (start, stop), scale = picture_edges(window, params)
    low, high = scale[0], scale[-1]
    right, upper = stop - (stop - start) / 30, high - (high - low) / 30  # a corner for the blur
    ylabel = "frequency (Hz)"  # the others stand on the same scale
    for i, (name, level) in enumerate(zip(names, levels, strict=False)):
        title = name if len(names) == 1 else f"{name} \N{RIGHTWARDS ARROW} {'RGB'[i]}"
        box = (66 + 236 * i, top, width, height)
        drawn = picture_panel(pixels, box, coloured(level, params), title, edges, ylabel=ylabel)
        if params.transform == "stft":
            blur = spread(params, window.rate)
            drawn.box((right - blur[0], right), (upper - blur[1], upper), "white")
        else:
            shade_cone(drawn, window, params)
        ylabel = ""
    bar = (66 + 236 * len(names[:3]) - 12, top, 10, height)
    unit = window.unit[channel_index(window.axes, params.channels)[0]]
    colour_bar(pixels, bar, params, levels.shape[1], unit)
    title = f"{image.shape[1]} \N{MULTIPLICATION SIGN} {image.shape[2]} RGB picture"
    picture = image.transpose(1, 2, 0)  # [H, W, 3]
    picture_panel(pixels, (850, top, width, height), picture, title, edges, ylabel="")


class SpectrogramExplorer(Explorer):
    """Move along a recording and see what every setting of its spectrogram does.

    Shown are the whole recording with the window marked (click on it to go there), the signal of
    the window, what a frame or band can tell apart in time and in frequency, the spectrogram of
    each axis, and the RGB picture made of them; below them the code that makes this picture.
    Controls that do not concern the chosen transform are hidden.

    Parameters
    ----------
    source : optional
        Recordings or windows, the name of a data set, or the path of a file or folder; all can be
        changed by hand, and a file be uploaded (large ones are better given by path: a notebook
        server takes some 10 MB at once). Default: exercises of the shoulder, offline.
    seconds : float
        Length of the window.
    reading : dict, optional
        Options of `read` for a path, also for one that is typed: ``{"rate": 50}``.
    params, **overrides
        Settings to begin with, as in `resolve`.

    Attributes
    ----------
    state : SpectrogramState

    Examples
    --------
    >>> explorer = SpectrogramExplorer(seconds=5, n_fft=128)
    >>> print(explorer.code(explorer.state))
    import img2imu_kit as ik
    <BLANKLINE>
    recording = ik.load_dataset("shoulder_exercises")[0]
    window = recording.cut(0, 250)  # 0 to 5 s
    image = ik.to_image(window, params="default", n_fft=128)[0]  # uint8 [3, H, W]
    """

    render = staticmethod(render)
    code = staticmethod(code)

    def __init__(
        self,
        source: Given = None,
        *,
        seconds: float = 10.0,
        reading: Mapping[str, Any] | None = None,
        params: str | SpectrogramParams | None = None,
        **overrides,
    ) -> None:
        self._reading = reading
        self._source = find_source(source, reading)
        self._start = preset_and_changes(params, overrides)
        self.source = choice("source", "Where recordings come from", _KNOWN)
        if isinstance(source, str) and source in _KNOWN:
            self.source.value = source
        elif source is not None:
            self._keep()
        self.path = control(
            Text,
            "file, folder",
            "Path of recordings of yours",
            placeholder="path, then Enter",
            continuous_update=False,
        )
        self.upload = control(
            FileUpload,
            "Upload a file",
            "Recordings of yours as CSV, NPZ, NPY or Parquet",
            accept=",".join({f".{name.rsplit('.')[-1]}" for name in READABLE}),
        )
        self.window = WindowControls(self._changed, seconds)
        self.settings = Settings(self._changed)
        reset = control(Button, "Reset", "Back to the beginning")
        self.settings.show(*self._start)
        self._offer()
        signal = [self.source, self.path, self.upload, *self.window.controls]
        groups = {"signal": signal, **self.settings.groups}
        groups["picture"] = [*groups["picture"], reset]
        super().__init__(self._read(), groups, "spectrogram", folded=("picture",))
        self.source.observe(self._source_chosen, "value")
        self.path.observe(self._path_given, "value")
        self.upload.observe(self._file_given, "value")
        reset.on_click(self._reset)

    def _read(self) -> SpectrogramState:
        """The state that the controls show."""
        return SpectrogramState(
            recording=self.window.recording,
            start_s=self.window.start.value,
            seconds=self.window.length.value,
            preset=self.settings.controls["preset"].value,
            changes=self.settings.changes,
            origin=self._source.origin(self.window.which.value),
            remark=self._source.note,
        )

    def _vary(self, state: SpectrogramState, name: str, value: Any) -> SpectrogramState:
        if name in (setting.name for setting in fields(SpectrogramParams)):
            return replace(state, changes={**state.changes, name: value})
        return super()._vary(state, name, value)

    def _changed(self, change: dict | None = None) -> None:
        if self.window.recording is not self.state.recording:  # of other axes, of another rate
            self.settings.fit(self.window.recording)
        super()._changed(change)

    def _offer(self) -> None:
        """Offer the recordings of the source, and show the first."""
        self.window.offer(self._source.recordings)
        self.settings.fit(self.window.recording)

    def _source_chosen(self, change: dict) -> None:
        name = change["new"]
        if not self._quiet:
            self._load(name, lambda: self._own if name == _GIVEN else find_source(name))

    def _path_given(self, change: dict) -> None:
        path = change["new"].strip()
        if path and self._load(path, lambda: find_source(path, self._reading)):
            self._keep()

    def _file_given(self, change: dict) -> None:
        if change["new"]:
            name, content = (change["new"][0][key] for key in ("name", "content"))
            if self._load(name, lambda: uploaded(name, bytes(content))):
                self._keep()

    def _keep(self) -> None:
        """Have the present source among those that can be chosen, as the user's own."""
        self._own = self._source
        with self.quietly():
            self.source.options = (_GIVEN, *_KNOWN)
            self.source.value = _GIVEN

    def _load(self, name: str, bring: Callable[[], Source]) -> bool:
        """Change the source, or say why that cannot be."""
        self.wait()  # so that no picture of the old source overwrites what is said now
        self.screen.tell(f"Reading {name} ...")
        try:
            self._source = bring()
        except Img2ImuError as error:
            self.screen.explain(str(error))
            return False
        self._offer()
        self._changed()
        return True

    def _reset(self, _button: Button) -> None:
        self.settings.show(*self._start)
        self.window.reset()
        self.settings.fit(self.window.recording)
        self._changed()

    def _clicked(self, x: int, y: int) -> None:
        """Go to the place in the recording that was clicked, given in pixels of the picture."""
        left, top, width, height = OVERVIEW
        x, y = (x - left) / width, (y - top) / height
        if 0 <= x <= 1 and 0 <= y <= 1:
            start, length = self.window.start, self.window.length.value
            middle = x * self.window.recording.seconds
            start.value = min(max(middle - length / 2, 0), start.max)

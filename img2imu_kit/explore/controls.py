"""Controls for what several explorers let the user choose: a window, the settings of a picture."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ipywidgets import (
    Button,
    Checkbox,
    Dropdown,
    FileUpload,
    FloatRangeSlider,
    FloatSlider,
    IntRangeSlider,
    IntSlider,
    ToggleButton,
    VBox,
    Widget,
)

from ..pictures.params import CHOICES, SpectrogramParams, presets, resolve
from ..signals.recording import Recording

__all__ = [
    "Quiet",
    "Settings",
    "WindowControls",
    "choice",
    "control",
    "group",
    "in_words",
    "preset_and_changes",
]

_SIZES = [(64, 64), (96, 96), (96, 128), (128, 128), (224, 224)]
_FIXED, _OWN = "fixed limits", "three axes"
_NONE = ""  # of a list of options: ipywidgets takes None for no choice at all
_LINEAR_SCALES = [scale for scale in CHOICES["scale"] if scale != "signed"]  # of an STFT
#: Settings whose control holds the very value.
_SIMPLE = (
    *("transform", "n_fft", "hop", "window", "center", "detrend", "bands", "cycles"),
    *("low_rows", "low_limit", "scale", "size", "interpolation"),
)
#: Controls that concern one of the transforms alone; those of the other are hidden.
_CONCERNS = {
    "stft": ("n_fft", "overlap", "window", "center", "detrend"),
    "cwt": ("bands", "cycles", "low_rows"),
}
#: Settings whose control has another name.
_LABELS = {
    "window": "taper",
    "center": "centred frames",
    "low_rows": "slow rows",
    "low_limit": "slow limit (±)",
    "fmin_hz": "the lower end of band (Hz)",
    "fmax_hz": "the upper end of band (Hz)",
    "interpolation": "resize",
    "channels": "colours",
}
_RGB = ("red", "green", "blue")
_RANGES = (_FIXED, "per-axis", "per-window")
_COLOURS = ("acc", "gyro", "magnitude", _OWN)


def control(kind: type[Widget], description: str, tooltip: str, **settings) -> Any:
    """A control of the size and style of all others."""
    if not issubclass(kind, Button | FileUpload):  # whose text stands on them, not beside
        settings["style"] = {"description_width": "92px"}
    layout = {"width": "auto"}  # as wide as the column
    return kind(description=description, tooltip=tooltip, layout=layout, **settings)


def choice(description: str, tooltip: str, options: Iterable = (), **settings) -> Dropdown:
    """A list to choose from."""
    return control(Dropdown, description, tooltip, options=list(options), **settings)


def group(title: str, controls: Sequence[Widget], folded: bool = False) -> VBox:
    """Controls under a title; a click on it, or a key, folds them away or shows them again."""
    # ipywidgets' Accordion lets one part be open at a time, and no key reaches its titles.
    fold = ToggleButton(value=not folded, description=title, tooltip="Show or hide these controls")
    fold.add_class("ik-fold")
    inside = VBox(controls)

    def follow(_change: dict | None = None) -> None:
        fold.icon = "caret-down" if fold.value else "caret-right"
        inside.layout.display = None if fold.value else "none"

    fold.observe(follow, "value")
    follow()
    return VBox([fold, inside], _dom_classes=["ik-group"])


def in_words(problem: str) -> str:
    """What is said of settings, said of the controls that set them.

    Examples
    --------
    >>> in_words("fmin_hz is 30, and low_rows=2. Choose a lower fmin_hz, or a longer window.")
    'the lower end of band (Hz) is 30, and slow rows 2. Choose a lower end of band (Hz), or a ...'
    """
    # Words of everyday use, such as window, count as settings only where a value follows.
    names = "|".join(_LABELS)
    problem = re.sub(
        rf"\b({names})( is |=)", lambda m: _LABELS[m[1]] + m[2].replace("=", " "), problem
    )
    problem = re.sub(r"\ba lower fmin_hz\b", "a lower end of band (Hz)", problem)
    return re.sub(r"\b(\w+_\w+)\b", lambda m: _LABELS.get(m[1], m[1]), problem)


class Quiet:
    """Controls that the program can set without taking it for a change by the user."""

    _quiet = False

    @contextmanager
    def quietly(self) -> Iterator[None]:
        """Within it changes of controls go unanswered."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before


class WindowControls(Quiet):
    """Which recording, where the window in it begins and how long it lasts.

    Parameters
    ----------
    changed : callable
        Called without arguments after a change by the user.
    seconds, shortest, longest : float
        Length of the window: at first, and its bounds.
    """

    def __init__(self, changed: Callable[[], None], seconds: float, shortest=0.1, longest=60.0):
        self._changed, self._seconds, self._longest = changed, seconds, longest
        length = {"min": shortest, "step": 0.1}
        self.which = choice("recording", "Which recording")
        self.start = control(FloatSlider, "start (s)", "Where the window begins", min=0, step=0.1)
        self.length = control(FloatSlider, "length (s)", "How long the window lasts", **length)
        self.controls = [self.which, self.start, self.length]
        self.which.observe(lambda _change: self._moved(self.reset), "value")
        for slider in (self.start, self.length):
            slider.observe(lambda _change: self._moved(self._bound_start), "value")

    @property
    def recording(self) -> Recording:
        """The recording that is chosen."""
        return self._recordings[self.which.value]

    def offer(self, recordings: Sequence[Recording]) -> None:
        """Offer recordings, and choose the first."""
        self._recordings = recordings
        names = [recording.name or f"recording {i}" for i, recording in enumerate(recordings)]
        with self.quietly():
            self.which.options = list(zip(names, range(len(names)), strict=True))
            self.which.value = 0
            self.reset()

    def reset(self) -> None:
        """Go to the recording's beginning, with a window as long as at first, or as it allows."""
        with self.quietly():
            # End and value in one message: sent apart, the old start came back from the browser.
            with self.length.hold_sync():
                most = min(self._longest, _tenths(self.recording.seconds))
                self.length.max = max(self.length.min, most)
                self.length.value = self._seconds
            with self.start.hold_sync():
                self._bound_start()
                self.start.value = 0.0

    def _bound_start(self) -> None:
        """The last place where a window of this length can begin; one that grew begins earlier."""
        self.start.max = max(0.0, _tenths(self.recording.seconds - self.length.value))

    def _moved(self, follow: Callable[[], None]) -> None:
        if not self._quiet:
            with self.quietly():
                follow()
            self._changed()


class Settings(Quiet):
    """Widgets for a preset and what differs from it; `changed` is called after a user's change."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        words = {
            name: [("none" if word is None else word, word or _NONE) for word in words]
            for name, words in CHOICES.items()
        }
        transforms = [("frames (STFT)", "stft"), ("log frequency", "cwt")]
        self.controls: dict[str, Any] = {  # in the order in which they are shown
            "preset": choice("preset", "Settings to begin with", presets()),
            "transform": choice(
                "transform", "Bins of one width, or bands of one ratio", transforms
            ),
            "n_fft": control(IntSlider, "n_fft", "Length of a frame in samples", min=4, max=512),
            "hop": control(IntSlider, "hop", "Samples from a frame to the next", min=1, max=256),
            "overlap": control(IntSlider, "overlap (%)", "Of two frames; sets hop", max=99),
            "window": choice("taper", "Window of a frame", words["window"]),
            "center": control(Checkbox, "centred frames", "Mirror the signal at both ends"),
            "detrend": choice("detrend", "Taken off each frame", words["detrend"]),
            "bands": control(IntSlider, "bands", "Morlet bands, low to high", min=2, max=64),
            "cycles": control(
                FloatSlider, "cycles", "More: finer in Hz, coarser in time", min=1, max=12, step=0.5
            ),
            "low_rows": control(
                IntSlider, "slow rows", "Below the bands: slow movement, gravity", min=0, max=24
            ),
            "scale": choice("scale", "Of the power, or bands with their sign", words["scale"]),
            "range": choice("range", "What is drawn black and white", _RANGES),
            "limits": control(IntRangeSlider, "limits (dB)", "Black and white", min=-120, max=60),
            "limit": control(FloatSlider, "limit (±)", "Black and white", min=1, max=40, step=0.5),
            "low_limit": control(
                FloatSlider, "slow limit (±)", "Black and white", min=1, max=40, step=0.5
            ),
            "band": control(
                FloatRangeSlider, "band (Hz)", "fmin, fmax", min=0, step=0.1, readout_format=".1f"
            ),
            "colours": choice("colours", "Which axes become colours", _COLOURS),
            **{name: choice(name, f"Axis that becomes {name}") for name in _RGB},
            "size": choice("size", "Height and width in pixels"),
            "interpolation": choice("resize", "How to get there", words["interpolation"]),
        }
        self._offer_sizes([])
        for name, widget in self.controls.items():
            answer = {
                "preset": self._preset_chosen,
                "overlap": self._overlap_moved,
                "transform": self._transform_chosen,
            }
            widget.observe(answer.get(name, self._moved), "value")

    @property
    def groups(self) -> dict[str, list[Widget]]:
        """What becomes of the signal, and what of that is drawn and how."""
        names = [*self.controls]
        split = names.index("scale")
        return {
            "transform": [self.controls[name] for name in names[:split]],
            "picture": [self.controls[name] for name in names[split:]],
        }

    @property
    def changes(self) -> dict[str, object]:
        """Settings that differ from the preset's, by name."""
        shown = {name: widget.value for name, widget in self.controls.items()}
        values = {name: None if shown[name] == _NONE else shown[name] for name in _SIMPLE}
        values["range"] = shown["limits"] if shown["range"] == _FIXED else shown["range"]
        if shown["scale"] == "signed":  # about zero, in the unit of the signal
            values["range"] = (-shown["limit"], shown["limit"])
        low, high = (round(hz, 1) for hz in shown["band"])  # browsers send 4.999999
        values |= {"fmin_hz": low, "fmax_hz": None if self._is_highest(high) else high}
        axes = tuple(shown[name] for name in _RGB)
        values["channels"] = axes if shown["colours"] == _OWN else shown["colours"]
        preset = presets()[shown["preset"]]
        if values["fmax_hz"] is None and (preset.fmax_hz or 0) >= self.controls["band"].max:
            values["fmax_hz"] = preset.fmax_hz  # the slider ends at half the rate, as bands do
        # Browsers count steps: 3.0000000000000004 cycles are 3.
        values |= {k: round(v, 6) for k, v in values.items() if isinstance(v, float)}
        return {name: value for name, value in values.items() if value != getattr(preset, name)}

    def show(self, preset: str, changes: Mapping[str, Any]) -> None:
        """Set all controls, without a call of `changed`."""
        values = vars(presets()[preset]) | dict(changes)
        controls = self.controls
        with self.quietly():
            controls["preset"].value = preset
            self._offer_sizes([values["size"]])
            self._offer_scales(values["transform"])
            for name in _SIMPLE:
                if isinstance(controls[name], IntSlider | FloatSlider):
                    controls[name].min = min(controls[name].min, values[name])
                    controls[name].max = max(controls[name].max, values[name])
                controls[name].value = _NONE if values[name] is None else values[name]
            if isinstance(values["range"], str):
                controls["range"].value = values["range"]
            elif values["scale"] == "signed":
                controls["limit"].max = max(controls["limit"].max, values["range"][1])
                controls["limit"].value = values["range"][1]
            else:
                controls["range"].value, controls["limits"].value = _FIXED, values["range"]
            band, high = controls["band"], values["fmax_hz"]
            band.value = (values["fmin_hz"], band.max if high is None else high)
            if isinstance(values["channels"], str):
                controls["colours"].value = values["channels"]
            else:
                controls["colours"].value = _OWN
                for name, axis in zip(_RGB, values["channels"], strict=True):
                    controls[name].value = axis
            self._follow()

    def fit(self, recording: Recording) -> None:
        """Offer the axes and the frequencies of a recording, without a call of `changed`.

        A recording without accelerometer shows its first three axes.
        """
        axes, nyquist, band = recording.axes, recording.rate / 2, self.controls["band"]
        with self.quietly():
            low, high = band.value
            if self._is_highest(high):  # all frequencies before, all that the preset has now
                high = presets()[self.controls["preset"].value].fmax_hz or nyquist
            # ipywidgets refuses a value outside the bounds, and bounds that leave the value out.
            band.max = max(nyquist, band.max)
            band.value = (min(low, nyquist), min(high, nyquist))
            band.max = nyquist
            for i, name in enumerate(_RGB):
                widget = self.controls[name]
                kept = widget.value if widget.value in axes else axes[min(i, len(axes) - 1)]
                widget.options, widget.value = axes, kept
            colours = self.controls["colours"]
            if colours.value == "acc" and not any(axis.startswith("acc") for axis in axes):
                colours.value = _OWN
            self._follow()

    def _is_highest(self, hz: float) -> bool:
        """Whether the band is open to half the rate; its slider moves by tenths."""
        return hz >= self.controls["band"].max - 0.05

    def _moved(self, _change: dict) -> None:
        if not self._quiet:
            with self.quietly():
                self._follow()
            self._changed()

    def _overlap_moved(self, change: dict) -> None:
        if not self._quiet:
            n_fft, hop = self.controls["n_fft"].value, self.controls["hop"]
            with self.quietly():
                hop.value = max(1, round(n_fft * (1 - change["new"] / 100)))
            self._changed()

    def _transform_chosen(self, change: dict) -> None:
        if not self._quiet:
            controls = self.controls
            with self.quietly():
                self._offer_scales(change["new"])
                low, high = controls["band"].value
                if change["new"] == "cwt" and low == 0:  # a logarithmic axis has no 0 Hz
                    controls["band"].value = (0.3, high)
                self._follow()
            self._changed()

    def _preset_chosen(self, change: dict) -> None:
        if not self._quiet:
            self.show(change["new"], {})
            self._changed()

    def _follow(self) -> None:
        """Bring controls in line that show the same thing, or have nothing to say."""
        n_fft, hop = self.controls["n_fft"].value, self.controls["hop"].value
        self.controls["overlap"].value = max(0, round(100 * (1 - hop / n_fft)))
        self.controls["limits"].disabled = self.controls["range"].value != _FIXED
        transform = self.controls["transform"].value
        signed = self.controls["scale"].value == "signed"
        hidden = {name for kind, names in _CONCERNS.items() if kind != transform for name in names}
        hidden |= {"range", "limits"} if signed else {"limit"}
        if signed or transform == "stft" or self.controls["low_rows"].value == 0:
            hidden.add("low_limit")
        for name, widget in self.controls.items():
            widget.layout.display = "none" if name in hidden else None
        for name in _RGB:
            self.controls[name].disabled = self.controls["colours"].value != _OWN

    def _offer_scales(self, transform: str) -> None:
        """The power of frames has no sign: a choice of it would be a contradiction."""
        scale = self.controls["scale"]
        kept = scale.value if transform == "cwt" or scale.value != "signed" else "db"
        scale.options = CHOICES["scale"] if transform == "cwt" else _LINEAR_SCALES
        scale.value = kept

    def _offer_sizes(self, more: list) -> None:
        sizes = [size for size in dict.fromkeys([*_SIZES, *more]) if size]
        named = [("{} x {}".format(*size), size) for size in sizes]
        self.controls["size"].options = [("bins x frames", _NONE), *named]


def preset_and_changes(
    params: str | SpectrogramParams | None, overrides: Mapping[str, object]
) -> tuple[str, dict[str, object]]:
    """Settings as `Settings` shows them: a preset's name and what differs from it.

    Examples
    --------
    >>> preset_and_changes("fine-time", {"n_fft": 32, "hop": 2})
    ('fine-time', {'n_fft': 32})
    """
    wanted = vars(resolve(params, **overrides))
    preset = params if isinstance(params, str) else "default"
    start = vars(presets()[preset])
    return preset, {name: value for name, value in wanted.items() if value != start[name]}


def _tenths(seconds: float) -> float:
    """Down to the step of the sliders."""
    return math.floor(seconds * 10 + 1e-6) / 10

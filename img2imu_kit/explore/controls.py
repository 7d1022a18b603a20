"""Controls for every setting of a spectrogram picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets

from ..pictures.params import CHOICES, SpectrogramParams, presets
from ..signals.recording import Recording
from .base import control

__all__ = ["Settings"]

_SIZES = [(64, 64), (96, 96), (96, 128), (128, 128), (224, 224)]
_FIXED, _OWN = "fixed limits", "three axes"
_NONE = ""  # of a list of options: ipywidgets takes None for no choice at all


class Settings:
    """Widgets for a preset and what differs from it.

    Parameters
    ----------
    changed : callable
        Called without arguments after a change by the user.

    Attributes
    ----------
    controls : list of Widget
        In the order in which they are to be shown.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed, self._quiet = changed, False
        self.preset = control(
            widgets.Dropdown, "preset", "Settings to begin with", options=list(presets())
        )
        words = {
            name: [("none", _NONE) if word is None else (word, word) for word in CHOICES[name]]
            for name in CHOICES
        }
        self._simple: dict[str, Any] = {
            "n_fft": control(
                widgets.IntSlider, "n_fft", "Length of a frame in samples", min=4, max=512
            ),
            "hop": control(
                widgets.IntSlider, "hop", "Samples from a frame to the next", min=1, max=256
            ),
            "window": control(
                widgets.Dropdown, "taper", "Window of a frame", options=words["window"]
            ),
            "center": control(
                widgets.Checkbox, "centred frames", "Mirror the signal at both ends", indent=True
            ),
            "detrend": control(
                widgets.Dropdown, "detrend", "Taken off each frame", options=words["detrend"]
            ),
            "scale": control(widgets.Dropdown, "scale", "Of the power", options=words["scale"]),
            "size": control(widgets.Dropdown, "size", "Height and width in pixels"),
            "interpolation": control(
                widgets.Dropdown, "resize", "How to get there", options=words["interpolation"]
            ),
        }
        self._offer_sizes([])
        self._overlap = control(
            widgets.IntSlider, "overlap (%)", "Of a frame with the next; sets hop", max=99
        )
        self._range = control(
            widgets.Dropdown,
            "range",
            "What is drawn black and white",
            options=[_FIXED, "per-axis", "per-window"],
        )
        self._limits = control(
            widgets.IntRangeSlider, "limits (dB)", "Black and white", min=-120, max=60
        )
        self._band = control(
            widgets.FloatRangeSlider,
            "band (Hz)",
            "Frequencies kept: fmin, fmax",
            min=0,
            step=0.1,
            readout_format=".1f",
        )
        self._colours = control(
            widgets.Dropdown,
            "colours",
            "Which axes become colours",
            options=["acc", "gyro", "magnitude", _OWN],
        )
        self._axes = [
            control(widgets.Dropdown, colour, f"Axis that becomes {colour}")
            for colour in ("red", "green", "blue")
        ]
        simple = list(self._simple.values())
        self.controls = [
            self.preset,
            *simple[:2],
            self._overlap,
            *simple[2:6],
            self._range,
            self._limits,
            self._band,
            self._colours,
            *self._axes,
            *simple[6:],
        ]
        self.preset.observe(self._preset_chosen, "value")
        self._overlap.observe(self._overlap_moved, "value")
        for widget in self.controls[1:]:
            if widget is not self._overlap:
                widget.observe(self._moved, "value")

    @property
    def changes(self) -> dict[str, object]:
        """Settings that differ from the preset's, by name."""
        values: dict[str, object] = {
            name: None if widget.value == _NONE else widget.value
            for name, widget in self._simple.items()
        }
        own_range = self._range.value == _FIXED
        values["range"] = self._limits.value if own_range else self._range.value
        low, high = (round(hz, 1) for hz in self._band.value)  # browsers send 4.999999
        values |= {"fmin_hz": low, "fmax_hz": high if high < self._band.max - 0.05 else None}
        own_axes = self._colours.value == _OWN
        axes = tuple(widget.value for widget in self._axes)
        values["channels"] = axes if own_axes else self._colours.value
        preset = presets()[self.preset.value]
        return {name: value for name, value in values.items() if value != getattr(preset, name)}

    def show(self, preset: str, changes: Mapping[str, Any]) -> None:
        """Set all controls, without a call of `changed`."""
        start = presets()[preset]
        values = {name: getattr(start, name) for name in SpectrogramParams.__annotations__}
        values |= changes
        with self._quietly():
            self.preset.value = preset
            self._offer_sizes([values["size"]])
            for name, widget in self._simple.items():
                if isinstance(widget, widgets.IntSlider):
                    widget.max = max(widget.max, values[name])
                widget.value = _NONE if values[name] is None else values[name]
            own_range = not isinstance(values["range"], str)
            self._range.value = _FIXED if own_range else values["range"]
            if own_range:
                self._limits.value = values["range"]
            high = values["fmax_hz"]
            self._band.value = (values["fmin_hz"], self._band.max if high is None else high)
            own_axes = isinstance(values["channels"], tuple)
            self._colours.value = _OWN if own_axes else values["channels"]
            if own_axes:
                for widget, axis in zip(self._axes, values["channels"], strict=True):
                    widget.value = axis
            self._follow()

    def fit(self, recording: Recording) -> None:
        """Offer the axes and the frequencies of a recording, without a call of `changed`.

        A recording without accelerometer shows its first three axes.
        """
        with self._quietly():
            low, high = self._band.value
            whole = high >= self._band.max - 0.05
            nyquist = recording.rate / 2
            if nyquist < self._band.max:
                self._band.value = (min(low, nyquist), min(high, nyquist))
            self._band.max = nyquist
            self._band.value = (min(low, nyquist), nyquist if whole else min(high, nyquist))
            axes = recording.axes
            for i, widget in enumerate(self._axes):
                kept = widget.value if widget.value in axes else axes[min(i, len(axes) - 1)]
                widget.options, widget.value = axes, kept
            if self._colours.value == "acc" and not any(axis.startswith("acc") for axis in axes):
                self._colours.value = _OWN
            self._follow()

    def _moved(self, _change: dict) -> None:
        if not self._quiet:
            with self._quietly():
                self._follow()
            self._changed()

    def _overlap_moved(self, change: dict) -> None:
        if not self._quiet:
            n_fft, hop = self._simple["n_fft"].value, self._simple["hop"]
            with self._quietly():
                hop.value = max(1, round(n_fft * (1 - change["new"] / 100)))
            self._changed()

    def _preset_chosen(self, change: dict) -> None:
        if not self._quiet:
            self.show(change["new"], {})
            self._changed()

    def _follow(self) -> None:
        """Bring controls in line that show the same thing, or have nothing to say."""
        n_fft, hop = self._simple["n_fft"].value, self._simple["hop"].value
        self._overlap.value = max(0, round(100 * (1 - hop / n_fft)))
        self._limits.disabled = self._range.value != _FIXED
        for widget in self._axes:
            widget.disabled = self._colours.value != _OWN

    def _offer_sizes(self, more: list) -> None:
        sizes = [size for size in dict.fromkeys([*_SIZES, *more]) if size]
        named = [("{} x {}".format(*size), size) for size in sizes]
        self._simple["size"].options = [("bins x frames", _NONE), *named]

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

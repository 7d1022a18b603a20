"""Explore what each setting of a spectrogram does to a recording of yours."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import fields
from os import PathLike

import ipywidgets as widgets

from ..datasets.catalogue import LOADERS
from ..errors import Img2ImuError
from ..pictures.params import SpectrogramParams, presets, resolve
from ..readers.files import READABLE
from ..signals.recording import Recording
from . import sources
from .base import Explorer, control
from .controls import Settings
from .spectrogram_state import SpectrogramState, code
from .spectrogram_view import OVERVIEW, render

__all__ = ["SpectrogramExplorer"]

_GIVEN = "own recordings"
_KNOWN = ("synthetic", *LOADERS)


class SpectrogramExplorer(Explorer):
    """Move along a recording and see what every setting of its spectrogram does.

    Shown are the whole recording with the window marked (click on it to go there), the signal of
    the window, what a frame can tell apart in time and in frequency, the spectrogram of each axis,
    and the RGB picture made of them; below them the code that makes this picture.

    Parameters
    ----------
    source : optional
        Recordings, the name of a data set, or the path of a file or folder; all can be changed
        by hand, and a file be uploaded (large ones are better given by path: a notebook server
        takes some 10 MB at once). Default: simulated people.
    seconds : float
        Length of the window.
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
    recording = ik.datasets.synthetic(subjects=3, transitions=True)[0]
    window = recording.cut(0, 250)  # 0 to 5 s
    image = ik.to_image(window, params="default", n_fft=128)[0]  # uint8 [3, H, W]
    """

    render = staticmethod(render)
    code = staticmethod(code)

    def __init__(
        self,
        source: str | PathLike | Recording | Sequence[Recording] | None = None,
        *,
        seconds: float = 10.0,
        params: str | SpectrogramParams | None = None,
        **overrides,
    ) -> None:
        self._quiet = False
        self._source = sources.find_source(source)
        self._start = settings_of(params, overrides)
        self._seconds = seconds
        self.source = control(
            widgets.Dropdown, "source", "Where recordings come from", options=_KNOWN
        )
        if isinstance(source, str) and source in _KNOWN:
            self.source.value = source
        elif source is not None:
            self._keep()
        self.path = control(
            widgets.Text,
            "file, folder",
            "Path of recordings of yours",
            placeholder="path, then Enter",
            continuous_update=False,
        )
        self.upload = widgets.FileUpload(
            accept=",".join({f".{name.rsplit('.')[-1]}" for name in READABLE}),
            description="Upload a file",
            tooltip="Recordings of yours as CSV, NPZ, NPY or Parquet",
            layout={"width": "300px"},
        )
        self.recording = control(widgets.Dropdown, "recording", "Which recording")
        self.start = control(
            widgets.FloatSlider, "start (s)", "Where the window begins", min=0, step=0.1
        )
        self.length = control(
            widgets.FloatSlider, "length (s)", "How long the window lasts", min=0.1, step=0.1
        )
        self.settings = Settings(self._changed)
        reset = widgets.Button(
            description="Reset", tooltip="Back to the beginning", layout={"width": "300px"}
        )
        self.settings.show(*self._start)
        self._offer()
        place = [self.source, self.path, self.upload, self.recording, self.start, self.length]
        super().__init__(self._read(), [*place, *self.settings.controls, reset], "spectrogram")
        self.source.observe(self._source_chosen, "value")
        self.path.observe(self._path_given, "value")
        self.upload.observe(self._file_given, "value")
        self.recording.observe(self._recording_chosen, "value")
        for slider in (self.start, self.length):
            slider.observe(self._moved, "value")
        reset.on_click(self._reset)
        self.screen.on_msg(self._clicked)

    def _read(self) -> SpectrogramState:
        """The state that the controls show."""
        index = self.recording.value
        return SpectrogramState(
            recording=self._source.recordings[index],
            start_s=self.start.value,
            seconds=self.length.value,
            preset=self.settings.preset.value,
            changes=self.settings.changes,
            origin=self._source.origin(index),
            remark=self._source.note,
        )

    def _changed(self) -> None:
        if not self._quiet:
            self.draw(self._read())

    def _offer(self) -> None:
        """Offer the recordings of the source, and show the first."""
        recordings = self._source.recordings
        names = [recording.name or f"recording {i}" for i, recording in enumerate(recordings)]
        self.recording.options = list(zip(names, range(len(names)), strict=True))
        self.recording.value = 0
        self._fit()

    def _fit(self) -> None:
        """Bring the controls within the recording's bounds."""
        recording = self._source.recordings[self.recording.value]
        # End and value in one message: sent apart, the old start came back from the browser.
        with self.length.hold_sync():
            self.length.max = max(self.length.min, min(60.0, _tenths(recording.seconds)))
            self.length.value = self._seconds
        with self.start.hold_sync():
            self.start.max = max(0.0, _tenths(recording.seconds - self.length.value))
            self.start.value = 0.0
        self.settings.fit(recording)

    def _moved(self, change: dict) -> None:
        if not self._quiet:
            self._quiet = True  # a window that grew may have to begin earlier
            recording = self._source.recordings[self.recording.value]
            self.start.max = max(0.0, _tenths(recording.seconds - self.length.value))
            self._quiet = False
            self._changed()

    def _recording_chosen(self, _change: dict) -> None:
        if not self._quiet:
            self._quiet = True
            self._fit()
            self._quiet = False
            self._changed()

    def _source_chosen(self, change: dict) -> None:
        name = change["new"]
        if not self._quiet:
            self._load(name, lambda: self._own if name == _GIVEN else sources.find_source(name))

    def _path_given(self, change: dict) -> None:
        path = change["new"].strip()
        if path and self._load(path, lambda: sources.find_source(path)):
            self._keep()

    def _file_given(self, change: dict) -> None:
        if change["new"]:
            name, content = (change["new"][0][key] for key in ("name", "content"))
            if self._load(name, lambda: sources.uploaded(name, bytes(content))):
                self._keep()

    def _keep(self) -> None:
        """Have the present source among those that can be chosen, as the user's own."""
        self._own, before, self._quiet = self._source, self._quiet, True
        self.source.options = (_GIVEN, *_KNOWN)
        self.source.value = _GIVEN
        self._quiet = before

    def _load(self, name: str, bring: Callable[[], sources.Source]) -> bool:
        """Change the source, or say why that cannot be."""
        self.wait()
        self.screen.tell(f"Reading {name} ...")
        try:
            self._source = bring()
        except Img2ImuError as error:
            self.screen.explain(str(error))
            return False
        self._quiet = True
        self._offer()
        self._quiet = False
        self._changed()
        return True

    def _reset(self, _button: widgets.Button) -> None:
        self._quiet = True
        self.settings.show(*self._start)
        self._fit()
        self._quiet = False
        self._changed()

    def _clicked(self, _screen: widgets.Widget, place: dict, _buffers: list) -> None:
        left, top, width, height = OVERVIEW
        x, y = (place["x"] - left) / width, (place["y"] - top) / height
        if 0 <= x <= 1 and 0 <= y <= 1:
            middle = x * self._source.recordings[self.recording.value].seconds
            self.start.value = min(max(middle - self.length.value / 2, 0), self.start.max)


def settings_of(
    params: str | SpectrogramParams | None, overrides: dict
) -> tuple[str, dict[str, object]]:
    """Settings as a preset's name and what differs from it."""
    wanted = resolve(params, **overrides)
    preset = params if isinstance(params, str) else "default"
    start = presets()[preset]
    names = [field.name for field in fields(wanted)]
    changes = {name: getattr(wanted, name) for name in names}
    return preset, {n: v for n, v in changes.items() if v != getattr(start, n)}


def _tenths(seconds: float) -> float:
    return math.floor(seconds * 10 + 1e-6) / 10

"""Explore what each setting of a spectrogram does to a recording of yours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike

from ipywidgets import Button, Dropdown, FileUpload, Text, Widget

from ..datasets.catalogue import LOADERS
from ..errors import Img2ImuError
from ..pictures.params import SpectrogramParams
from ..readers.files import READABLE
from ..signals.recording import Recording
from .base import Explorer
from .controls import Settings, WindowControls, control, preset_and_changes
from .sources import Source, find_source, uploaded
from .spectrogram_view import OVERVIEW, SpectrogramState, code, render

__all__ = ["SpectrogramExplorer"]

_GIVEN = "own recordings"
_KNOWN = tuple(LOADERS)


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
    recording = ik.load_dataset("synthetic", subjects=3, transitions=True)[0]
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
        self._source = find_source(source)
        self._start = preset_and_changes(params, overrides)
        self.source = control(Dropdown, "source", "Where recordings come from", options=_KNOWN)
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
        self.window = WindowControls(self._changed, seconds=seconds)
        self.settings = Settings(self._changed)
        reset = control(Button, "Reset", "Back to the beginning")
        self.settings.show(*self._start)
        self._offer()
        super().__init__(
            self._read(),
            [
                *(self.source, self.path, self.upload),
                *self.window.controls,
                *self.settings.controls.values(),
                reset,
            ],
            "spectrogram",
        )
        self.source.observe(self._source_chosen, "value")
        self.path.observe(self._path_given, "value")
        self.upload.observe(self._file_given, "value")
        reset.on_click(self._reset)
        self.screen.on_msg(self._clicked)

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
        if path and self._load(path, lambda: find_source(path)):
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

    def _clicked(self, _screen: Widget, place: dict, _buffers: list) -> None:
        """Go to the place in the recording that was clicked, given in pixels of the picture."""
        left, top, width, height = OVERVIEW
        x, y = (place["x"] - left) / width, (place["y"] - top) / height
        if 0 <= x <= 1 and 0 <= y <= 1:
            start, length = self.window.start, self.window.length.value
            middle = x * self.window.recording.seconds
            start.value = min(max(middle - length / 2, 0), start.max)

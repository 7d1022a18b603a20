"""Explore what each setting of a spectrogram does to a recording of yours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from ipywidgets import Button, Checkbox, FileUpload, IntSlider, Text, ToggleButton

from .._files import atomic_write
from ..datasets.catalogue import LOADERS
from ..errors import FormatError, Img2ImuError, ParameterError
from ..pictures.archive import save_pictures
from ..pictures.image import to_image
from ..pictures.params import SpectrogramParams
from ..readers.files import READABLE
from .base import Explorer
from .comparison import READERS, Score, Setting, score_setting, without_gravity
from .controls import Settings, WindowControls, choice, control, in_words, preset_and_changes
from .sound import PITCH, as_wav
from .sources import Given, Source, find_source, uploaded
from .spectrogram_picture import SpectrogramState, code, render, strip, view

__all__ = ["SpectrogramExplorer"]

_GIVEN = "own recordings"
_KNOWN = tuple(LOADERS)


class SpectrogramExplorer(Explorer):
    """Move along a recording and see what every setting of its spectrogram does.

    Shown are the whole recording with the window marked (click on it to go there), the signal of
    the window, what a frame or band can tell apart in time and in frequency, the spectrogram of
    each axis, and the RGB picture made of them; below them the code that makes this picture. The
    pointer reads seconds, Hz and dB. Controls that do not concern the chosen transform are hidden.

    "Keep as A" puts the present settings beside what comes next, and "Score" says what the pictures
    of either are worth to a network, or without one, by few labels on people held out. Settings are
    saved and loaded as JSON, and the pictures of all windows as ``.npz``.

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
        self._pinned: Setting | None = None
        self._scores: dict[tuple, Score] = {}
        self.source = choice("source", "Where recordings come from", _KNOWN)
        if source is None or (isinstance(source, str) and source in _KNOWN):
            self.source.value = source or "shoulder_exercises"
        else:
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
        self.gravity = control(
            Checkbox, "without gravity", "Accelerations slower than 0.3 Hz are taken off"
        )
        self.settings = Settings(self._changed)
        self.pin = control(ToggleButton, "Keep as A", "Compare what comes now with what is shown")
        self.reader = choice("read by", "Who is given the pictures", READERS)
        self.shots = control(
            IntSlider, "labels a class", "Windows that are labelled", min=1, max=20, value=5
        )
        self.score = control(Button, "Score", "By few labels, on people held out")
        self.hear = control(Button, "Hear the window", f"1 Hz of motion as {PITCH} Hz of sound")
        self.archive = control(
            Text, "to file", "Where pictures of all windows go", value="pictures.npz"
        )
        self.save = control(Button, "Save all pictures", "Those of all windows of all recordings")
        self.load = control(
            FileUpload, "Load settings", "A file that was saved here", accept=".json"
        )
        reset = control(Button, "Reset", "Back to the beginning")
        self.settings.show(*self._start)
        self._offer()
        place = [self.source, self.path, self.upload, *self.window.controls, self.gravity]
        groups = {
            "signal": place,
            **self.settings.groups,
            "read-out": [self.pin, self.reader, self.shots, self.score, self.hear],
            "files": [self.load, self.archive, self.save, reset],
        }
        folded = ("picture", "read-out", "files")
        super().__init__(self._read(), groups, "spectrogram", folded=folded)
        for widget in (self.gravity, self.reader, self.shots):
            widget.observe(self._changed, "value")
        self.source.observe(self._source_chosen, "value")
        self.path.observe(self._path_given, "value")
        self.upload.observe(self._file_given, "value")
        self.pin.observe(self._pin_pressed, "value")
        self.load.observe(self._settings_given, "value")
        for button, answer in {
            self.score: self._score,
            self.hear: self._hear,
            self.save: self._save,
            reset: self._reset,
        }.items():
            button.on_click(answer)

    def save_settings(self, path: str | PathLike) -> Path:
        """Write preset, changes and whether gravity stays as JSON, for `load_settings`."""
        atomic_write({Path(path): self.state.setting.to_json().encode()})
        return Path(path)

    def load_settings(self, path: str | PathLike) -> None:
        """Show the settings of a file.

        Raises
        ------
        FormatError, ParameterError
            Not such a file, or a setting that does not exist or is out of range.
        """
        try:
            text = Path(path).read_bytes()
        except OSError as error:
            raise FormatError(f"cannot be read ({error.strerror})", where=str(path)) from None
        self._show_setting(Setting.from_json(text, where=str(path)))

    def _read(self) -> SpectrogramState:
        """The state that the controls show."""
        setting = Setting(
            self.settings.controls["preset"].value, self.settings.changes, not self.gravity.value
        )
        compared = {"A": self._pinned, "B": setting} if self._pinned else {"": setting}
        keys = {name: self._key(each) for name, each in compared.items()}
        return SpectrogramState(
            recording=self.window.recording,
            start_s=self.window.start.value,
            seconds=self.window.length.value,
            **vars(setting),
            pinned=self._pinned,
            scores={name: self._scores[key] for name, key in keys.items() if key in self._scores},
            scored=f"{self.reader.value}, {self.shots.value} labels a class",
            origin=self._source.origin(self.window.which.value),
            remark=self._source.note,
        )

    def _key(self, setting: Setting) -> tuple | None:
        """What a score depends on."""
        try:
            params = setting.params()
        except Img2ImuError:  # controls move one at a time
            return None
        about = (self.window.length.value, self.reader.value, self.shots.value)
        return (self._source, params, setting.gravity, *about)

    def _vary(self, state: SpectrogramState, name: str, value: Any) -> SpectrogramState:
        if name in (setting.name for setting in fields(SpectrogramParams)):
            return replace(state, changes={**state.changes, name: value})
        return super()._vary(state, name, value)

    def _explain(self, error: Img2ImuError) -> str:
        return in_words(str(error))

    def _saved(self, state: SpectrogramState) -> str:
        return state.setting.to_json()

    def _changed(self, change: dict | None = None) -> None:
        if self.window.recording is not self.state.recording:  # of other axes, of another rate
            self.settings.fit(self.window.recording)
        self.screen.sound = b""  # of another window
        super()._changed(change)

    def _pin_pressed(self, change: dict) -> None:
        self.pin.description = "Forget A" if change["new"] else "Keep as A"
        self._pinned = self.state.setting if change["new"] else None
        self._changed()

    def _settings_given(self, change: dict) -> None:
        if change["new"]:
            name, content = (change["new"][0][key] for key in ("name", "content"))
            self.load.value = ()
            self.wait()
            try:
                self._show_setting(Setting.from_json(bytes(content), where=name))
            except Img2ImuError as error:
                self.screen.explain(self._explain(error))

    def _show_setting(self, setting: Setting) -> None:
        self.settings.show(setting.preset, setting.changes)
        with self.quietly():
            self.gravity.value = not setting.gravity
        self.settings.fit(self.window.recording)
        self._changed()

    def _score(self, _button: Button) -> None:
        state, source, reader, shots = self.state, self._source, self.reader.value, self.shots.value
        wanted = {"A": state.pinned, "B": state.setting} if state.pinned else {"": state.setting}
        # Of now: controls may move on while it is read.
        keys = {name: self._key(setting) for name, setting in wanted.items()}

        def work() -> None:
            for name, setting in wanted.items():
                setting.params()  # a contradiction has no score
                if (key := keys[name]) not in self._scores:
                    tell = partial(self._tell, f"Scoring {name}".rstrip())
                    found = score_setting(source, setting, state.seconds, reader, shots, tell)
                    self._scores[key] = found
            self._changed()

        self.later("Scoring …", work)

    def _hear(self, _button: Button) -> None:
        state = self.state

        def work() -> None:
            shown = view(state, state.setting)
            axes = [shown.window.axes[i] for i in shown.chosen]
            self.screen.sound = as_wav(shown.window.select(axes))
            self.screen.tell(f"1 Hz of this window sounds as {PITCH} Hz, and as long as it lasts")

        self.later("Making the sound …", work)

    def _save(self, _button: Button) -> None:
        state, source, path = self.state, self._source, Path(self.archive.value.strip())

        def work() -> None:
            if path.suffix != ".npz":
                raise ParameterError(f"{path.name!r}, expected a name that ends in .npz")
            if path.exists():
                remedy = "Choose another name beside 'to file'."
                raise ParameterError("is there already", where=str(path), remedy=remedy)
            params = state.setting.params()
            moved = source if state.gravity else without_gravity(source)
            windows = moved.cut(state.seconds, purity=0.0, unlabelled=True)
            parts = []
            for start in range(0, len(windows), 64):
                self._tell("Drawing", start, len(windows))
                parts.append(to_image(windows[start : start + 64], params=params))
            save_pictures(path, np.concatenate(parts), [windows], params)
            self.screen.tell(
                f"{len(windows)} pictures of {windows.seconds:g} s are in {path.resolve()}"
            )

        self.later("Cutting windows …", work)

    def _tell(self, what: str, done: int, total: int) -> None:
        self.screen.tell(f"{what}: {done} of {total} windows …")

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
            self.upload.value = ()  # so that the same file, given again, is news
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
            self.screen.explain(self._explain(error))
            return False
        self._offer()
        self._changed()
        return True

    def _reset(self, _button: Button) -> None:
        self.settings.show(*self._start)
        self.window.reset()
        with self.quietly():
            self.gravity.value = False
        self.settings.fit(self.window.recording)
        self._changed()

    def _clicked(self, x: int, y: int) -> None:
        """Go to the place in the recording that was clicked, given in pixels of the picture."""
        left, top, width, height = strip(self.screen.width)
        x, y = (x - left) / width, (y - top) / height
        if 0 <= x <= 1 and 0 <= y <= 1:
            start, length = self.window.start, self.window.length.value
            middle = x * self.window.recording.seconds
            start.value = min(max(middle - length / 2, 0), start.max)

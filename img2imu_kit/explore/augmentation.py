"""Explore what augmentations of pictures mean for a sensor."""

from __future__ import annotations

import io
from collections.abc import Sequence
from os import PathLike

import ipywidgets as widgets
import numpy as np
from PIL import Image

from ..errors import FormatError
from ..pictures.params import presets
from ..signals.recording import Recording
from . import sources
from .augmentation_view import AUGMENTATIONS, AugmentationState, code, render
from .base import Explorer, control

__all__ = ["AugmentationExplorer"]


class AugmentationExplorer(Explorer):
    """See an augmentation on a photo, on a picture of motion, and its twin on the sensor.

    Picture, signal and twin suffer the same random change, so the picture that was changed can be
    compared with the picture of the signal that was changed: their likeness is the fidelity of
    this very pair (`img2imu_kit.fidelity` measures many). Below, two random views of each as a
    contrastive learner sees them.

    Parameters
    ----------
    source : optional
        Recordings, the name of a data set, or the path of a file. Default: simulated people.
    photo : uint8 [H, W, 3] or path, optional
        Default: a photo that comes with scikit-learn.
    seconds : float
        Length of the window.

    Attributes
    ----------
    state : AugmentationState

    Examples
    --------
    >>> explorer = AugmentationExplorer(seconds=5)
    >>> explorer.screen.status
    'translate-x: the window was cut earlier or later; up to shift_s ... Fidelity ...'
    """

    render = staticmethod(render)
    code = staticmethod(code)

    def __init__(
        self,
        source: str | PathLike | Recording | Sequence[Recording] | None = None,
        photo: np.ndarray | str | PathLike | None = None,
        *,
        seconds: float = 6.0,
    ) -> None:
        self._recordings = sources.find_source(source).recordings
        self._photo = read_photo(photo)
        names = [recording.name or str(i) for i, recording in enumerate(self._recordings)]
        self.recording = control(
            widgets.Dropdown,
            "recording",
            "Which recording",
            options=list(zip(names, range(len(names)), strict=True)),
        )
        self.start = control(
            widgets.FloatSlider, "start (s)", "Where the window begins", min=0, step=0.1
        )
        self.length = control(
            widgets.FloatSlider, "length (s)", "How long the window lasts", min=0.5, max=20
        )
        self.length.value = seconds
        self.preset = control(
            widgets.Dropdown, "preset", "Settings of the spectrogram", options=list(presets())
        )
        self.augmentation = control(
            widgets.Dropdown,
            "augmentation",
            "What is done to picture and sensor",
            options=list(AUGMENTATIONS),
            value="translate-x",
        )
        self.strength = control(
            widgets.FloatSlider, "strength", "1 is the usual one", value=1, max=2, step=0.05
        )
        self.seed = control(widgets.IntSlider, "draw", "Another random change", value=1, max=99)
        self.views = control(
            widgets.Dropdown, "views by", "What makes the two views", options=list(AUGMENTATIONS)
        )
        self.views.value = "sensor-aware set"
        self.upload = widgets.FileUpload(
            accept="image/*",
            description="Upload a photo",
            tooltip="A picture of yours",
            layout={"width": "300px"},
        )
        moved = [
            self.recording,
            self.start,
            self.length,
            self.preset,
            self.augmentation,
            self.strength,
            self.seed,
            self.views,
        ]
        self._fit()
        super().__init__(self._read(), [*moved, self.upload], "augmentation")
        for widget in moved:
            widget.observe(self._moved, "value")
        self.upload.observe(self._photo_given, "value")

    def _read(self) -> AugmentationState:
        return AugmentationState(
            photo=self._photo,
            recording=self._recordings[self.recording.value],
            start_s=self.start.value,
            seconds=self.length.value,
            augmentation=self.augmentation.value,
            strength=self.strength.value,
            views=self.views.value,
            seed=self.seed.value,
            preset=self.preset.value,
        )

    def _fit(self) -> None:
        seconds = self._recordings[self.recording.value].seconds
        self.length.max = min(20.0, seconds)
        self.start.max = max(0.0, seconds - self.length.value)

    def _moved(self, _change: dict) -> None:
        self._fit()
        self.draw(self._read())

    def _photo_given(self, change: dict) -> None:
        if not change["new"]:
            return
        try:
            self._photo = read_photo(io.BytesIO(change["new"][0]["content"]))
        except FormatError as error:
            self.screen.explain(str(error))
        else:
            self.draw(self._read())


def read_photo(photo: np.ndarray | str | PathLike | io.BytesIO | None = None) -> np.ndarray:
    """A photo as uint8 [H, W, 3], at most 512 pixels a side."""
    if photo is None:
        from sklearn.datasets import load_sample_image

        photo = load_sample_image("china.jpg")
    try:
        picture = Image.fromarray(photo) if isinstance(photo, np.ndarray) else Image.open(photo)
        picture = picture.convert("RGB")
    except (OSError, TypeError, ValueError):
        where = str(photo) if isinstance(photo, str | PathLike) else "photo"
        remedy = "Give a JPEG or PNG file, or uint8 [H, W, 3]."
        raise FormatError("not a picture", where=where, remedy=remedy) from None
    picture.thumbnail((512, 512))
    return np.asarray(picture)

"""Explore what augmentations of pictures mean for a sensor."""

from __future__ import annotations

import io
from collections.abc import Sequence
from os import PathLike

import numpy as np
from ipywidgets import Dropdown, FileUpload, FloatSlider, IntSlider
from PIL import Image

from ..errors import FormatError
from ..pictures.params import presets
from ..signals.recording import Recording
from .augmentation_view import AUGMENTATIONS, AugmentationState, code, render
from .base import Explorer
from .controls import WindowControls, control
from .sources import find_source

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
        self._photo = read_photo(photo)
        self.window = WindowControls(self._changed, seconds=seconds, shortest=0.5, longest=20.0)
        self.window.offer(find_source(source).recordings)
        names = list(AUGMENTATIONS)
        self.controls = {  # by the names of what they set in the state
            "preset": control(
                Dropdown, "preset", "Settings of the spectrogram", options=[*presets()]
            ),
            "augmentation": control(
                Dropdown,
                "augmentation",
                "What is done to picture and sensor",
                options=names,
                value="translate-x",
            ),
            "strength": control(
                FloatSlider, "strength", "1 is the usual one", value=1, max=2, step=0.05
            ),
            "seed": control(IntSlider, "draw", "Another random change", value=1, max=99),
            "views": control(
                Dropdown,
                "views by",
                "What makes the two views",
                options=names,
                value="sensor-aware set",
            ),
        }
        self.upload = control(FileUpload, "Upload a photo", "A picture of yours", accept="image/*")
        controls = [*self.window.controls, *self.controls.values(), self.upload]
        super().__init__(self._read(), controls, "augmentation")
        for widget in self.controls.values():
            widget.observe(self._changed, "value")
        self.upload.observe(self._photo_given, "value")

    def _read(self) -> AugmentationState:
        return AugmentationState(
            photo=self._photo,
            recording=self.window.recording,
            start_s=self.window.start.value,
            seconds=self.window.length.value,
            **{name: widget.value for name, widget in self.controls.items()},
        )

    def _photo_given(self, change: dict) -> None:
        if not change["new"]:
            return
        try:
            self._photo = read_photo(io.BytesIO(change["new"][0]["content"]))
        except FormatError as error:
            self.screen.explain(str(error))
        else:
            self._changed()


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

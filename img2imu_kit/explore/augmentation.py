"""Explore what an augmentation does to a photo, a picture of motion and, by its twin, a sensor."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from os import PathLike
from typing import Any

import numpy as np
import torch
from ipywidgets import FileUpload, FloatSlider, IntSlider
from PIL import Image, ImageOps

from ..augment.base import Augmentation
from ..augment.fidelity import likeness
from ..augment.image import Invert, sensor_aware
from ..augment.scale import PictureKind, scale_of
from ..augment.vision import (
    ColorJitter,
    GaussianBlur,
    Grayscale,
    HorizontalFlip,
    RandomResizedCrop,
    RandomRotation,
    Shear,
    Solarize,
    TranslateY,
    VerticalFlip,
    moco_v2,
)
from ..errors import FormatError, SignalError, unknown_name
from ..pictures.image import to_image
from ..pictures.params import presets, resolve
from ..pictures.power import spectrogram
from ..pretrain.images import as_rgb
from ..signals.axes import channel_index
from ..signals.recording import Recording
from ..signals.windows import sliding_windows
from .base import WIDE, Explorer
from .canvas import Drawing, blank
from .controls import WindowControls, choice, control
from .panels import legend, picture_edges, picture_panel, signal_panel, window_bounds
from .sources import Given, find_source

__all__ = ["AUGMENTATIONS", "AugmentationExplorer", "AugmentationState", "code", "render"]


Maker = Callable[[float, PictureKind], Augmentation]


def _part(label: str) -> Maker:
    """One change of the sensor-aware set, whatever its probability there."""

    def make(strength: float, kind: PictureKind) -> Augmentation:
        # Pictures of bands have more changes: what they do to the others is worth a look, too.
        parts = [*sensor_aware(strength, kind).parts(), *sensor_aware(strength, "motion").parts()]
        part = next(part for part in parts if part.label == label)
        return replace(part, kind=kind) if hasattr(part, "kind") else part

    return make


#: Name -> function of strength (1 is the usual one) and of the picture's kind.
AUGMENTATIONS: dict[str, Maker] = {
    **{part.label: _part(part.label) for part in sensor_aware(params="motion").parts()},
    "invert": lambda s, kind: Invert(share=0.5 * s, kind=kind),  # rare in the set, seen here
    "hue on power": lambda s, kind: replace(_part("hue")(s, kind), on="power"),
    "sensor-aware set": sensor_aware,
    "crop and resize": lambda s, kind: RandomResizedCrop(area=(max(1 - 0.8 * s, 0.02), 1.0)),
    "colour jitter": lambda s, kind: ColorJitter(*[min(0.4 * s, 1)] * 3, hue=min(0.1 * s, 0.5)),
    "grayscale": lambda s, kind: Grayscale(),
    "blur": lambda s, kind: GaussianBlur(sigma=(0.1, max(2 * s, 0.1))),
    "horizontal flip": lambda s, kind: HorizontalFlip(),
    "vision set": lambda s, kind: moco_v2(),
    "vertical flip": lambda s, kind: VerticalFlip(),
    "translate-y": lambda s, kind: TranslateY(shift=0.05 * s, kind=kind),
    "rotation": lambda s, kind: RandomRotation(degrees=30 * s),
    "shear": lambda s, kind: Shear(slope=0.3 * s),
    "solarize": lambda s, kind: Solarize(threshold=1 - 0.5 * min(s, 2)),
}


@dataclass(frozen=True, eq=False)
class AugmentationState:
    """All that a picture of the explorer depends on."""

    photo: np.ndarray  # uint8 [H, W, 3]
    recording: Recording
    start_s: float = 0.0  # of the window, from the first sample
    seconds: float = 6.0
    augmentation: str = "translate-x"  # a key of `AUGMENTATIONS`
    strength: float = 1.0  # 1 is the usual one, 0 to 2
    views: str = "sensor-aware set"  # what makes the two views: a key of `AUGMENTATIONS`
    seed: int = 0
    preset: str = "default"  # of the spectrogram

    def window(self) -> Recording:
        """The part of the recording that is drawn, of the axes that become colours."""
        start, stop = window_bounds(self.recording, self.start_s, self.seconds)
        axes = self.recording.axes
        chosen = channel_index(axes, resolve(self.preset).channels)
        return self.recording.cut(start, stop).select([axes[i] for i in chosen])


def render(state: AugmentationState, width: int = WIDE) -> Drawing:
    """Draw a photo and a picture of motion, both changed alike, and the twin on the sensor.

    The spectrogram picture and a photo before and after, and the spectrogram picture of the
    signal that the twin changed; both signals; two random views of either.

    Raises
    ------
    Img2ImuError
        A window too short, other than three axes, a picture neither in dB nor signed.
    """
    for name in (state.augmentation, state.views):
        if name not in AUGMENTATIONS:
            raise unknown_name("augmentation", name, AUGMENTATIONS)
    params, window = resolve(state.preset, channels="acc"), state.window()
    if len(window.axes) != 3:
        raise SignalError(f"{len(window.axes)} axes, but an augmentation changes three")
    signal = window.signal.T[None]  # [1, 3, T]
    scale = scale_of(spectrogram(signal, window.rate, params))
    image = _picture(signal, window.rate, params)  # [1, 3, H, W] in [0, 1]
    photo = _resized(state.photo, tuple(image.shape[2:]))
    augmentation = AUGMENTATIONS[state.augmentation](state.strength, scale.kind)
    generator = torch.Generator().manual_seed(state.seed)
    # Drawn once for all: photo, picture and signal suffer the same change, so that the picture that
    # was changed can be compared with the picture of the signal that was changed.
    parameters = augmentation.sample(tuple(image.shape), generator)
    changed, changed_photo = (
        augmentation.apply(before.clone(), **parameters) for before in (image, photo)
    )
    moved = signal
    if augmentation.twin is not None:
        moved = augmentation.twin(torch.from_numpy(signal.copy()), scale, **parameters).numpy()
    depicted = _picture(moved, window.rate, params)
    mean = _mean(state.recording, state.seconds, tuple(window.axes), params)
    same, explained = likeness(image, changed, depicted, mean)
    views = AUGMENTATIONS[state.views](state.strength, scale.kind)
    seen = {}  # two views of either, as a contrastive learner sees them
    for before, what in ((photo, "photo"), (image, "motion")):
        for i in (1, 2):
            generator.manual_seed(1000 * state.seed + i)
            seen[f"view {i} of the {what}"] = views(before.clone(), generator)

    narrow = width < 900
    edges = picture_edges(window, params)
    title = "sensor changed" if augmentation.twin else "no sensor does this"
    motion = {"motion": image, "picture changed": changed, title: depicted}
    photos = {"photo": photo, "changed alike": changed_photo}
    # Motion in the first row, where the eye is while a hand moves a slider; photos beside it where
    # there is room, and else below the signals.
    side = (width - 108) // 3 if narrow else (width - 180) // 5
    side = min(side, 210)
    across = 6 if 640 <= width < 900 else 4  # pictures in one of the last rows
    small = side if not narrow else (width - 26 - 12 * (across - 1)) // across
    below = 24 + side + 62  # where the signals begin
    last = below + 100 + 68 + 18 * narrow  # where the last rows begin, below a legend if narrow
    lines = 2 if narrow and across == 4 else 1
    pixels = blank(width, last + lines * (small + 34) - 22)
    shift = 66 if narrow else width - 3 * side - 48  # of the pictures of motion, from the left
    for i, (title, each) in enumerate(motion.items()):
        ylabel = "frequency (Hz)" if i == 0 else ""
        marks = edges if i == 0 or not narrow else None
        _square(pixels, shift + i * (side + 16), 24, side, each, title, marks, ylabel)
    half = (width - 142) // 2
    ends = (66, 66 + half + 60)
    names = ("signal", "sensor changed") if narrow else ("signal", "signal, sensor changed")
    for left, values, title in zip(ends, (signal, moved), names, strict=True):
        shown = replace(window, signal=values[0].T)
        beside = left == ends[0] or not narrow  # one unit and one legend do for both
        box = (left, below, half, 100)
        signal_panel(
            pixels, box, shown, [0, 1, 2], title, unit=left == ends[0], names=beside and not narrow
        )
    if narrow:
        legend(pixels, 320, below + 140, list(window.axes))
    row = {**photos, **seen} if narrow else seen
    if not narrow:
        for i, (title, each) in enumerate(photos.items()):
            _square(pixels, 20 + i * (side + 16), 24, side, each, title)
    for i, (title, each) in enumerate(row.items()):
        line, place = divmod(i, across)
        title = title.replace(" of the ", ", ") if narrow else title
        _square(pixels, 20 + place * (small + 12), last + line * (small + 34), small, each, title)

    meaning = augmentation.meaning or "a random choice of its changes"
    units = ", ".join(f"{k} {v:.3g}" for k, v in augmentation.in_units(scale).items())
    figures = _figures(float(same[0]), explained, augmentation.twin is not None)
    note = (
        f"{state.augmentation}: {meaning}{f'; up to {units}' if units else ''}. "
        f"Fidelity for this pair: {figures}"
    )
    alt = (
        f"A photo and the spectrogram picture of {window.seconds:.3g} s of motion, before and "
        f"after {state.augmentation} of strength {state.strength:g}; the picture of the signal "
        f"that the sensor would have given; both signals; two random views of each by the "
        f"{state.views}. {note}."
    )
    return Drawing(pixels, alt, note)


def code(state: AugmentationState) -> str:
    """Python that changes pictures as the state says."""
    name, strength = state.augmentation, state.strength
    return (
        "import img2imu_kit as ik\n\n"
        f"images = ik.to_image(windows, params={state.preset!r})\n"
        f"kind = ik.augment.kind_of({state.preset!r})\n"
        f"augmentation = ik.explore.AUGMENTATIONS[{name!r}]({strength:g}, kind)\n"
        f"changed = augmentation(images, generator={state.seed})"
    ).replace("'", '"')


def _figures(same: float, explained: float, has_twin: bool) -> str:
    if not has_twin:
        return f"similarity to the picture left as it was {same:.2f}, no twin to compare with"
    share = "invisible in this picture" if np.isnan(explained) else f"{explained:.0%} explained"
    return f"similarity {same:.2f}, {share}".replace("%", " %")


def _picture(signal: np.ndarray, rate: float, params) -> torch.Tensor:
    """Pictures of three axes, whatever their names: float [N, 3, H, W] in [0, 1]."""
    return torch.from_numpy(to_image(signal, rate, params)).float() / 255


@lru_cache(maxsize=8)
def _mean(recording: Recording, seconds: float, axes: tuple[str, ...], params) -> torch.Tensor:
    """The mean picture of a recording's windows, which likeness is measured from."""
    cut = sliding_windows(recording.select(axes), seconds, unlabelled=True, purity=0.51)
    pictures = _picture(cut.signal, cut.rate, params)  # [N, 3, H, W]
    if len(pictures) == 1:  # of a single window its own rows, or nothing would be left of it
        return pictures.mean(dim=3, keepdim=True).expand_as(pictures)
    return pictures.mean(dim=0, keepdim=True)


def _resized(photo: np.ndarray, size: tuple[int, int]) -> torch.Tensor:
    """The middle of a photo, brought to a size, float32 [1, 3, H, W] in [0, 1]."""
    fitted = ImageOps.fit(Image.fromarray(photo), size[::-1])  # Pillow counts width first
    return torch.from_numpy(np.asarray(fitted, np.float32).transpose(2, 0, 1)[None] / 255)


def _square(
    pixels, left: int, top: int, side: int, image: torch.Tensor, title: str, edges=None, ylabel=""
) -> None:
    """One picture [1, 3, H, W]."""
    levels = (image[0] * 255).round().clamp(0, 255).to(torch.uint8)
    box = (left, top, side, side)
    picture_panel(pixels, box, levels.permute(1, 2, 0).numpy(), title, edges, ylabel=ylabel)


class AugmentationExplorer(Explorer):
    """See an augmentation on a photo, on a picture of motion, and its twin on the sensor.

    Picture, signal and twin suffer the same random change, so the picture that was changed can be
    compared with the picture of the signal that was changed: their likeness is the fidelity of
    this very pair (`augment.measure_fidelity` takes many). Below, two random views of each as a
    contrastive learner sees them.

    Parameters
    ----------
    source : optional
        Recordings or windows, the name of a data set, or a path. Default: shoulder exercises.
    photo : uint8 [H, W, 3] or path, optional
        Default: a photo that comes with scikit-learn.
    seconds : float
        Length of the window.
    reading : dict, optional
        Options of `read` for a path.

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
        source: Given = None,
        photo: np.ndarray | str | PathLike | None = None,
        *,
        seconds: float = 6.0,
        reading: Mapping[str, Any] | None = None,
    ) -> None:
        self._photo = read_photo(photo)
        self.window = WindowControls(self._changed, seconds, shortest=0.5, longest=20.0)
        self.window.offer(find_source(source, reading).recordings)
        augmentation, views = "translate-x", "sensor-aware set"
        strength = {"value": 1, "max": 2, "step": 0.05}
        self.controls = {  # by the names of what they set in the state
            "preset": choice(
                "picture", "Power or signed bands, or frames", presets(), value="motion"
            ),
            "augmentation": choice(
                "augmentation", "Done to picture and sensor", AUGMENTATIONS, value=augmentation
            ),
            "strength": control(FloatSlider, "strength", "1 is the usual one", **strength),
            "seed": control(IntSlider, "draw", "Another random change", value=1, max=99),
            "views": choice("views by", "What makes the two views", AUGMENTATIONS, value=views),
        }
        self.upload = control(FileUpload, "Upload a photo", "A picture of yours", accept="image/*")
        groups = {
            "change": [self.controls[name] for name in ("augmentation", "strength", "seed")],
            "views": [self.controls["preset"], self.controls["views"], self.upload],
            "signal": self.window.controls,
        }
        super().__init__(self._read(), groups, "augmentation")
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
        picture = as_rgb(picture)
    except FormatError:  # which says what is the matter
        raise
    except (OSError, TypeError, ValueError, Image.DecompressionBombError):
        where = str(photo) if isinstance(photo, str | PathLike) else "photo"
        remedy = "Give a JPEG or PNG file, or uint8 [H, W, 3]."
        raise FormatError("not a picture", where=where, remedy=remedy) from None
    picture.thumbnail((512, 512))
    return np.asarray(picture)

"""What an augmentation does to a photo, to a picture of motion and, by its twin, to the sensor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from PIL import Image, ImageOps

from ..augment.base import Augmentation
from ..augment.fidelity import likeness
from ..augment.image import Hue, sensor_aware
from ..augment.scale import scale_of
from ..augment.vision import (
    ColorJitter,
    GaussianBlur,
    Grayscale,
    HorizontalFlip,
    RandomResizedCrop,
    RandomRotation,
    Shear,
    Solarize,
    VerticalFlip,
    moco_v2,
)
from ..errors import SignalError, unknown_name
from ..pictures.image import to_image
from ..pictures.params import resolve
from ..pictures.power import spectrogram
from ..signals.axes import channel_index
from ..signals.recording import Recording
from ..signals.windows import sliding_windows
from .canvas import Drawing, blank
from .panels import picture_edges, picture_panel, signal_panel, window_bounds

__all__ = ["AUGMENTATIONS", "AugmentationState", "code", "render"]


def _part(label: str) -> Callable[[float, float], Augmentation]:
    """One change of the sensor-aware set, whatever its probability there."""

    def make(strength: float, range_db: float) -> Augmentation:
        parts = sensor_aware(strength, range_db=range_db).parts()
        return next(part for part in parts if part.label == label)

    return make


#: Name -> function of strength (1 is the usual one) and of the picture's range in dB.
AUGMENTATIONS: dict[str, Callable[[float, float], Augmentation]] = {
    **{part.label: _part(part.label) for part in sensor_aware().parts()},
    "hue on power": lambda s, db: Hue(degrees=60 * s, on="power", range_db=db),
    "sensor-aware set": lambda s, db: sensor_aware(s, range_db=db),
    "crop and resize": lambda s, db: RandomResizedCrop(area=(max(1 - 0.8 * s, 0.02), 1.0)),
    "colour jitter": lambda s, db: ColorJitter(*[min(0.4 * s, 1)] * 3, hue=min(0.1 * s, 0.5)),
    "grayscale": lambda s, db: Grayscale(),
    "blur": lambda s, db: GaussianBlur(sigma=(0.1, max(2 * s, 0.1))),
    "horizontal flip": lambda s, db: HorizontalFlip(),
    "vision set": lambda s, db: moco_v2(),
    "vertical flip": lambda s, db: VerticalFlip(),
    "rotation": lambda s, db: RandomRotation(degrees=30 * s),
    "shear": lambda s, db: Shear(slope=0.3 * s),
    "solarize": lambda s, db: Solarize(threshold=1 - 0.5 * min(s, 2)),
}


@dataclass(frozen=True, eq=False)
class AugmentationState:
    """All that a picture of the explorer depends on.

    Parameters
    ----------
    photo : uint8 [H, W, 3]
    recording : Recording
    start_s, seconds : float
        The window.
    augmentation : str
        A key of `AUGMENTATIONS`.
    strength : float
        1 is the usual one, 0 to 2.
    views : str
        The set that makes the two views: a key of `AUGMENTATIONS`.
    seed : int
        Of what is random.
    preset : str
        Settings of the spectrogram.
    """

    photo: np.ndarray
    recording: Recording
    start_s: float = 0.0
    seconds: float = 6.0
    augmentation: str = "translate-x"
    strength: float = 1.0
    views: str = "sensor-aware set"
    seed: int = 0
    preset: str = "default"

    def window(self) -> Recording:
        """The part of the recording that is drawn, of the axes that become colours."""
        start, stop = window_bounds(self.recording, self.start_s, self.seconds)
        axes = self.recording.axes
        chosen = channel_index(axes, resolve(self.preset).channels)
        return self.recording.cut(start, stop).select([axes[i] for i in chosen])


def render(state: AugmentationState) -> Drawing:
    """Draw a photo and a picture of motion, both changed alike, and the twin on the sensor.

    Parameters
    ----------
    state : AugmentationState

    Returns
    -------
    Drawing
        Above the photo and the spectrogram picture before and after, and the spectrogram picture
        of the signal that the twin changed; then both signals; below two random views of either.

    Raises
    ------
    Img2ImuError
        A window too short, other than three axes, a picture without a range in dB.
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
    augmentation = AUGMENTATIONS[state.augmentation](state.strength, scale.range_db)
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

    pixels = blank(1080, 700)
    edges = picture_edges(window, params)
    _square(pixels, 0, 24, photo, "photo")
    _square(pixels, 1, 24, changed_photo, "changed alike")
    _square(pixels, 2, 24, image, "motion", edges)
    _square(pixels, 3, 24, changed, "picture changed", edges)
    title = "sensor changed" if augmentation.twin else "no sensor does this"
    _square(pixels, 4, 24, depicted, title, edges)
    for left, values, title in ((66, signal, "signal"), (610, moved, "signal, sensor changed")):
        shown = replace(window, signal=values[0].T)
        signal_panel(pixels, (left, 280, 450, 120), shown, [0, 1, 2], title)
    views = AUGMENTATIONS[state.views](state.strength, scale.range_db)
    for k, (before, what) in enumerate(((photo, "photo"), (image, "motion"))):
        for i in range(2):
            generator.manual_seed(1000 * state.seed + i + 1)
            view = views(before.clone(), generator)
            _square(pixels, 2 * k + i, 480, view, f"view {i + 1} of the {what}")

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
    limits = resolve(state.preset).range
    db = 70 if isinstance(limits, str) else limits[1] - limits[0]  # as photographs count
    name, strength = state.augmentation, state.strength
    return (
        "import img2imu_kit as ik\n\n"
        f"images = ik.to_image(windows, params={state.preset!r})\n"
        f"augmentation = ik.explore.AUGMENTATIONS[{name!r}]({strength:g}, {db:g})\n"
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
    return _picture(cut.signal, cut.rate, params).mean(dim=0, keepdim=True)


def _resized(photo: np.ndarray, size: tuple[int, int]) -> torch.Tensor:
    """The middle of a photo, brought to a size, float32 [1, 3, H, W] in [0, 1]."""
    fitted = ImageOps.fit(Image.fromarray(photo), size[::-1])  # Pillow counts width first
    return torch.from_numpy(np.asarray(fitted, np.float32).transpose(2, 0, 1)[None] / 255)


def _square(pixels, place: int, top: int, image: torch.Tensor, title: str, edges=None) -> None:
    """One picture [1, 3, H, W] of a row of five."""
    box = ((20, 212, 470, 676, 882)[place], top, 178, 178)
    levels = (image[0] * 255).round().clamp(0, 255).to(torch.uint8)
    ylabel = "frequency (Hz)" if place == 2 else ""  # the first that has such a scale
    picture_panel(pixels, box, levels.permute(1, 2, 0).numpy(), title, edges, ylabel=ylabel)

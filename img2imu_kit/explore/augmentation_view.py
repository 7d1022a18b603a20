"""What an augmentation does to a photo, to a picture of motion and, by its twin, to the sensor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from ..augment.base import Augmentation
from ..augment.fidelity import scale_of
from ..augment.image import Hue, sensor_aware
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
from ..errors import ParameterError, SignalError
from ..pictures.image import to_image
from ..pictures.params import resolve
from ..pictures.stft import spectrogram
from ..signals.axes import channel_index
from ..signals.recording import Recording
from ..signals.windows import sliding_windows
from .canvas import Drawing, blank, panel
from .spectrogram_state import extent
from .spectrogram_view import legend, signal_panel

__all__ = ["AUGMENTATIONS", "AugmentationState", "code", "likeness", "render"]


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
        """The part of the recording that is drawn."""
        start = int(self.start_s * self.recording.rate + 1e-6)
        window = self.recording.cut(start, start + round(self.seconds * self.recording.rate))
        axes = [window.axes[i] for i in channel_index(window.axes, resolve(self.preset).channels)]
        return window.select(axes)


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
            known = ", ".join(AUGMENTATIONS)
            raise ParameterError(f"no augmentation {name!r}", remedy=f"There are: {known}.")
    params, window = resolve(state.preset), state.window()
    if len(window.axes) != 3:
        raise SignalError(f"{len(window.axes)} axes, but an augmentation changes three")
    own = window.signal.T[None]
    scale = scale_of(spectrogram(own, window.rate, params))
    image = _picture(own, window.rate, state.preset)
    photo = torch.from_numpy(_resized(state.photo, tuple(image.shape[2:])))
    augmentation = AUGMENTATIONS[state.augmentation](state.strength, scale.range_db)
    generator = torch.Generator().manual_seed(state.seed)
    parameters = augmentation.sample(tuple(image.shape), generator)
    changed = augmentation.apply(image.clone(), **parameters)
    changed_photo = augmentation.apply(photo.clone(), **parameters)
    twin = own
    if augmentation.twin is not None:
        twin = augmentation.twin(torch.from_numpy(own.copy()), scale, **parameters).numpy()
    depicted = _picture(twin, window.rate, state.preset)
    mean = _mean(state.recording, state.seconds, tuple(window.axes), state.preset)
    same, explained = likeness(image, changed, depicted, mean)

    pixels = blank(1080, 700)
    across, up = extent(window, params)
    labels = {"xlabel": "time (s)", "ylabel": "frequency (Hz)"}
    _square(pixels, 0, 24, photo, "photo")
    _square(pixels, 1, 24, changed_photo, "changed alike")
    _square(pixels, 2, 24, image, "motion", across, up, **labels)
    _square(pixels, 3, 24, changed, "picture changed", across, up, **labels)
    title = "sensor changed" if augmentation.twin else "no sensor does this"
    _square(pixels, 4, 24, depicted, title, across, up, **labels)
    names = list(window.axes)
    for left, signal, title in ((66, own, "signal"), (610, twin, "signal, sensor changed")):
        shown = Recording(signal[0].T, window.rate, axes=window.axes, start_s=window.start_s)
        labels = {"xlabel": "time (s)", "ylabel": ", ".join(dict.fromkeys(window.unit))}
        signal_panel(pixels, (left, 280, 450, 120), shown, [0, 1, 2], title=title, **labels)
        legend(pixels, left + 450, 260, names)
    views = AUGMENTATIONS[state.views](state.strength, scale.range_db)
    for k, (picture, what) in enumerate(((photo, "photo"), (image, "motion"))):
        for i in range(2):
            generator.manual_seed(1000 * state.seed + i + 1)
            seen = views(picture.clone(), generator)
            _square(pixels, 2 * k + i, 480, seen, f"view {i + 1} of the {what}")

    meaning = augmentation.meaning or "a random choice of its changes"
    units = ", ".join(f"{k} {v:.3g}" for k, v in augmentation.in_units(scale).items())
    note = (
        f"{state.augmentation}: {meaning}{f'; up to {units}' if units else ''}. "
        f"Fidelity for this pair: {_figures(same, explained, augmentation.twin is not None)}"
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


def likeness(
    image: torch.Tensor, changed: torch.Tensor, depicted: torch.Tensor, mean: torch.Tensor
) -> tuple[float, float]:
    """How like a changed picture is the one it should depict.

    Parameters
    ----------
    image, changed, depicted, mean : float tensors of one shape
        The picture as it was, changed, of the changed sensor; and that of other windows on average.

    Returns
    -------
    similarity : float
        Cosine of the differences from the mean, -1 to 1.
    explained : float
        Share of the sensor's change that the picture's brings about, 1 at best; NaN where the
        sensor's leaves no trace. Both are as in `fidelity`.
    """
    similarity = torch.cosine_similarity(
        (changed - mean).flatten(), (depicted - mean).flatten(), dim=0
    )
    trace = (image - depicted).square().mean()
    missed = (changed - depicted).square().mean()
    explained = 1 - missed / trace if trace > (1 / 255) ** 2 else torch.tensor(float("nan"))
    return float(similarity), float(explained)


def _figures(same: float, explained: float, has_twin: bool) -> str:
    if not has_twin:
        return f"similarity to the picture left as it was {same:.2f}, no twin to compare with"
    share = "invisible in this picture" if np.isnan(explained) else f"{explained:.0%} explained"
    return f"similarity {same:.2f}, {share}".replace("%", " %")


def _picture(signal: np.ndarray, rate: float, preset: str) -> torch.Tensor:
    """Pictures in [0, 1] of three axes, whatever their names."""
    channels = resolve(preset).channels
    params = resolve(preset, channels="acc" if channels != "magnitude" else channels)
    return torch.from_numpy(to_image(signal, rate, params)).float() / 255


@lru_cache(maxsize=8)
def _mean(recording: Recording, seconds: float, axes: tuple[str, ...], preset: str) -> torch.Tensor:
    """The mean picture of a recording's windows."""
    cut = sliding_windows(recording.select(axes), seconds, unlabelled=True, purity=0.51)
    return _picture(cut.signal, cut.rate, preset).mean(dim=0, keepdim=True)


def _resized(photo: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The middle of a photo, brought to a size, float32 [1, 3, H, W] in [0, 1]."""
    from PIL import Image, ImageOps

    fitted = ImageOps.fit(Image.fromarray(photo), size[::-1])
    return np.asarray(fitted, np.float32).transpose(2, 0, 1)[None] / 255


def _square(pixels, place: int, top: int, image, title: str, across=(0, 1), up=(0, 1), **labels):
    """One picture of a row of five."""
    if place > 2:
        labels = {key: text for key, text in labels.items() if key == "xlabel"}
    left = (20, 212, 470, 676, 882)[place]
    drawn = panel(pixels, (left, top, 178, 178), across, up, title=title, **labels)
    levels = (image[0] * 255).round().clamp(0, 255).to(torch.uint8)
    drawn.image(levels.permute(1, 2, 0).numpy())

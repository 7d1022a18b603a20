"""How well an augmentation of pictures imitates the change of the sensor that it depicts.

For a window x, an augmentation A of pictures and its twin B on signals, with the same random
parameters: is ``A(picture(x))`` like ``picture(B(x))``? Two answers for comparison: how like it
is the picture of another window (the null), and the picture left as it is (doing nothing)?
The measure, see `likeness`, is our choice.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from ..errors import ParameterError, SignalError
from ..pictures.image import to_image
from ..pictures.params import SpectrogramParams, resolve
from ..pictures.power import spectrogram
from ..signals.axes import channel_index
from ..signals.windows import Windows
from .base import Augmentation
from .image import Hue, sensor_aware
from .scale import scale_of
from .vision import implausible, moco_v2

__all__ = ["fidelity_table", "likeness", "measure_fidelity"]

_RESAMPLES = 2000
#: A twin that changes greys by less than this (root mean square) leaves no trace in a picture.
_TRACE = 1 / 255


def fidelity_table(
    windows: Windows,
    params: str | SpectrogramParams | None = None,
    *,
    strength: float = 1.0,
    most: int = 400,
    seed: int = 0,
    progress: bool = True,
    **overrides,
) -> pd.DataFrame:
    """Fidelity of every augmentation of the sensor-aware and of the vision set.

    Parameters
    ----------
    windows : Windows
        With the three axes that become the channels of a picture.
    params, **overrides
        As in `to_image`. Pictures must be logarithmic or signed; fixed limits are advised, for
        only they show a gain.
    strength : float
        Of the sensor-aware set.
    most : int
        At most so many windows, drawn at random.
    seed : int
    progress : bool
        Show a progress bar.

    Returns
    -------
    DataFrame
        One row an augmentation, always applied (whatever its probability in the set); the columns
        of `measure_fidelity` after ``set``: ``"sensor-aware"``, ``"vision"`` (MoCo v2's) or
        ``"other"``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> windows = Windows.from_numpy(rng.normal(size=(8, 3, 200)), rate=50)
    >>> table = fidelity_table(windows, progress=False)
    >>> sorted(set(table.set)), table.augmentation[0]
    (['other', 'sensor-aware', 'vision'], 'permute-x')
    """
    show = _Pictures(windows, params, most=most, seed=seed, **overrides)
    kind = show.scale.kind
    aware = sensor_aware(strength, kind)
    parts = aware.parts()
    on_power = [replace(part, on="power") for part in parts if isinstance(part, Hue)]
    sets = {
        "sensor-aware": [*parts, *(() if kind.signed else on_power), aware],
        "vision": [*moco_v2().parts(), moco_v2()],
        "other": implausible(kind),
    }
    jobs = [(name, each) for name, augmentations in sets.items() for each in augmentations]
    bar = tqdm(jobs, "fidelity", unit="augmentation", disable=not progress)
    return pd.DataFrame({"set": name, **_row(each, show, seed)} for name, each in bar)


def measure_fidelity(
    augmentation: Augmentation,
    windows: Windows,
    params: str | SpectrogramParams | None = None,
    *,
    most: int = 400,
    seed: int = 0,
    **overrides,
) -> dict[str, object]:
    """Fidelity of one augmentation of pictures.

    Parameters
    ----------
    augmentation : Augmentation
        Its `kind`, if it has one, is that of the pictures (``sensor_aware(params=params)``).
    windows, params, most, seed, **overrides
        As in `fidelity_table`.

    Returns
    -------
    dict
        ``augmentation``, ``depicts``, ``plausible``, ``strength``: what, of which change of the
        sensor, whether that happens, how much of it.
        ``similarity`` of A(picture(x)) and picture(B(x)), mean over windows; -1 to 1.
        ``null``: of the picture of another window, drawn at random, and picture(B(x)).
        ``nothing``: of picture(x) itself and picture(B(x)).
        ``margin``, ``low``, ``high``: similarity above the null, with its 95 % interval
        (bootstrap over subjects; over windows where there is one subject).
        ``explained``: ``1 - sum |A(picture(x)) - picture(B(x))|^2 / sum |picture(x) -
        picture(B(x))|^2``: 1 is a perfect imitation, 0 as good as doing nothing, negative worse.
        ``verdict``: ``"imitates"`` if it beats both the null and doing nothing with confidence
        and explains something, else ``"above null only"`` or ``"below null"``; ``"invisible"`` if
        the twin leaves no trace in such pictures, ``"no twin"`` if there is nothing to imitate
        (the comparison then is with no change).

    Raises
    ------
    SignalError
        Fewer than two windows, or not three axes.
    ParameterError
        Pictures that are neither logarithmic nor signed, or of the magnitude.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> windows = Windows.from_numpy(rng.normal(size=(8, 3, 200)), rate=50)
    >>> from img2imu_kit.augment import Gain
    >>> found = measure_fidelity(Gain(), windows)
    >>> found["augmentation"], found["explained"] > 0.9
    ('gain', True)
    """
    return _row(augmentation, _Pictures(windows, params, most=most, seed=seed, **overrides), seed)


def likeness(
    images: torch.Tensor, changed: torch.Tensor, depicted: torch.Tensor, mean: torch.Tensor
) -> tuple[np.ndarray, float]:
    """How like changed pictures are those they should depict.

    Parameters
    ----------
    images, changed, depicted : float tensor [N, 3, H, W]
        Pictures as they were, changed, and of the changed sensor, in [0, 1].
    mean : float tensor [3, H, W] or [1, 3, H, W]
        Mean picture of all windows.

    Returns
    -------
    similarity : float [N]
        Cosine of the differences from the mean, -1 to 1.
    explained : float
        Share of the sensor's change that the pictures' brings about, 1 at best; NaN where the
        sensor's leaves no trace.

    Notes
    -----
    The similarity is the anomaly correlation known from the verification of weather forecasts.
    Without the mean picture off, every spectrogram is like every other, bright at the bottom and
    dark at the top. It is not centred within a picture, so that it sees a change of gain.

    Examples
    --------
    >>> before, after = torch.zeros(1, 3, 8, 8), torch.rand(1, 3, 8, 8)
    >>> likeness(before, after, after, mean=before[0])[1]  # a perfect imitation
    1.0
    """
    # An explained share as in regression: 1 - (what is missed) / (what there was to explain).
    trace, missed = (float((a - depicted).square().mean()) for a in (images, changed))
    explained = 1 - missed / trace if trace > _TRACE**2 else np.nan
    return _similarity(changed, depicted, mean), explained


def _similarity(a: torch.Tensor, b: torch.Tensor, mean: torch.Tensor) -> np.ndarray:
    """Anomaly correlation of pictures, float [N]."""
    # Over all 3 H W values of a picture: colours that change together count three times.
    return torch.cosine_similarity((a - mean).flatten(1), (b - mean).flatten(1), dim=1).numpy()


class _Pictures:
    """The windows that are compared, their pictures [N, 3, H, W] and the scale of these."""

    def __init__(self, windows: Windows, params, *, most: int, seed: int, **overrides) -> None:
        params = resolve(params, **overrides)
        if params.channels == "magnitude":
            raise ParameterError("the magnitude has no axes to mix", remedy='Use channels="acc".')
        if not isinstance(windows, Windows):
            raise SignalError(
                f"a {type(windows).__name__} was given, expected Windows",
                remedy="Cut them from recordings with sliding_windows(...).",
            )
        chosen = channel_index(windows.axes, params.channels)
        if len(windows) < 2 or len(chosen) != 3:
            raise SignalError(
                f"{len(windows)} window(s) with {len(chosen)} axes to draw, "
                "expected two windows or more with three axes"
            )
        rng = np.random.default_rng(seed)
        windows = windows[np.sort(rng.permutation(len(windows))[:most])]
        self.subject = windows.subject
        # Only the three axes that are drawn, so that a turn of the device turns the picture's.
        self.signal = torch.from_numpy(np.ascontiguousarray(windows.signal[:, chosen]))
        self.rate, self.params = windows.rate, replace(params, channels="acc")
        self.scale = scale_of(spectrogram(self.signal.numpy(), self.rate, self.params))
        self.images = self.draw(self.signal)
        self.mean = self.images.mean(dim=0)
        # One cycle through all windows: each is the stranger of one other, and none its own.
        order = rng.permutation(len(windows))
        self.other = np.empty_like(order)
        self.other[order] = np.roll(order, 1)

    def draw(self, signal: torch.Tensor) -> torch.Tensor:
        """Pictures in [0, 1]."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # constant axes and units: to_image has said so
            return to_image(signal, self.rate, self.params).float() / 255


def _row(augmentation: Augmentation, show: _Pictures, seed: int) -> dict[str, object]:
    images, generator = show.images, torch.Generator().manual_seed(seed)
    parameters = augmentation.sample(tuple(images.shape), generator)
    imitation = augmentation.apply(images, **parameters)
    target = images
    if augmentation.twin is not None:
        target = show.draw(augmentation.twin(show.signal, show.scale, **parameters))
    same, explained = likeness(images, imitation, target, show.mean)
    null = _similarity(images[show.other], target, show.mean)
    nothing = _similarity(images, target, show.mean)
    # Differences within windows: what makes a window easy to imitate cancels.
    margin, low, high = _interval(same - null, show.subject, seed)
    if augmentation.twin is None:
        verdict = "no twin"
    elif np.isnan(explained):
        verdict = "invisible"
    elif low <= 0:
        verdict = "below null"
    else:
        beats = explained > 0 and _interval(same - nothing, show.subject, seed)[1] > 0
        verdict = "imitates" if beats else "above null only"
    units = augmentation.in_units(show.scale)
    return {
        "augmentation": augmentation.label,
        "depicts": augmentation.meaning,
        "plausible": augmentation.plausible,
        "strength": ", ".join(f"{name} {value:.3g}" for name, value in units.items()),
        "similarity": float(same.mean()),
        "null": float(null.mean()),
        "nothing": float(nothing.mean()),
        "margin": margin,
        "low": low,
        "high": high,
        "explained": explained,
        "verdict": verdict,
    }


def _interval(values: np.ndarray, groups: Iterable[str], seed: int) -> tuple[float, float, float]:
    """Mean, and its 95 % interval from resampling whole groups."""
    names, group = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    if len(names) < 2:
        group = np.arange(len(values))
    # Windows of one subject are alike, so subjects are what is drawn with replacement: how often
    # each comes, [2000, G], and the mean over all their windows.
    total, count = np.bincount(group, values), np.bincount(group)
    drawn = np.random.default_rng(seed).multinomial(
        len(total), np.full(len(total), 1 / len(total)), size=_RESAMPLES
    )
    low, high = np.percentile(drawn @ total / (drawn @ count), [2.5, 97.5])
    return float(values.mean()), float(low), float(high)

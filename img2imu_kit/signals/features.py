"""Statistics of time and frequency, chosen by people: the line no deep method may fall below."""

from __future__ import annotations

import itertools

import numpy as np

from ..errors import ClockError, ParameterError, SignalError
from .axes import default_axes
from .recording import check_rate
from .windows import Windows

__all__ = ["catch22_features", "feature_names", "handcrafted_features"]

#: Edges in Hz of the bands whose energy is measured (our choice: octaves of human motion).
_BANDS_HZ = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)

#: Windows worked on at a time, so that memory stays bounded.
_CHUNK = 2048

_TIME = (
    *("mean", "std", "min", "max", "q25", "median", "q75", "rms", "skewness", "kurtosis"),
    *("mean_crossings_hz", "jerk_rms", "jerk_mean_abs"),
)
_FREQUENCY = ("dominant_hz", "dominant_share", "centroid_hz", "spectral_entropy")


def handcrafted_features(signal: np.ndarray | Windows, rate: float | None = None) -> np.ndarray:
    """Hand-crafted statistics of windows.

    Parameters
    ----------
    signal : Windows, or float [N, C, T]
    rate : float, optional
        Hz; taken from Windows.

    Returns
    -------
    float32 [N, D]
        For every axis, and for the magnitude of every three axes, statistics of time (moments,
        quartiles, crossings of the mean, jerk) and of frequency (dominant frequency and its
        share of the power, centroid, entropy, log energy of octave bands up to 16 Hz); then the
        correlation of each pair of axes. `feature_names` names the columns.

    Raises
    ------
    SignalError
        Wrong shape, fewer than 8 samples, NaN or infinity.
    ClockError
        No rate for an array.

    Notes
    -----
    The kinds of statistics are those of [1]_ and [2]_; the list is our choice. A constant axis
    has zeros where a ratio is undefined.

    References
    ----------
    .. [1] L. Bao and S. S. Intille, "Activity recognition from user-annotated acceleration data",
       Pervasive 2004.
    .. [2] D. Anguita et al., "A public domain dataset for human activity recognition using
       smartphones", ESANN 2013.

    Examples
    --------
    >>> time_s = np.arange(128) / 64
    >>> swing = np.stack([np.sin(2 * np.pi * 2 * time_s), 0 * time_s, 0 * time_s])[None]
    >>> values = dict(zip(feature_names(3), handcrafted_features(swing, rate=64)[0]))
    >>> round(float(values["acc_x rms"]), 3), float(values["acc_x dominant_hz"])
    (0.707, 2.0)
    """
    if isinstance(signal, Windows):
        signal, rate = signal.signal, signal.rate
    if rate is None:
        remedy = "Give rate=<Hz>, or Windows."
        raise ClockError("no rate", where="handcrafted_features", remedy=remedy)
    rate = check_rate(rate, where="handcrafted_features")
    signal = np.asarray(signal)
    if signal.ndim != 3 or signal.shape[2] < 8 or 0 in signal.shape:
        raise SignalError(
            f"windows of shape {signal.shape}, expected (N, C, T) with 8 samples or more",
            where="handcrafted_features",
            remedy="One window is signal[None].",
        )
    if not np.isfinite(signal).all():
        window, axis, sample = (int(i) for i in np.argwhere(~np.isfinite(signal))[0])
        raise SignalError(f"not finite at sample {sample} of axis {axis}, window {window}")
    chunks = range(0, len(signal), _CHUNK)
    return np.concatenate([_statistics(signal[start : start + _CHUNK], rate) for start in chunks])


def catch22_features(windows: Windows) -> np.ndarray:
    """The 22 statistics that did best on a hundred data sets of others, and mean and spread.

    Parameters
    ----------
    windows : Windows

    Returns
    -------
    float32 [N, 24 * L]
        For every axis, and for the magnitude of every three axes. All but mean and spread are of
        the standardised series; where one is undefined it is 0 (of a constant axis they mean
        nothing).

    Raises
    ------
    SignalError
        NaN or infinity.
    ParameterError
        ``pycatch22`` is not installed (``pip install "img2imu_kit[baselines]"``).

    References
    ----------
    C. H. Lubba et al., catch22: canonical time-series characteristics, Data Mining and Knowledge
    Discovery 33 (2019).

    Examples
    --------
    >>> windows = Windows.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 200)), rate=50)
    >>> catch22_features(windows).shape
    (2, 96)
    """
    try:
        from pycatch22 import catch22_all
    except ImportError:
        raise ParameterError(
            "catch22 needs pycatch22", remedy='pip install "img2imu_kit[baselines]"'
        ) from None
    if not np.isfinite(windows.signal).all():
        raise SignalError("NaN or infinity among the windows", where="catch22_features")
    lines = _lines(windows.signal.astype(np.float64))  # [N, L, T]
    values = [[catch22_all(list(x), catch24=True)["values"] for x in line] for line in lines]
    return np.nan_to_num(values, posinf=0, neginf=0).reshape(len(lines), -1).astype(np.float32)


def feature_names(axes: int | tuple[str, ...]) -> list[str]:
    """Names of the columns that `handcrafted_features` returns, for C axes or their names.

    Examples
    --------
    >>> names = feature_names(3)
    >>> names[0], names[-1], len(names)
    ('acc_x mean', 'correlation acc_y acc_z', 95)
    """
    axes = default_axes(axes) if isinstance(axes, int) else tuple(axes)
    triads = [f"{axes[group][0].split('_')[0]} magnitude" for group in _triads(len(axes))]
    low_high = itertools.pairwise(_BANDS_HZ)
    statistics = [*_TIME, *_FREQUENCY, *(f"log_energy_{a:g}-{b:g}_hz" for a, b in low_high)]
    names = [f"{axis} {statistic}" for axis in [*axes, *triads] for statistic in statistics]
    return names + [f"correlation {a} {b}" for a, b in itertools.combinations(axes, 2)]


def _triads(channels: int) -> list[slice]:
    """Axes that belong to one sensor: every three of them, else all; none for a single axis."""
    size = 3 if channels % 3 == 0 else channels
    return [slice(i, i + size) for i in range(0, channels, size)] if channels > 1 else []


def _lines(signal: np.ndarray) -> np.ndarray:
    """Axes [N, C, T] and the magnitudes of every three of them: [N, L, T]."""
    # The length of a vector does not change when the device is turned: [N, T] for each sensor.
    magnitudes = [np.linalg.norm(signal[:, group], axis=1) for group in _triads(signal.shape[1])]
    return np.concatenate([signal, *(m[:, None] for m in magnitudes)], axis=1)


def _statistics(signal: np.ndarray, rate: float) -> np.ndarray:
    """Windows [N, C, T] to features float32 [N, D], in the order of `feature_names`."""
    signal = signal.astype(np.float64)
    count, channels, _ = signal.shape
    lines = _lines(signal)
    statistics = np.stack([*_of_time(lines, rate), *_of_frequency(lines, rate)], axis=-1)
    # Pearson: the cosine between two axes with their means taken off, each pair once.
    centred = signal - signal.mean(axis=2, keepdims=True)
    unit = _ratio(centred, np.linalg.norm(centred, axis=2, keepdims=True))
    first, second = np.triu_indices(channels, k=1)
    correlation = (unit @ unit.swapaxes(1, 2))[:, first, second]
    # [N, L, S] -> [N, L * S], then the pairs
    return np.concatenate([statistics.reshape(count, -1), correlation], axis=1).astype(np.float32)


def _of_time(x: np.ndarray, rate: float) -> list[np.ndarray]:
    """Statistics `_TIME` of lines [N, L, T], [N, L] each."""
    mean, std = x.mean(axis=2), x.std(axis=2)
    centred = x - mean[..., None]
    score = _ratio(centred, std[..., None])
    # A sign that changes counts half a cycle, whatever the amplitude.
    crossings = (np.signbit(centred[..., 1:]) != np.signbit(centred[..., :-1])).mean(axis=2)
    jerk = np.diff(x, axis=2) * rate  # per second, so that rates compare
    return [
        *(mean, std, x.min(axis=2), x.max(axis=2)),
        *np.quantile(x, [0.25, 0.5, 0.75], axis=2),
        np.sqrt((x**2).mean(axis=2)),
        *((score**3).mean(axis=2), (score**4).mean(axis=2)),
        crossings * rate,
        *(np.sqrt((jerk**2).mean(axis=2)), np.abs(jerk).mean(axis=2)),
    ]


def _of_frequency(x: np.ndarray, rate: float) -> list[np.ndarray]:
    """Statistics `_FREQUENCY` and log energies of lines [N, L, T], [N, L] each."""
    # Periodogram with a Hann window; the mean, which would leak over the lowest bins, goes first.
    length = x.shape[2]
    freqs_hz = np.fft.rfftfreq(length, 1 / rate)
    tapered = (x - x.mean(axis=2, keepdims=True)) * np.hanning(length)
    power = np.abs(np.fft.rfft(tapered, axis=2)) ** 2 / length  # [N, L, F]
    share = _ratio(power, power.sum(axis=2, keepdims=True))
    # Entropy of the shares over that of white noise: 0 is one line, 1 is flat.
    entropy = -(share * np.log(np.maximum(share, 1e-12))).sum(axis=2) / np.log(len(freqs_hz))
    bands = [(freqs_hz >= low) & (freqs_hz < high) for low, high in itertools.pairwise(_BANDS_HZ)]
    return [
        *(freqs_hz[power.argmax(axis=2)], share.max(axis=2)),
        *((share * freqs_hz).sum(axis=2), entropy),
        *(np.log(power[..., band].sum(axis=2) + 1e-8) for band in bands),
    ]


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a / b, and 0 where b is no more than rounding (a constant axis)."""
    return np.divide(a, b, out=np.zeros_like(a), where=b > 1e-9)

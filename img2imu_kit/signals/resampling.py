"""An even clock: resample to another rate, and put time-stamped samples on a grid."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np

from ..errors import ClockError, ParameterError
from .recording import Recording, check_labels, check_rate, check_signal

__all__ = ["from_samples", "resample", "resample_array"]


def resample(recording: Recording, rate: float) -> Recording:
    """The same motion at another rate: anti-aliased polyphase filtering.

    Parameters
    ----------
    recording : Recording
    rate : float
        New rate in Hz; see `resample_array` for how near it is met.

    Returns
    -------
    Recording
        Labels follow by nearest sample.

    Raises
    ------
    ClockError
        A rate that is implausible, or less than a thousandth of the old.
    """
    where = recording.name or "recording"
    rate = check_rate(rate, where=where)
    if rate == recording.rate:
        return recording
    signal = resample_array(recording.signal, recording.rate, rate, axis=0, where=where)
    labels = recording.labels
    if labels is not None:
        nearest = np.round(np.arange(len(signal)) * recording.rate / rate).astype(int)
        labels = labels[np.minimum(nearest, len(labels) - 1)]
    return replace(recording, signal=signal, rate=rate, labels=labels)


def resample_array(
    signal: np.ndarray, rate: float, new_rate: float, *, axis: int = -1, where: str = "signal"
) -> np.ndarray:
    """A signal at another rate, along one axis of an array.

    Parameters
    ----------
    signal : float32 array
    rate, new_rate : float
        Hz. Their ratio is taken to the nearest fraction with a denominator up to 1000.
    axis : int
        That of time.
    where : str
        What an error names.

    Returns
    -------
    float32 array
        Of ``ceil(T * new_rate / rate)`` samples; the signal itself if the rates agree.

    Raises
    ------
    ClockError
        The new rate is less than a thousandth of the old.

    Examples
    --------
    >>> resample_array(np.ones((2, 3, 64), np.float32), rate=64, new_rate=50).shape
    (2, 3, 50)
    """
    # Polyphase: up - 1 zeros between samples, a low-pass at the lower of both Nyquist rates, then
    # every down-th sample is kept.
    ratio = Fraction(new_rate / rate).limit_denominator(1000)
    if ratio == 1:
        return signal
    if ratio == 0:
        raise ClockError(
            f"{rate:g} Hz to {new_rate:g} Hz is a step of more than 1000",
            where=where,
            remedy="Go there in several steps.",
        )
    from scipy.signal import resample_poly  # slow to import, and often not needed

    # Beyond its ends the filter sees the line through first and last sample: zeros would pull
    # gravity down at the edges. One sample has no line.
    padtype = "line" if signal.shape[axis] > 1 else "mean"
    resampled = resample_poly(
        signal, ratio.numerator, ratio.denominator, axis=axis, padtype=padtype
    )
    return resampled.astype(np.float32)


def from_samples(
    signal: np.ndarray,
    times_s: np.ndarray,
    *,
    rate: float | None = None,
    gap: str = "raise",
    longest_gap_s: float = 0.5,
    labels: np.ndarray | None = None,
    name: str = "",
    **about,
) -> list[Recording]:
    """Put samples with time stamps of their own on an even clock.

    Parameters
    ----------
    signal : float [T, C]
    times_s : float [T]
        Time stamps in seconds, never decreasing; equal stamps (a phone delivering a batch) are
        averaged into one sample.
    rate : float, optional
        Rate of the even clock in Hz. Default: samples over the time they span, gaps left out.
        A lower rate is reached without aliasing: the samples are put on the first multiple of it
        that keeps them all, and filtered from there.
    gap : {"raise", "split", "interpolate"}
        What a silence longer than `longest_gap_s` means: an error, the end of a recording and the
        start of the next, or a straight line across it.
    longest_gap_s : float
        Shorter silences are always interpolated.
    labels, name, **about
        As in `Recording`; ``labels`` follow by nearest sample.

    Returns
    -------
    list of Recording
        One, or with ``gap="split"`` one for each unbroken stretch of at least two samples.

    Raises
    ------
    ClockError
        Stamps that run backwards (with the index), a gap under ``gap="raise"``, no elapsed time.
    """
    where = name or "samples"
    if gap not in ("raise", "split", "interpolate"):
        raise ParameterError(f'gap is {gap!r}, expected "raise", "split" or "interpolate"')
    signal = check_signal(signal, where=where)
    try:
        times_s = np.asarray(times_s, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ClockError(f"time stamps that are no seconds ({error})", where=where) from None
    if times_s.shape != (len(signal),):
        raise ClockError(f"{len(signal)} samples but {times_s.shape} time stamps", where=where)
    labels = check_labels(labels, len(signal), where=where)
    if not np.isfinite(times_s).all():
        bad = int(np.flatnonzero(~np.isfinite(times_s))[0])
        raise ClockError(f"time stamp of sample {bad} is {times_s[bad]}", where=where)
    steps = np.diff(times_s)
    if (steps < 0).any():
        bad = int(np.flatnonzero(steps < 0)[0]) + 1
        raise ClockError(
            f"time runs backwards at sample {bad}: {times_s[bad - 1]:g} s, then {times_s[bad]:g} s",
            where=where,
            remedy="Sort the rows by time, or give rate= and no time column.",
        )
    holes = steps > longest_gap_s
    if holes.any() and gap == "raise":
        bad = int(np.flatnonzero(holes)[0])
        raise ClockError(
            f"{int(holes.sum())} gap(s) over {longest_gap_s:g} s, the first of {steps[bad]:.3g} s "
            f"after sample {bad}",
            where=where,
            remedy='Choose gap="split" or gap="interpolate", or a larger longest_gap_s.',
        )
    # Rate: steps over the time that they span, silences left out of both.
    span = steps[~holes].sum()
    if span <= 0:
        remedy = "Give two samples at least, or rate= and no time stamps."
        raise ClockError("no time passes between the stamps", where=where, remedy=remedy)
    own_rate = round(float((~holes).sum() / span), 6)  # 50 Hz, not 49.99999999999999
    rate = check_rate(own_rate if rate is None else rate, where=where)
    # Interpolation aliases if it thins out: go first to the multiple of the rate that keeps every
    # distinct stamp, then filter. 0.1: a clock a little too slow loses nothing.
    distinct = (steps[~holes] > 0).sum() / span
    factor = max(1, math.ceil(distinct / rate - 0.1))
    edges = np.flatnonzero(holes) + 1 if gap == "split" else np.array([], dtype=int)
    pieces = []
    for start, stop in itertools.pairwise([0, *edges, len(signal)]):
        piece = slice(start, stop)
        grid, even = _even(signal[piece], times_s[piece], rate * factor)  # [S], [S, C]
        if len(grid) < 2:
            continue
        # the sample nearest to a point of the grid changes halfway between two stamps
        halfway = (times_s[piece][1:] + times_s[piece][:-1]) / 2
        nearest = np.searchsorted(halfway, grid)
        fine = Recording(
            even,
            rate * factor,
            name=name,
            labels=None if labels is None else labels[piece][nearest],
            start_s=float(times_s[start] - times_s[0]),
            **about,
        )
        pieces.append(resample(fine, rate))
    if not pieces:
        raise ClockError("no stretch of two samples or more between the gaps", where=where)
    return pieces


def _even(signal: np.ndarray, times_s: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Even grid [S] from the first stamp to the last, and the signal [S, C] interpolated on it."""
    # Equal stamps are one batch: their mean counts. [T] stamps -> [U] distinct ones.
    stamps, first = np.unique(times_s, return_index=True)
    counts = np.diff([*first, len(times_s)])
    mean = np.add.reduceat(signal.astype(np.float64), first, axis=0) / counts[:, None]
    steps = math.floor((stamps[-1] - stamps[0]) * rate + 0.01)  # rounding costs no last sample
    grid = stamps[0] + np.arange(steps + 1) / rate
    even = np.stack([np.interp(grid, stamps, column) for column in mean.T], axis=1)
    return grid, even.astype(np.float32)

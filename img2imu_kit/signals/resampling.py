"""An even clock: resample to another rate, and put time-stamped samples on a grid."""

from __future__ import annotations

import itertools
import math
import warnings
from dataclasses import replace
from fractions import Fraction

import numpy as np

from ..errors import ClockError, GuessWarning, ParameterError
from .recording import Recording, check_labels, check_rate, check_signal

__all__ = ["from_samples", "resample", "resample_array", "spread_equal"]

#: Devices whose rows alternate without a column that tells them apart: as many are looked for.
_MOST_DEVICES = 8


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

    Examples
    --------
    >>> walk = Recording(np.zeros((100, 3), np.float32), rate=50)
    >>> resample(walk, 25).signal.shape
    (50, 3)
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
    equal: str = "spread",
    labels: np.ndarray | None = None,
    name: str = "",
    **about,
) -> list[Recording]:
    """Put samples with time stamps of their own on an even clock.

    Parameters
    ----------
    signal : float [T, C]
    times_s : float [T]
        Time stamps in seconds, never decreasing.
    rate : float, optional
        Rate of the even clock in Hz. Default: samples over the time they span, gaps left out.
        A lower rate is reached without aliasing: the samples are put on the first multiple of it
        that keeps them all, and filtered from there.
    gap : {"raise", "split", "interpolate"}
        What a silence longer than `longest_gap_s` means: an error, the end of a recording and the
        start of the next, or a straight line across it.
    longest_gap_s : float
        Shorter silences are always interpolated.
    equal : {"spread", "mean"}
        Rows of one stamp (a packet, or a clock of whole seconds) are spread to the next stamp, see
        `spread_equal`, or averaged into one sample.
    labels, name, **about
        As in `Recording`; ``labels`` follow by nearest sample.

    Returns
    -------
    list of Recording
        One, or with ``gap="split"`` one for each unbroken stretch of at least two samples.

    Raises
    ------
    ClockError
        Stamps that run backwards (with the index), a gap under ``gap="raise"``, no elapsed time,
        equal stamps that cannot be spread.

    Warns
    -----
    GuessWarning
        Rows of one stamp are spread.

    Examples
    --------
    >>> times_s = np.arange(100) / 50
    >>> [walk] = from_samples(np.zeros((100, 3)), times_s, name="walk")
    >>> walk.rate, walk.signal.shape
    (50.0, (100, 3))
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
    if equal not in ("spread", "mean"):
        raise ParameterError(f'equal is {equal!r}, expected "spread" or "mean"', where=where)
    if equal == "spread" and not steps.all():
        rows, times_s, note = spread_equal(signal, times_s, longest_gap_s, where=where)
        signal, labels = signal[rows], None if labels is None else labels[rows]
        steps = np.diff(times_s)
        if note:
            warnings.warn(f"{where}: guessed: {note}", GuessWarning, stacklevel=2)
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
        nearest_labels = None
        if labels is not None:
            # the sample nearest to a point of the grid changes halfway between two stamps
            halfway = (times_s[piece][1:] + times_s[piece][:-1]) / 2
            nearest_labels = labels[piece][np.searchsorted(halfway, grid)]
        fine = Recording(
            even,
            rate * factor,
            name=name,
            labels=nearest_labels,
            start_s=float(times_s[start] - times_s[0]),
            **about,
        )
        pieces.append(resample(fine, rate))
    if not pieces:
        raise ClockError("no stretch of two samples or more between the gaps", where=where)
    return pieces


def spread_equal(
    signal: np.ndarray, times_s: np.ndarray, longest_gap_s: float = 0.5, *, where: str = "samples"
) -> tuple[np.ndarray, np.ndarray, str]:
    """Stamps of their own for rows that share one.

    A sensor samples evenly; what is coarse is the clock, or the packets in which samples arrive.
    So the rows of one stamp are spread to the next one: on one line where all stamps fit it to
    within a packet, else evenly from each stamp to the next.

    Parameters
    ----------
    signal : float [T, C]
    times_s : float [T]
        Never decreasing.
    longest_gap_s : float
        A longer silence before the next stamp stays one.
    where : str
        What an error names.

    Returns
    -------
    rows : int [R]
        Those that are kept: all, unless the rows of one stamp only repeat each other.
    times_s : float [R]
        Increasing.
    note : str
        What was done, ``""`` if nothing was.

    Raises
    ------
    ClockError
        Fewer than three stamps; rows that look like those of several devices.

    Examples
    --------
    >>> signal = np.arange(9.0)[:, None] ** 2
    >>> spread_equal(signal, np.array([3, 3, 3, 6, 6, 6, 9, 9, 9]))[1].round(6)
    array([ 3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11.])
    """
    first = np.flatnonzero(np.diff(times_s, prepend=-np.inf))  # [U] first row of each stamp
    rows, length = np.arange(len(times_s)), len(times_s)
    if len(first) in (1, length):  # no time passes, or nothing is shared
        return rows, times_s, ""
    same = (np.diff(signal, axis=0) == 0).all(axis=1)  # [T - 1]
    shared = np.diff(times_s) == 0
    # A logger that writes each sample twice: within a stamp all is the same, between stamps not.
    if same[shared].all() and same[~shared].mean() < 0.5:
        return first, times_s[first], ""
    share = f"{shared.mean():.0%} of the rows share the time stamp of the row before"
    if len(first) < 3:
        what = f"{share}, and {len(first)} stamps do not tell how fast they follow"
        raise ClockError(what, where=where, remedy="Give rate=<Hz> and time=False.")
    counts, stamps = np.diff([*first, length]), times_s[first]
    _refuse_devices(signal, first, counts, share, where)
    steps = np.diff(stamps)  # [U - 1]
    # The first and the last stamp may hold a part of their rows only.
    inner = slice(1, None) if len(first) > 3 or counts[0] < counts[1] else slice(None)
    own = float(np.median((steps / counts[:-1])[inner]))  # seconds between rows
    silent = steps - counts[:-1] * own > longest_gap_s
    coarse = counts[1:-1].min() > 1  # not one late packet, but a clock that always stands still
    if coarse:  # a second that had begun before the recording is short of rows, not silent
        silent[0] = steps[0] - np.median(steps[1:]) > longest_gap_s
    spacing = np.append(np.where(silent, own, steps / counts[:-1]), own)  # [U]
    place = rows - np.repeat(first, counts)  # [T] 0, 1, 2, ... within each stamp
    spread = np.repeat(stamps, counts) + place * np.repeat(spacing, counts)
    if coarse:
        # Rows come by the packet, and a packet late by no more than its length has lost none.
        packet = np.gcd.reduce(counts[1:-1])
        line = np.polynomial.Polynomial.fit(first[1:], stamps[1:], 1)
        if not silent.any() and np.abs(line(first[1:]) - stamps[1:]).max() <= packet * own:
            spread = line(rows)
        elif not silent[0] and counts[0] * own < steps[0]:
            spread[: counts[0]] = stamps[1] - own * np.arange(counts[0], 0, -1)
    told = ~silent & (np.arange(len(steps)) > 0)  # the first may hold a part of its rows
    rate = counts[:-1][told].sum() / steps[told].sum() if told.any() else 1 / own
    note = f"{share}: they are spread to the next stamp, at {rate:.4g} Hz in the mean (time=)"
    return rows, spread, note


def _refuse_devices(
    signal: np.ndarray, first: np.ndarray, counts: np.ndarray, share: str, where: str
) -> None:
    """Raise where each stamp holds one row of each of several devices."""
    devices = int(np.median(counts))
    if not 2 <= devices <= _MOST_DEVICES or (counts == devices).mean() < 0.9:
        return
    # [U, devices, C]: motion is smooth, so that rows of one device differ less from stamp to stamp
    # than rows of one stamp do from each other
    whole = first[counts == devices]
    table = signal[whole[:, None] + np.arange(devices)].astype(np.float64)
    between = np.abs(np.diff(table, axis=1)).mean(axis=(0, 1))
    within = np.abs(np.diff(table, axis=0)).mean(axis=(0, 1))
    if (within < between / 3).mean() > 0.5:
        raise ClockError(
            f"{share}, and {devices} rows of a stamp differ as those of {devices} devices do",
            where=where,
            remedy=f"Keep the rows of one device (every {devices}. row); if all are of one, give "
            "rate=<Hz> and time=False.",
        )


def _even(signal: np.ndarray, times_s: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Even grid [S] from the first stamp to the last, and the signal [S, C] interpolated on it."""
    # Equal stamps are one batch: their mean counts. [T] stamps -> [U] distinct ones.
    first = np.flatnonzero(np.diff(times_s, prepend=-np.inf))
    stamps, counts = times_s[first], np.diff(first, append=len(times_s))
    steps = math.floor((stamps[-1] - stamps[0]) * rate + 0.01)  # rounding costs no last sample
    grid = stamps[0] + np.arange(steps + 1) / rate
    even = np.empty((len(grid), signal.shape[1]), np.float32)
    for axis, column in enumerate(signal.T):  # one by one: a week at 100 Hz is 60 million samples
        if len(first) < len(times_s):
            column = np.add.reduceat(column.astype(np.float64), first) / counts
        even[:, axis] = np.interp(grid, stamps, column)
    return grid, even

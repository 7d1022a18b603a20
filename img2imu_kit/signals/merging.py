"""Sensors that wrote a file each, as one recording on one clock."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Sequence

import numpy as np

from ..errors import ClockError, GuessWarning, ParameterError, SignalError
from .recording import Recording
from .resampling import resample

__all__ = ["merge"]

_log = logging.getLogger(__name__)


def merge(
    recordings: Sequence[Recording],
    *,
    rate: float | None = None,
    offsets_s: Sequence[float] | None = None,
) -> Recording:
    """Recordings of different sensors as one, over the time that all of them saw.

    Each clock is the file's own: where the files share one (dates, seconds since the app or the
    phone started), nothing has to be said. What each begins later, and how much they have in
    common, is logged; a `GuessWarning` says when more than a second and a twentieth is cut off.

    Parameters
    ----------
    recordings : sequence of Recording
        Two or more, each with axes of its own: accelerometer first, then gyroscope.
    rate : float, optional
        Hz of the result. Default: the highest of theirs; of nearly equal ones, the first.
    offsets_s : sequence of float, optional
        Seconds to add to each clock, one a recording: from a clap that all of them saw, or zeros
        where the clocks count from one moment. A recording without a clock counts from its start.

    Returns
    -------
    Recording
        The samples of the recording that has this rate, and of the others what cubic splines say
        at their times. Axes and units side by side; labels, subject and name of the first
        recording that has any.

    Raises
    ------
    ClockError
        A recording without a clock and no `offsets_s`; no time in common.
    SignalError
        An axis that two recordings have.
    ParameterError
        Fewer than two recordings, or not one offset for each; recordings of two people.

    Examples
    --------
    >>> import numpy as np
    >>> acc = Recording(np.zeros((500, 3)), 50, unit="g", name="walk", clock_s=100)
    >>> gyro = Recording(np.zeros((990, 3)), 100, ("gyro_x", "gyro_y", "gyro_z"), clock_s=100.2)
    >>> merge([acc, gyro])
    Recording('walk', 9.8 s at 100 Hz, acc_x acc_y acc_z gyro_x gyro_y gyro_z, subject '')
    """
    recordings = list(recordings)
    begins_s = _begins(recordings, offsets_s)
    fastest = max(r.rate for r in recordings)
    rate = rate or next(r.rate for r in recordings if r.rate > 0.95 * fastest)
    # Filtered before they are thinned out: interpolation alone would alias.
    parts = [resample(r, rate) if r.rate > 1.05 * rate else r for r in recordings]
    # The grid is that of a recording which has this rate: its samples stay as they are.
    lead = next((i for i, r in enumerate(parts) if r.rate == rate), 0)
    first = max(begins_s) - begins_s[lead]
    last = min(b + (len(r) - 1) / r.rate for b, r in zip(begins_s, parts, strict=True))
    last -= begins_s[lead]
    # Clocks that count from 1970 are rounded: a hundredth of a sample costs none at the ends.
    grid_s = np.arange(math.ceil(first * rate - 0.01), math.floor(last * rate + 0.01) + 1) / rate
    told = _spans(recordings, begins_s, len(grid_s) / rate)
    about = {
        field: next((getattr(r, field) for r in recordings if getattr(r, field)), "")
        for field in ("subject", "name")
    }
    if len(grid_s) < 2:
        remedy = "Where they began together, give offsets_s=[-r.clock_s for r in recordings]."
        raise ClockError(told, where=about["name"] or "recordings", remedy=remedy)
    signals, labels = [], None
    for begin_s, r in zip(begins_s, parts, strict=True):
        # [T]: times of the grid, counted in samples of this recording
        at = np.clip((grid_s + begins_s[lead] - begin_s) * r.rate, 0, len(r) - 1)
        signals.append(_samples(r.signal, at))
        if labels is None and r.labels is not None:
            labels = r.labels[np.round(at).astype(int)]
    own = recordings[lead]
    return Recording(
        np.concatenate(signals, axis=1),
        rate,
        axes=[axis for r in recordings for axis in r.axes],
        unit=[unit for r in recordings for unit in r.unit],
        labels=labels,
        start_s=own.start_s + float(grid_s[0]),
        clock_s=None if own.clock_s is None else begins_s[lead] - own.start_s,
        **about,
    )


def _begins(recordings: list[Recording], offsets_s: Sequence[float] | None) -> list[float]:
    """Where the first sample of each lies on the common clock, or what keeps them apart."""
    if len(recordings) < 2:
        raise ParameterError(f"{len(recordings)} recording(s) to merge, expected two or more")
    where = next((r.name for r in recordings if r.name), "recordings")
    people = sorted({r.subject for r in recordings} - {""})
    if len(people) > 1:
        raise ParameterError(f"recordings of {' and '.join(people)}", where=where)
    axes = [axis for r in recordings for axis in r.axes]
    twice = sorted({axis for axis in axes if axes.count(axis) > 1})
    if twice:
        raise SignalError(
            f"several recordings have {', '.join(twice)}",
            where=where,
            remedy="Choose axes with .select(), or name them apart with dataclasses.replace().",
        )
    if offsets_s is None:
        if any(r.clock_s is None for r in recordings):
            raise ClockError(
                "no clock tells when each recording began",
                where=where,
                remedy=f"Where they began together, give offsets_s={[0] * len(recordings)}.",
            )
        offsets_s = [0.0] * len(recordings)
    if len(offsets_s) != len(recordings):
        raise ParameterError(f"{len(recordings)} recordings but {len(offsets_s)} offsets_s")
    return [
        (r.clock_s or 0.0) + r.start_s + float(offset)
        for r, offset in zip(recordings, offsets_s, strict=True)
    ]


def _spans(recordings: list[Recording], begins_s: list[float], common_s: float) -> str:
    """When each began and ended, logged; a warning where much of one is not in the others."""
    zero = min(begins_s)
    spans = ", ".join(
        f"{r.axes[0]}.. {begin - zero:.3f} to {begin - zero + r.seconds:.3f} s"
        for r, begin in zip(recordings, begins_s, strict=True)
    )
    told = f"{common_s:.3f} s in common of {spans}"
    _log.info("merged: %s", told)
    lost_s = max(r.seconds for r in recordings) - common_s
    if common_s and lost_s > max(1.0, 0.05 * (lost_s + common_s)):
        warnings.warn(f"merged over {told}; the rest is cut off", GuessWarning, stacklevel=3)
    return told


def _samples(signal: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Signal [T, C] at fractions of samples [S]: as it is on whole ones, else a cubic spline."""
    nearest = np.round(at)
    # A straight line between samples takes 19 % of a swing at a fifth of the rate, a spline 1 %.
    if np.abs(at - nearest).max() < 0.01:
        return signal[nearest.astype(int)]
    from scipy.interpolate import make_interp_spline  # slow to import, and often not needed

    degree = min(3, len(signal) - 1)
    return make_interp_spline(np.arange(len(signal)), signal, k=degree)(at).astype(np.float32)

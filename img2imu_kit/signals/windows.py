"""Recordings cut into windows of equal length, each with its label, subject and origin."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import Img2ImuWarning, ParameterError, SignalError
from .axes import axis_index
from .recording import Recording, check_labels

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Windows", "concat", "sliding_windows"]

#: Relative difference up to which two measured rates are one (a window of 4 s: 4 ms).
_RATE_TOLERANCE = 1e-3
#: Of a window: nine days at 128 Hz. What asks for more has mistaken a unit.
_MOST_SAMPLES = 1e8


@dataclass(frozen=True, eq=False)
class Windows:
    """N windows of the same length, rate and axes.

    Index it with an integer, a slice, a mask or positions to get the windows chosen.

    Attributes
    ----------
    signal : float32 [N, C, T]
        Batch, axis, time.
    rate : float
        Hz.
    label, subject, recording : str [N] (object)
        Class (``""`` where unlabelled), who, and the name of the recording it was cut from.
    start_s : float64 [N]
        Seconds from the start of that recording's file to the first sample.
    axes, unit : tuple of str [C]

    See Also
    --------
    sliding_windows : from recordings.

    Examples
    --------
    >>> windows = Windows.from_numpy(np.zeros((4, 3, 100)), ["run", "run", "walk", "walk"], rate=50)
    >>> windows.select("acc").signal.shape, windows[windows.label == "run"].seconds
    ((4, 3, 100), 2.0)
    """

    signal: np.ndarray
    rate: float
    label: np.ndarray
    subject: np.ndarray
    recording: np.ndarray
    start_s: np.ndarray
    axes: tuple[str, ...]
    unit: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.signal)

    def __getitem__(self, index) -> Windows:
        if isinstance(index, (int, np.integer)):
            if not -len(self) <= index < len(self):  # what ends `for window in windows`
                raise IndexError(f"window {index} of {len(self)}")
            index = slice(index, index + 1 or None)
        chosen = {name: getattr(self, name)[index] for name in _PER_WINDOW}
        return replace(self, **chosen)

    def __repr__(self) -> str:
        count, channels, length = self.signal.shape
        return (
            f"Windows({count} of {length / self.rate:g} s ({length} samples at {self.rate:g} Hz), "
            f"{channels} axes, {len(self.classes)} classes, {len(set(self.subject))} subjects)"
        )

    @classmethod
    def from_numpy(
        cls,
        X: np.ndarray,
        y: Sequence | None = None,
        groups: Sequence | None = None,
        rate: float | None = None,
        *,
        axes: Sequence[str] = (),
        unit: str | Sequence[str] = "",
    ) -> Windows:
        """Windows that another library cut, with its names for them.

        Parameters
        ----------
        X : array_like [N, C, T]
            Window, axis, time, as aeon and PyTorch have it; of Keras' [N, T, C] give
            ``X.transpose(0, 2, 1)``, of flat rows [N, C * T] ``X.reshape(len(X), 3, -1)``.
        y : sequence [N], optional
            Classes, as text or numbers (1.0 is ``"1"``). Default: none is labelled.
        groups : sequence [N], optional
            Who was recorded: becomes `subject`, and `recording` too, for nothing tells which
            windows of a person overlap.
        rate : float
            Hz.
        axes, unit
            As in `Recording`.

        Returns
        -------
        Windows
            Whose `start_s` is 0, not being known.

        Raises
        ------
        SignalError
            Another shape, more axes than samples, NaN or infinity, `y` or `groups` of another
            length.
        ClockError
            No rate, or an implausible one.

        Examples
        --------
        >>> X = np.zeros((6, 3, 128))
        >>> Windows.from_numpy(X, ["sit", "walk"] * 3, groups=[1, 1, 2, 2, 3, 3], rate=64)
        Windows(6 of 2 s (128 samples at 64 Hz), 3 axes, 2 classes, 3 subjects)
        """
        signal = _check_stack(X)
        count = len(signal)
        # Names, units and rate are checked as those of a recording are.
        like = Recording(signal[0].T, rate, axes=axes, unit=unit, name="windows")
        names = {
            name: check_labels("" if values is None else values, count, where=f"windows, {name}")
            for name, values in (("y", y), ("groups", groups))
        }
        return cls(
            signal=signal,
            rate=like.rate,
            label=names["y"],
            subject=names["groups"],
            recording=names["groups"],
            start_s=np.zeros(count),
            axes=like.axes,
            unit=like.unit,
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels that occur, sorted, without ``""``."""
        return tuple(sorted(set(self.label) - {""}))

    @property
    def seconds(self) -> float:
        """Length of one window in seconds."""
        return self.signal.shape[2] / self.rate

    def select(self, axes: str | Iterable[str]) -> Windows:
        """Some of the axes, by name or prefix, as in `Recording.select`."""
        index = axis_index(self.axes, axes, where="windows")
        names, unit = (tuple(values[i] for i in index) for values in (self.axes, self.unit))
        return replace(self, signal=self.signal[:, index], axes=names, unit=unit)

    def relabel(self, names: dict[str, str]) -> Windows:
        """Rename or merge classes; a class renamed to ``""`` is dropped."""
        label = np.array([names.get(label, label) for label in self.label], dtype=object)
        renamed = replace(self, label=label)
        return renamed[label != ""] if "" in names.values() else renamed

    def thin(self, most: int) -> Windows:
        """So many of the windows, in their order: of each person's each class about as many.

        To be quick. Every n-th window may leave a class to one person alone, and then there are no
        others to test on.

        Parameters
        ----------
        most : int
            More only where people times their classes are more: one of each stays.

        Raises
        ------
        ParameterError
            `most` is below 1.

        Examples
        --------
        >>> X, y = np.zeros((60, 3, 100)), ["walk"] * 50 + ["fall"] * 10
        >>> windows = Windows.from_numpy(X, y, groups=["ann", "ben"] * 30, rate=50)
        >>> windows.thin(12).frame().groupby(["label", "subject"]).size().to_list()
        [3, 3, 3, 3]
        """
        if most < 1:
            raise ParameterError(f"most is {most}, expected at least one window")
        # Fractions of multiples of the golden ratio are spread evenly however many are taken, so
        # those that come first in this order lie apart, and overlapping neighbours are left out.
        spread = np.argsort(np.arange(len(self)) * (5**0.5 - 1) / 2 % 1)
        ordered = self.frame().iloc[spread]
        rank = ordered.groupby(["label", "subject"]).cumcount().to_numpy()  # 0: first of its group
        count = max(most, int((rank == 0).sum()))
        return self[np.sort(spread[np.argsort(rank, kind="stable")[:count]])]

    def frame(self) -> pd.DataFrame:
        """One row a window (label, subject, recording, start_s): for counting and plotting."""
        import pandas as pd

        return pd.DataFrame({name: getattr(self, name) for name in _PER_WINDOW[1:]})


#: Fields with one entry a window; the others hold for all.
_PER_WINDOW = ("signal", "label", "subject", "recording", "start_s")


def sliding_windows(
    recordings: Recording | Iterable[Recording],
    seconds: float,
    *,
    overlap: float = 0.0,
    purity: float = 1.0,
    short: str = "skip",
    unlabelled: bool = False,
) -> Windows:
    """Cut recordings into windows; none crosses a recording, a gap or a change of label.

    Parameters
    ----------
    recordings : Recording or iterable of Recording
        All of one rate (to 0.1 %, for clocks that were measured) and the same axes; a recording
        split at a gap arrives as several.
    seconds : float
        Length of a window.
    overlap : float
        Share of a window that the next one sees again, 0 to below 1.
    purity : float
        Least share of samples that carry the window's label (the most frequent one), 0 to 1. At
        1 a window never crosses a change of label; at 0 labels decide nothing.
    short : {"skip", "pad", "raise"}
        A recording shorter than one window is left out with a warning, held at its last value
        to the full length, or an error.
    unlabelled : bool
        Keep windows whose label is ``""`` (pre-training). A recording without any labels is
        always kept.

    Returns
    -------
    Windows

    Raises
    ------
    SignalError
        A recording too short under ``short="raise"``, or no window at all.
    ParameterError
        Rates or axes that differ, settings out of range.

    Notes
    -----
    With ``purity=1`` windows are laid anew at every change of label, so that a short segment
    (a turn of 1.1 s) is not lost to a grid that began elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> walk = Recording(np.zeros((640, 3)), rate=64, labels="walk", subject="s01")
    >>> sliding_windows(walk, seconds=2, overlap=0.5)
    Windows(9 of 2 s (128 samples at 64 Hz), 3 axes, 1 classes, 1 subjects)
    """
    recordings = [recordings] if isinstance(recordings, Recording) else list(recordings)
    _check(recordings, seconds, overlap, purity, short)
    rate = recordings[0].rate
    # Samples of a window and from one start to the next; a step is never 0.
    length = round(seconds * rate)
    step = max(1, round(length * (1 - overlap)))
    parts, too_short = [], []
    for recording in recordings:
        signal = recording.signal
        if len(signal) < length:
            if short == "raise":
                raise SignalError(
                    f"{recording.seconds:.2f} s, shorter than one window of {seconds:g} s",
                    where=recording.name or "recording",
                    remedy='Use shorter windows, or short="pad" or "skip".',
                )
            if short == "skip":
                too_short.append(recording.name)
                continue
            signal = np.pad(signal, ((0, length - len(signal)), (0, 0)), mode="edge")
        starts, labels = _starts(recording, len(signal), length, step, purity)
        keep = labels != "" if recording.labels is not None and not unlabelled else slice(None)
        starts, labels = starts[keep], labels[keep]
        if len(starts) == 0:
            continue
        # [T, C] -> a view of every window [T - length + 1, C, length], of which some are copied
        view = np.lib.stride_tricks.sliding_window_view(signal, length, axis=0)
        parts.append(
            Windows(
                signal=np.ascontiguousarray(view[starts]),
                rate=rate,
                label=labels,
                subject=np.full(len(starts), recording.subject, dtype=object),
                recording=np.full(len(starts), recording.name, dtype=object),
                # by the recording's own clock, which may differ by a thousandth
                start_s=recording.start_s + starts / recording.rate,
                axes=recording.axes,
                unit=recording.unit,
            )
        )
    if not parts:
        why, remedy = _why_none(recordings, seconds)
        raise SignalError(
            f"no window of {seconds:g} s in {len(recordings)} recording(s): {why}",
            where=recordings[0].name or "recording",
            remedy=remedy,
        )
    if too_short:
        warnings.warn(
            f"{len(too_short)} of {len(recordings)} recordings are shorter than {seconds:g} s and "
            f'were skipped (the first: {too_short[0]!r}); short="pad" keeps them',
            Img2ImuWarning,
            stacklevel=2,
        )
    return concat(parts)


def concat(parts: Iterable[Windows]) -> Windows:
    """Windows of the same length, rate and axes, one after the other.

    Examples
    --------
    >>> windows = Windows.from_numpy(np.zeros((4, 3, 100)), rate=50)
    >>> len(concat([windows, windows[:2]]))
    6
    """
    parts = list(parts)
    if not parts:
        raise ParameterError("no windows to join")
    first = parts[0]
    for part in parts[1:]:
        same = part.rate == first.rate and part.axes == first.axes and part.unit == first.unit
        if not same or part.signal.shape[1:] != first.signal.shape[1:]:
            raise ParameterError(f"cannot join {first!r} and {part!r}: rate, axes or length differ")
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _PER_WINDOW}
    return replace(first, **joined)


def _check_stack(X: np.ndarray) -> np.ndarray:
    """Float32 [N, C, T], or a `SignalError` that says how to get there."""
    try:
        array = np.asarray(X, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise SignalError(f"not an array of numbers ({error})", where="windows") from None
    remedy = ""
    if array.ndim == 2:
        remedy = "Give X.reshape(len(X), C, -1) with C axes, each with all its samples in a row."
    elif array.ndim == 3 and array.shape[1] > array.shape[2]:
        remedy = "Give X.transpose(0, 2, 1): time comes last."
    if array.ndim != 3 or array.size == 0 or remedy:
        what = f"shape {array.shape}, expected [N, C, T] (windows, axes, samples)"
        raise SignalError(what, where="windows", remedy=remedy)
    if not np.isfinite(array).all():
        window, axis, sample = (int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise SignalError(
            f"{(~np.isfinite(array)).sum()} value(s) not finite, the first in window {window} on "
            f"axis {axis} at sample {sample}",
            where="windows",
            remedy="Leave such windows out: X[np.isfinite(X).all(axis=(1, 2))].",
        )
    return array


def _starts(
    recording: Recording, total: int, length: int, step: int, purity: float
) -> tuple[np.ndarray, np.ndarray]:
    """First sample and label of each window that is pure enough."""
    grid = np.arange(0, total - length + 1, step)
    if recording.labels is None:
        return grid, np.full(len(grid), "", dtype=object)
    labels = recording.labels
    if total > len(labels):  # padded: the label is held with the signal
        labels = np.concatenate([labels, np.full(total - len(labels), labels[-1], dtype=object)])
    # a run of one label starts at 0 and after each change
    changes = np.flatnonzero(labels[1:] != labels[:-1]) + 1
    if purity == 1:  # a grid of its own for every run of one label
        edges = [0, *changes, total]
        runs = [np.arange(a, b - length + 1, step) for a, b in itertools.pairwise(edges)]
        grid = np.concatenate(runs)
        return grid, labels[grid]
    # One grid for all; the most frequent label of each window wins: [N, length] -> [N, classes]
    names, codes = np.unique(labels.astype(str), return_inverse=True)
    view = np.lib.stride_tricks.sliding_window_view(codes, length)[grid]
    counts = np.stack([(view == code).sum(axis=1) for code in range(len(names))], axis=1)
    pure = counts.max(axis=1) >= purity * length - 1e-9  # 0.55 * 20 is a little over 11
    return grid[pure], names.astype(object)[counts.argmax(axis=1)][pure]


def _why_none(recordings: list[Recording], seconds: float) -> tuple[str, str]:
    """Why there is no window at all, and what helps."""
    longest = max(recording.seconds for recording in recordings)
    if longest < seconds:
        return f"the longest lasts {longest:.2f} s", 'Use shorter windows, or short="pad".'
    runs = [
        len(list(run)) / recording.rate
        for recording in recordings
        if recording.labels is not None
        for label, run in itertools.groupby(recording.labels)
        if label
    ]
    if not runs:
        return "no sample is labelled", "Give labels, or use unlabelled=True."
    return (
        f"the longest stretch of one label lasts {max(runs):.2f} s",
        "Use shorter windows, a lower purity or more overlap.",
    )


def _check(
    recordings: list[Recording], seconds: float, overlap: float, purity: float, short: str
) -> None:
    if not recordings:
        raise SignalError("no recordings were given")
    if not 0 <= overlap < 1:
        raise ParameterError(f"overlap is {overlap}, expected 0 to below 1 (0.5 is half a window)")
    if not 0 <= purity <= 1:
        raise ParameterError(f"purity is {purity}, expected 0 to 1")
    if short not in ("skip", "pad", "raise"):
        raise ParameterError(f'short is {short!r}, expected "skip", "pad" or "raise"')
    first = recordings[0]
    if not seconds * first.rate >= 1:
        raise ParameterError(f"seconds is {seconds}, shorter than one sample at {first.rate:g} Hz")
    if seconds * first.rate > _MOST_SAMPLES:
        raise ParameterError(f"seconds is {seconds}, more than {_MOST_SAMPLES:g} samples a window")
    for recording in recordings:
        same_rate = math.isclose(recording.rate, first.rate, rel_tol=_RATE_TOLERANCE)
        if not same_rate or recording.axes != first.axes:
            raise ParameterError(
                f"{recording!r} differs from {first!r} in rate or axes",
                where=recording.name,
                remedy="Bring all to one rate with resample() and choose axes with select().",
            )
        if recording.unit != first.unit:
            raise ParameterError(
                f"units {recording.unit}, but {first.unit} in {first.name!r}",
                where=recording.name,
                remedy='Convert them with to_unit("m/s2", "rad/s").',
            )

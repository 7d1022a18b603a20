"""Unlabelled motion to pre-train on: two public data sets that are none of the four tasks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from os import PathLike

import numpy as np

from .. import datasets
from ..clock import resample
from ..recording import Recording
from ..windowing import Windows, concat, windows
from .contract import RATE, SECONDS

__all__ = ["corpus"]


def corpus(
    chest_accelerometer: str | PathLike | None = None,
    sisfall: str | PathLike | None = None,
    *,
    without: Collection[str] = (),
    least_g: float = 0.05,
) -> Windows:
    """Windows of everyday activities at the chest and of falls at the waist, without labels.

    Parameters
    ----------
    chest_accelerometer, sisfall : path, optional
        Where the data sets lie. Default: the cache, see `datasets.load`.
    without : collection of str
        Subjects to leave out: those tested, where one of the two sets is itself the task. The
        subjects of the four tasks are in neither.
    least_g : float
        Windows that move less than this are dropped (root of the summed variance of the axes, in
        g): half of the chest set is people sitting still.

    Returns
    -------
    Windows
        Of 2 s at 50 Hz, each half seen twice, in g; every label is ``""``.

    Notes
    -----
    The chest set counts 0 to 4095 without calibration. Our choice: zero is the middle, 2048, and
    1 g is a subject's median distance from it.
    """
    chest = [
        _calibrated(each) for each in datasets.load("chest_accelerometer", chest_accelerometer)
    ]
    waist = [each.select("acc") for each in datasets.load("sisfall", sisfall)]
    parts = []
    for recordings in (chest, waist):
        kept = [replace(each, labels=None) for each in recordings if each.subject not in without]
        if kept:
            even = [resample(each.to_unit("g"), RATE) for each in kept]
            parts.append(windows(even, SECONDS, overlap=0.5))
    every = concat(parts)
    return every[np.sqrt(every.signal.var(axis=2).sum(axis=1)) >= least_g]


def _calibrated(recording: Recording) -> Recording:
    centred = recording.signal - 2048
    return replace(recording, signal=centred / np.median(np.linalg.norm(centred, axis=1)), unit="g")

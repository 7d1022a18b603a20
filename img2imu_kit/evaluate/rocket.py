"""Random convolution kernels: the strongest classifiers of short series that learn no features.

From aeon, an optional extra (``pip install img2imu_kit[baselines]``), whose code is compiled when
it is first used: a minute or two, once on every machine.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from ..errors import ParameterError

__all__ = ["hydra", "minirocket"]


def minirocket(seed: int = 0, *, channels: int = 3) -> SeriesClassifier:
    """MiniRocket: 10,000 shares of positive values of 84 kernels, then a ridge classifier.

    Parameters
    ----------
    seed : int
    channels : int
        Axes of a window; it is given to the classifier as one row of channels * samples numbers.

    Raises
    ------
    ParameterError
        aeon is not installed.

    References
    ----------
    A. Dempster, D. F. Schmidt and G. I. Webb, MiniRocket: a very fast (almost) deterministic
    transform for time series classification, KDD 2021.
    """
    return SeriesClassifier("MiniRocketClassifier", channels, seed)


def hydra(seed: int = 0, *, channels: int = 3) -> SeriesClassifier:
    """MultiRocket-Hydra: competing kernels beside MultiRocket's features, then a ridge classifier.

    Parameters and errors as of `minirocket`.

    References
    ----------
    A. Dempster, D. F. Schmidt and G. I. Webb, Hydra: competing convolutional kernels for fast and
    accurate time series classification, Data Mining and Knowledge Discovery 37 (2023).
    """
    return SeriesClassifier("MultiRocketHydraClassifier", channels, seed)


class SeriesClassifier(ClassifierMixin, BaseEstimator):
    """One of aeon's classifiers, for windows as rows of channels * samples numbers.

    Its kernels and biases are drawn from the training windows alone, when it is fitted.

    Parameters
    ----------
    name : str
        In ``aeon.classification.convolution_based``.
    channels, seed : int
    """

    def __init__(self, name: str, channels: int, seed: int) -> None:
        self.name, self.channels, self.seed = name, channels, seed

    def fit(self, X, y) -> SeriesClassifier:
        """Fit on rows [N, channels * samples]."""
        # one thread: a table runs a process on each core
        self.model_ = _aeon(self.name)(random_state=self.seed, n_jobs=1).fit(self._series(X), y)
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X) -> np.ndarray:
        """Class of each row."""
        return self.model_.predict(self._series(X))

    def _series(self, X) -> np.ndarray:
        X = np.asarray(X, dtype=np.float32)
        return X.reshape(len(X), self.channels, -1)  # [N, C, T], as aeon has it


def _aeon(name: str) -> Callable:
    try:
        from aeon.classification import convolution_based
    except ImportError:
        raise ParameterError(
            f"{name} needs aeon", remedy='pip install "img2imu_kit[baselines]"'
        ) from None
    return getattr(convolution_based, name)

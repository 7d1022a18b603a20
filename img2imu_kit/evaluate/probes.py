"""Simple classifiers that read features: each made from a seed, all by scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import LinearSVC

from ..errors import ParameterError, SignalError, unknown_name
from ..pretrain.metrics import knn_votes

__all__ = ["find_probe", "fuse", "linear_svm", "logistic", "nearest", "random_forest"]


def logistic(seed: int = 0, *, C: float = 1.0) -> Pipeline:
    """Standardise, then multinomial logistic regression with an L2 penalty.

    Notes
    -----
    C is scikit-learn's default for every method and task: with so few labels a search over it
    would need labels of its own, and none was made. Features are first turned into the space
    that the training windows span. The penalty does not see a rotation, so the solution is the
    same, found in at most as many dimensions as there are training windows.
    """
    # n windows of D features span n - 1 dimensions once centred: D may be 10,000, n is 50.
    model = LogisticRegression(C=C, max_iter=2000, random_state=seed)
    return make_pipeline(StandardScaler(), PCA(svd_solver="full"), model)


def linear_svm(seed: int = 0, *, C: float = 1.0) -> Pipeline:
    """Standardise, then a linear support vector machine, one class against the rest."""
    model = LinearSVC(C=C, max_iter=10_000, random_state=seed)
    return make_pipeline(StandardScaler(), PCA(svd_solver="full"), model)


def nearest(seed: int = 0, *, k: int = 5) -> Pipeline:
    """Standardise, then the k nearest training windows by angle, the nearer counting more.

    With fewer than k training windows all of them count. Nothing is random; the `seed` is
    there because every probe takes one.
    """
    # of unit vectors |a - b|^2 = 2 - 2 cos(a, b): nearest by distance is nearest by angle
    return make_pipeline(StandardScaler(), Normalizer(), _Neighbours(k))


def random_forest(seed: int = 0, *, trees: int = 300) -> RandomForestClassifier:
    """Breiman's random forest: the classifier for statistics chosen by hand."""
    # no scaling: a tree asks for order alone
    return RandomForestClassifier(trees, random_state=seed, n_jobs=1)


def fuse(
    voters: Mapping[str, np.ndarray], probe: str | Callable[[int], ClassifierMixin] = "logistic"
) -> tuple[np.ndarray, Callable[[int], ClassifierMixin]]:
    """Several readings of the same windows as one method for `few_label`: each has a vote.

    Side by side, the readings of many layers and pictures drown ten labels in ten thousand
    dimensions. So each gets a probe of its own, and what the probes say is added up::

        class = argmax_c  sum_v  log p_v(c | x)

    a product of experts, which is exact where the readings are independent given the class.

    Parameters
    ----------
    voters : dict of name -> features [N, D]
        One for each layer and picture; D may differ.
    probe : str or function of a seed -> classifier with ``predict_log_proba``
        As in `few_label`; the same for all.

    Returns
    -------
    features : float [N, sum of D]
    probe : function of a seed -> classifier
        Both together are a value of `few_label`'s `methods`.

    Raises
    ------
    SignalError
        No voters, or voters that do not describe the same windows.
    ParameterError
        A probe without probabilities (``"svm"``).

    References
    ----------
    G. E. Hinton, Training products of experts by minimizing contrastive divergence, Neural
    Computation 14 (2002).

    Examples
    --------
    >>> from img2imu_kit import few_label, load_dataset, sliding_windows, to_image
    >>> recordings = load_dataset("synthetic", subjects=4, seconds=10)
    >>> windows = sliding_windows(recordings, seconds=2).select("acc")
    >>> voters = {
    ...     picture: to_image(windows, params=picture, size=(16, 4)).reshape(len(windows), -1)
    ...     for picture in ("motion", "motion-signed")
    ... }
    >>> few_label({"pixels": fuse(voters)}, windows, shots=2, seeds=1).method.tolist()
    ['pixels']
    """
    make = find_probe(probe)
    if not hasattr(make(0), "predict_log_proba"):
        raise ParameterError(
            f"probe {probe!r} gives no probabilities to add up", remedy='Use "logistic".'
        )
    arrays = {name: np.asarray(values) for name, values in voters.items()}
    shapes = {name: values.shape for name, values in arrays.items()}
    if len({shape[0] for shape in shapes.values()}) != 1 or {len(s) for s in shapes.values()} != {
        2
    }:
        raise SignalError(
            f"voters of shapes {shapes}, expected one (N, D) or more that share N", where="fuse"
        )
    edges = np.cumsum([0, *(shape[1] for shape in shapes.values())]).tolist()
    return np.concatenate(list(arrays.values()), axis=1), lambda seed: _Fused(make, edges, seed)


class _Fused(ClassifierMixin, BaseEstimator):
    """A probe for each block of columns between `edges`, their log-probabilities summed."""

    def __init__(self, make: Callable, edges: list[int], seed: int) -> None:
        self.make, self.edges, self.seed = make, edges, seed

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.probes_ = [self.make(self.seed).fit(block, y) for block in self._blocks(X)]
        return self

    def predict(self, X):
        votes = zip(self.probes_, self._blocks(X), strict=True)
        with np.errstate(divide="ignore"):  # a forest may be sure: log 0 is a veto
            total = sum(probe.predict_log_proba(block) for probe, block in votes)  # [M, classes]
        # where every class has a veto, the first class is as good as any
        return self.classes_[total.argmax(axis=1)]

    def _blocks(self, X) -> list[np.ndarray]:
        return np.split(np.asarray(X), self.edges[1:-1], axis=1)


class _Neighbours(ClassifierMixin, BaseEstimator):
    """k nearest neighbours, each with a vote of one over its distance."""

    def __init__(self, k: int = 5) -> None:
        self.k = k

    def fit(self, X, y):
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.bank_, self.codes_ = torch.as_tensor(X, dtype=torch.float64), torch.from_numpy(codes)
        return self

    def predict_proba(self, X):
        distance = torch.cdist(torch.as_tensor(X, dtype=torch.float64), self.bank_)  # [M, N]
        votes = knn_votes(-distance, self.codes_, len(self.classes_), self.k, _one_over)
        return (votes / votes.sum(dim=1, keepdim=True)).numpy()

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def _one_over(nearness: torch.Tensor) -> torch.Tensor:
    return 1 / (-nearness).clamp(min=1e-12)  # the same window again outweighs all others


_BY_NAME = {
    "logistic": logistic,
    "svm": linear_svm,
    "knn": nearest,
    "forest": random_forest,
}


def find_probe(probe: str | Callable[[int], ClassifierMixin]) -> Callable[[int], ClassifierMixin]:
    """A probe by name (``"logistic"``, ``"svm"``, ``"knn"``, ``"forest"``); a function as it is."""
    if callable(probe):
        return probe
    if probe not in _BY_NAME:
        raise unknown_name("probe", probe, _BY_NAME)
    return _BY_NAME[probe]

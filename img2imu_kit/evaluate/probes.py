"""Simple classifiers that read features: each made from a seed, all by scikit-learn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import LinearSVC

from ..errors import unknown_name
from ..pretrain.metrics import knn_votes

__all__ = ["find_probe", "linear_svm", "logistic", "nearest", "random_forest"]


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

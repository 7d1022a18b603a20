"""Simple classifiers that read features: each made from a seed, all by scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import LinearSVC

from ..errors import ParameterError, SignalError, unknown_name
from ..pretrain.metrics import knn_votes

__all__ = [
    "FusedProbe",
    "extra_trees",
    "find_probe",
    "fuse",
    "linear_svm",
    "logistic",
    "nearest",
    "random_forest",
]

Probe = str | Callable[[int], ClassifierMixin]

#: The least that a voter's probability counts as: a forest that never saw a class next to a
#: window says 0, and its logarithm would outvote all others together. Our choice.
_LEAST = 0.01


def logistic(seed: int = 0, *, C: float = 1.0) -> Pipeline:
    """Standardise, then multinomial logistic regression with an L2 penalty.

    Notes
    -----
    C is scikit-learn's default for every method and task: with so few labels a search over it
    would need labels of its own, and none was made. Features are first turned into the space
    that the training windows span. The penalty does not see a rotation, so the solution is the
    same, found in at most as many dimensions as there are training windows.

    Examples
    --------
    >>> features, labels = np.array([[0.0], [0.1], [1.0], [1.1]]), ["low", "low", "high", "high"]
    >>> logistic().fit(features, labels).predict([[0.05]])
    array(['low'], dtype='<U4')
    """
    # n windows of D features span n - 1 dimensions once centred: D may be 10,000, n is 50.
    model = LogisticRegression(C=C, max_iter=2000, random_state=seed)
    return make_pipeline(StandardScaler(), PCA(svd_solver="full"), model)


def linear_svm(seed: int = 0, *, C: float = 1.0) -> Pipeline:
    """Standardise, then a linear support vector machine, one class against the rest.

    Examples
    --------
    >>> features, labels = np.array([[0.0], [0.1], [1.0], [1.1]]), ["low", "low", "high", "high"]
    >>> linear_svm().fit(features, labels).predict([[0.05]])
    array(['low'], dtype='<U4')
    """
    model = LinearSVC(C=C, max_iter=10_000, random_state=seed)
    return make_pipeline(StandardScaler(), PCA(svd_solver="full"), model)


def nearest(seed: int = 0, *, k: int = 5) -> Pipeline:
    """Standardise, then the k nearest training windows by angle, the nearer counting more.

    With fewer than k training windows all of them count. Nothing is random; the `seed` is
    there because every probe takes one.

    Examples
    --------
    >>> features, labels = np.array([[0.0], [0.1], [1.0], [1.1]]), ["low", "low", "high", "high"]
    >>> nearest(k=1).fit(features, labels).predict([[0.05]])
    array(['low'], dtype='<U4')
    """
    # of unit vectors |a - b|^2 = 2 - 2 cos(a, b): nearest by distance is nearest by angle
    return make_pipeline(StandardScaler(), Normalizer(), _Neighbours(k))


def random_forest(seed: int = 0, *, trees: int = 300) -> RandomForestClassifier:
    """Breiman's random forest: the classifier for statistics chosen by hand.

    Examples
    --------
    >>> features, labels = np.array([[0.0], [0.1], [1.0], [1.1]]), ["low", "low", "high", "high"]
    >>> random_forest(trees=10).fit(features, labels).predict([[0.05]])
    array(['low'], dtype='<U4')
    """
    # no scaling: a tree asks for order alone
    return RandomForestClassifier(trees, random_state=seed, n_jobs=1)


def extra_trees(seed: int = 0, *, trees: int = 300) -> ExtraTreesClassifier:
    """A forest whose thresholds are drawn by lot (Geurts, Ernst and Wehenkel, 2006).

    Examples
    --------
    >>> features, labels = np.array([[0.0], [0.1], [1.0], [1.1]]), ["low", "low", "high", "high"]
    >>> extra_trees(trees=10).fit(features, labels).predict([[0.05]])
    array(['low'], dtype='<U4')
    """
    return ExtraTreesClassifier(trees, random_state=seed, n_jobs=1)


def fuse(
    voters: Mapping[str, np.ndarray | tuple[np.ndarray, Probe]],
    probe: Probe = "logistic",
    *,
    weights: Mapping[str, float] | None = None,
) -> tuple[np.ndarray, Callable[[int], ClassifierMixin]]:
    """Several readings of the same windows as one method for `few_label`: each has a vote.

    Side by side, the readings of many layers and pictures drown ten labels in ten thousand
    dimensions. So each gets a probe of its own, and what the probes say is added up::

        class = argmax_c  sum_v  w_v log p_v(c | x)

    a product of experts, which is exact where the readings are independent given the class.

    Parameters
    ----------
    voters : dict of name -> features [N, D], or -> (features, probe)
        One for each layer and picture; D may differ.
    probe : str or function of a seed -> classifier with ``predict_proba``
        As in `few_label`; of voters that bring none.
    weights : dict of name -> float, optional
        w of voters; 1 unless named. Nine layers of one network are hardly nine opinions.

    Returns
    -------
    features : float [N, sum of D]
    probe : function of a seed -> classifier
        A `FusedProbe`, or for a single voter its own probe. Both together are a value of
        `few_label`'s `methods`.

    Raises
    ------
    SignalError
        No voters, or voters that do not describe the same windows.
    ParameterError
        A probe without probabilities (``"svm"``) among several.

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
    pairs = {
        name: value if isinstance(value, tuple) else (value, probe)
        for name, value in voters.items()
    }
    arrays = [np.asarray(features) for features, _ in pairs.values()]
    shapes = {name: array.shape for name, array in zip(pairs, arrays, strict=True)}
    if len({len(array) for array in arrays}) != 1 or any(array.ndim != 2 for array in arrays):
        raise SignalError(
            f"voters of shapes {shapes}, expected one (N, D) or more that share N", where="fuse"
        )
    makes = [find_probe(own) for _, own in pairs.values()]
    if len(arrays) == 1:  # has the only say, with probabilities or without
        return arrays[0], makes[0]
    for (name, (_, own)), make in zip(pairs.items(), makes, strict=True):
        if not hasattr(make(0), "predict_proba"):
            raise ParameterError(
                f"probe {own!r} gives no probabilities to add up",
                where=f"voter {name!r}",
                remedy='Use "logistic".',
            )
    widths = [array.shape[1] for array in arrays]
    counts = [(weights or {}).get(name, 1.0) for name in pairs]
    return np.concatenate(arrays, axis=1), lambda seed: FusedProbe(makes, widths, counts, seed)


class FusedProbe(ClassifierMixin, BaseEstimator):
    """A probe for each block of columns, their log-probabilities summed; made by `fuse`.

    Parameters
    ----------
    makes : sequence of functions of a seed -> classifier
        One for each voter.
    widths : sequence of int
        Columns of each voter.
    weights : sequence of float
        Of each voter.
    seed : int

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> features, labels = rng.normal(size=(20, 6)), np.repeat(["run", "walk"], 10)
    >>> fused, probe = fuse({"layer 2": features[:, :3], "layer 3": features[:, 3:]})
    >>> probe(0).fit(fused, labels).predict(fused).shape
    (20,)
    """

    def __init__(
        self,
        makes: Sequence[Callable],
        widths: Sequence[int],
        weights: Sequence[float],
        seed: int = 0,
    ) -> None:
        self.makes, self.widths, self.weights, self.seed = makes, widths, weights, seed

    def fit(self, X, y) -> FusedProbe:
        """Fit each probe on its own columns of X [N, sum of widths]."""
        self.classes_ = np.unique(y)
        blocks = zip(self.makes, self._blocks(X), strict=True)
        self.probes_ = [make(self.seed).fit(block, y) for make, block in blocks]
        return self

    def votes(self, X) -> np.ndarray:
        """Log-probabilities [voters, N, classes] times weight, none below one in a hundred."""
        blocks = zip(self.probes_, self._blocks(X), strict=True)
        shares = np.stack([probe.predict_proba(block) for probe, block in blocks])
        return np.reshape(self.weights, (-1, 1, 1)) * np.log(np.maximum(shares, _LEAST))

    def predict(self, X) -> np.ndarray:
        """The class with the largest sum of votes."""
        return self.classes_[self.votes(X).sum(axis=0).argmax(axis=1)]

    def _blocks(self, X) -> list[np.ndarray]:
        return np.split(np.asarray(X), np.cumsum(self.widths)[:-1], axis=1)


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
    "extra-trees": extra_trees,
}


def find_probe(probe: Probe) -> Callable[[int], ClassifierMixin]:
    """The function that makes a probe: itself, or by name.

    Names are ``"logistic"``, ``"svm"``, ``"knn"``, ``"forest"``, ``"extra-trees"``, and of
    classifiers that read the raw signal ``"minirocket"`` and ``"hydra"``.
    """
    if callable(probe):
        return probe
    if probe in ("minirocket", "hydra"):  # aeon compiles for seconds: only where it is asked for
        from . import rocket

        return getattr(rocket, probe)
    if probe not in _BY_NAME:
        raise unknown_name("probe", probe, _BY_NAME)
    return _BY_NAME[probe]

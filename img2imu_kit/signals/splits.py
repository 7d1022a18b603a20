"""Who is trained on and who is tested: splits by subject, and k shots of each class."""

from __future__ import annotations

import warnings

import numpy as np

from ..errors import LeakageWarning, ParameterError, SplitError

__all__ = ["k_shot", "split_by", "split_randomly"]


def split_by(
    groups: np.ndarray, labels: np.ndarray, *, test: float = 0.3, seed: int = 0, tries: int = 200
) -> tuple[np.ndarray, np.ndarray]:
    """Split windows so that no group is on both sides and every class is on both.

    Parameters
    ----------
    groups : array [N]
        What must not be shared: ``windows.subject``, or ``windows.recording`` where subjects
        are too few.
    labels : array [N]
    test : float
        Share of the groups to test on, at least one. Where each group holds one class only (an
        event, a trial), the share is taken within each class.
    seed, tries : int
        Random partitions are drawn until every class is on both sides, at most `tries` times.

    Returns
    -------
    train, test : int [.]
        Sorted positions.

    Raises
    ------
    SplitError
        Fewer than two groups, a class found in one group only, or no partition found.

    Examples
    --------
    >>> import numpy as np
    >>> subject, label = np.repeat(["a", "b", "c"], 4), np.tile(["sit", "walk"], 6)
    >>> train, test = split_by(subject, label, test=0.3, seed=0)
    >>> set(subject[train]) & set(subject[test])
    set()
    """
    groups, labels = _labelled(groups, labels)
    _check_share(test)
    names, group_of = np.unique(groups.astype(str), return_inverse=True)
    classes, class_of = np.unique(labels.astype(str), return_inverse=True)
    # has [G, K]: which group has windows of which class
    has = np.zeros((len(names), len(classes)), dtype=bool)
    has[group_of, class_of] = True
    lonely = [str(name) for name, count in zip(classes, has.sum(axis=0), strict=True) if count < 2]
    if len(names) < 2 or lonely:
        alone = len(names) < 2
        found = "there is one group" if alone else f"class {lonely[0]!r} occurs in one group only"
        raise SplitError(
            f"{found}, so no split by group can train and test on it",
            remedy="Record more subjects, merge or drop the class, or split by recording.",
        )
    generator = np.random.default_rng(seed)
    # Groups of one class each (events, trials) are drawn within their class: a stratified fold.
    strata = has.argmax(axis=1) if (has.sum(axis=1) == 1).all() else np.zeros(len(names), dtype=int)
    for _ in range(tries):
        chosen = np.zeros(len(names), dtype=bool)  # [G]: the groups to test on
        for stratum in np.unique(strata):
            members = generator.permutation(np.flatnonzero(strata == stratum))
            chosen[members[: min(max(1, round(test * len(members))), len(members) - 1)]] = True
        # Rejection: a draw counts if every class can be trained and tested.
        if has[chosen].any(axis=0).all() and has[~chosen].any(axis=0).all():
            tested = chosen[group_of]
            return np.flatnonzero(~tested), np.flatnonzero(tested)
    raise SplitError(
        f"in {tries} draws of {test:.0%} of {len(names)} groups, not every class was on both sides",
        remedy="Use a larger share test=, or merge rare classes.",
    )


def split_randomly(
    groups: np.ndarray, labels: np.ndarray, *, test: float = 0.3, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Split windows at random within each class: for showing leakage, not for reporting scores.

    Windows of one subject on both sides share the person, the wearing of the device and, with
    overlap, the very samples; the `LeakageWarning` says how many groups are shared.

    Examples
    --------
    >>> train, test = split_randomly(np.arange(10), np.repeat(["run", "walk"], 5), test=0.4)
    >>> len(train), len(test)
    (6, 4)
    """
    groups, labels = _labelled(groups, labels)
    _check_share(test)
    generator = np.random.default_rng(seed)
    tested = np.zeros(len(labels), dtype=bool)  # [N]
    for name in np.unique(labels.astype(str)):
        members = generator.permutation(np.flatnonzero(labels == name))
        tested[members[: round(test * len(members))]] = True
    shared = set(groups[tested]) & set(groups[~tested])
    if shared:
        warnings.warn(
            f"{len(shared)} of {len(set(groups))} groups have windows on both sides: a score "
            "from this split is too high; use split_by(windows.subject, ...)",
            LeakageWarning,
            stacklevel=2,
        )
    return np.flatnonzero(~tested), np.flatnonzero(tested)


def k_shot(labels: np.ndarray, shots: int, *, seed: int = 0) -> np.ndarray:
    """Positions of `shots` windows of each class, drawn without replacement.

    A smaller draw from the same seed is part of the larger one, so a learning curve over shots
    adds windows and never swaps them.

    Raises
    ------
    SplitError
        A class has fewer than `shots` windows.

    Examples
    --------
    >>> import numpy as np
    >>> len(k_shot(np.repeat(["sit", "walk"], 10), shots=3))
    6
    """
    if shots < 1:
        raise ParameterError(f"shots is {shots}, expected 1 or more for each class")
    labels = np.asarray(labels, dtype=object)
    if labels.ndim != 1:
        raise SplitError(
            f"labels of shape {labels.shape}, expected [N], a name for each window",
            where="k_shot",
            remedy="Of Windows it is windows.label.",
        )
    if len(labels) == 0:
        raise SplitError("no windows to draw from")
    generator = np.random.default_rng(seed)
    drawn = []
    for name in sorted(set(labels)):
        members = np.flatnonzero(labels == name)
        if len(members) < shots:
            raise SplitError(
                f"class {name!r} has {len(members)} training windows, fewer than {shots} shots",
                remedy="Use fewer shots, more overlap or shorter windows.",
            )
        # The first of one permutation: 5 shots are the first 5 of 10 from the same seed.
        drawn.append(generator.permutation(members)[:shots])
    return np.sort(np.concatenate(drawn))


def _check_share(test: float) -> None:
    if not 0 < test < 1:
        raise ParameterError(f"test is {test}, expected a share between 0 and 1")


def _labelled(groups, labels) -> tuple[np.ndarray, np.ndarray]:
    groups, labels = np.asarray(groups, dtype=object), np.asarray(labels, dtype=object)
    if groups.shape != labels.shape or groups.ndim != 1 or len(groups) == 0:
        raise SplitError(f"groups {groups.shape} and labels {labels.shape}, expected both [N]")
    return groups, labels

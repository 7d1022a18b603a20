"""Splits: nobody on both sides, every class on both, the same seed the same split."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from img2imu_kit.errors import LeakageWarning, SplitError
from img2imu_kit.signals.splits import k_shot, split_by, split_randomly


@st.composite
def people(draw):
    """Groups and labels of windows, each class done by two people at least."""
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    subjects, classes = draw(st.integers(2, 12)), draw(st.integers(1, 5))
    count = draw(st.integers(20, 200))
    subject = rng.choice([f"s{i}" for i in range(subjects)], count)
    label = rng.choice([f"c{i}" for i in range(classes)], count)
    assume(all(len(set(subject[label == name])) > 1 for name in set(label)))
    return subject, label


@settings(max_examples=60, deadline=None)
@given(people(), st.floats(0.05, 0.9), st.integers(0, 1000))
def test_split_by_is_disjoint_complete_and_fair(windows, test_share, seed):
    subject, label = windows
    try:
        train, test = split_by(subject, label, test=test_share, seed=seed)
    except SplitError:
        assume(False)
    assert not set(subject[train]) & set(subject[test])
    assert sorted([*train, *test]) == list(range(len(label)))
    assert set(label[train]) == set(label[test]) == set(label)
    again = split_by(subject, label, test=test_share, seed=seed)
    np.testing.assert_array_equal(train, again[0])
    np.testing.assert_array_equal(test, again[1])


def test_seeds_differ_and_the_share_is_met():
    subject, label = np.repeat(np.arange(20), 10), np.tile(["a", "b"], 100)
    draws = {tuple(split_by(subject, label, test=0.3, seed=seed)[1]) for seed in range(10)}
    assert len(draws) == 10
    assert all(len(test) == 60 for test in draws)


def test_every_group_is_tested_in_turn():
    subject, label = np.repeat(list("abcde"), 4), np.tile(["x", "y"], 10)
    tested = [set(subject[split_by(subject, label, test=0.2, seed=s)[1]]) for s in range(60)]
    assert set.union(*tested) == set("abcde")


def test_impossible_splits_say_why():
    with pytest.raises(SplitError, match="there is one group"):
        split_by(["a"] * 4, ["x", "x", "y", "y"])
    with pytest.raises(SplitError, match="class 'y' occurs in one group only"):
        split_by(["a", "a", "b", "b"], ["x", "y", "x", "x"])
    with pytest.raises(SplitError, match=r"groups \(3,\) and labels \(2,\)"):
        split_by(["a", "b", "c"], ["x", "y"])


def test_groups_of_one_class_each_are_stratified():
    events, label = np.arange(30), np.repeat(["brake", "turn", "stop"], 10)
    _, test = split_by(events, label, test=0.3, seed=1)
    assert [(label[test] == name).sum() for name in ("brake", "turn", "stop")] == [3, 3, 3]


def test_random_split_warns_of_what_it_leaks():
    subject, label = np.repeat(list("abcd"), 10), np.tile(["x", "y"], 20)
    with pytest.warns(LeakageWarning, match="4 of 4 groups have windows on both sides"):
        train, test = split_randomly(subject, label, test=0.25, seed=0)
    assert sorted([*train, *test]) == list(range(40))
    assert [(label[test] == name).sum() for name in "xy"] == [5, 5]


def test_random_split_of_unshared_groups_is_silent(recwarn):
    split_randomly(np.arange(40), np.tile(["x", "y"], 20))
    assert not [w for w in recwarn if issubclass(w.category, LeakageWarning)]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 500), st.integers(1, 8), st.integers(0, 8), st.integers(1, 5))
def test_k_shots_are_nested_balanced_and_reproducible(seed, few, more, classes):
    label = np.random.default_rng(seed).permutation(np.repeat(np.arange(classes).astype(str), 20))
    small, large = k_shot(label, few, seed=seed), k_shot(label, few + more, seed=seed)
    assert set(small) <= set(large)
    assert (np.diff(large) > 0).all()
    assert np.unique(label[large], return_counts=True)[1].tolist() == [few + more] * classes
    np.testing.assert_array_equal(small, k_shot(label, few, seed=seed))


def test_too_few_for_k_shots():
    with pytest.raises(SplitError, match="class 'b' has 2 training windows, fewer than 3 shots"):
        k_shot(["a"] * 5 + ["b"] * 2, 3)


def test_labels_are_names_and_no_windows():
    with pytest.raises(SplitError, match=r"labels of shape \(4, 3\), .* windows\.label"):
        k_shot(np.zeros((4, 3)), 1)

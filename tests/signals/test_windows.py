"""Windows: what they never cross, how many there are, what they remember."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from img2imu_kit.errors import ClockError, ParameterError, SignalError
from img2imu_kit.signals.axes import ACC_GYRO
from img2imu_kit.signals.recording import Recording
from img2imu_kit.signals.resampling import from_samples
from img2imu_kit.signals.windows import Windows, concat, sliding_windows

RATE = 10
AXES = ACC_GYRO[:3]


def counting(length, labels=None, first=0, **about):
    """A recording whose samples are numbered, so that each window tells where it was cut."""
    signal = np.stack([first + np.arange(length), np.zeros(length), np.ones(length)], axis=1)
    return Recording(signal, RATE, labels=labels, **about)


def origins(cut):
    return cut.signal[:, 0].astype(int)


runs_of_labels = st.lists(
    st.tuples(st.sampled_from(["", "sit", "walk", "run"]), st.integers(1, 40)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(runs_of_labels, st.integers(1, 15), st.floats(0, 0.95))
def test_pure_windows_never_cross_a_change_of_label(runs, length, overlap):
    labels = np.concatenate([[name] * count for name, count in runs])
    step = max(1, round(length * (1 - overlap)))
    expected = []
    edges = [0, *np.flatnonzero(labels[1:] != labels[:-1]) + 1, len(labels)]
    for start, stop in itertools.pairwise(edges):
        if labels[start]:
            expected += range(start, stop - length + 1, step)
    if not expected:
        with pytest.raises(SignalError):
            sliding_windows(counting(len(labels), labels), length / RATE, overlap=overlap)
        return
    cut = sliding_windows(counting(len(labels), labels), length / RATE, overlap=overlap)
    assert origins(cut)[:, 0].tolist() == expected
    assert (np.diff(origins(cut), axis=1) == 1).all()
    for label, samples in zip(cut.label, origins(cut), strict=True):
        assert set(labels[samples]) == {label}


@settings(max_examples=60, deadline=None)
@given(runs_of_labels, st.integers(2, 15), st.floats(0.51, 0.99))
def test_impure_windows_carry_the_label_of_the_majority(runs, length, purity):
    labels = np.concatenate([[name] * count for name, count in runs])
    grid = [labels[s : s + length] for s in range(0, len(labels) - length + 1, length)]
    names, counts = zip(*[np.unique(w, return_counts=True) for w in grid]) if grid else ((), ())  # noqa: B905
    expected = [
        name[count.argmax()]
        for name, count in zip(names, counts, strict=True)
        if count.max() >= purity * length - 1e-9 and name[count.argmax()]
    ]
    if not expected:
        with pytest.raises(SignalError):
            sliding_windows(counting(len(labels), labels), length / RATE, purity=purity)
        return
    cut = sliding_windows(counting(len(labels), labels), length / RATE, purity=purity)
    assert cut.label.tolist() == expected


@pytest.mark.parametrize(("overlap", "count"), [(0, 5), (0.5, 9), (0.75, 17), (0.9, 41)])
def test_overlap_counts(overlap, count):
    cut = sliding_windows(counting(100), 2, overlap=overlap)
    assert len(cut) == count
    assert cut.signal.shape == (count, 3, 20)
    assert cut.signal.dtype == np.float32
    assert cut.signal.flags.c_contiguous
    steps = np.diff(origins(cut)[:, 0])
    assert (steps == round(20 * (1 - overlap))).all()
    np.testing.assert_allclose(cut.start_s, origins(cut)[:, 0] / RATE)


def test_windows_never_cross_a_recording_or_a_gap():
    times_s = np.concatenate([np.arange(25), np.arange(100, 130)]) / RATE
    signal = np.stack([np.arange(55.0), np.zeros(55), np.ones(55)], axis=1)
    pieces = from_samples(signal, times_s, gap="split", name="a", subject="s1")
    other = counting(15, name="b", subject="s2", first=1000)
    cut = sliding_windows([*pieces, other], 1)
    assert origins(cut)[:, 0].tolist() == [0, 10, 25, 35, 45, 1000]
    assert cut.recording.tolist() == ["a"] * 5 + ["b"]
    assert cut.subject.tolist() == ["s1"] * 5 + ["s2"]
    np.testing.assert_allclose(cut.start_s, [0, 1, 10, 11, 12, 0], atol=1e-6)
    assert (np.diff(origins(cut), axis=1) == 1).all()


def test_unlabelled_stretches_are_for_pre_training():
    labels = np.repeat(["", "walk"], 20)
    assert set(sliding_windows(counting(40, labels), 1).label) == {"walk"}
    assert sliding_windows(counting(40, labels), 1, unlabelled=True).label.tolist() == [
        "",
        "",
        "walk",
        "walk",
    ]
    assert len(sliding_windows(counting(40), 1)) == 4


def test_a_grid_begins_anew_at_each_label():
    labels = np.repeat(["walk", "turn", "walk"], [13, 11, 16])
    cut = sliding_windows(counting(40, labels), 1)
    assert origins(cut)[:, 0].tolist() == [0, 13, 24]


def test_purity_at_its_limit_counts():
    labels = np.repeat(["a", "b"], [11, 9])
    assert sliding_windows(counting(20, labels), 2, purity=0.55).label.tolist() == ["a"]


def test_short_recordings():
    short, long = counting(7, "walk", name="short"), counting(20, "sit", name="long")
    with pytest.warns(UserWarning, match=r"1 of 2 recordings .* skipped .*'short'"):
        assert set(sliding_windows([short, long], 1).recording) == {"long"}
    padded = sliding_windows([short, long], 1, short="pad")
    assert origins(padded)[0].tolist() == [0, 1, 2, 3, 4, 5, 6, 6, 6, 6]
    assert padded.label[0] == "walk"
    with pytest.raises(SignalError, match=r"short: 0.70 s, shorter than one window of 1 s"):
        sliding_windows([short, long], 1, short="raise")


def test_no_window_says_why():
    with pytest.raises(SignalError, match=r"the longest lasts 2.00 s.*short=\"pad\""):
        sliding_windows(counting(20), 3)
    mixed = np.repeat(["a", "", "b", "a"], [7, 20, 3, 6])
    with pytest.raises(SignalError, match=r"stretch of one label lasts 0.70 s.*lower purity"):
        sliding_windows(counting(36, mixed), 1)
    with pytest.raises(SignalError, match=r"no sample is labelled.*unlabelled=True"):
        sliding_windows(counting(40, ""), 1)


def test_choosing_windows():
    cut = sliding_windows(counting(100, np.repeat(["a", "b"], 50), subject="s"), 1)
    assert cut[3].signal[0, 0, 0] == 30
    assert cut[-1].signal[0, 0, 0] == 90
    assert len(cut[cut.label == "b"]) == 5
    assert origins(cut[[7, 2]])[:, 0].tolist() == [70, 20]
    assert [len(one) for one in cut] == [1] * 10  # ends
    with pytest.raises(IndexError):
        cut[10]
    assert cut.select("acc_z").signal.shape == (10, 1, 10)
    assert (cut.seconds, cut.classes) == (1.0, ("a", "b"))
    assert cut.frame().columns.tolist() == ["label", "subject", "recording", "start_s"]


def test_relabel_merges_and_drops():
    cut = sliding_windows(counting(90, np.repeat(["a", "b", "c"], 30)), 1)
    assert cut.relabel({"a": "b"}).classes == ("b", "c")
    dropped = cut.relabel({"c": "", "a": "d"})
    assert (dropped.classes, len(dropped)) == (("b", "d"), 6)


def test_concat_goes_back_together():
    cut = sliding_windows(counting(100, "a", subject="s"), 1)
    joined = concat([cut[:3], cut[3:]])
    np.testing.assert_array_equal(joined.signal, cut.signal)
    with pytest.raises(ParameterError, match="cannot join"):
        concat([cut, sliding_windows(counting(100), 2)])


def test_recordings_must_agree():
    with pytest.raises(ParameterError, match=r"differs from .* in rate or axes"):
        sliding_windows([counting(50), Recording(np.zeros((50, 3)), rate=11)], 1)
    with pytest.raises(ParameterError, match=r"units \('g', 'g', 'g'\), but \('', '', ''\)"):
        sliding_windows([counting(50), counting(50, unit="g", name="b")], 1)


def test_measured_rates_that_agree_to_a_thousandth_join():
    near = Recording(np.zeros((50, 3)), rate=RATE * 1.0009, name="b")
    assert len(sliding_windows([counting(50), near], 1)) == 10


STACK = np.random.default_rng(0).normal(size=(6, 3, 20)).astype(np.float32)


def test_windows_of_an_array():
    cut = Windows.from_numpy(STACK, [1.0, 2.0] * 3, np.repeat(["a", "b"], 3), 10, unit="g")
    np.testing.assert_array_equal(cut.signal, STACK)
    assert cut.signal.dtype == np.float32
    assert cut.label.tolist() == ["1", "2"] * 3
    assert cut.subject.tolist() == cut.recording.tolist() == ["a"] * 3 + ["b"] * 3
    assert (cut.rate, cut.seconds, cut.axes, cut.unit) == (10, 2, AXES, ("g",) * 3)
    assert cut.start_s.tolist() == [0.0] * 6


def test_an_array_without_names():
    cut = Windows.from_numpy(STACK.astype(np.float64).tolist(), rate=10, axes=["a", "b", "c"])
    assert cut.classes == ()
    assert set(cut.subject) == {""}
    assert cut.axes == ("a", "b", "c")


def test_windows_of_an_array_are_those_of_the_recordings():
    made = [counting(40, label, name=label, subject=label) for label in ("sit", "walk")]
    cut = sliding_windows(made, 2)
    again = Windows.from_numpy(cut.signal, cut.label, cut.subject, cut.rate)
    pd.testing.assert_frame_equal(again.frame()[["label", "subject"]], cut.frame().iloc[:, :2])
    assert concat([cut, again]).signal.shape == (8, 3, 20)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"X": STACK[0]}, r"shape \(3, 20\).*reshape"),
        ({"X": STACK.transpose(0, 2, 1)}, r"shape \(6, 20, 3\).*transpose"),
        ({"X": STACK[:0]}, r"shape \(0, 3, 20\)"),
        ({"X": STACK[0, 0]}, r"shape \(20,\)"),
        ({"X": [["a"]]}, "not an array of numbers"),
        (
            {"X": np.where(np.arange(360).reshape(6, 3, 20) == 200, np.nan, STACK)},
            "window 3 on axis 1 at sample 0",
        ),
        ({"y": ["sit"]}, "windows, y: 6 samples"),
        ({"groups": np.zeros((6, 1))}, "windows, groups: 6 samples"),
        ({"axes": ["a"]}, "3 columns but 1 axis names"),
        ({"rate": None}, "rate is None"),
        ({"rate": 1e-3}, "rate is 0.001 Hz"),
    ],
)
def test_arrays_that_are_no_windows(wrong, told):
    with pytest.raises((SignalError, ClockError), match=told):
        Windows.from_numpy(**{"X": STACK, "rate": 10} | wrong)


def test_the_advice_about_shapes_works():
    flat = STACK.reshape(6, -1)
    for stack in (flat.reshape(len(flat), 3, -1), STACK.transpose(0, 2, 1).transpose(0, 2, 1)):
        np.testing.assert_array_equal(Windows.from_numpy(stack, rate=10).signal, STACK)


def crowd():
    """Of ann many walks and one fall, of ben the other way round; numbered in their first axis."""
    names = ["walk"] * 40 + ["fall"] + ["walk"] * 3 + ["fall"] * 56
    X = np.zeros((100, 3, 10)) + np.arange(100)[:, None, None]
    return Windows.from_numpy(X, names, groups=["ann"] * 41 + ["ben"] * 59, rate=RATE)


@pytest.mark.parametrize(("most", "sizes"), [(20, [1, 8, 8, 3]), (4, [1, 1, 1, 1]), (100, None)])
def test_thinned_windows_keep_each_persons_each_class_and_their_order(most, sizes):
    cut = crowd()
    few = cut.thin(most)
    assert len(few) == most
    assert (np.diff(few.signal[:, 0, 0]) > 0).all()
    found = few.frame().groupby(["label", "subject"]).size()
    whole = cut.frame().groupby(["label", "subject"]).size()
    assert found.to_list() == (sizes or whole.to_list())  # ann falls, ben falls, ann, ben walk
    assert set(found.index) == set(whole.index)


def test_thinned_windows_are_spread_over_the_recording():
    walk = Windows.from_numpy(np.zeros((200, 3, 10)), rate=RATE)
    walk.start_s[:] = np.arange(200)
    gaps = np.diff([0, *walk.thin(20).start_s, 200])
    assert gaps.max() <= 20
    assert gaps[1:-1].min() >= 2  # neighbours overlap: none beside another


def test_one_of_each_stays_where_fewer_are_asked_for():
    assert len(crowd().thin(2)) == 4
    with pytest.raises(ParameterError, match="most is 0, expected at least one"):
        crowd().thin(0)

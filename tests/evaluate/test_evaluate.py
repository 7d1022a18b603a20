"""Scores are right, repeat, and cannot profit from a leak."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from img2imu_kit.errors import ClockError, LeakageWarning, ParameterError, SignalError, SplitError
from img2imu_kit.evaluate import probes
from img2imu_kit.evaluate.image_readout import ImageReadout
from img2imu_kit.evaluate.scores import few_label, score_task
from img2imu_kit.evaluate.stats import paired_difference, summarize
from img2imu_kit.models.backbone import load_backbone
from img2imu_kit.signals.features import feature_names, handcrafted_features
from img2imu_kit.signals.splits import k_shot, split_by
from img2imu_kit.signals.windows import Windows

SCORES = ["method", "shots", "seed", "macro_f1", "accuracy", "train_windows", "test_windows"]


def people(rng, subjects=20, each=24, own=0.25, classes="ABCD") -> Windows:
    """Windows of people; a share `own` of each one's windows is of that person's own class."""
    subject = np.repeat([f"s{i:02d}" for i in range(subjects)], each)
    order = rng.integers(len(classes), size=len(subject))
    favourite = np.repeat(np.arange(subjects) % len(classes), each)
    order = np.where(rng.random(len(subject)) < own, favourite, order)
    order[: len(classes)] = order[each : each + len(classes)] = range(len(classes))
    return Windows(
        signal=rng.normal(size=(len(subject), 3, 32)).astype(np.float32) + order[:, None, None],
        rate=16.0,
        label=np.array(list(classes), dtype=object)[order],
        subject=subject.astype(object),
        recording=subject.astype(object),
        start_s=np.tile(np.arange(each) * 2.0, subjects),
        axes=("acc_x", "acc_y", "acc_z"),
        unit=("m/s2",) * 3,
    )


@pytest.fixture
def cut(rng):
    return people(rng)


@pytest.fixture
def weak(cut, rng):
    """Features that know a little about the class."""
    code = np.unique(cut.label.astype(str), return_inverse=True)[1]
    return np.eye(4)[code] + rng.normal(size=(len(cut), 4))


def test_the_table_equals_a_plain_loop(cut, weak):
    table = few_label({"weak": weak}, cut, shots=[2, 5], seeds=[3, 7], probe="logistic")
    assert [*table.columns] == [*SCORES, "seconds"]
    rows = iter(table.itertuples())
    for seed, shots in itertools.product([3, 7], [2, 5]):
        train, test = split_by(cut.subject, cut.label, test=0.3, seed=seed)
        drawn = train[k_shot(cut.label[train], shots, seed=seed)]
        scale = StandardScaler().fit(weak[drawn])
        model = LogisticRegression(C=1.0).fit(scale.transform(weak[drawn]), list(cut.label[drawn]))
        guess, truth = model.predict(scale.transform(weak[test])), cut.label[test]
        f1 = []
        for name in "ABCD":
            hits = ((guess == name) & (truth == name)).sum()
            f1.append(2 * hits / ((guess == name).sum() + (truth == name).sum()))
        row = next(rows)
        assert (row.shots, row.seed) == (shots, seed)
        assert row.macro_f1 == pytest.approx(np.mean(f1), abs=0.02)  # rounding moves few windows
        assert row.accuracy == pytest.approx((guess == truth).mean(), abs=0.02)
        assert (row.train_windows, row.test_windows) == (4 * shots, len(test))
        assert row.test_windows == 6 * 24


def test_same_seeds_same_table_whoever_else_takes_part(cut, weak):
    methods = {"forest": (weak, probes.random_forest), "svm": (weak, "svm"), "knn": (weak, "knn")}
    first = few_label(methods, cut, shots=3, seeds=2)
    again = few_label(dict(reversed(methods.items())), cut, shots=3, seeds=[0, 1])
    order = ["method", "seed"]
    first, again = (t[SCORES].sort_values(order, ignore_index=True) for t in (first, again))
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    assert first.macro_f1.min() > 0.3


def test_shuffled_labels_give_chance(cut, weak, rng):
    strong = weak * 0.1 + 5 * np.eye(4)[np.unique(cut.label.astype(str), return_inverse=True)[1]]
    honest = few_label({"strong": strong}, cut, seeds=10)
    assert honest.macro_f1.min() > 0.95
    shuffled = people(rng)
    shuffled.label[:] = rng.permutation(cut.label)
    table = few_label({"strong": strong}, shuffled, seeds=10)
    assert table.macro_f1.mean() == pytest.approx(0.25, abs=0.05)


def test_a_planted_subject_id_gains_only_where_the_split_leaks(weak, rng):
    cut = people(rng, own=0.8)
    code = np.unique(cut.label.astype(str), return_inverse=True)[1]
    weak = np.eye(4)[code] + rng.normal(size=(len(cut), 4))
    who = 3 * np.eye(20)[np.unique(cut.subject.astype(str), return_inverse=True)[1]]
    methods = {"weak": weak, "with id": np.hstack([weak, who])}
    honest = paired_difference(few_label(methods, cut, shots=20, seeds=10), "with id", "weak")
    assert honest.difference.item() < 0.02
    with pytest.warns(LeakageWarning):
        leaking = few_label(methods, cut, shots=20, seeds=10, by="random")
    assert paired_difference(leaking, "with id", "weak").low.item() > 0.1


@pytest.mark.parametrize("by", ["subject", "recording", "array"])
def test_training_and_test_share_no_group(cut, weak, by):
    trained, tested = set(), set()

    class Spy(DummyClassifier):
        def fit(self, X, y):
            trained.update(X[:, 0])
            return super().fit(X, y)

        def predict(self, X):
            tested.update(X[:, 0])
            return super().predict(X)

    groups = np.arange(len(cut)) // 48  # two neighbouring people each
    rows = np.arange(len(cut))[:, None]
    few_label({"spy": (rows, lambda seed: Spy())}, cut, seeds=1, by=groups if by == "array" else by)
    of = (lambda i: groups[int(i)]) if by == "array" else (lambda i: cut.subject[int(i)])
    assert trained
    assert tested
    assert not {of(i) for i in trained} & {of(i) for i in tested}


def test_a_class_never_predicted_counts_as_nothing(cut, weak):
    table = few_label({"flat": (weak, lambda seed: DummyClassifier())}, cut, seeds=1)
    share = table.accuracy.item()
    assert table.macro_f1.item() == pytest.approx(2 * share / (1 + share) / 4)


def test_too_few_windows_of_a_class(cut, weak):
    keep = (cut.label != "D") | (np.cumsum(cut.label == "D") % 30 == 1)
    with pytest.raises(SplitError, match=r"class 'D' has . training windows, fewer than 10 shots"):
        few_label({"weak": weak[keep]}, cut[keep], seeds=1)
    with pytest.warns(UserWarning, match="D: fewer than 10 training windows"):
        table = few_label({"weak": weak[keep]}, cut[keep], seeds=1, cap=True)
    assert 30 < table.train_windows.item() < 40
    plenty = few_label({"weak": weak}, cut, seeds=2)
    capped = few_label({"weak": weak}, cut, seeds=2, cap=True)
    pd.testing.assert_frame_equal(plenty[SCORES], capped[SCORES])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"methods": {"a": np.zeros((7, 2))}}, SignalError, r"^a: features of shape \(7, 2\)"),
        ({"methods": {"a": np.full((480, 2), np.nan)}}, SignalError, "a: features hold NaN"),
        ({"probe": "logistics"}, ParameterError, "Did you mean 'logistic'"),
        ({"by": "sex"}, ParameterError, "by is 'sex'"),
        ({"shots": 0}, ParameterError, "shots"),
        ({"seeds": []}, ParameterError, "seeds"),
        ({"test": 1.5}, ParameterError, "test"),
        ({"shots": 500}, SplitError, "fewer than 500 shots"),
    ],
)
def test_mistakes_are_named(cut, weak, change, error, message):
    with pytest.raises(error, match=message):
        few_label(**{"methods": {"weak": weak}, "windows": cut, **change})


def test_features_alone_are_a_method(cut, weak):
    named = few_label({"features": weak}, cut, shots=3, seeds=1)
    pd.testing.assert_frame_equal(few_label(weak, cut, shots=3, seeds=1)[SCORES], named[SCORES])
    forest = few_label((weak, "forest"), cut, shots=3, seeds=1).macro_f1.item()
    assert forest == few_label({"features": (weak, "forest")}, cut, shots=3, seeds=1).macro_f1[0]


def test_windows_without_label_are_named(cut, weak):
    cut.label[3] = ""
    with pytest.raises(SplitError, match="1 of 480 windows have no label"):
        few_label({"weak": weak}, cut)


@pytest.mark.parametrize("probe", [probes.logistic, probes.linear_svm, probes.nearest])
@pytest.mark.parametrize("width", [2, 3000])
@pytest.mark.filterwarnings("error")
def test_probes_separate_what_is_separable(rng, probe, width):
    labels = np.repeat(list("abc"), 4)
    centres = rng.normal(size=(3, width)).repeat(4, axis=0)
    noisy = [(centres + 0.05 * rng.normal(size=centres.shape)).astype(np.float32) for _ in "xy"]
    constant = [np.hstack([each, np.full((12, 1), 7.0)]) for each in noisy]
    for train, test in (noisy, constant):
        assert (probe(0).fit(train, labels).predict(test) == labels).all()


def test_the_span_of_the_training_windows_is_enough(rng):
    """Turned into that span, logistic regression gives the answer of all dimensions."""
    x, y = rng.normal(size=(20, 300)), np.repeat(list("ab"), 10)
    wide = LogisticRegression(C=1.0, tol=1e-9, max_iter=5000).fit(
        StandardScaler().fit_transform(x), y
    )
    model = probes.logistic()
    model.set_params(logisticregression__tol=1e-9).fit(x, y)
    new = rng.normal(size=(50, 300))
    expected = wide.predict_proba(StandardScaler().fit(x).transform(new))
    np.testing.assert_allclose(model.predict_proba(new), expected, atol=1e-6)


def test_neighbours_fewer_than_k():
    x, y = np.eye(3), np.array(["a", "b", "c"])
    assert (probes.nearest(k=50).fit(x, y).predict(x) == y).all()


def scores(a, b):
    rows = [("a", 5, i, v) for i, v in enumerate(a)] + [("b", 5, i, v) for i, v in enumerate(b)]
    return pd.DataFrame(rows, columns=["method", "shots", "seed", "macro_f1"])


def test_summary_is_the_t_interval():
    values = [0.5, 0.6, 0.55, 0.7, 0.4]
    row = summarize(scores(values, [0.1])).iloc[0]
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (row.macro_f1, row.low, row.high) == pytest.approx((np.mean(values), low, high))
    assert row.draws == 5
    assert np.isnan(summarize(scores(values, [0.1])).iloc[1].low)


def test_no_interval_of_a_score_leaves_what_scores_can_be():
    nearly, hardly = [1.0, 1.0, 0.8], [0.0, 0.0, 0.3]
    high, low = summarize(scores(nearly, hardly)).itertuples()
    assert (high.high, low.low) == (1.0, 0.0)
    reach = stats.t.ppf(0.975, 2) * np.std(nearly, ddof=1) / np.sqrt(3)
    assert high.low == pytest.approx(np.mean(nearly) - reach)
    table = scores(nearly, hardly).assign(seconds=scores(nearly, hardly).macro_f1)
    assert summarize(table, "seconds").high.max() > 1  # seconds may be more than one


def test_paired_sees_what_the_intervals_hide(rng):
    luck = rng.normal(0.5, 0.2, 8)  # the draw moves both methods alike
    table = scores(luck + 0.03 + rng.normal(0, 0.005, 8), luck)
    both = summarize(table)
    assert both.low[0] < both.high[1]  # the two intervals overlap
    row = paired_difference(table, "a", "b").iloc[0]
    assert 0.02 < row.low < row.difference < row.high < 0.04
    assert row.wins == 1
    reverse = paired_difference(table, "b", "a").iloc[0]
    assert reverse.difference == pytest.approx(-row.difference)
    pd.testing.assert_frame_equal(
        paired_difference(table, "a", "b"), paired_difference(table, "a", "b")
    )
    with pytest.raises(ParameterError, match=r"no method 'c'.*There are: a, b"):
        paired_difference(table, "a", "c")


def test_statistics_by_hand(rng):
    time_s = np.arange(200) / 50
    wave = 2 + 3 * np.sin(2 * np.pi * 5 * time_s)
    signal = np.stack([wave, -wave, rng.normal(size=200)])[None]
    values = dict(zip(feature_names(3), handcrafted_features(signal, rate=50)[0], strict=True))
    expected = {
        "acc_x mean": 2,
        "acc_x std": 3 / np.sqrt(2),
        "acc_x max": 5,
        "acc_y min": -5,
        "acc_x rms": np.sqrt(4 + 4.5),
        "acc_x skewness": 0,
        "acc_x kurtosis": 1.5,  # of a sine
        "acc_x dominant_hz": 5,
        "acc_x centroid_hz": 5,
        "acc_x mean_crossings_hz": 10,
        "acc_x jerk_rms": 3 * 2 * np.pi * 5 / np.sqrt(2),
        "correlation acc_x acc_y": -1,
    }
    for name, value in expected.items():
        assert values[name] == pytest.approx(value, rel=0.03, abs=0.02), name
    assert values["acc_x log_energy_4-8_hz"] > values["acc_x log_energy_8-16_hz"] + 5
    assert values["acc_x spectral_entropy"] < 0.4 < values["acc_z spectral_entropy"]


@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_statistics_have_names_and_stay_finite(rng, channels):
    signal = rng.normal(size=(2500, channels, 16)).astype(np.float32)
    signal[0] = 9.81  # a sensor that never moves
    values = handcrafted_features(signal, rate=100)
    assert values.shape == (2500, len(feature_names(channels)))
    assert len(set(feature_names(channels))) == values.shape[1]
    assert values.dtype == np.float32
    assert np.isfinite(values).all()
    np.testing.assert_array_equal(
        values[2400:2403], handcrafted_features(signal[2400:2403], rate=100)
    )


def test_statistics_take_windows_and_check_arrays(cut):
    np.testing.assert_array_equal(
        handcrafted_features(cut), handcrafted_features(cut.signal, rate=cut.rate)
    )
    with pytest.raises(ClockError, match="rate"):
        handcrafted_features(cut.signal)
    with pytest.raises(SignalError, match="8 samples"):
        handcrafted_features(cut.signal[:, :, :7], rate=16)
    broken = cut.signal.copy()
    broken[3, 2, 1] = np.inf
    with pytest.raises(SignalError, match="sample 1 of axis 2, window 3"):
        handcrafted_features(broken, rate=16)


def test_fused_probes_vote_by_their_summed_log_probabilities(rng):
    y = np.repeat(["a", "b", "c"], 10)
    blocks = {
        name: rng.normal(size=(30, width))
        + 1.5 * np.eye(3)[np.repeat(range(3), 10)] @ rng.normal(size=(3, width))
        for name, width in (("first", 4), ("second", 7))
    }
    x, make = probes.fuse(blocks)
    assert x.shape == (30, 11)
    expected = sum(
        probes.logistic(3).fit(block[::2], y[::2]).predict_log_proba(block[1::2])
        for block in blocks.values()
    )
    predicted = make(3).fit(x[::2], y[::2]).predict(x[1::2])
    assert predicted.tolist() == np.array(["a", "b", "c"])[expected.argmax(axis=1)].tolist()


def test_two_weak_voters_are_better_than_either():
    """Each sees one of two independent halves of the evidence."""
    rng = np.random.default_rng(1)
    label = np.repeat([0, 1, 2, 3], 60)
    first = np.stack([label % 2, label % 2], axis=1) + 0.6 * rng.normal(size=(240, 2))
    second = np.stack([label // 2, label // 2], axis=1) + 0.6 * rng.normal(size=(240, 2))
    train = np.arange(0, 240, 3)
    test = np.setdiff1d(np.arange(240), train)
    x, make = probes.fuse({"first": first, "second": second})
    fused = make(0).fit(x[train], label[train]).score(x[test], label[test])
    alone = [
        probes.logistic(0).fit(part[train], label[train]).score(part[test], label[test])
        for part in (first, second)
    ]
    assert fused > max(alone) + 0.2


@pytest.mark.parametrize(
    ("voters", "probe", "error"),
    [
        ({}, "logistic", SignalError),
        ({"a": np.zeros((3, 2)), "b": np.zeros((4, 2))}, "logistic", SignalError),
        ({"a": np.zeros(3)}, "logistic", SignalError),
        ({"a": np.zeros((3, 2)), "b": np.zeros((3, 2))}, "svm", ParameterError),
        ({"a": np.zeros((3, 2))}, "logistical", ParameterError),
    ],
)
def test_voters_that_cannot_be_fused(voters, probe, error):
    with pytest.raises(error):
        probes.fuse(voters, probe)


def test_a_task_is_scored_as_its_parts_are(rng):
    """Votes of the network, of its untrained twin, and statistics, on the same draws."""
    cut = people(rng, subjects=3, each=6, classes="AB")
    network = load_backbone("mobilenetv3_small_050", seed=3)
    readout = ImageReadout(layers=(1, 2))
    table = score_task(cut, {"mine": network}, shots=2, seeds=1, readout=readout)
    twin = network.untrained()
    methods = {
        "mine": probes.fuse(readout.read(cut, network)),
        f"random weights, {network.name}": probes.fuse(readout.read(cut, twin)),
        "statistics + forest": (handcrafted_features(cut), "forest"),
    }
    expected = few_label(methods, cut, shots=2, seeds=1)
    pd.testing.assert_frame_equal(table[SCORES], expected[SCORES])


def test_a_task_without_networks_is_read_by_img2imu(rng):
    table = score_task(people(rng, subjects=3, each=4, classes="AB"), shots=1, seeds=1)
    names = ["IMG2IMU", "random weights, mobilenetv2_100", "statistics + forest"]
    assert table.method.tolist() == names


def test_too_few_people_are_told_before_a_network_reads(rng):
    alone = people(rng, subjects=2, each=8, classes="AB")[:8]
    with pytest.raises(SplitError):
        score_task(alone, {"never read": None}, shots=2)

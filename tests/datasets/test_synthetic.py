"""The synthetic people: mechanics that hold, a task that means alone cannot solve."""

import numpy as np
import pytest
from sklearn.metrics import f1_score
from sklearn.neighbors import NearestCentroid

from img2imu_kit.datasets.catalogue import card, fetch_dataset, list_datasets, load_dataset
from img2imu_kit.datasets.synthetic import MOTIONS
from img2imu_kit.errors import DatasetError, ParameterError
from img2imu_kit.signals.axes import GRAVITY
from img2imu_kit.signals.splits import split_by
from img2imu_kit.signals.windows import sliding_windows


def synthetic(**options):
    return load_dataset("synthetic", **options)


@pytest.fixture(scope="module")
def people():
    return synthetic()


def by_class(recordings, name):
    return [recording for recording in recordings if recording.classes == (name,)]


def test_what_comes_out(people):
    assert len(people) == len({recording.name for recording in people}) == 12 * 6
    assert {recording.subject for recording in people} == {f"s{i:02d}" for i in range(1, 13)}
    assert {recording.classes[0] for recording in people} == set(MOTIONS)
    first = people[0]
    assert (first.rate, first.signal.shape, first.signal.dtype) == (50, (1500, 6), np.float32)
    assert first.unit == ("m/s2",) * 3 + ("rad/s",) * 3


def test_same_seed_same_bytes(people):
    again = synthetic()
    assert all(a.signal.tobytes() == b.signal.tobytes() for a, b in zip(people, again, strict=True))
    assert synthetic(subjects=1, seed=1)[0].signal.tobytes() != people[0].signal.tobytes()


def test_more_people_or_fewer_classes_change_nobody(people):
    few = synthetic(subjects=2, classes=["run"])
    assert [recording.name for recording in few] == ["s01/run", "s02/run"]
    for a, b in zip(few, by_class(people, "run"), strict=False):
        np.testing.assert_array_equal(a.signal, b.signal)


def test_means_tell_little_and_spectra_much(people):
    cut = sliding_windows(people, 4, overlap=0.5)
    centred = cut.signal - cut.signal.mean(axis=2, keepdims=True)
    power = np.abs(np.fft.rfft(centred * np.hanning(cut.signal.shape[2]), axis=2)) ** 2
    sensors = [power[:, :3].sum(axis=1), power[:, 3:].sum(axis=1)]  # whatever the orientation
    spectrum = np.log(np.concatenate(sensors, axis=1) + 1e-3)
    scores = {"mean": [], "spectrum": []}
    for seed in range(3):
        train, test = split_by(cut.subject, cut.label, test=0.4, seed=seed)
        for name, features in (("mean", cut.signal.mean(axis=2)), ("spectrum", spectrum)):
            guess = NearestCentroid().fit(features[train], cut.label[train]).predict(features[test])
            scores[name].append(f1_score(cut.label[test], guess, average="macro"))
    assert np.mean(scores["mean"]) < 0.3  # chance is 1/6
    assert np.mean(scores["spectrum"]) > 0.8


def test_gravity_is_felt_in_full_and_nobody_flies_away(people):
    """Over whole cycles the specific force averages to g, whatever the motion."""
    for recording in by_class(people, "still") + by_class(people, "cycle"):
        assert np.linalg.norm(recording.signal[:, :3].mean(axis=0)) == pytest.approx(
            GRAVITY, rel=0.06
        )
    for recording in by_class(people, "run") + by_class(people, "jump"):
        assert np.linalg.norm(recording.signal[:, :3].mean(axis=0)) == pytest.approx(
            GRAVITY, rel=0.12
        )


def test_free_fall_and_landing(people):
    walking = min(np.linalg.norm(r.signal[:, :3], axis=1).min() for r in by_class(people, "walk"))
    for recording in by_class(people, "jump"):
        force = np.linalg.norm(recording.signal[:, :3], axis=1)
        assert np.percentile(force, 5) < 2.5
        assert force.max() > 2 * GRAVITY
    assert walking > 2.5


def test_clipping_is_rrecordinged_and_never_passed(people):
    peaks = np.array([np.abs(recording.signal[:, :3]).max() for recording in people])
    assert peaks.max() == pytest.approx(4 * GRAVITY, rel=1e-6)
    assert (peaks > 39.2).sum() < len(people) / 4


def test_cadence_is_the_strongest_line(people):
    """Vertical acceleration repeats with every step, within the spread of cadence over people."""
    cadences = []
    for recording in by_class(people, "walk"):
        up = recording.signal[:, :3].mean(axis=0)
        vertical = recording.signal[:, :3] @ (up / np.linalg.norm(up)) - np.linalg.norm(up)
        power = np.abs(np.fft.rfft(vertical * np.hanning(len(vertical)))) ** 2
        cadences.append(np.fft.rfftfreq(len(vertical), 1 / 50)[power.argmax()])
    assert np.median(cadences) == pytest.approx(1.9, rel=0.12)
    assert np.std(cadences) > 0.05


def test_gyroscope_agrees_with_the_tilt_of_gravity():
    """Gravity in the device's frame turns against the rate the gyroscope reports."""
    recording = synthetic(subjects=1, classes=["still"], seconds=60, rate=100)[0]
    force, rate = recording.signal[:, :3].astype(float), recording.signal[:, 3:].astype(float)
    tilt = np.cumsum(rate - rate.mean(axis=0), axis=0) / 100
    up = force.mean(axis=0)
    predicted = -np.cross(tilt - tilt.mean(axis=0), up)
    measured = force - up
    smooth = np.hanning(51) / np.hanning(51).sum()
    agree = [
        np.corrcoef(*(np.convolve(x[:, axis], smooth, "valid") for x in (predicted, measured)))[
            0, 1
        ]
        for axis in range(3)
    ]
    assert max(agree) > 0.7


def test_each_person_wears_it_their_own_way(people):
    still = np.stack(
        [recording.signal[:, :3].mean(axis=0) for recording in by_class(people, "still")]
    )
    directions = still / np.linalg.norm(still, axis=1, keepdims=True)
    assert np.linalg.norm(directions.mean(axis=0)) < 0.6  # 1 if all wore it alike


def test_rate_and_length():
    recording = synthetic(subjects=1, seconds=4.5, rate=64, classes=["run"])[0]
    assert (recording.rate, len(recording)) == (64, 288)


def test_transitions():
    days = synthetic(subjects=3, seconds=10, transitions=True)
    assert [day.name for day in days] == ["s01", "s02", "s03"]
    for day in days:
        assert day.seconds == 6 * 10 - 5
        assert set(day.classes) == set(MOTIONS)
        assert (day.labels == "").sum() == 5 * 50
        edges = np.flatnonzero(day.labels[1:] != day.labels[:-1])
        assert len(edges) == 10
    orders = {tuple(dict.fromkeys(label for label in day.labels if label)) for day in days}
    assert len(orders) > 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"subjects": 0},
        {"seconds": 1},
        {"rate": 5},
        {"seed": -1},
        {"classes": []},
        {"classes": ["walk", "swim"]},
    ],
)
def test_settings_out_of_range(wrong):
    with pytest.raises(ParameterError):
        synthetic(**wrong)


def test_it_is_always_at_hand_and_says_that_it_is_generated(monkeypatch, tmp_path):
    monkeypatch.setenv("IMG2IMU_CACHE", str(tmp_path))
    monkeypatch.setenv("IMG2IMU_MIRROR", str(tmp_path / "nowhere"))
    assert list_datasets().loc["synthetic", "at_hand"]
    assert card("synthetic").generated
    assert "generated" in card("synthetic").title
    assert len(load_dataset("synthetic", subjects=1, seconds=2, download=True)) == 6
    assert not list(tmp_path.iterdir())


def test_no_folder_holds_it_and_nothing_is_fetched(tmp_path):
    with pytest.raises(DatasetError, match=r"generated, no folder holds it\. Leave the folder out"):
        load_dataset("synthetic", tmp_path)
    with pytest.raises(DatasetError, match=r"nothing to fetch\. Call load_dataset\('synthetic'\)"):
        fetch_dataset("synthetic")

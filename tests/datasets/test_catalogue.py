"""Public data sets: the figures of the real ones, the quirks of each owner's layout, its errors."""

import importlib
import os
import pickle
import sys
import warnings
from collections import Counter

import numpy as np
import pytest
from scipy.io import savemat

from img2imu_kit.datasets import catalogue as datasets
from img2imu_kit.datasets.catalogue import LOADERS
from img2imu_kit.errors import ClockError, DatasetError, FormatError, ParameterError
from img2imu_kit.signals.windows import sliding_windows

# What the measured facts beside the real archives say: recordings, subjects, classes, seconds.
FIGURES = {
    "shoulder_exercises": (140, 10, 7, 244_102 / 50),
    "swimming": (134, 31, 6, 576_090 / 30),
    "driver_behavior": (3, 3, 7, 1803.3),
    "utd_mhad": (861, 8, 27, 3112.76),
    "sp_sw_har": (446, 23, 5, 2527 + 2516),
    "chest_accelerometer": (15, 15, 7, 37_056),
    "sisfall": (720, 24, 15, 10_798.825),
}


@pytest.fixture(scope="module")
def real(request):
    """A set's name -> its real recordings, loaded once."""
    loaded = {}

    def load(name):
        if name not in loaded:
            packaged = datasets.card(name).package  # these need no folder of real data
            folder = None if packaged else request.getfixturevalue("data_dir")(name)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                loaded[name] = datasets.load_dataset(name, folder), caught
        return loaded[name][0]

    load.warnings = lambda name: [str(each.message) for each in (load(name), loaded[name][1])[1]]
    return load


SLOW = ("sisfall", "sp_sw_har")  # the largest: 5 s and more


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in FIGURES]
)
def test_real_figures(real, name):
    recordings, facts = real(name), datasets.card(name)
    count, subjects, classes, seconds = FIGURES[name]
    assert len(recordings) == len({recording.name for recording in recordings}) == count
    assert len({recording.subject for recording in recordings}) == subjects
    labels = {label for recording in recordings for label in recording.classes}
    assert len(labels) == classes
    assert labels <= set(facts.classes)
    total = sum(recording.seconds for recording in recordings)
    # one sample more than the time between first and last stamp, for each recording resampled
    assert total == pytest.approx(seconds, abs=1 + count / facts.rate)
    for recording in recordings:
        assert (recording.rate, recording.axes, recording.unit) == (
            facts.rate,
            facts.axes,
            facts.unit,
        )


def test_swimming_counts_the_undocumented_labels(real):
    counts = Counter(label for recording in real("swimming") for label in recording.labels)
    assert counts[""] == 16_008 + 10_779
    assert counts["freestyle"] == 186_465
    assert counts["turn"] == 17_010
    assert counts.total() == 576_090
    (message,) = real.warnings("swimming")
    assert "26,787 of 576,090" in message
    assert "-1 (16,008 samples), 6 (10,779 samples)" in message


@pytest.mark.slow
def test_sp_sw_har_devices(real, data_dir):
    phone = datasets.load_dataset("sp_sw_har", data_dir("sp_sw_har"), device="phone")
    assert len(phone) == 223
    assert sum(len(recording) for recording in phone) / 100 == pytest.approx(2527, abs=3)
    both = {recording.name: recording for recording in real("sp_sw_har")}
    assert all(name.endswith(("_sp", "_sw")) for name in both)
    np.testing.assert_array_equal(both[phone[5].name].signal, phone[5].signal)


@pytest.mark.slow
def test_gravity_is_one_g_in_every_real_set(real):
    """The median length of acceleration tells a wrong unit or a swapped sensor."""
    for name in FIGURES.keys() - {"chest_accelerometer"}:
        norms = [
            np.median(np.linalg.norm(recording.select("acc").to_unit("g").signal, axis=1))
            for recording in real(name)
        ]
        # a swimming arm turns: the pull towards the shoulder adds to gravity
        assert np.median(norms) == pytest.approx(1, abs=0.2 if name == "swimming" else 0.1), name


def test_shoulder_exercises_once_for_each_person_arm_and_exercise(real):
    names = [recording.name for recording in real("shoulder_exercises")]
    people = [f"s{i:02d}" for i in range(1, 11)]
    exercises = datasets.card("shoulder_exercises").classes
    assert names == [f"{p}/{a}/{e}" for p in people for a in ("left", "right") for e in exercises]
    assert "seglearn" not in sys.modules  # its file is read, its code is not run
    right = datasets.load_dataset("shoulder_exercises", arm="right")
    assert [recording.name for recording in right] == [name for name in names if "/right/" in name]
    with pytest.raises(ParameterError, match="arm is 'both'"):
        datasets.load_dataset("shoulder_exercises", arm="both")


def test_a_hanging_arm_tells_its_side_and_a_raised_one_the_unit_of_turning(real):
    turned = []
    for recording in real("shoulder_exercises"):
        _, arm, exercise = recording.name.split("/")
        acc_x, gyro_y = recording.signal[:, 0], recording.signal[:, 4]
        if exercise == "trapezius extension":  # a shrug: the arm hangs
            gravity = 9.80665 if arm == "left" else -9.80665
            assert acc_x.mean() / gravity == pytest.approx(1, abs=0.15), recording.name
        if exercise == "forward elevation":
            angle = np.cumsum(gyro_y - gyro_y.mean()) / recording.rate  # without drift
            turned.append(np.ptp(np.percentile(angle, [5, 95])))
    assert np.median(turned) == pytest.approx(np.pi, abs=0.3)  # up and down is half a circle


def test_sisfall_accelerometers_agree(data_dir):
    (folder,) = data_dir("sisfall").rglob("SA01")
    coarse = datasets.load_dataset("sisfall", folder)
    fine = datasets.load_dataset("sisfall", folder, sensor="MMA8451Q")
    assert len(coarse) >= 15
    apart = [
        np.median(np.abs(a.signal[:, :3] - b.signal[:, :3]))
        for a, b in zip(coarse, fine, strict=True)
    ]
    assert np.median(apart) < 0.15  # g: two chips on one board, not quite aligned


def test_driver_events(real, data_dir):
    folder = data_dir("driver_behavior")
    events = datasets.load_dataset("driver_behavior", folder, events=True)
    assert len(events) == len({event.name for event in events}) == 53
    counts = Counter((event.subject, event.classes[0]) for event in events)
    assert counts["trip17", "lane change right"] == 2
    assert counts["trip21", "lane change left"] == 4
    assert {trip for trip, label in counts if label.startswith("turn")} == {"trip20"}
    assert sum(count for (_, label), count in counts.items() if label == "non-aggressive") == 11
    trip = next(each for each in real("driver_behavior") if each.name == "trip17")
    event = events[0]  # 16.1 to 18.5 s
    first = round((event.start_s - trip.start_s) * 50)
    assert event.start_s == pytest.approx(16.1, abs=0.02)
    assert event.seconds == pytest.approx(2.4, abs=0.03)
    np.testing.assert_array_equal(event.signal, trip.signal[first : first + len(event)])
    fixed = datasets.load_dataset("driver_behavior", folder, events=True, seconds=5, linear=True)
    assert {len(event) for event in fixed} == {250}
    assert fixed[0].axes[6:] == ("linear_x", "linear_y", "linear_z")
    # the two accelerations differ by gravity, along the vertical
    apart = np.mean(
        [(each.select("acc").signal - each.signal[:, 6:]).mean(axis=0) for each in fixed], 0
    )
    np.testing.assert_allclose(apart, [0, 0, 9.81], atol=0.05)


def test_driver_clock_keeps_what_the_sensor_saw(real, data_dir):
    path = next(data_dir("driver_behavior").rglob("17/acelerometro_terra.csv"))
    nanos, z = np.loadtxt(path, delimiter=",", skiprows=1, usecols=(1, 4)).T
    gyro = np.loadtxt(path.with_name("giroscopio_terra.csv"), delimiter=",", skiprows=1, usecols=1)
    trip = next(each for each in real("driver_behavior") if each.name == "trip17")
    times_s = (nanos - gyro[0]) / 1e9  # the gyroscope was first
    nearest = z[np.abs(times_s[:, None] - trip.times_s[None, 5000:6000]).argmin(axis=0)]
    assert np.corrcoef(trip.signal[5000:6000, 2], nearest)[0, 1] > 0.9
    shifted = trip.signal[5005:6005, 2]  # a tenth of a second is noticed
    assert np.corrcoef(shifted, nearest)[0, 1] < 0.6


# --- each owner's layout in small, with its quirks ----------------------------------------------


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def swimming(folder, labels=(0.0, 1.0, 1.0, -1.0, 6.0, 5.0), gap_ns=0.0):
    """The owners' full file: an unnamed index, 18 columns more, everything a float."""
    extra = "MAG_0,MAG_1,MAG_2,PRESS,LIGHT,label,ACC_012,ACC_01,ACC_02,ACC_12,GYRO_012,GYRO_01"
    extra += ",GYRO_02,GYRO_12,MAG_012,MAG_01,MAG_02,MAG_12"
    lines = [f",timestamp,ACC_0,ACC_1,ACC_2,GYRO_0,GYRO_1,GYRO_2,{extra}"]
    for i, label in enumerate(labels):
        stamp = 623062057732518.0 + i * 1e9 / 30 + (gap_ns if i >= 3 else 0)
        numbers = [float(i), stamp, 1.0 + i, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 7.0, 7.0, 1013.25, 99.0]
        lines.append(",".join(map(str, [*numbers, label, *[8.0] * 12])))
    text = "\n".join(lines) + "\n"
    return write(folder / "data/processed_30hz_relabeled/7/Butterfly_1532367411257.csv", text)


def driver(folder, events="freada_agressiva,1,2\ncurva_direita_agressiva, 0.5, 1.25\n"):
    """Two clocks, whole and fractional seconds, events out of order and overlapping."""
    trip = folder / "data" / "16"
    for sensor, shift, value in (("acelerometro", 5, 9.8), ("giroscopio", 0, 0.1)):
        rows = [
            f"14/05/2016 11:17:09,{10**13 + (shift + 19.6 * i) * 10**6:.0f},{i},0,{value}"
            for i in range(200)
        ]
        write(trip / f"{sensor}_terra.csv", "\n".join(["timestamp,uptimeNanos,x,y,z", *rows]))
    write(trip / "campoMagnetico_terra.csv", "timestamp,uptimeNanos,x,y,z\n")
    write(trip / "viagem.json", "{}")
    return write(trip / "groundTruth.csv", "evento, inicio, fim\n" + events)


def utd(folder, shape=(120, 6)):
    path = folder / "Inertial" / "a27_s8_t4_inertial.mat"
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"d_iner": np.ones(shape)})
    return path


def phone(folder, stamps=(0, 10, 10, 10, 20, 55, 70, 80)):
    """Milliseconds since 1970 with equal stamps, as a phone delivers its batches."""
    rows = [
        f"{i},0,9.8,0,0,0.1,{1657533977813 + stamp},{'SEATED' if stamp < 30 else 'WALKING'}"
        for i, stamp in enumerate(stamps)
    ]
    header = "x_acc,y_acc,z_acc,x_gyro,y_gyro,z_gyro,timestamp,label"
    write(folder / "DATA/executions_info.csv", "execution_id,orientation,first_turn,second_turn\n")
    write(folder / "DATA/subjects_info.csv", "subject,age\n")
    return write(folder / "DATA/s03/s03_10_sp.csv", "\n".join([header, *rows]))


def chest(folder):
    """The sequence number in the exponent form that lost its precision, the rails, label 0."""
    text = "99999,1502,2215,0,1\n1e+05,1667,4095,2047,7\n1e+05,1611,1957,1906,0\n"
    write(folder / "README.txt", "by Casale et al.")
    return write(folder / "10.csv", text)


def shoulder(folder, **changed):
    """A pickled dictionary of lists and arrays, in an array of no dimensions."""
    data = {
        "X": [np.full((4, 6), 1.0), np.full((5, 6), 2.0)],
        "y": np.array([6, 3]),
        "side": np.array([1.0, 0.0]),
        "subject": np.array([2, 2]),
        "y_labels": ["PEN", "ABD", "FEL", "IR", "ER", "TRAP", "ROW"],
        "X_labels": ["ax", "ay", "az", "wx", "wy", "wz"],
    }
    path = write(folder / "seglearn/data/watch_dataset.npy", "")
    np.save(path, data | changed, allow_pickle=True)
    return path


def sisfall(folder):
    text = b" 256,-257, -25,  16,-32,  0,-1024,-987,  63;\r\n"
    text += b"  -3,-263, -23,  99, 258,  35,-110,-1016,  68;\r\n"
    write(folder / "SisFall_dataset/Readme.txt", "SisFall")
    return write(folder / "SisFall_dataset/SE06/D01_SE06_R01.txt", text)


OWNERS = {
    "shoulder_exercises": shoulder,
    "swimming": swimming,
    "driver_behavior": driver,
    "utd_mhad": utd,
    "sp_sw_har": phone,
    "chest_accelerometer": chest,
    "sisfall": sisfall,
}


def test_swimming_full_layout(tmp_path):
    swimming(tmp_path)
    with pytest.warns(UserWarning, match=r"2 of 6 samples.*-1 \(1 samples\), 6 \(1 samples\)"):
        (recording,) = datasets.load_dataset("swimming", tmp_path)
    assert recording.labels.tolist() == ["null", "freestyle", "freestyle", "", "", "turn"]
    assert (recording.name, recording.subject) == ("7/Butterfly_1532367411257", "s07")
    assert recording.signal[1].tolist() == [2, 2, 3, 4, 5, 6]
    with pytest.warns(UserWarning, match="undocumented"):
        (merged,) = datasets.load_dataset("swimming", tmp_path, merge_transition=True)
    assert merged.labels[[0, 5]].tolist() == ["transition", "transition"]
    cut = sliding_windows(recording, 1 / 30)
    assert "" not in cut.label
    assert len(cut) == 4


def test_swimming_splits_at_a_gap(tmp_path):
    swimming(tmp_path, labels=[1.0] * 6, gap_ns=2e9)
    pieces = datasets.load_dataset("swimming", tmp_path)
    assert [len(piece) for piece in pieces] == [3, 3]
    assert pieces[1].start_s == pytest.approx(2.1, abs=1e-3)


def test_driver_clock_and_overlap(tmp_path):
    driver(tmp_path)
    (trip,) = datasets.load_dataset("driver_behavior", tmp_path)
    assert trip.start_s == pytest.approx(0.005)
    # the accelerometer counts its samples on x: on an even clock that is a ramp
    np.testing.assert_allclose(trip.signal[:190, 0], np.arange(190) / 0.98, atol=1e-3)
    labels = trip.labels
    second = {
        s: labels[round((s - trip.start_s) * 50)] for s in (0.4, 0.6, 0.95, 1.1, 1.5, 1.9, 2.1)
    }
    expected = ["", "turn right", "turn right", "braking", "braking", "braking", ""]
    assert list(second.values()) == expected
    first, other = datasets.load_dataset("driver_behavior", tmp_path, events=True)
    assert (first.name, first.subject, first.classes) == ("trip16/event01", "trip16", ("braking",))
    assert other.seconds == pytest.approx(0.75, abs=0.021)
    with pytest.raises(ParameterError, match="events=True"):
        datasets.load_dataset("driver_behavior", tmp_path, seconds=2)


def test_utd_placement(tmp_path):
    utd(tmp_path)
    (trial,) = datasets.load_dataset("utd_mhad", tmp_path, placement="thigh")
    assert (trial.name, trial.subject, trial.classes) == ("a27_s8_t4", "s8", ("squat",))
    assert datasets.load_dataset("utd_mhad", tmp_path, placement="wrist") == []
    with pytest.raises(ParameterError, match="placement"):
        datasets.load_dataset("utd_mhad", tmp_path, placement="ankle")


def test_equal_stamps_become_an_even_clock(tmp_path):
    phone(tmp_path)
    (recording,) = datasets.load_dataset("sp_sw_har", tmp_path)
    assert len(recording) == 9
    # samples 1, 2, 3 share a stamp and count as their mean; between 20 and 55 ms a straight line
    np.testing.assert_allclose(recording.signal[:4, 0], [0, 2, 4, 4 + 10 / 35], rtol=1e-6)
    assert recording.labels[0] == "SEATED"
    assert recording.labels[-1] == "WALKING"
    assert recording.subject == "s03"
    assert datasets.load_dataset("sp_sw_har", tmp_path, device="phone")[0].name == "s03_10_sp"
    with pytest.raises(DatasetError):
        datasets.load_dataset("sp_sw_har", tmp_path, device="watch")


def test_chest_rails_and_unlabelled(tmp_path):
    chest(tmp_path)
    (recording,) = datasets.load_dataset("chest_accelerometer", tmp_path)
    assert recording.labels.tolist() == ["working at computer", "talking while standing", ""]
    assert recording.signal.max() == 4095
    assert recording.subject == "s10"


def test_shoulder_units_and_order(tmp_path):
    shoulder(tmp_path)
    first, second = datasets.load_dataset("shoulder_exercises", tmp_path)
    assert (first.name, second.name) == ("s02/left/internal rotation", "s02/right/upright row")
    np.testing.assert_allclose(first.signal[0], [2 * 9.80665] * 3 + [2] * 3)


def test_sisfall_units(tmp_path):
    sisfall(tmp_path)
    (coarse,) = datasets.load_dataset("sisfall", tmp_path)
    np.testing.assert_allclose(coarse.signal[0, 0], 1)  # 256 counts of 32/8192 g
    np.testing.assert_allclose(coarse.signal[0, 3:5], np.array([16, -32]) * 4000 / 65536, rtol=1e-6)
    assert (coarse.name, coarse.subject, coarse.classes) == ("D01_SE06_R01", "SE06", ("D01",))
    (fine,) = datasets.load_dataset("sisfall", tmp_path, sensor="MMA8451Q")
    assert fine.signal[0, 0] == -1  # -1024 counts of 16/16384 g
    with pytest.raises(ParameterError, match="ADXL345 or MMA8451Q"):
        datasets.load_dataset("sisfall", tmp_path, sensor="ITG3200")


# --- what goes wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", OWNERS)
def test_missing_and_empty_folder(tmp_path, name):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DatasetError, match=f"img2imu datasets --fetch {name}") as caught:
            datasets.load_dataset(name, folder)
        assert str(folder) in str(caught.value)


def test_folder_may_be_anywhere_above_the_files(tmp_path):
    path = sisfall(tmp_path / "deep" / "er")
    write(path.parents[1] / "__MACOSX" / "SE06" / "D01_SE06_R01.txt", "junk")
    assert len(datasets.load_dataset("sisfall", tmp_path)) == 1
    assert len(datasets.load_dataset("sisfall", path.parent)) == 1


@pytest.mark.parametrize("name", OWNERS)
@pytest.mark.parametrize("damage", ["empty", "binary", "cut"])
def test_damaged_files(tmp_path, name, damage):
    path = OWNERS[name](tmp_path)
    content = path.read_bytes()
    path.write_bytes({"empty": b"", "binary": bytes(range(256)), "cut": content[:-10]}[damage])
    with pytest.raises(FormatError) as caught:
        datasets.load_dataset(name, tmp_path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "old", "new", "line", "what"),
    [
        ("swimming", b"ACC_1", b"ACC_9", 0, "no column ACC_1"),
        (
            "swimming",
            b",4.0,2.0",
            b",oops,2.0",
            5,
            "column 'ACC_0' holds 'oops', expected a number",
        ),
        ("driver_behavior", b"2\ncurva", b"2\nchurrasco", 3, "event 'churrasco_direita_agressiva'"),
        ("driver_behavior", b" 0.5", b" 99", 3, "within the trip of"),
        ("sp_sw_har", b",SEATED\n2", b"\n2", 3, "7 column(s), expected 8"),
        ("sp_sw_har", b",SEATED\n2", b",\n2", 3, "column 'label' is empty, expected text"),
        ("chest_accelerometer", b"2047,7", b"2047,8", 2, "label 8, expected 0 to 7"),
        ("chest_accelerometer", b"1906,0", b"1906,0,0", 3, "6 column(s), expected 5"),
        ("sisfall", b"-263", b"-2x3", 2, "holds '-2x3', expected a number"),
    ],
)
def test_malformed_lines(tmp_path, name, old, new, line, what):
    path = OWNERS[name](tmp_path)
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    with pytest.raises(FormatError) as caught:
        datasets.load_dataset(name, tmp_path)
    assert what in str(caught.value)
    assert (f"{path}, line {line}:" if line else f"{path}:") in str(caught.value)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [("swimming", b"1013.25", b"wet"), ("driver_behavior", b"1.25", b"99")],
    ids=["column not read", "event outlasts its trip"],
)
@pytest.mark.filterwarnings("ignore:swimming")
def test_what_does_no_harm(tmp_path, name, old, new):
    path = OWNERS[name](tmp_path)
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    assert datasets.load_dataset(name, tmp_path)


def test_stamps_that_run_backwards(tmp_path):
    phone(tmp_path, stamps=(0, 10, 30, 20))
    with pytest.raises(ClockError, match=r"s03_10_sp.*backwards at sample 3"):
        datasets.load_dataset("sp_sw_har", tmp_path)
    path = driver(tmp_path).with_name("giroscopio_terra.csv")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:5], lines[3], *lines[6:]]))
    with pytest.raises(FormatError, match=r"giroscopio_terra.csv, line 6: uptimeNanos"):
        datasets.load_dataset("driver_behavior", tmp_path)


def test_utd_matlab_files_of_another_kind(tmp_path):
    path = utd(tmp_path, shape=(120, 3))
    with pytest.raises(FormatError, match=r"shape \(120, 3\), expected \[T, 6\]"):
        datasets.load_dataset("utd_mhad", tmp_path)
    savemat(path, {"other": np.ones(3)})
    with pytest.raises(FormatError, match="no variable d_iner"):
        datasets.load_dataset("utd_mhad", tmp_path)
    savemat(path, {"d_iner": "text"})
    with pytest.raises(FormatError):
        datasets.load_dataset("utd_mhad", tmp_path)


class Hostile:
    """What an attacker would pickle: reading it calls a function."""

    def __init__(self, call, *arguments):
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


@pytest.mark.parametrize("python", ["os", "builtins", "numpy"])
def test_nothing_runs_when_a_pickle_is_hostile(tmp_path, python):
    sign = tmp_path / "it_ran"
    call = {
        "os": Hostile(os.mkdir, str(sign)),
        "builtins": Hostile(exec, f"import os; os.mkdir({str(sign)!r})"),
        "numpy": Hostile(np.save, str(sign), np.zeros(1)),
    }[python]
    pickle.loads(pickle.dumps(call))  # the trap is real
    (trace,) = tmp_path.glob("it_ran*")
    trace.rmdir() if trace.is_dir() else trace.unlink()
    path = shoulder(tmp_path, y_labels=call)
    with pytest.raises(FormatError, match=r"asks for .*only arrays are read") as caught:
        datasets.load_dataset("shoulder_exercises", tmp_path)
    assert str(path) in str(caught.value)
    assert not list(tmp_path.glob("it_ran*"))


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"X": [np.ones((4, 6)), np.ones((4, 3))]}, r"expected .*\(6,\)"),
        ({"X": [np.ones((4, 6))]}, "longer"),
        ({"y": np.array([0, 7])}, "subject 2 has side 0, exercise 7"),
        ({"side": np.array([0, 2])}, "side 2"),
        ({"y_labels": ["ABD", "PEN"]}, "expected .*'PEN', 'ABD'"),
        ({"subject": "two"}, "astype"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_watch_file_of_another_kind(tmp_path, changed, what):
    shoulder(tmp_path, **changed)
    with pytest.raises(FormatError, match=what):
        datasets.load_dataset("shoulder_exercises", tmp_path)


def test_a_set_that_comes_with_a_package_needs_no_cache_and_no_mirror(tmp_path, monkeypatch):
    monkeypatch.setenv("IMG2IMU_CACHE", str(tmp_path / "nowhere"))
    monkeypatch.setenv("IMG2IMU_MIRROR", str(tmp_path / "no mirror"))
    folder = datasets.fetch_dataset("shoulder_exercises")
    assert next(folder.rglob("watch_dataset.npy")).stat().st_size > 1e7
    assert len(datasets.load_dataset("shoulder_exercises", arm="left")) == 70
    assert not (tmp_path / "nowhere").exists()
    monkeypatch.setattr(sys, "path", [])  # as if it had not been installed
    importlib.invalidate_caches()
    for load in (datasets.fetch_dataset, datasets.load_dataset):
        with pytest.raises(DatasetError, match="pip install seglearn"):
            load("shoulder_exercises")
    assert not datasets.list_datasets().loc["shoulder_exercises", "at_hand"]


def test_not_in_the_cache_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("IMG2IMU_CACHE", str(tmp_path))
    monkeypatch.delenv("IMG2IMU_MIRROR", raising=False)
    with pytest.raises(
        DatasetError, match=r"ik.datasets.fetch_dataset\('swimming'\).*github.com/brunnergino"
    ):
        datasets.load_dataset("swimming")
    at_hand = datasets.list_datasets()["at_hand"]
    assert list(at_hand.index[at_hand]) == ["synthetic", "shoulder_exercises"]
    chest(tmp_path / "chest_accelerometer")
    assert len(datasets.load_dataset("chest_accelerometer")) == 1
    assert datasets.list_datasets()["at_hand"].to_dict()["chest_accelerometer"]


def test_unknown_option():
    with pytest.raises(ParameterError, match=r"'sensr'\. Did you mean 'sensor'"):
        datasets.load_dataset("sisfall", sensr="MMA8451Q")


def test_unknown_name():
    with pytest.raises(DatasetError, match="Did you mean 'sisfall'"):
        datasets.load_dataset("sisfal")
    with pytest.raises(DatasetError, match="There are: synthetic, shoulder_exercises, "):
        datasets.fetch_dataset("no such thing")


def test_cards_and_list():
    table = datasets.list_datasets()
    assert list(table.index) == list(LOADERS) == ["synthetic", *FIGURES]
    assert table.loc["swimming", "sensors"] == "acc gyro"
    for name in LOADERS:
        facts = datasets.card(name)
        assert facts.name == name
        assert len(facts.axes) == len(facts.unit)
        assert len(set(facts.classes)) == len(facts.classes) == table.loc[name, "classes"]
        assert facts.url in str(facts)
        assert facts.url.startswith("http") or name == "synthetic"  # nobody publishes that
        assert all([facts.title, facts.task, facts.who, facts.licence, facts.citation, facts.notes])

"""Files as phones, loggers and data sets write them, and the recordings that come of them."""

import gzip
import logging
import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import img2imu_kit as ik
from img2imu_kit.errors import (
    ClockError,
    FormatError,
    GuessWarning,
    OutputError,
    ParameterError,
)
from img2imu_kit.readers.arrays import save_npz
from img2imu_kit.readers.columns import parse_name
from img2imu_kit.readers.files import read
from img2imu_kit.readers.tables import describe_csv, from_frame, read_csv

LENGTH, RATE = 100, 50.0
TIMES_S = np.arange(LENGTH) / RATE
#: Gravity, a swing and a drift: x, y and z cannot be confused.
SIGNAL = np.stack(
    [np.sin(2 * np.pi * TIMES_S), 9.81 + 0.1 * np.cos(2 * np.pi * TIMES_S), 0.2 * TIMES_S], axis=1
).round(4)


def lines(*columns, header=None, delimiter=",", end="\n", decimal="."):
    """Text of a table from columns of values."""
    rows = [delimiter.join(map(str, row)).replace(".", decimal) for row in zip(*columns)]  # noqa: B905
    return end.join([header, *rows] if header is not None else rows) + end


def check(recordings, *, rate=RATE, axes=("acc_x", "acc_y", "acc_z"), unit="m/s2", tolerance=2e-3):
    (recording,) = recordings
    assert recording.axes == axes
    assert recording.unit == (unit,) * 3
    assert recording.rate == pytest.approx(rate, rel=1e-4)
    assert recording.signal.dtype == np.float32
    np.testing.assert_allclose(recording.signal, SIGNAL[: len(recording)], atol=tolerance)
    assert len(SIGNAL) - len(recording) in (0, 1)  # the last point of a rounded clock may not fit
    return recording


@pytest.fixture
def write(tmp_path):
    def save(text, name="walk.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return save


def test_phyphox(write):
    header = '"Time (s)","Acceleration x (m/s^2)","Acceleration y (m/s^2)",'
    header += '"Acceleration z (m/s^2)","Absolute acceleration (m/s^2)"'
    absolute = np.linalg.norm(SIGNAL, axis=1)
    stamps = [f"{t:.9E}" for t in TIMES_S]
    recording = check(read_csv(write(lines(stamps, *SIGNAL.T, absolute, header=header))))
    assert recording.name == "walk"


def test_a_german_phone_with_lines_of_text_before_its_table(write):
    head = "Gerät: Telefon\nAufnahme: Montag\n"
    columns = ";".join(f"Beschleunigung {axis} (m/s²)" for axis in "xyz")
    text = lines(
        *(np.round(TIMES_S * 1000).astype(int), *SIGNAL.T, np.full(len(TIMES_S), 87)),
        header=f"Zeit (ms);{columns};Akku (%)",
        delimiter=";",
        decimal=",",
    )
    check(read_csv(write(head + text)))


def test_sensor_logger_writes_z_before_y_before_x(write):
    nanos = 1_714_561_200_000_000_000 + np.round(TIMES_S * 1e9).astype(np.int64)
    text = lines(nanos, TIMES_S, *SIGNAL.T[::-1], header="time,seconds_elapsed,z,y,x", end="\r\n")
    check(read_csv(write(text, "Accelerometer.csv")))
    recording = read_csv(write(text, "Gyroscope.csv"))[0]
    assert recording.axes == ("gyro_x", "gyro_y", "gyro_z")
    with pytest.warns(GuessWarning, match=r"x, y, z are taken for an accelerometer \(axes=\)"):
        read_csv(write(text, "01.csv"))


def test_semicolons_decimal_commas_and_milliseconds(write):
    millis = np.round(TIMES_S * 1000).astype(int) + 8_112_345
    text = lines(
        millis, *SIGNAL.T, header="timestamp;acc_x;acc_y;acc_z", delimiter=";", decimal=","
    )
    check(read_csv(write("\ufeff" + text)))
    check(read_csv(write(text, encoding="utf-16")))


def test_no_header_counter_and_label(write):
    label = np.repeat([1, 4], LENGTH // 2)
    text = lines(range(LENGTH), *SIGNAL.T, label)
    with pytest.warns(GuessWarning) as said:
        recording = check(read_csv(write(text), rate=RATE))
    message = str(said[0].message)
    assert "'1' is acc_x, '2' is acc_y, '3' is acc_z (columns=, axes=)" in message
    assert "column 4 is the label (label=)" in message
    assert recording.labels.tolist() == ["1"] * 50 + ["4"] * 50
    told = read_csv(write(text), columns=[1, 2, 3], label=4, rate=RATE, time=False)
    np.testing.assert_array_equal(check(told).labels, recording.labels)


def test_no_header_with_a_clock(write):
    with pytest.warns(GuessWarning, match=r"column 0 is time \(time=\)"):
        check(read_csv(write(lines(TIMES_S, *SIGNAL.T))))


def test_sisfall_counts_end_in_a_semicolon(write):
    counts = np.random.default_rng(0).integers(-999, 999, (LENGTH, 9))
    text = "".join(",".join(f"{v:4d}" for v in row) + ";\r\n" for row in counts)
    with pytest.warns(GuessWarning, match="is gyro_x"):
        (recording,) = read_csv(write(text, "F01.txt"), rate=200)
    np.testing.assert_array_equal(recording.signal, counts)
    assert recording.axes[6:] == ("ch6", "ch7", "ch8")
    assert recording.unit == ("",) * 9


def test_swimming_has_float_nanoseconds_and_an_unnamed_index(write):
    nanos = [f"{v:.1f}" for v in 1.290406490796508e15 + TIMES_S * 1e9]
    text = lines(
        range(LENGTH),
        nanos,
        *SIGNAL.T,
        np.zeros(LENGTH),
        header=",timestamp,ACC_0,ACC_1,ACC_2,label",
    )
    assert check(read_csv(write(text))).classes == ("0",)


def test_dates_in_utc(write):
    stamps = pd.Timestamp("2024-05-01T10:59:59.5Z") + pd.to_timedelta(TIMES_S, unit="s")
    header = "time,accX,accY,accZ"
    for texts in (
        stamps.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        stamps.strftime("%Y-%m-%d %H:%M:%S.%f"),
    ):
        check(read_csv(write(lines(texts, *SIGNAL.T, header=header))))


@pytest.mark.parametrize(
    ("delimiter", "name"),
    [("\t", "a.tsv"), (" ", "a.txt"), ("   ", "a.txt"), ("|", "a.csv"), (", ", "a.csv")],
)
def test_other_delimiters(write, delimiter, name):
    text = lines(TIMES_S, *SIGNAL.T, header=delimiter.join(["t", "ax", "ay", "az"]),
                 delimiter=delimiter)  # fmt: skip
    check(read(write(text, name)))


def test_preamble_comments_and_a_row_of_units(write):
    text = lines(TIMES_S, *SIGNAL.T, header="t,acc_x,acc_y,acc_z")
    check(read_csv(write("# device: A\n#\n" + text.replace("\n0.5,", "\n# pause\n0.5,"))))
    check(read_csv(write("Device: A\nStarted 10:00\n\n" + text)))
    commented = "# " + text  # as numpy.savetxt writes it
    check(read_csv(write(commented)))
    units = text.replace("\n", "\ns,m/s^2,m/s^2,m/s^2\n", 1)
    check(read_csv(write(units)))


def test_header_of_numbers_is_doubted(write):
    text = lines(range(LENGTH), *SIGNAL.T, header=",0,1,2")
    with pytest.warns(GuessWarning, match=r"line 1 is the header, though it holds numbers"):
        (recording,) = read_csv(write(text), columns=["0", "1", "2"], rate=RATE, unit="m/s2")
    np.testing.assert_allclose(recording.signal, SIGNAL, atol=1e-6)


def test_delimiter_that_ends_each_line(write):
    for header in ("t;acc_x;acc_y;acc_z", "t;acc_x;acc_y;acc_z;"):
        text = header + "\n" + lines(TIMES_S, *SIGNAL.T, delimiter=";").replace("\n", ";\n")
        check(read_csv(write(text)))


def test_gzip(tmp_path):
    path = tmp_path / "walk.csv.gz"
    path.write_bytes(gzip.compress(lines(TIMES_S, *SIGNAL.T, header="t,ax,ay,az").encode()))
    assert check(read(path)).name == "walk"


def test_latin_letters_in_a_unit(write):
    header = "Zeit time (s),acc x (m/s²),acc y (m/s²),acc z (m/s²)"
    check(read_csv(write(lines(TIMES_S, *SIGNAL.T, header=header), encoding="latin-1")))


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)])
@pytest.mark.parametrize("epoch_s", [0, 1.7e9])
def test_unit_of_time_from_the_steps_from_the_name_and_as_told(write, unit, factor, epoch_s):
    stamps = np.round((TIMES_S + epoch_s) * factor, 3)
    for name in ("timestamp", f"time_{unit}", f"Time ({unit})"):
        check(read_csv(write(lines(stamps, *SIGNAL.T, header=f"{name},ax,ay,az"))))
    check(read_csv(write(lines(stamps, *SIGNAL.T, header="q,ax,ay,az")), time="q", time_unit=unit))


def test_nanoseconds_since_1970_keep_their_digits(write):
    nanos = 1_714_561_200_123_456_789 + np.arange(LENGTH) * 101  # 9.9 MHz, below float64's 256 ns
    from img2imu_kit.readers.timestamps import to_seconds

    np.testing.assert_allclose(
        to_seconds(pd.Series(nanos), "ns"), np.arange(LENGTH) * 101e-9, rtol=1e-12
    )


def test_the_finest_clock_wins(write):
    coarse = 1_700_000_000 + TIMES_S.astype(int)
    text = lines(
        coarse, (TIMES_S * 1e9).astype(int), *SIGNAL.T, header="timestamp,nanos time,x,y,z"
    )
    check(read_csv(write(text, "acelerometro.csv")))
    other = lines(TIMES_S, TIMES_S * 3, *SIGNAL.T, header="elapsed s,time s,ax,ay,az")
    with pytest.warns(GuessWarning, match=r"'elapsed s' is the clock, 'time s' is not \(time=\)"):
        check(read_csv(write(other)))
    check(read_csv(write(other), time="elapsed s"))


def test_a_rate_is_the_clock_or_replaces_the_one_measured(write):
    text = lines(TIMES_S, *SIGNAL.T, header="t,ax,ay,az")
    check(read_csv(write(text), rate=60, time=False), rate=60)
    (recording,) = read_csv(write(text), rate=25)
    assert (recording.rate, len(recording)) == (25, 50)


def test_a_temperature_is_no_clock(write):
    warmth = 20 + np.random.default_rng(0).normal(size=LENGTH)
    text = lines(warmth, TIMES_S.round(1), *SIGNAL.T, header="T,time (s),ax,ay,az")
    with (
        pytest.warns(GuessWarning, match="80% of the rows share the time stamp"),
        pytest.warns(GuessWarning, match=r"'time \(s\)' is the clock, 'T' is not"),
    ):
        read_csv(write(text), rate=RATE)


def test_a_sensor_with_one_axis_is_doubted(write):
    text = lines(TIMES_S, *SIGNAL.T, header="t,acc_x,b,c")
    with pytest.warns(GuessWarning, match=r"acc has no axis but x \(columns=\)"):
        assert read_csv(write(text))[0].axes == ("acc_x",)


def test_a_hash_in_a_label_is_no_comment(write):
    text = "# phone\n" + lines(TIMES_S, *SIGNAL.T, ["run #2"] * LENGTH, header="t,ax,ay,az,label")
    assert check(read_csv(write(text))).classes == ("run #2",)


def test_steps_of_one_are_not_taken_for_a_clock(write):
    text = lines(range(LENGTH), *SIGNAL.T, header="time,ax,ay,az")
    with pytest.raises(ClockError, match="steps of 1: milliseconds, seconds or rows"):
        read_csv(write(text))
    check(read_csv(write(text), time_unit="ms"), rate=1000)
    check(read_csv(write(text), time=False, rate=20), rate=20)


def test_two_kilohertz_or_two_hertz_is_asked(write):
    text = lines(np.arange(LENGTH) * 0.5, *SIGNAL.T, header="time,ax,ay,az")
    with pytest.raises(ClockError, match=r"2 Hz in s or 2000 Hz in ms\. Give time_unit="):
        read_csv(write(text))


def test_columns_in_the_order_asked_for(write):
    text = lines(TIMES_S, *SIGNAL.T[::-1], TIMES_S, header="t,c,b,a,junk")
    for columns in (["a", "b", "c"], [3, 2, 1]):
        check(read_csv(write(text), columns=columns, axes=["acc_x", "acc_y", "acc_z"]))
    (recording,) = read_csv(write(text), columns=["a", "c"], unit="g")
    assert (recording.axes, recording.unit) == (("a", "c"), ("g", "g"))


def test_extra_columns_and_an_accuracy_are_left_out(write):
    header = "t,accuracy_x,acc_x,acc_y,acc_z,mag_x,mag_y,mag_z,battery"
    extra = np.ones((5, LENGTH))
    check(read_csv(write(lines(TIMES_S, extra[0], *SIGNAL.T, *extra[1:], header=header))))


def test_units(write):
    columns = [TIMES_S, *SIGNAL.T, *SIGNAL.T]
    plain = write(lines(*columns, header="t,acc_x,acc_y,acc_z,gyro_x,gyro_y,gyro_z"))
    assert read_csv(plain)[0].unit == ("m/s2",) * 3 + ("",) * 3  # 9.8 long: nothing else is
    assert read_csv(plain, unit=("g", "deg/s"))[0].unit == ("g",) * 3 + ("deg/s",) * 3
    assert read_csv(plain, unit="rad/s")[0].unit == ("",) * 3 + ("rad/s",) * 3
    assert read_csv(plain, unit="")[0].unit == ("",) * 6
    named = write(lines(*columns, header="t,aX (g),aY (g),aZ (g),gX [dps],gY [dps],gZ [dps]"))
    assert read_csv(named)[0].unit == ("g",) * 3 + ("deg/s",) * 3
    with pytest.raises(ParameterError, match=r"no axis of acc_x, acc_y, acc_z is measured in 'deg"):
        read_csv(plain, columns=[1, 2, 3], unit="deg/s")
    with pytest.raises(ParameterError, match="unknown unit 'furlong'"):
        read_csv(plain, unit="furlong")


def test_one_g_could_be_one_metre_a_second_squared(write):
    text = lines(TIMES_S, *(SIGNAL / 9.80665).T, header="t,acc_x,acc_y,acc_z")
    with pytest.warns(GuessWarning, match=r"is in g: its mean vector is 1.0\d long \(unit=\)"):
        assert read_csv(write(text))[0].unit == ("g",) * 3
    assert read_csv(write(text), unit="m/s2")[0].unit == ("m/s2",) * 3


def test_labels_are_text(write):
    label = ["walk fast"] * 30 + [""] * 40 + ["None"] * 30
    recording = check(
        read_csv(write(lines(TIMES_S, *SIGNAL.T, label, header="t,ax,ay,az,Activity")))
    )
    assert recording.labels.tolist() == label
    numbers = ["1.0"] * 60 + [""] * 10 + ["2"] * 30
    text = lines(TIMES_S, *SIGNAL.T, numbers, header="t,ax,ay,az,q")
    assert check(read_csv(write(text), label="q")).classes == ("1", "2")
    assert check(read_csv(write(text), label=4)).labels[65] == ""
    assert check(read_csv(write(text))).labels is None


def test_subjects_become_recordings_of_their_own(write):
    subject = np.tile([1, 2], LENGTH // 2)  # interleaved, each with a clock of half the rate
    text = lines(TIMES_S, *SIGNAL.T, subject, header="t,ax,ay,az,subject")
    one, two = read_csv(write(text))
    assert [(r.subject, r.name, round(r.rate)) for r in (one, two)] == [
        ("1", "walk/1", 25),
        ("2", "walk/2", 25),
    ]
    np.testing.assert_allclose(two.signal, SIGNAL[1::2], atol=1e-5)
    assert read_csv(write(text.replace("subject", "x1")), subject="ann")[0].subject == "ann"


def test_gaps(write):
    stamps = np.where(TIMES_S < 1, TIMES_S, TIMES_S + 3)
    path = write(lines(stamps, *SIGNAL.T, header="t,ax,ay,az"))
    with pytest.raises(ClockError, match="1 gap"):
        read_csv(path)
    first, second = read_csv(path, gap="split")
    assert (len(first), len(second), second.start_s) == (50, 50, pytest.approx(4))
    assert read_csv(path, gap="interpolate")[0].seconds == pytest.approx(5, abs=0.03)
    assert len(read_csv(path, longest_gap_s=4)) == 1


def test_describe_shows_every_guess(write, caplog):
    text = lines(
        TIMES_S, *SIGNAL.T, ["walk"] * LENGTH, SIGNAL[:, 0], header="t,ax,ay,az,label,junk"
    )
    path = write(text)
    shown = describe_csv(path)
    for part in (
        "100 rows",
        "','",
        "line 1",
        "'t' in s",
        "acc_y: 'ay' in m/s2",
        "'label'",
        "'junk'",
    ):
        assert part in shown
    with caplog.at_level(logging.INFO, "img2imu_kit"):
        read_csv(path)
    assert shown in caplog.text
    assert "unknown unit" in describe_csv(path, unit="", delimiter=",", rate=3)


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("x_acc", ("acc", "x", "")),
        ("accelerometerAccelerationY(G)", ("acc", "y", "g")),
        ("motionUserAccelerationZ(G)", ("linacc", "z", "g")),
        ("Linear Acceleration x (m/s^2)", ("linacc", "x", "m/s2")),
        ("motionRotationRateX(rad/s)", ("gyro", "x", "rad/s")),
        ("GYRO_2", ("gyro", "z", "")),
        ("gyr_y_dps", ("gyro", "y", "deg/s")),
        ("wx", ("gyro", "x", "")),
        ("Acc Z [m/s²]", ("acc", "z", "m/s2")),
        ("acelerometro_x", ("acc", "x", "")),
        ("Beschleunigung x (m/s²)", ("acc", "x", "m/s2")),
        ("Winkelgeschwindigkeit z (rad/s)", ("gyro", "z", "rad/s")),
        ("y", ("", "y", "")),
        ("z-axis (deg/s)", ("", "z", "deg/s")),
        ("accuracy_x", ("", "", "")),
        ("gravityX", ("gravity", "x", "")),
        ("position x", ("", "", "")),
        ("acc_max", ("", "", "")),
        ("magnitude", ("", "", "")),
    ],
)
def test_names(name, meaning):
    assert parse_name(name) == meaning


def test_from_frame(rng):
    table = pd.DataFrame(SIGNAL, columns=["acc_x", "acc_y", "acc_z"])
    check(from_frame(table, rate=RATE))
    stamps = pd.date_range("2024-05-01", periods=LENGTH, freq="20ms", tz="Europe/Paris")
    check(from_frame(table.set_index(stamps)))
    check(from_frame(table.set_index(stamps - stamps[0])))
    check(from_frame(table.set_index(pd.Index(TIMES_S, name="time"))))
    check(from_frame(table.assign(when=stamps), time="when"))
    check(from_frame(table.convert_dtypes().assign(t=TIMES_S)))
    with pytest.warns(GuessWarning, match="'0' is acc_x"):
        check(from_frame(pd.DataFrame(SIGNAL), rate=RATE))


def test_parquet(tmp_path):
    table = pd.DataFrame(SIGNAL, columns=["ax", "ay", "az"]).assign(
        ts=np.arange(LENGTH, dtype=np.uint64) * 20 + 5, label="walk"
    )
    table.to_parquet(tmp_path / "walk.parquet")
    recording = check(read(tmp_path / "walk.parquet", delimiter=";"))
    assert (recording.name, recording.classes) == ("walk", ("walk",))


def test_npz_round_trip(tmp_path):
    labels = np.repeat(["sit", "walk"], LENGTH // 2)
    one = ik.Recording(SIGNAL, RATE, unit="m/s2", subject="s1", name="a", labels=labels, start_s=3)
    two = ik.Recording(SIGNAL[:20, :2], 25, axes=("gyro_x", "gyro_y"), unit="deg/s", name="b")
    save_npz([one, two, *[one] * 9], tmp_path / "many.npz")
    save_npz(one, tmp_path / "one.npz")
    for again, was in zip(read(tmp_path / "many.npz"), [one, two, *[one] * 9], strict=True):
        assert repr(again) == repr(was)
        assert (again.unit, again.start_s) == (was.unit, was.start_s)
        np.testing.assert_array_equal(again.signal, was.signal)
        assert (again.labels is None) == (was.labels is None)
    np.testing.assert_array_equal(read(tmp_path / "one.npz")[0].labels, labels)
    assert read(tmp_path / "one.npz", subject="s2", rate=10)[0].subject == "s2"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["many.npz", "one.npz"]


def test_a_full_disk_leaves_the_old_npz(tmp_path):
    """A limit on the size of files stands in for a full disk: the write itself fails."""
    resource = pytest.importorskip("resource")
    small, noise = ik.Recording(SIGNAL[:9], RATE), np.random.default_rng(0).normal(size=(9999, 3))
    path = tmp_path / "a.npz"
    save_npz(small, path)
    old = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(old) + 99, hard))
    try:
        with pytest.raises(OutputError, match=r"a\.npz: could not be written \(File too large"):
            save_npz(ik.Recording(noise, RATE), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes where it likes")
def test_a_read_only_folder_takes_no_npz(tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(OutputError, match="Permission denied"):
        save_npz(ik.Recording(SIGNAL, RATE), tmp_path / "a.npz")


def test_mat_holds_one_table(tmp_path):
    from scipy.io import savemat

    savemat(tmp_path / "a.mat", {"d": SIGNAL, "fs": RATE})
    check(read(tmp_path / "a.mat", rate=RATE, unit="m/s2"))
    with pytest.raises(ClockError, match=r"a\.mat: no rate"):
        read(tmp_path / "a.mat")
    savemat(tmp_path / "two.mat", {"d": SIGNAL, "e": SIGNAL})
    with pytest.raises(FormatError, match=r"two\.mat: 2 tables of numbers \(d, e\)"):
        read(tmp_path / "two.mat", rate=RATE)
    (tmp_path / "bad.mat").write_bytes(b"not MATLAB at all" * 20)
    with pytest.raises(FormatError, match=r"bad\.mat: not a MATLAB file"):
        read(tmp_path / "bad.mat", rate=RATE)


def test_npy_needs_a_rate(tmp_path):
    np.save(tmp_path / "a.npy", SIGNAL)
    check(read(tmp_path / "a.npy", rate=RATE, unit="m/s2"))
    with pytest.raises(ClockError, match=r"a\.npy: no rate"):
        read(tmp_path / "a.npy")


def test_a_folder(tmp_path, write):
    (tmp_path / "s1").mkdir()
    text = lines(TIMES_S, *SIGNAL.T, header="t,x,y,z")
    for name in ("s1/a.csv", "s1/b.v2.txt", "c.csv", "._c.csv", "notes.md"):
        write(text, name)
    with pytest.warns(GuessWarning) as said:
        recordings = read(tmp_path)
    assert [r.name for r in recordings] == ["c", "s1/a", "s1/b.v2"]
    assert len(said) == 1, [str(w.message) for w in said]
    assert "c and 2 more" in str(said[0].message)
    assert "taken for an accelerometer" in str(said[0].message)
    write(text.replace("\n0.98,", "\n0.98\n"), "s1/z.csv")
    with pytest.raises(FormatError, match=r"s1/z\.csv, line 51"):
        read(tmp_path)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_spelling_of_the_same_table_reads_the_same(tmp_path_factory, data):
    delimiter = data.draw(st.sampled_from([",", ";", "\t", " ", "|"]))
    decimal = data.draw(st.sampled_from([".", ","] if delimiter != "," else ["."]))
    end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    preamble = data.draw(st.sampled_from(["", "# made by hand" + end, end]))
    bom = data.draw(st.sampled_from(["", "\ufeff"]))
    decimals = data.draw(st.integers(1, 5))
    seed = data.draw(st.integers(0, 99))
    rows = data.draw(st.integers(2, 80))
    signal = np.random.default_rng(seed).normal(size=(rows, 3)).round(decimals)
    text = lines(np.arange(rows) / 50, *signal.T, header=delimiter.join(["t", "ax", "ay", "az"]),
                 delimiter=delimiter, end=end, decimal=decimal)  # fmt: skip
    path = tmp_path_factory.mktemp("spelling") / "a.csv"
    path.write_bytes((bom + preamble + text).encode())
    (recording,) = read_csv(path, unit="")
    assert recording.rate == pytest.approx(50, rel=1e-6)
    np.testing.assert_allclose(recording.signal, signal, atol=1e-5)


# Real files, in their owners' own layout.


def test_sp_sw_har(data_dir):
    for path in sorted(data_dir("sp_sw_har").rglob("s11_0[1-3]_s?.csv")):
        with pytest.warns(GuessWarning, match=r"\d% of the rows share the time stamp"):
            (recording,) = read_csv(path)
        assert recording.axes == ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
        assert 90 < recording.rate < 115
        assert {"WALKING", "TURNING"} < set(recording.classes)


def test_swimming(data_dir):
    path = next(data_dir("swimming").rglob("Freestyle_1526984465048.csv"))
    (recording,) = read_csv(path)
    assert recording.rate == pytest.approx(30, rel=1e-6)
    assert len(recording) == 7446
    assert recording.classes == ("-1", "0", "5")


def test_driver_behavior(data_dir):
    folder = data_dir("driver_behavior")
    for name, sensor in {"acelerometro": "acc", "giroscopio": "gyro"}.items():
        (recording,) = read_csv(next(folder.rglob(f"17/{name}_terra.csv")))
        assert recording.rate == pytest.approx(50.94, abs=0.01)
        assert recording.axes == tuple(f"{sensor}_{axis}" for axis in "xyz")


def test_chest_accelerometer(data_dir):
    path = next(data_dir("chest_accelerometer").rglob("1.csv"))
    with pytest.warns(GuessWarning, match="column 4 is the label"):
        (recording,) = read_csv(path, rate=52)
    assert recording.axes == ("acc_x", "acc_y", "acc_z")
    assert recording.classes == tuple("01234567")


def test_sisfall(data_dir):
    path = next(data_dir("sisfall").rglob("F01_SA16_R01.txt"))
    with pytest.warns(GuessWarning, match="is gyro_x"):
        (recording,) = read_csv(path, rate=200)
    assert recording.signal.shape == (3000, 9)
    assert np.median(np.linalg.norm(recording.signal[:, :3], axis=1)) == pytest.approx(256, rel=0.1)

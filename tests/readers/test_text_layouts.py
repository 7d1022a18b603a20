"""Text around a table: lines above it, rows of numbers that are none, lines of two samples or less.

Layouts are those that the makers publish: Empatica (info.txt of an E4 export), ActiLife's raw CSV,
GENEActiv's raw CSV, Movella DOT, Shimmer Capture and Consensys, Mind Monitor, WISDM, UniMiB SHAR.
"""

import itertools
import logging
import re

import numpy as np
import pandas as pd
import pytest

import img2imu_kit as ik
from img2imu_kit.errors import (
    ClockError,
    FormatError,
    GuessWarning,
    NoSignalError,
    ParameterError,
    SignalError,
)
from img2imu_kit.readers.files import read
from img2imu_kit.readers.intervals import read_intervals
from img2imu_kit.readers.preamble import read_facts
from img2imu_kit.readers.tables import describe_csv, read_csv

LENGTH = 60
RNG = np.random.default_rng(12)
#: Gravity along z, in g, as decimals that float32 keeps apart.
ACC = RNG.normal([0, 0, 1], 0.2, (LENGTH, 3)).round(4)
COUNTS = RNG.integers(-80, 80, (LENGTH, 3))


def rows(*columns, delimiter=",", end="\n"):
    """Text of a table from columns of values."""
    return "".join(delimiter.join(map(str, row)) + end for row in zip(*columns, strict=True))


@pytest.fixture
def write(tmp_path):
    def save(text, name="walk.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode())
        return path

    return save


def check(recordings, signal, *, rate, unit="g", sensor="acc", exact=True):
    (recording,) = recordings
    assert recording.axes == tuple(f"{sensor}_{axis}" for axis in "xyz")
    assert recording.unit == (unit,) * 3
    assert recording.rate == pytest.approx(rate, rel=1e-5)
    if exact:
        np.testing.assert_array_equal(recording.signal, np.float32(signal))
    else:  # put on an even clock, whose last sample may not fit
        assert len(signal) - len(recording) in (0, 1)
        np.testing.assert_allclose(recording.signal, signal[: len(recording)], atol=2e-3)
    return recording


# Rows of numbers above the samples


@pytest.mark.parametrize(
    ("start", "rate", "delimiter", "end"),
    [
        ("1544027337.000000", "32.000000", ", ", "\n"),
        ("1544027337", "32", ",", "\r\n"),
        ("1544027337.50", "64.000000", ",", "\n"),
        ("1544027337.000000", "32.0", ";", "\n"),
    ],
)
def test_an_empatica_says_start_and_rate_in_rows_of_numbers(write, start, rate, delimiter, end):
    head = rows([start, rate], [start, rate], [start, rate], delimiter=delimiter, end=end)
    path = write(head + rows(*COUNTS.T, delimiter=delimiter, end=end), "ACC.csv")
    for options in ({}, {"rate": float(rate)}):  # the old advice changes nothing
        recording = check(read_csv(path, **options), COUNTS / 64, rate=float(rate))
        assert recording.clock_s == float(start)


@pytest.mark.parametrize("name", ["EDA.csv", "TEMP.csv", "BVP.csv", "HR.csv", "p01.csv"])
def test_other_sensors_of_an_empatica_are_refused_by_name(write, name):
    path = write(f"1544027337.0\n4.000000\n{rows(ACC[:, 0])}", name)
    with pytest.raises(NoSignalError, match=f"{name[:-4] if name != 'p01.csv' else 'one'} .*ACC"):
        read_csv(path, rate=4)


def test_beats_of_an_empatica_are_refused_by_name(write):
    path = write("1544027337.0, IBI\n" + rows(ACC[:, 0], ACC[:, 1]), "IBI.csv")
    with pytest.raises(NoSignalError, match="IBI is the times between heart beats"):
        read_csv(path)


def test_samples_that_only_begin_like_an_empatica_stay_samples(write):
    path = write(rows(*COUNTS.T))
    with pytest.warns(GuessWarning, match="is acc_x"):
        (recording,) = read_csv(path, rate=32)
    np.testing.assert_array_equal(recording.signal, COUNTS)


# Lines above the table

ACTIGRAPH = """\
------------ Data File Created By ActiGraph GT3X+ ActiLife v6.13.4 Firmware v3.2.1 date format \
M/d/yyyy at 30 Hz  Filter Normal -----------
Serial Number: NEO1F16120034
Start Time 18:00:00
Start Date 5/14/2012
Epoch Period (hh:mm:ss) 00:00:00
Download Time 14:56:35
Download Date 5/22/2012
Current Memory Address: 0
Current Battery Voltage: 4.22     Mode = 12
--------------------------------------------------
"""
PADDED = ACTIGRAPH.replace("\n", ",,\n")
AXES = "Accelerometer X,Accelerometer Y,Accelerometer Z\n"


@pytest.mark.parametrize("above", [ACTIGRAPH, PADDED, ACTIGRAPH.replace("\n", "\r\n")])
@pytest.mark.parametrize("header", [AXES, "", "Axis1,Axis2,Axis3\n"])
def test_actigraph_says_rate_and_start_above_its_samples(write, above, header):
    recording = check(read_csv(write(above + header + rows(*ACC.T))), ACC, rate=30)
    assert recording.clock_s == pd.Timestamp("2012-05-14 18:00").timestamp()


@pytest.mark.parametrize("header", ["Timestamp," + AXES, "Timestamp,Axis1,Axis2,Axis3\n", ""])
def test_actigraph_with_stamps(write, header):
    stamps = pd.Timestamp("2012-05-14 18:00") + pd.to_timedelta(np.arange(LENGTH) * 25, unit="ms")
    texts = [f"{t:%m/%d/%Y %H:%M:%S}.{t.microsecond // 1000:03d}" for t in stamps]
    above = ACTIGRAPH.replace("30 Hz", "40 Hz")
    recording = check(read_csv(write(above + header + rows(texts, *ACC.T))), ACC, rate=40)
    assert recording.clock_s == stamps[0].timestamp()


@pytest.mark.parametrize("epoch", ["00:01:00", "00:00:10", "01:00:00"])
def test_epochs_of_actigraph_are_no_samples(write, epoch):
    above = ACTIGRAPH.replace("(hh:mm:ss) 00:00:00", f"(hh:mm:ss) {epoch}")
    path = write(above + "Axis1,Axis2,Axis3\n" + rows(*COUNTS.T))
    with pytest.raises(NoSignalError, match=f"each row sums up {epoch}"):
        read_csv(path)


def geneactiv(rate=100, delimiter=","):
    """The 100 lines that stand above the samples of a GENEActiv."""
    lines = [""] * 100
    said = {
        1: "Device Type,GENEActiv",
        2: "Device Model,1.1",
        3: "Device Unique Serial Code,12967",
        4: "Device Firmware Version,Ver4.08a date14Jul14",
        5: "Calibration Date,2011-12-01 11:42:18:000",
        6: "Application name & version,GENEActiv PC Software 2.1",
        11: f"Measurement Frequency,{rate} Hz",
        12: "Start Time,2012-05-23 16:47:50:000",
        15: "Time Zone,GMT +01:00",
        21: "Subject Code,012",
        22: "Date of Birth,1900-01-01",
        51: "Sensor type,MEMS accelerometer x-axis",
        52: "Range,-8 to 8",
        53: "Resolution,0.0039",
        54: "Units,g",
        98: "Volts,300",
        99: "Lux,800",
        100: "Volts,1.25",
    }
    for number, text in said.items():
        lines[number - 1] = text.replace(",", delimiter)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(("rate", "delimiter"), [(100, ","), (50, ","), (100, "\t")])
@pytest.mark.parametrize("named", [False, True])
def test_geneactiv_has_a_hundred_lines_above_its_samples(write, rate, delimiter, named):
    stamps = pd.date_range("2012-05-23 16:47:50.500", periods=LENGTH, freq=f"{1000 // rate}ms")
    texts = [f"{t:%Y-%m-%d %H:%M:%S}:{t.microsecond // 1000:03d}" for t in stamps]
    table = rows(texts, *ACC.T, *[[0] * LENGTH] * 2, [25.6] * LENGTH, delimiter=delimiter)
    header = "timestamp,x,y,z,lux,button,temperature\n".replace(",", delimiter)
    path = write(geneactiv(rate, delimiter) + header * named + table)
    recording = check(read_csv(path), ACC, rate=rate)
    assert recording.clock_s == stamps[0].timestamp()


MOVELLA = """\
sep=,
DeviceTag:,1
FirmwareVersion:,3.0.0
AppVersion:,2023.6.0
SyncStatus:,Synced
OutputRate:,60Hz
FilterProfile:,General
Measurement Mode:,Custom Mode 5
StartTime: ,2025-07-11_20:06:00_086 WEST
© Movella Technologies B. V. 2005-2025

"""


@pytest.mark.parametrize(
    ("header", "timed"),
    [
        ("PacketCounter,SampleTimeFine,Acc_X,Acc_Y,Acc_Z", True),
        ("PacketCounter,Acc_X,Acc_Y,Acc_Z", False),
        ("PacketCounter,SampleTimeFine,Euler_X,Acc_X,Acc_Y,Acc_Z,Status", True),
    ],
)
def test_movella_dot_says_its_separator_and_rate(write, header, timed):
    known = {"PacketCounter": range(LENGTH), "Euler_X": ACC[:, 1], "Status": [0] * LENGTH}
    known |= {"SampleTimeFine": 2_268_972_329 + np.arange(LENGTH) * 16_667}
    known |= {f"Acc_{axis}": (ACC[:, i] * 10).round(4) for i, axis in enumerate("XYZ")}
    text = MOVELLA + header + "\n" + rows(*(known[name] for name in header.split(",")))
    rate = 1e6 / 16_667 if timed else 60
    check(read_csv(write(text), unit="m/s2"), ACC * 10, rate=rate, unit="m/s2", exact=not timed)


SHIMMER = ["Timestamp", *(f"Low Noise Accelerometer {axis}" for axis in "XYZ")]
MILLIS = np.arange(LENGTH) * 19.53125


@pytest.mark.parametrize("delimiter", ["\t", ","])
@pytest.mark.parametrize("last", ["", "{delimiter}"])
@pytest.mark.parametrize("unit", ["m/(sec^2)", "m/(s^2)", "m/(sec^2)*"])
def test_shimmer_has_rows_of_devices_names_kinds_and_units(write, delimiter, last, unit):
    titles = [["Shimmer_5E4F"] * 4, SHIMMER, ["CAL"] * 4, ["mSecs", *[unit] * 3]]
    end = last.format(delimiter=delimiter) + "\n"
    head = "".join(delimiter.join(row) + end for row in titles)
    path = write(head + rows(MILLIS, *(ACC * 10).T, delimiter=delimiter, end=end))
    check(read_csv(path), ACC * 10, rate=51.2, unit="m/s2")
    assert read_csv(path, columns=SHIMMER[1:])[0].unit == ("m/s2",) * 3


@pytest.mark.parametrize("raw", [[0], [0, 1, 2, 3], [3, 0]])
def test_shimmer_names_raw_and_calibrated_alike(write, raw):
    values = [MILLIS, *(ACC * 10).T]
    counts = [np.arange(LENGTH) * 640, *COUNTS.T]
    titles = [["Shimmer"] * (4 + len(raw)), [*(SHIMMER[i] for i in raw), *SHIMMER]]
    titles += [["RAW"] * len(raw) + ["CAL"] * 4]
    titles += [["no units"] * len(raw) + ["mSecs", *["m/(sec^2)"] * 3]]
    head = "".join(",".join(row) + "\n" for row in titles)
    path = write(head + rows(*(counts[i] for i in raw), *values))
    check(read_csv(path), ACC * 10, rate=51.2, unit="m/s2")


def test_consensys_has_a_row_of_units(write):
    names = [f"Shimmer_9404_{name}_CAL" for name in ("Timestamp_Unix", "Accel_LN_X")]
    names += [names[1].replace("X", axis) for axis in "YZ"]
    head = '"sep=\t"\n' + "\t".join(names) + "\t\n" + "ms\tm/(s^2)\tm/(s^2)\tm/(s^2)\t\n"
    path = write(head + rows(1.6e12 + MILLIS, *(ACC * 10).T, delimiter="\t", end="\t\n"))
    recording = check(read_csv(path), ACC * 10, rate=51.2, unit="m/s2")
    assert recording.clock_s == 1.6e9


def test_two_levels_of_names_as_pandas_writes_them(write):
    head = "acc,acc,acc,gyro,gyro,gyro\nx,y,z,x,y,z\n"
    (recording,) = read_csv(write(head + rows(*ACC.T, *ACC.T)), rate=50, unit=("g", "rad/s"))
    assert recording.axes == tuple(f"{s}_{a}" for s in ("acc", "gyro") for a in "xyz")
    np.testing.assert_array_equal(recording.signal, np.float32(np.hstack([ACC, ACC])))


@pytest.mark.parametrize(
    "above",
    [
        "Offset,0.1,0.2,0.3\nSampling rate: 50 Hz\n\n",
        "// Start Time: Unknown\n// Update Rate: 50.0Hz\n// Firmware Version: 4.0.2\n",
        "# Time: 2024-04-21 15:54:46, Device: D4E9\n# data_rate = 50.0 Hz, filter = 48 Hz\n",
        "Device;Phone\nsample_interval;20 ms\n",
        "Calibration,1,0,0\nCalibration,0,1,0\nSampleRate (Hz),50,,\n",
    ],
)
@pytest.mark.parametrize("header", ["acc_x,acc_y,acc_z,note\n", "n,acc_x,acc_y,acc_z\n"])
def test_a_rate_above_the_table_is_used_and_told(write, above, header, caplog):
    first, last = ([], [["a"] * LENGTH]) if header.endswith("note\n") else ([range(LENGTH)], [])
    path = write(above + header + rows(*first, *ACC.T, *last))
    with caplog.at_level(logging.INFO, "img2imu_kit"):
        check(read_csv(path, unit="g"), ACC, rate=50)
    assert "rate: 50 Hz (line" in caplog.text
    check(read_csv(path, unit="g", rate=20), ACC, rate=20)


@pytest.mark.parametrize(
    "above",
    [
        "Heart rate: 80 Hz\n",
        "Low pass cutoff frequency: 20 Hz\n",
        "rate: 50\n",
        "Baud rate: 115200\n",
        "Accelerometer rate: 50 Hz\nGyroscope rate: 100 Hz\n",
    ],
)
def test_a_rate_of_something_else_or_two_rates_are_not_used(write, above):
    path = write(above + "acc_x,acc_y,acc_z\n" + rows(*ACC.T))
    with pytest.warns(GuessWarning) as said, pytest.raises(ClockError, match="rate=<Hz>"):
        read_csv(path)
    assert ("none is used" in str(said[0].message)) == ("Gyroscope" in above)


@pytest.mark.parametrize(
    ("said", "worth", "unit"),
    [
        ("Sensitivity: 16384 LSB/g", 1 / 16384, "g"),
        ("scale;4096 counts per g", 1 / 4096, "g"),
        ("Accelerometer: 0.061 mg/LSB", 0.061, "mg"),
    ],
)
def test_what_a_count_is_worth_is_used_with_a_word(write, said, worth, unit):
    path = write(f"{said}\nacc_x,acc_y,acc_z\n" + rows(*COUNTS.T))
    with pytest.warns(GuessWarning, match=r"a count of 'acc_x' is .* \(skip_lines=\)"):
        recordings = read_csv(path, rate=50)
    check(recordings, COUNTS * worth, rate=50, unit=unit)
    check(read_csv(path, rate=50, skip_lines=1, unit=""), COUNTS, rate=50, unit="")


def test_stamps_that_deny_the_rate_above_them_are_doubted(write):
    path = write("Rate: 100 Hz\nt,acc_x,acc_y,acc_z\n" + rows(np.arange(LENGTH) / 50, *ACC.T))
    with pytest.warns(GuessWarning, match="100 Hz"):
        check(read_csv(path, unit="g"), ACC, rate=50)


@pytest.mark.parametrize("lines", [1, 3, 12])
@pytest.mark.parametrize("kind", ["key,value", "key,{n}", "a sentence, with commas, in it", "{n}"])
def test_the_header_is_the_line_straight_above_the_samples(write, lines, kind):
    head = "".join(kind.format(n=i + 0.5) + "\n" for i in range(lines))
    table = "t,acc_x,acc_y,acc_z\n" + rows(np.arange(LENGTH) / 50, *ACC.T)
    check(read_csv(write(head + table), unit="g"), ACC, rate=50)


@pytest.mark.parametrize("last", ["", ","])
@pytest.mark.parametrize("said", ["made by Ann, on a Monday, indoors", "Start,10:00", ",,", "2"])
def test_what_stands_above_samples_without_a_header_names_none(write, said, last):
    with pytest.warns(GuessWarning, match="'0' is acc_x"):
        check(read_csv(write(said + "\n" + rows(*ACC.T, end=last + "\n")), rate=50, unit="g"),
              ACC, rate=50)  # fmt: skip


def test_a_torn_line_under_the_header_is_no_preamble(write):
    table = rows(np.arange(LENGTH) / 50, *ACC.T).splitlines()
    for header in ("t,acc_x,acc_y,acc_z\n", ""):
        for torn, cells in itertools.product((0, 1, 2, 3, 30, LENGTH - 1), (2, 3)):
            broken = table.copy()
            broken[torn] = ",".join(broken[torn].split(",")[:cells])
            number = torn + 1 + bool(header)
            if torn == 0 and cells == 2:  # as short, it could be said above the table
                continue
            path = write(header + "\n".join(broken) + "\n")
            with pytest.raises(FormatError, match=f"line {number}: malformed line: {cells} column"):
                read_csv(path)


# skip_lines


def test_lines_to_skip_are_not_read(write):
    table = "t,acc_x,acc_y,acc_z\n" + rows(np.arange(LENGTH) / 50, *ACC.T)
    told = "Sampling rate: 100 Hz\n1,2,3,4\n2,3,4,5\n3,4,5,6\n"
    check(read_csv(write(told + table), skip_lines=4, unit="g"), ACC, rate=50)
    check(read(write(told + table), skip_lines=4, unit="g"), ACC, rate=50)
    assert "header in line 5" in describe_csv(write(told + table), skip_lines=4)
    bad = (told + table).replace("\n0.5,", "\n0.5;", 1)
    with pytest.raises(FormatError, match="line 31: malformed line"):
        read_csv(write(bad), skip_lines=4)


@pytest.mark.parametrize("skip_lines", [-1, 1.5, True])
def test_lines_to_skip_are_a_number_of_lines(write, skip_lines):
    with pytest.raises(ParameterError, match="skip_lines is"):
        read_csv(write("a,b,c\n1,2,3\n"), skip_lines=skip_lines)


def test_nothing_is_left_when_all_is_skipped(write):
    with pytest.raises(NoSignalError, match="9 lines skipped"):
        read_csv(write("a,b,c\n1,2,3\n"), skip_lines=9)


# A window a row, a clock among the axes


def follow(refused, **names):
    """Do what a remedy says, word for word."""
    call = re.search(r"ik\.[\w.]+\((?:[^()]|\([^()]*\))*\)", refused.remedy)[0]
    return eval(call, {"ik": ik, "pandas": pd, **names})


@pytest.mark.parametrize("shape", [(600, 453), (60, 453), (600, 384), (20, 128)])
@pytest.mark.parametrize("suffix", [".npy", ".mat", ".npz"])
def test_a_window_a_row_is_refused_and_made_windows(tmp_path, shape, suffix):
    from scipy.io import savemat

    path = tmp_path / f"acc{suffix}"
    signal = RNG.normal(size=shape)
    if suffix == ".mat":
        savemat(path, {"acc_data": signal})
    elif suffix == ".npy":
        np.save(path, signal)
    else:
        np.savez(path, signal=signal)
    with pytest.raises(FormatError, match=r"If each row is a window") as refused:
        read(path, rate=50)
    windows = follow(refused.value, X=signal, y=np.arange(shape[0]) % 4, groups=None, rate=50)
    axes = 3 if shape[1] % 3 == 0 else 1
    assert windows.signal.shape == (shape[0], axes, shape[1] // axes)
    np.testing.assert_array_equal(windows.signal.reshape(shape), np.float32(signal))


@pytest.mark.parametrize(("columns", "delimiter"), [(128, "  "), (151, ","), (60, "\t")])
def test_a_window_a_line_of_text_is_refused_and_made_windows(write, columns, delimiter):
    signal = RNG.normal(size=(40, columns)).round(5)
    path = write(rows(*signal.T, delimiter=delimiter), "total_acc_x_train.txt")
    with pytest.raises(FormatError, match="If each line is a window") as refused:
        read_csv(path, rate=50)
    X = np.loadtxt(path, delimiter=delimiter.strip(" ") or None)
    windows = follow(refused.value, X=X, y=None, groups=None, rate=50)
    np.testing.assert_array_equal(windows.signal[:, 0], np.float32(signal))


def test_arrays_that_are_recordings_still_are(tmp_path):
    wide = RNG.normal(size=(100, 12))
    np.save(tmp_path / "a.npy", wide)
    axes = [f"s{i}" for i in range(12)]
    np.testing.assert_array_equal(
        read(tmp_path / "a.npy", rate=50, axes=axes)[0].signal, np.float32(wide)
    )
    for columns in (1, 3, 6, 9):
        np.save(tmp_path / "a.npy", wide[:, :columns])
        assert read(tmp_path / "a.npy", rate=50)[0].signal.shape == (100, columns)
    np.save(tmp_path / "a.npy", wide[None])
    with pytest.raises(SignalError, match=r"from_numpy\(X, y, groups, rate\)") as refused:
        read(tmp_path / "a.npy", rate=50)
    windows = follow(refused.value, X=wide[None].transpose(0, 2, 1), y=None, groups=None, rate=50)
    assert windows.signal.shape == (1, 12, 100)


@pytest.mark.parametrize("columns", [3, 6, 9])
def test_a_clock_in_an_array_is_no_axis(tmp_path, columns):
    signal = np.column_stack([np.arange(100) / 50, RNG.normal(size=(100, columns))])
    np.save(tmp_path / "a.npy", signal)
    with pytest.raises(FormatError, match="a clock, no axis") as refused:
        read(tmp_path / "a.npy", rate=50)
    with pytest.warns(GuessWarning, match="'1' is acc_x"):
        (recording,) = follow(refused.value, X=signal)
    np.testing.assert_allclose(recording.signal, signal[:, 1:], atol=1e-5)


# Two samples on a line, or less than one


def wisdm(ends=";\n"):
    """Users, activities and stamps as WISDM writes them: (a record each, its acceleration)."""
    acc = RNG.normal(0, 5, (700, 3)).round(7)
    nanos = 49_105_962_326_000 + np.arange(700) * 50_000_000
    return [f"33,Jogging,{t},{x},{y},{z}" for t, (x, y, z) in zip(nanos, acc, strict=True)], acc


@pytest.mark.parametrize("doubled", [[], [3], [0, 350, 690], range(0, 700, 2)])
@pytest.mark.parametrize("name", ["WISDM_ar_v1.1_raw.txt", "a.csv"])
def test_two_records_on_a_line_are_two(write, doubled, name):
    records, acc = wisdm()
    text = "".join(r + (";" if i in doubled else ";\n") for i, r in enumerate(records))
    roles = {"columns": [3, 4, 5], "time": 2, "label": 1, "subject": "0", "unit": "m/s2"}
    recording = check(read(write(text, name), **roles), acc, rate=20, unit="m/s2")
    assert (recording.subject, recording.classes) == ("33", ("Jogging",))


def test_a_broken_record_on_a_line_of_two_is_named(write):
    records, _ = wisdm()
    text = ";\n".join(records[:300]) + ";" + records[300][:25] + ";\n" + ";\n".join(records[301:])
    with pytest.raises(FormatError, match="line 300: malformed line: 3 column"):
        read(write(text + ";\n", "a.txt"), columns=[3, 4, 5], time=2, label=1)


MUSE = "TimeStamp,RAW_TP9,Accelerometer_X,Accelerometer_Y,Accelerometer_Z,Battery,Elements\n"


def mind_monitor(events):
    stamps = pd.date_range("2024-05-01 10:00", periods=LENGTH, freq="20ms")
    lines = rows(stamps.strftime("%Y-%m-%d %H:%M:%S.%f"), [800.0] * LENGTH, *ACC.T, [90.0] * LENGTH)
    lines = lines.splitlines()
    for place in events:
        lines[place] += f"\n{lines[place].split(',')[0]},,,,,,/muse/elements/blink"
    return MUSE + "\n".join(lines) + "\n"


@pytest.mark.parametrize("events", [[5], [0, 30, 59], [20, 21, 22]])
def test_lines_that_end_early_and_lines_of_events(write, events):
    with pytest.warns(GuessWarning) as said:
        recordings = read_csv(write(mind_monitor(events)), unit="g")
    check(recordings, ACC, rate=50, exact=False)
    assert "most lines end before column 'Elements'" in str(said[0].message)
    assert f"{len(events)} rows without a sample are left out" in str(said[0].message)


def test_a_header_longer_than_its_lines_is_refused_until_told(write):
    path = write(mind_monitor([]))
    with pytest.raises(FormatError, match="7 columns, but rows have 6") as refused:
        read_csv(path)
    assert "header=True" in refused.value.remedy
    assert "delete" not in refused.value.remedy
    with pytest.warns(GuessWarning, match="'Elements'"):
        check(read_csv(path, unit="g", header=True), ACC, rate=50, exact=False)
    roles = {"columns": [2, 3, 4], "time": 0, "label": False}
    check(read_csv(path, header=False, unit="g", axes=["acc_x", "acc_y", "acc_z"], **roles),
          ACC, rate=50, exact=False)  # fmt: skip


# Text by another suffix


@pytest.mark.parametrize("name", ["walk.dat", "walk.log", "WALK.LOG"])
def test_text_is_text_in_a_dat_and_a_log(write, name):
    text = "t acc_x acc_y acc_z\n" + rows(np.arange(LENGTH) / 50, *ACC.T, delimiter=" ")
    check(read(write(text, name), unit="g"), ACC, rate=50)


def test_a_binary_dat_is_refused(tmp_path):
    (tmp_path / "walk.dat").write_bytes(bytes(range(256)) * 9)
    with pytest.raises(FormatError, match=r"walk\.dat: binary data"):
        read(tmp_path / "walk.dat")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("OutputRate: 60Hz", ("rate: 60 Hz (line 1)",)),
        ("Sampling rate (Hz): 102,4", ("rate: 102.4 Hz (line 1)",)),
        ("Sampling frequency: 1,000 Hz", ()),  # one or a thousand
        ("ODR=104", ("rate: 104 Hz (line 1)",)),
        ("Logging interval 10 ms", ("rate: 100 Hz (line 1)",)),
        ("1.6 kHz sampling", ()),
        ("sample rate: 1.6 kHz", ("rate: 1600 Hz (line 1)",)),
        ("Start Time 2012-05-23 16:47:50:500", ("start: 2012-05-23 16:47:50.500",)),
        ("Download Time 2012-05-23 16:47:50", ()),
        ("Start Time 18:00:00", ()),  # of which day?
    ],
)
def test_facts(text, told):
    assert read_facts([(1, [text])]).told == told


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-8-sig", "utf-16"])
def test_the_last_letter_of_a_file_is_not_lost(encoding, tmp_path):
    rows = "\n".join(f"{i / 50},{i % 7},1,2,Café" for i in range(60))
    path = tmp_path / "walk.csv"
    path.write_bytes(f"time_s,acc_x,acc_y,acc_z,label\n{rows}".encode(encoding))
    [walk] = read_csv(path, unit="m/s2")
    assert set(walk.labels) == {"Café"}


def test_the_last_letter_of_a_table_of_labels_is_not_lost(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_bytes("0\t1\twalk\n1\t2\tCafé".encode("latin-1"))
    assert read_intervals(path).label.tolist() == ["walk", "Café"]

"""Malformed input of every kind: each gives its typed error, says where, and hides no traceback.

A case is a function of a folder, the class of its error, and texts that the message must hold.
"""

import gzip
import io
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import img2imu_kit as ik
from img2imu_kit import errors
from img2imu_kit.errors import (
    ClockError,
    FormatError,
    NoSignalError,
    OutputError,
    ParameterError,
    SignalError,
    SplitError,
    WeightsError,
)

HEADER = "time_ms,acc_x,acc_y,acc_z,label"
ROWS = [f"{20 * i},0.{i % 10},0.{i % 7},9.8,walk" for i in range(100)]
STILL = np.zeros((100, 3))


def csv(text, name="walk.csv", **options):
    """A case that reads a text (or bytes) as a file."""

    def read(folder):
        path = folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return ik.read(path, **options)

    return read


def table(change=None, *, header=HEADER, rows=ROWS, **options):
    """A case that reads a good table with some lines (numbered from 1) replaced."""
    lines = [header, *rows] if header else list(rows)
    for number, line in (change or {}).items():
        lines[number - 1] = line
    return csv("\n".join(lines) + "\n", **options)


def frame(**changes):
    """A good table as a DataFrame, with columns replaced."""
    good = pd.DataFrame(STILL + np.array([0, 0, 9.8]), columns=["acc_x", "acc_y", "acc_z"])
    return good.assign(t_ms=np.arange(100) * 20, **changes)


def numpy_file(name="walk.npz", **arrays):
    """A case that reads a NumPy file of some arrays."""

    def read(folder):
        with open(folder / name, "wb") as file:
            if name.endswith(".npy"):
                np.save(file, arrays["signal"])
            else:
                np.savez(file, **arrays)
        return ik.read(folder / name)

    return read


def packed(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def recording(signal=STILL, rate=50, **about):
    return lambda folder: ik.Recording(signal, rate, name="walk", **about)


def spoiled(sample, axis, value):
    signal = STILL.copy()
    signal[sample, axis] = value
    return signal


def cut(seconds=1.0, signal=STILL, **options):
    about = {"labels": "walk", "name": "walk"}
    return ik.sliding_windows(ik.Recording(signal, 50, **about), seconds, **options)


def image(signal=STILL.T, rate=50, **settings):
    return lambda folder: ik.to_image(signal, rate, **settings)


def weights(name, content):
    def load(folder):
        (folder / name).write_bytes(content)
        return ik.load_backbone("mobilenetv3_small_050", folder / name)

    return load


TIMES_S = np.arange(100) / 50
BACK = TIMES_S.copy()
BACK[40] = 0
LATE = np.where(np.arange(100) < 60, TIMES_S, TIMES_S + 2)

CASES = {
    # text files
    "no such file": (lambda folder: ik.read(folder / "no.csv"), FormatError, ["no.csv", "no such"]),
    "no such file for read_csv": (
        lambda folder: ik.readers.read_csv(folder / "no.csv"),
        FormatError,
        ["no.csv: no such file"],
    ),
    "empty file": (csv(""), NoSignalError, ["walk.csv: the file is empty"]),
    "blank lines only": (csv("\n \n\n"), NoSignalError, ["walk.csv: the file is empty"]),
    "comments only": (csv("# made by hand\n#\n"), NoSignalError, ["only comments"]),
    "header only": (csv(HEADER + "\n"), NoSignalError, ["a header but no rows", "'time_ms,acc_x"]),
    "prose": (
        csv("Dear diary,\ntoday I went\nfor a walk, and\nnothing else\n", "notes.txt"),
        NoSignalError,
        ["notes.txt", "no column of numbers", "'Dear diary,'"],
    ),
    "binary file": (csv(b"\x7fELF\0\0\1" * 50), FormatError, ["walk.csv: binary data", "CSV"]),
    "zip named csv": (csv(packed(signal=STILL)), FormatError, ["binary data", ".npz"]),
    "truncated gzip": (
        csv(gzip.compress("\n".join([HEADER, *ROWS * 50]).encode())[:-60], "walk.csv.gz"),
        FormatError,
        ["walk.csv.gz: gzip data are cut or damaged"],
    ),
    "wrong suffix": (
        csv("x", "walk.json"),
        FormatError,
        ["walk.json: unknown suffix '.json'", ".parquet", "readers.read_csv"],
    ),
    "text named xlsx": (csv("x", "walk.xlsx"), FormatError, ["walk.xlsx: not an Excel workbook"]),
    "text named zip": (csv("x", "walk.zip"), FormatError, ["walk.zip: damaged, or not a zip"]),
    "folder without files": (lambda folder: ik.read(folder), FormatError, ["no file that ends in"]),
    "folder read as a file": (
        lambda folder: ik.readers.read_csv(folder),
        FormatError,
        ["cannot be read"],
    ),
    "too many columns": (
        table({53: "1020,0.1,0.2,9.8,walk,7"}),
        FormatError,
        ["walk.csv, line 53: malformed line: 6 column(s), expected 5", "Repair or delete"],
    ),
    "too many columns in the first row": (
        table({2: "0,0.1,0.2,9.8,walk,7"}),
        FormatError,
        ["walk.csv, line 2: malformed line: 6 column(s), expected 5"],
    ),
    "too few columns": (
        table({77: "1500,0.1,0.2"}),
        FormatError,
        ["walk.csv, line 77: malformed line: 3 column(s), expected 5"],
    ),
    "last line cut": (
        csv("\n".join([HEADER, *ROWS])[:-20]),
        FormatError,
        ["walk.csv, line 101: malformed line"],
    ),
    "malformed after comments and blank lines": (
        csv("\n".join(["# phone", "", HEADER, *ROWS[:40], "# pause", "", *ROWS[40:], "0.1"])),
        FormatError,
        ["walk.csv, line 106: malformed line: 1 column(s)"],
    ),
    "short header": (
        table(header="time_ms,acc_x,acc_y,acc_z"),
        FormatError,
        ["walk.csv, line 1: the header names 4 columns, but rows have 5"],
    ),
    "open quote": (table({30: '560,"0.1,0.2,9.8,walk'}), FormatError, ["line 30: malformed line"]),
    "text for a number": (
        table({12: "200,0.1,oops,9.8,walk"}),
        FormatError,
        ["walk.csv, line 12: column 'acc_y' holds 'oops', expected a number"],
    ),
    "text for a number after a comment": (
        csv("\n".join(["# phone", HEADER, *ROWS[:9], "# pause", "200,0.1,oops,9.8,walk"])),
        FormatError,
        ["walk.csv, line 13: column 'acc_y' holds 'oops'"],
    ),
    "decimal comma under a decimal point": (
        table({9: '140,"0,1",0.2,9.8,walk'}),
        FormatError,
        ["line 9: column 'acc_x' holds '0,1'", "decimal="],
    ),
    "empty cell": (
        table({20: "360,0.1,,9.8,walk", 33: "620,0.1,,9.8,walk"}),
        SignalError,
        ["walk.csv, line 20: column 'acc_y' is nan (2 such cells)", "interpolate()"],
    ),
    "infinity": (table({20: "360,0.1,inf,9.8,walk"}), SignalError, ["line 20", "'acc_y' is inf"]),
    "same name twice": (
        table(header="time_ms,acc_x,acc_y,acc_x,label"),
        FormatError,
        ["walk.csv, line 1: 2 columns are called 'acc_x' (positions 1 and 3)"],
    ),
    "missing column": (
        table(columns=["acc_x", "acc_Y", "acc_z"]),
        FormatError,
        ["columns=: no column 'acc_Y'", "Did you mean 'acc_y'", "There are: 'time_ms', 'acc_x'"],
    ),
    "missing position": (table(label=9), FormatError, ["label=: no column 9", "'label'"]),
    "missing time": (
        table(time="stamp"),
        FormatError,
        ["time=: no column 'stamp'", "There are"],
    ),
    "two sensors": (
        table(header="time_ms,wrist_acc_x,thigh_acc_x,acc_z,label"),
        FormatError,
        ["2 columns could be acc_x: 'wrist_acc_x' and 'thigh_acc_x'", "columns="],
    ),
    "nothing like an axis": (
        table(header="time_ms,a,b,label,q", rows=["0,1,2,x,y", "20,1,2,x,y", "40,1,2,x,y"]),
        NoSignalError,
        ["no column is named after an axis, and 2 columns of numbers are left", "'time_ms', 'a'"],
    ),
    "wrong number of axis names": (
        table(axes=["x", "y"]),
        FormatError,
        ["3 columns ('acc_x', 'acc_y', 'acc_z') but 2 axis names"],
    ),
    "unknown unit": (table(unit="furlong"), ParameterError, ["unknown unit 'furlong'", "deg/s"]),
    "unit of another quantity": (table(unit="deg/s"), ParameterError, ["acc_x", "'deg/s'"]),
    "unknown unit of time": (table(time_unit="moon"), ParameterError, ["time_unit 'moon'", "ns"]),
    "unknown option": (table(delimeter=","), ParameterError, ["'delimeter'", "delimiter"]),
    "long delimiter": (table(delimiter="::"), ParameterError, ["delimiter is '::'"]),
    "decimal for a delimiter": (
        table(delimiter=",", decimal=","),
        ParameterError,
        ["delimiter and decimal are both ','"],
    ),
    "odd decimal": (table(decimal="'"), ParameterError, ["decimal is", "expected"]),
    "odd header": (csv("t,ax\n0,1\n", header=0.5), ParameterError, ["header is 0.5"]),
    "unknown gap policy": (table(gap="ignore"), ParameterError, ["gap is 'ignore'", "walk.csv"]),
    "no rate and no time": (
        table(time=False),
        ClockError,
        ["walk.csv: no rate, and no column of time among 'time_ms'", "rate=<Hz>"],
    ),
    "implausible rate": (table(time=False, rate=0), ClockError, ["walk.csv: rate is 0 Hz"]),
    "rate that is no number": (table(rate="fast"), ClockError, ["walk.csv: rate is 'fast'"]),
    "wrong unit of time": (table(time_unit="s", longest_gap_s=99), ClockError, ["rate is 0.05 Hz"]),
    "time runs backwards": (
        table({61: "40,0.1,0.2,9.8,walk"}),
        ClockError,
        ["walk.csv, line 61: time runs backwards in column 'time_ms': 40 after 1160", "Sort"],
    ),
    "gap": (
        table({101: "9999,0.1,0.2,9.8,walk"}),
        ClockError,
        ["walk.csv: 1 gap(s) over 0.5 s, the first of 8.04 s after sample 98", 'gap="split"'],
    ),
    "time stands still": (
        table(header=HEADER.replace("time_ms", "time"), rows=["5,1,2,3,walk"] * 9),
        ClockError,
        ["time stands still in column 'time'", "time=False"],
    ),
    "time of no likely unit": (
        table(header="time,ax,ay,az", rows=[f"{5e10 * i},1,2,3" for i in range(9)]),
        ClockError,
        ["'time' has steps of 5e+10, a likely rate in no unit"],
    ),
    "missing time stamp": (
        table({40: ",0.1,0.2,9.8,walk"}),
        ClockError,
        ["walk.csv, line 40: time stamp 'nan' in column 'time_ms' cannot be read"],
    ),
    "text in the time": (
        table({40: "noon,0.1,0.2,9.8,walk"}),
        ClockError,
        ["walk.csv, line 40: time stamp 'noon' in column 'time_ms' cannot be read"],
    ),
    "dates of another kind": (
        table(header="q,ax,ay,az", rows=["the 14th at 11 h,1,2,3"] * 9, time="q"),
        FormatError,
        ["column 'q' holds 'the 14th at 11 h'", "nor date", "from_frame"],
    ),
    # NumPy and Parquet files
    "pickle in npz": (
        numpy_file(signal=STILL, rate=50, labels=np.array(["a", None] * 50, dtype=object)),
        FormatError,
        ["walk.npz: holds pickled objects", "labels.astype(str)"],
    ),
    "pickle in npy": (
        numpy_file("walk.npy", signal=np.array([{}], dtype=object)),
        FormatError,
        ["walk.npy: holds pickled objects"],
    ),
    "pickle named npy": (csv(pickle.dumps({1: 2}), "walk.npy"), FormatError, ["walk.npy"]),
    "truncated npz": (
        csv(packed(signal=STILL)[:-40], "walk.npz"),
        FormatError,
        ["walk.npz: damaged, or not a NumPy file"],
    ),
    "npz with a flipped byte": (
        csv(packed(signal=np.eye(80))[:90] + b"!" + packed(signal=np.eye(80))[91:], "walk.npz"),
        FormatError,
        ["walk.npz: damaged"],
    ),
    "text named npz": (csv(b"acc_x,acc_y", "walk.npz"), FormatError, ["walk.npz"]),
    "empty npy": (csv(b"", "walk.npy"), FormatError, ["walk.npy: damaged"]),
    "npz without a signal": (
        numpy_file(data=STILL, rate=50),
        FormatError,
        ["no array 'signal' among data, rate", "save_npz"],
    ),
    "npz without a rate": (numpy_file(signal=STILL), ClockError, ["walk.npz: no rate"]),
    "npz of axes by time": (
        numpy_file(signal=STILL.T, rate=50),
        FormatError,
        ["walk.npz: shape (3, 100), expected [T, C]", "Transpose"],
    ),
    "npz of windows": (
        numpy_file(signal=np.zeros((4, 3, 50)), rate=50),
        SignalError,
        ["walk.npz: shape (4, 3, 50), expected [T, C]"],
    ),
    "npz with short labels": (
        numpy_file(signal=STILL, rate=50, labels=np.array(["a"] * 99)),
        SignalError,
        ["walk", "100 samples but labels of shape (99,)"],
    ),
    "npz to an odd place": (
        lambda folder: ik.readers.save_npz(ik.Recording(STILL, 50), "/dev/null/a.npz"),
        OutputError,
        ["a.npz: could not be written"],
    ),
    "parquet garbage": (csv(b"PAR1" + b"\1" * 99, "walk.parquet"), FormatError, ["not a Parquet"]),
    # frames
    "no frame": (
        lambda folder: ik.readers.from_frame(STILL, rate=50),
        FormatError,
        ["a ndarray, expected"],
    ),
    "empty frame": (
        lambda folder: ik.readers.from_frame(pd.DataFrame()),
        FormatError,
        ["shape (0, 0)"],
    ),
    "text in a frame": (
        lambda folder: ik.readers.from_frame(
            frame(acc_y=["1"] * 42 + ["x"] + ["1"] * 57), name="walk"
        ),
        FormatError,
        ["walk, row 42: column 'acc_y' holds 'x'"],
    ),
    "dates for an axis": (
        lambda folder: ik.readers.from_frame(frame(acc_y=pd.Timestamp(2024, 5, 1)), name="walk"),
        FormatError,
        ["walk, row 0: column 'acc_y' holds Timestamp"],
    ),
    "names of several levels": (
        lambda folder: ik.readers.from_frame(pd.concat({"phone": frame()}, axis=1)),
        FormatError,
        ["names of several levels"],
    ),
    "names twice in a frame": (
        lambda folder: ik.readers.from_frame(pd.concat([frame(), frame()], axis=1)),
        FormatError,
        ["several columns are called 'acc_x'"],
    ),
    # recordings and their clock
    "NaN": (
        recording(spoiled(7, 1, np.nan)),
        SignalError,
        ["walk: 1 value(s)", "axis 1 at sample 7"],
    ),
    "not numbers": (recording([["a", "b"]]), SignalError, ["walk: not an array of numbers"]),
    "no samples": (recording(np.zeros((0, 3))), SignalError, ["walk: no samples (shape (0, 3))"]),
    "windows for a recording": (
        recording(np.zeros((2, 3, 9))),
        SignalError,
        ["(2, 3, 9)", "[T, C]"],
    ),
    "wrong channel count": (
        recording(axes=["x", "y"]),
        SignalError,
        ["3 columns but 2 axis names"],
    ),
    "axes of one name": (recording(axes=["x", "x", "y"]), SignalError, ["same name: x, x, y"]),
    "wrong unit count": (recording(unit=["g", "g"]), SignalError, ["3 axes but 2 units"]),
    "labels too few": (
        recording(labels=["a"]),
        SignalError,
        ["100 samples but labels of shape (1,)"],
    ),
    "negative rate": (recording(rate=-5), ClockError, ["walk: rate is -5 Hz, expected 0.5 to"]),
    "rate of None": (recording(rate=None), ClockError, ["walk: rate is None", "rate=<Hz>"]),
    "unknown axis": (
        lambda f: recording()(f).select("mag"),
        ParameterError,
        ["no axis 'mag'", "acc_x"],
    ),
    "conversion across quantities": (
        lambda folder: ik.signals.convert(1, "g", "rad/s"),
        ParameterError,
        ["'g' is a unit of acceleration, 'rad/s' of angular velocity"],
    ),
    "stamps backwards": (
        lambda folder: ik.signals.from_samples(STILL, BACK, name="walk"),
        ClockError,
        ["walk: time runs backwards at sample 40: 0.78 s, then 0 s", "Sort"],
    ),
    "stamps with a gap": (
        lambda folder: ik.signals.from_samples(STILL, LATE, name="walk"),
        ClockError,
        ["1 gap(s) over 0.5 s, the first of 2.02 s after sample 59", "longest_gap_s"],
    ),
    "stamps too few": (
        lambda f: ik.signals.from_samples(STILL, TIMES_S[1:]),
        ClockError,
        ["100 samples", "(99,)"],
    ),
    "stamps of NaN": (
        lambda folder: ik.signals.from_samples(STILL, np.where(TIMES_S > 1, np.nan, TIMES_S)),
        ClockError,
        ["time stamp of sample 51 is nan"],
    ),
    "stamps of text": (
        lambda f: ik.signals.from_samples(STILL, ["noon"] * 100),
        ClockError,
        ["no seconds"],
    ),
    "stamps that stand still": (
        lambda folder: ik.signals.from_samples(STILL, np.ones(100)),
        ClockError,
        ["no time passes"],
    ),
    "resampling to nothing": (
        lambda f: ik.signals.resample(recording()(f), 0),
        ClockError,
        ["rate is 0 Hz"],
    ),
    "resampling too far": (
        lambda folder: ik.signals.resample(ik.Recording(STILL, 50_000, name="walk"), 1),
        ClockError,
        ["walk: 50000 Hz to 1 Hz is a step of more than 1000"],
    ),
    # windows and splits
    "too short for a window": (
        lambda f: cut(5),
        SignalError,
        ["walk", "longest lasts 2.00 s", "pad"],
    ),
    "too short, by policy": (
        lambda folder: cut(5, short="raise"),
        SignalError,
        ["walk: 2.00 s, shorter than one window of 5 s"],
    ),
    "window of no length": (lambda folder: cut(0), ParameterError, ["seconds is 0"]),
    "overlap of all": (
        lambda folder: cut(overlap=1),
        ParameterError,
        ["overlap is 1", "0.5 is half"],
    ),
    "purity in percent": (lambda folder: cut(purity=90), ParameterError, ["purity is 90"]),
    "no recordings": (lambda folder: ik.sliding_windows([], 1), SignalError, ["no recordings"]),
    "rates that differ": (
        lambda folder: ik.sliding_windows(
            [ik.Recording(STILL, 50), ik.Recording(STILL, 64, name="b")], 1
        ),
        ParameterError,
        ["b: ", "rate or axes", "resample()"],
    ),
    "no windows to join": (lambda folder: ik.signals.concat([]), ParameterError, ["no windows"]),
    "one subject": (
        lambda folder: ik.split_by(["a"] * 9, ["x"] * 9),
        SplitError,
        ["one group", "Record more subjects"],
    ),
    "share in percent": (
        lambda folder: ik.split_by(["a", "b"], ["x", "x"], test=30),
        ParameterError,
        ["test is 30"],
    ),
    "share in percent, at random": (
        lambda folder: ik.signals.split_randomly(["a", "b"], ["x", "x"], test=30),
        ParameterError,
        ["test is 30"],
    ),
    "too few shots": (
        lambda folder: ik.k_shot(["sit"] * 3, 5),
        SplitError,
        ["class 'sit' has 3 training windows, fewer than 5 shots"],
    ),
    "negative shots": (lambda folder: ik.k_shot(["sit"] * 3, -1), ParameterError, ["shots is -1"]),
    "nothing to draw": (lambda folder: ik.k_shot([], 1), SplitError, ["no windows to draw"]),
    # pictures, networks, scores
    "picture without a rate": (image(rate=None), ClockError, ["rate"]),
    "picture of NaN": (image(spoiled(7, 1, np.nan).T), SignalError, ["axis 1", "sample 7"]),
    "picture too short for n_fft": (image(STILL.T[:, :32], n_fft=64), SignalError, ["32", "n_fft"]),
    "picture of two axes": (image(STILL.T[:2]), SignalError, ["2 axes (ch0, ch1)"]),
    "unknown preset": (image(params="img2imu"), ParameterError, ["'img2imu'", "img2imu-app"]),
    "unknown setting": (image(nfft=64), ParameterError, ["'nfft'", "n_fft"]),
    "setting out of range": (image(n_fft=0), ParameterError, ["n_fft is 0"]),
    "unknown network": (
        lambda folder: ik.load_backbone("resnet1000"),
        ParameterError,
        ["resnet1000"],
    ),
    "missing weights": (
        lambda folder: ik.load_backbone("mobilenetv3_small_050", folder / "no.safetensors"),
        WeightsError,
        ["no.safetensors: no such file"],
    ),
    "damaged weights": (weights("a.safetensors", b"\xff" * 99), WeightsError, ["a.safetensors"]),
    "pickled weights": (weights("a.pt", pickle.dumps({})), WeightsError, ["a.pt", "allow_pickle"]),
    "float pictures": (
        lambda folder: ik.load_backbone("mobilenetv3_small_050").features(np.zeros((1, 3, 64, 64))),
        SignalError,
        ["uint8"],
    ),
    "score without labels": (
        lambda folder: ik.few_label({"a": np.zeros((2, 1))}, replace(cut(), label=EMPTY)),
        SplitError,
        ["2 of 2 windows have no label"],
    ),
    "features too few": (
        lambda folder: ik.few_label({"a": np.zeros((1, 1))}, cut()),
        SignalError,
        ["a: "],
    ),
    "unknown data set": (
        lambda folder: ik.load_dataset("swiming"),
        errors.DatasetError,
        ["swiming"],
    ),
}
EMPTY = np.array(["", ""], dtype=object)


@pytest.mark.parametrize("name", CASES)
def test_malformed_input_gives_its_typed_error(name, tmp_path):
    call, kind, texts = CASES[name]
    with pytest.raises(errors.Img2ImuError) as caught:
        call(tmp_path)
    error = caught.value
    assert type(error) is kind
    for text in texts:
        assert text in str(error)
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__


@pytest.mark.parametrize("suffix", ["csv", "npz", "npy", "parquet"])
@pytest.mark.filterwarnings("ignore::img2imu_kit.errors.GuessWarning", "ignore::RuntimeWarning")
def test_damaged_files_never_end_in_another_error(suffix, tmp_path, rng):
    path = tmp_path / f"walk.{suffix}"
    if suffix == "csv":
        path.write_text("\n".join([HEADER, *ROWS[:40]]))
    elif suffix == "parquet":
        frame().to_parquet(path)
    elif suffix == "npz":
        ik.readers.save_npz([ik.Recording(STILL, 50, labels="walk")] * 2, path)
    else:
        np.save(path, STILL)
    good = path.read_bytes()
    marks = [
        b"",
        b",",
        b";",
        b"\n",
        b"\r",
        b'"',
        b"nan",
        b"1e999",
        b"#",
        b"\xff",
        b"\0",
        b"x",
        b" ",
    ]
    refused = []
    for _ in range(150):
        bad = bytearray(good)
        for place in rng.integers(len(good), size=rng.integers(1, 4)):
            bad[place : place + rng.integers(3)] = marks[rng.integers(len(marks))]
        path.write_bytes(bad[: rng.integers(len(bad))] if rng.random() < 0.2 else bad)
        try:
            ik.read(path, rate=50)
        except errors.Img2ImuError as error:
            refused.append(error)
    assert len(refused) > 20
    assert all(e.__context__ is None or e.__suppress_context__ for e in refused)
    assert all("walk" in str(e) for e in refused)

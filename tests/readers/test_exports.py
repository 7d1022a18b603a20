"""Exports of apps and watches, written as their makers publish the layout, and read unaided.

A layout is a function that writes a known motion into a folder and returns what to read; the table
LAYOUTS says what must come of it. docs/exports.md names the source of each layout.
"""

import io
import math
import zipfile
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

import img2imu_kit as ik
from img2imu_kit.errors import GuessWarning

G, DEGREE = 9.80665, math.pi / 180
RATE, LENGTH = 100, 600
TIMES_S = np.arange(LENGTH) / RATE
EPOCH_S = 1_714_561_200.0  # 2024-05-01 11:00:00 UTC
ACC = tuple(f"acc_{axis}" for axis in "xyz")
LINACC = tuple(f"linacc_{axis}" for axis in "xyz")
GYRO = tuple(f"gyro_{axis}" for axis in "xyz")


def swing(times_s):
    """Acceleration without gravity in m/s2, [T, 3]: no two axes alike."""
    return np.stack(
        [1.5 * np.sin(8 * times_s), np.cos(5 * times_s), 0.8 * np.sin(11 * times_s)], axis=1
    )


def acceleration(times_s):
    """With gravity, m/s2."""
    return swing(times_s) + np.array([0.3, -0.2, G])


def turning(times_s):
    """Angular velocity in rad/s."""
    return np.stack(
        [0.7 * np.cos(9 * times_s), 0.5 * np.sin(6 * times_s), 0.3 * np.cos(4 * times_s)], axis=1
    )


MOTION = {"acc": acceleration, "linacc": swing, "gyro": turning}


@dataclass(frozen=True)
class Expected:
    """What comes of reading a layout."""

    axes: tuple = (*ACC, *GYRO)
    rate: float = RATE
    name: str = "walk"
    zero_s: float | None = 0.0  # what the clock shows where the motion begins; None: no clock
    tolerance: float = 0.01
    options: dict = field(default_factory=dict)
    told: str = ""  # the GuessWarning, if there is one


def table(*columns, header=None, delimiter=",", decimal=".", end="\n"):
    rows = [delimiter.join(map(str, row)).replace(".", decimal) for row in zip(*columns)]  # noqa: B905
    return end.join([header, *rows] if header else rows) + end


def texts(values, digits=6):
    """[T] as texts, so that every column of a table is spelled alike."""
    return [f"{value:.{digits}f}" for value in values]


def xyz(signal, digits=6):
    return [texts(column, digits) for column in np.asarray(signal).T]


def dates(times_s, spelled="%Y-%m-%d %H:%M:%S.%f", digits=3):
    stamps = pd.to_datetime((EPOCH_S + times_s) * 1000, unit="ms").round("ms")
    return [text[: len(text) - 6 + digits] for text in stamps.strftime(spelled)]


def save(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def packed(files, path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


# --- phyphox -------------------------------------------------------------------------------------


def scientific(values):
    return [f"{value:.9E}" for value in values]


def phyphox_tables(delimiter=",", decimal=".", late_s=0.004):
    """Sensors start a little apart, and each has a clock of its own since the start."""

    def one(header, times_s, signal):
        columns = [scientific(column) for column in [times_s, *np.asarray(signal).T]]
        names = delimiter.join(f'"{name}"' for name in header)
        return table(*columns, header=names, delimiter=delimiter, decimal=decimal)

    def vector(name, unit):
        return ["Time (s)", *(f"{name} {axis} ({unit})" for axis in "xyz")]

    later = TIMES_S + late_s
    return {
        "Accelerometer.csv": one(vector("Acceleration", "m/s^2"), TIMES_S, acceleration(TIMES_S)),
        "Gyroscope.csv": one(vector("Gyroscope", "rad/s"), later, turning(later)),
        "Linear Acceleration.csv": one(
            vector("Linear Acceleration", "m/s^2"), TIMES_S, swing(TIMES_S)
        ),
        "Magnetometer.csv": one(
            vector("Magnetic field", "µT"), TIMES_S[::2], 40 + swing(TIMES_S[::2])
        ),
        "Location.csv": one(
            ["Time (s)", "Latitude (°)", "Longitude (°)", "Height (m)"],
            [0.2, 1.2, 2.2],
            [[50.7, 6.0, 180.0]] * 3,
        ),
        "meta/device.csv": '"property","value"\n"deviceModel","Pixel 9a"\n"version","1.2.1"\n',
        "meta/time.csv": '"event","experiment time","system time","system time text"\n'
        '"START",0.000000000E0,1714561200.000,"2024-05-01 11:00:00.000 UTC+00:00"\n'
        '"PAUSE",6.000000000E0,1714561206.000,"2024-05-01 11:00:06.000 UTC+00:00"\n',
    }


def phyphox_folder(folder):
    return save(folder / "walk", phyphox_tables())


def phyphox_zip(folder):
    return packed(phyphox_tables(), folder / "walk.zip")


def phyphox_zip_tabs(folder):
    return packed(phyphox_tables("\t", ",", late_s=0.0), folder / "walk.zip")


def phyphox_one_sensor(folder):
    names = ["Time (s)", *(f"Acceleration {axis} (m/s^2)" for axis in "xyz")]
    signal = acceleration(TIMES_S)
    absolute = np.linalg.norm(signal, axis=1)
    columns = [scientific(c) for c in [TIMES_S, *signal.T, absolute]]
    header = ",".join(f'"{name}"' for name in [*names, "Absolute acceleration (m/s^2)"])
    meta = {name: text for name, text in phyphox_tables().items() if "/" in name}
    return packed({"Raw Data.csv": table(*columns, header=header), **meta}, folder / "walk.zip")


def phyphox_sheets():
    sheets = {}
    for name, text in phyphox_tables().items():
        title = {"meta/device.csv": "Metadata Device", "meta/time.csv": "Metadata Time"}
        sheets[title.get(name, name.removesuffix(".csv"))] = pd.read_csv(io.StringIO(text))
    return sheets


def phyphox_xlsx(folder):
    with pd.ExcelWriter(folder / "walk.xlsx", engine="openpyxl") as book:
        for title, sheet in phyphox_sheets().items():
            sheet.to_excel(book, sheet_name=title, index=False)
    return folder / "walk.xlsx"


def phyphox_xls(folder):
    import xlwt

    book = xlwt.Workbook()
    for title, frame in phyphox_sheets().items():
        sheet = book.add_sheet(title)
        for j, name in enumerate(frame):
            sheet.write(0, j, name)
            for i, value in enumerate(frame[name].tolist()):
                sheet.write(i + 1, j, value)
    book.save(str(folder / "walk.xls"))
    return folder / "walk.xls"


# --- Sensor Logger -------------------------------------------------------------------------------


def sensor_logger_tables(android=False):
    def one(times_s, signal):
        nanos = [f"{round((EPOCH_S + t) * 1000) * 1_000_000}" for t in times_s]
        header = "time,seconds_elapsed,z,y,x"
        return table(nanos, texts(times_s, 9), *xyz(signal)[::-1], header=header, end="\r\n")

    files = {
        "Accelerometer.csv": one(TIMES_S, swing(TIMES_S)),
        "Gravity.csv": one(TIMES_S, acceleration(TIMES_S) - swing(TIMES_S)),
        "Gyroscope.csv": one(TIMES_S, turning(TIMES_S)),
        "Magnetometer.csv": one(TIMES_S, 40 + swing(TIMES_S)),
        "Orientation.csv": "time,seconds_elapsed,qz,qy,qx,qw,roll,pitch,yaw\n"
        + table([1714561200000000000, 1714561200010000000], [0, 0.01], *[[0.1, 0.2]] * 7),
        "Barometer.csv": "time,seconds_elapsed,relativeAltitude,pressure\n"
        "1714561200100000000,0.1,0,1003.2\n1714561201100000000,1.1,0.1,1003.1\n",
        "Annotation.csv": "time,seconds_elapsed,text,millisecond_press_duration\n"
        "1714561200500000000,0.5,sit,120\n1714561203000000000,3,walk,80\n",
        "Location.csv": "time,seconds_elapsed,bearingAccuracy,speedAccuracy,verticalAccuracy,"
        "horizontalAccuracy,speed,bearing,altitude,longitude,latitude\n",
        "Metadata.csv": "version,device name,recording epoch time,recording time,platform\n"
        "3,phone,1714561200000,2024-05-01_11-00-00,ios\n",
    }
    if android:
        files["TotalAcceleration.csv"] = one(TIMES_S, acceleration(TIMES_S))
    return files


def sensor_logger_iphone(folder):
    return packed(sensor_logger_tables(), folder / "walk.zip")


def sensor_logger_android(folder):
    return save(folder / "walk", sensor_logger_tables(android=True))


LAYOUTS = {
    "phyphox, folder": (phyphox_folder, Expected()),
    "phyphox, zip": (phyphox_zip, Expected()),
    "phyphox, zip with tabs and decimal commas": (phyphox_zip_tabs, Expected(tolerance=2e-3)),
    "phyphox, zip of one sensor": (phyphox_one_sensor, Expected(axes=ACC, tolerance=2e-3)),
    "phyphox, xlsx": (phyphox_xlsx, Expected()),
    "phyphox, xls": (phyphox_xls, Expected()),
    "Sensor Logger, iPhone": (
        sensor_logger_iphone,
        Expected(axes=(*LINACC, *GYRO), zero_s=EPOCH_S),
    ),
    "Sensor Logger, Android": (sensor_logger_android, Expected(zero_s=EPOCH_S)),
}


def check(recordings, expected):
    (recording,) = [r.to_unit("m/s2", "rad/s") for r in recordings]
    assert recording.axes == expected.axes
    units = {"acc": "m/s2", "linacc": "m/s2", "gyro": "rad/s"}
    sensors = [axis.split("_")[0] for axis in expected.axes]
    assert recording.unit == tuple(units[sensor] for sensor in sensors)
    assert recording.rate == pytest.approx(expected.rate, rel=1e-4)
    assert recording.name == expected.name
    if expected.zero_s is None:
        assert recording.clock_s is None
        since_s = recording.times_s
    else:
        since_s = recording.clock_s - expected.zero_s + recording.times_s
    assert since_s[0] == pytest.approx(0, abs=1.01 / expected.rate)
    assert LENGTH - len(recording) * RATE / expected.rate in range(3)
    for first in range(0, len(sensors), 3):
        np.testing.assert_allclose(
            recording.signal[:, first : first + 3],
            MOTION[sensors[first]](since_s),
            atol=expected.tolerance,
            err_msg=sensors[first],
        )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_export_is_one_recording(layout, tmp_path):
    write, expected = LAYOUTS[layout]
    path = write(tmp_path)
    if expected.told:
        with pytest.warns(GuessWarning, match=expected.told):
            recordings = ik.read(path, **expected.options)
    else:
        recordings = ik.read(path, **expected.options)
    check(recordings, expected)

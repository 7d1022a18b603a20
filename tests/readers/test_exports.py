"""Exports of apps and watches, written as their makers publish the layout, and read unaided.

A layout is a function that writes a known motion into a folder and returns what to read; the table
LAYOUTS says what must come of it. docs/exports.md names the source of each layout.
"""

import dataclasses
import io
import logging
import math
import pickle
import re
import tempfile
import zipfile
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

import img2imu_kit as ik
from img2imu_kit.errors import ClockError, FormatError, GuessWarning, NoSignalError

G, DEGREE = 9.80665, math.pi / 180
RATE, LENGTH = 100, 400
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
    begin_s: float = 0.0  # of the motion, on that clock
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
        '"PAUSE",4.000000000E0,1714561204.000,"2024-05-01 11:00:04.000 UTC+00:00"\n',
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


def sensor_logger_iphone(folder, without=()):
    files = sensor_logger_tables()
    return packed({n: text for n, text in files.items() if n not in without}, folder / "walk.zip")


def sensor_logger_android(folder):
    return save(folder / "walk", sensor_logger_tables(android=True))


def sensor_logger_watch(folder):
    """WristMotion.csv lies beside the phone's files, and is a device of its own."""
    columns = ["rotationRate", "gravity", "acceleration", "quaternion"]
    names = [f"{c}{axis}" for c in columns for axis in "XYZ"] + ["quaternionW"]
    signal = np.hstack(
        [turning(TIMES_S), (acceleration(TIMES_S) - swing(TIMES_S)) / G, swing(TIMES_S) / G]
    )
    nanos = [f"{round((EPOCH_S + t) * 1000) * 1_000_000}" for t in TIMES_S]
    header = ",".join(["time", "seconds_elapsed", *names])
    quaternion = np.full((LENGTH, 4), 0.5)
    text = table(nanos, texts(TIMES_S), *xyz(signal), *xyz(quaternion), header=header)
    return save(folder / "walk", {"WristMotion.csv": text})


# --- other apps ----------------------------------------------------------------------------------


def sensorlog(folder, phone=False):
    """Of an Apple Watch; a phone has the raw gyroRotation besides motionRotationRate."""
    names = ["loggingTime(txt)", "motionTimestamp_sinceReboot(s)"]
    names += ["accelerometerTimestamp_sinceReboot(s)"]
    groups = {
        "accelerometerAcceleration{}(G)": acceleration(TIMES_S) / G,
        "motionUserAcceleration{}(G)": swing(TIMES_S) / G,
        "motionRotationRate{}(rad/s)": turning(TIMES_S),
        **({"gyroRotation{}(rad/s)": turning(TIMES_S) + 0.01} if phone else {}),
        "motionGravity{}(G)": (acceleration(TIMES_S) - swing(TIMES_S)) / G,
        "motionQuaternion{}(R)": np.full((LENGTH, 3), 0.5),
    }
    names += [name.format(axis) for name in groups for axis in "XYZ"]
    since = texts(86_400 + TIMES_S, 6)
    stamps = dates(TIMES_S, "%Y-%m-%dT%H:%M:%S.%f")
    stamps = [f"{stamp}+02:00" for stamp in stamps]
    signals = [column for signal in groups.values() for column in xyz(signal)]
    return save(folder, {"walk.csv": table(stamps, since, since, *signals, header=",".join(names))})


def physics_toolbox(folder):
    """The file begins with an empty line, and each line ends in a comma."""
    header = "\ntime,gFx,gFy,gFz,ax,ay,az,wx,wy,wz,"
    signal = np.hstack([acceleration(TIMES_S) / G, swing(TIMES_S), turning(TIMES_S)])
    text = table(texts(TIMES_S), *xyz(signal), [""] * LENGTH, header=header)
    return save(folder, {"walk.csv": text})


def sensor_record(folder):
    """The clock shows whole seconds; what counts is beside it."""

    def one(signal):
        columns = [dates(TIMES_S, digits=-1), np.round(TIMES_S * 1000).astype(int), *xyz(signal)]
        return table(*columns, header="Timestamp,Milliseconds,X,Y,Z")

    files = {"Accelerometer.csv": acceleration(TIMES_S), "Gyroscope.csv": turning(TIMES_S)}
    return save(
        folder / "walk", {name: one(signal) for name, signal in files.items()} | {"GPS.csv": ""}
    )


def androsensor(folder, delimiter=";"):
    names = [f"{name} {axis} (m/s²)" for name in ("ACCELEROMETER", "GRAVITY", "LINEAR ACCELERATION")
             for axis in "XYZ"]  # fmt: skip
    names += [f"GYROSCOPE {axis} (rad/s)" for axis in "XYZ"] + ["LIGHT (lux)", "SOUND LEVEL (dB)"]
    names += ["LOCATION Latitude : ", "Satellites in range", "Time since start in ms "]
    names += ["YYYY-MO-DD HH-MI-SS_SSS"]
    total, linear = acceleration(TIMES_S), swing(TIMES_S)
    signal = np.hstack([total, total - linear, linear, turning(TIMES_S)])
    millis = np.round(TIMES_S * 1000).astype(int) + 26
    stamps = [text.replace(".", ":") for text in dates(TIMES_S)]
    light = [["12", "40.5", "", "0 / 0"]] * LENGTH
    text = table(
        *xyz(signal),
        *zip(*light, strict=True),
        millis,
        stamps,
        header=delimiter.join(names),
        delimiter=delimiter,
    )
    return save(folder, {"walk.csv": text.encode("latin-1")})


def metabase(folder):
    session = "walk_MetaWear_2024-05-01T11.00.00.000_C42732BE255C"

    def one(signal, unit, later_s):
        times_s = TIMES_S + later_s
        millis = [round((EPOCH_S + t) * 1000) for t in times_s]
        stamps = [text.replace(":", ".") for text in dates(times_s, "%Y-%m-%dT%H:%M:%S.%f")]
        axes = ",".join(f"{axis}-axis ({unit})" for axis in "xyz")
        # each file counts its elapsed time from its own first sample
        return table(
            millis, stamps, texts(TIMES_S, 3), *xyz(signal(times_s)),
            header=f"epoc (ms),timestamp (+0000),elapsed (s),{axes}",
        )  # fmt: skip

    return save(
        folder,
        {
            f"{session}_Accelerometer_100.000Hz_1.4.4.csv": one(
                lambda t: acceleration(t) / G, "g", 0.0
            ),
            f"{session}_Gyroscope_100.000Hz_1.4.4.csv": one(
                lambda t: turning(t) / DEGREE, "deg/s", 0.02
            ),
            f"{session}_Temperature_1.000Hz_1.4.4.csv": "epoc (ms),timestamp (+0000),elapsed (s),"
            "temperature (C)\n1714561200000,2024-05-01T11.00.00.000,0.000,24.5\n",
        },
    )


def movella_dot(folder):
    head = "sep=,\nDeviceTag:,Thigh\nFirmwareVersion:,3.0.0\nAppVersion:,2023.6.0\n"
    head += "SyncStatus:,Synced\nOutputRate:,100Hz\nFilterProfile:,General\n"
    head += "Measurement Mode:,Custom Mode 5\nStartTime: ,2024-05-01_13:00:00_000 CEST\n"
    head += "© Movella Technologies B. V. 2005-2024\n\n"
    micros = (np.round(TIMES_S * 1e6) + 192_856_375).astype(int)
    signal = np.hstack([acceleration(TIMES_S), turning(TIMES_S) / DEGREE])
    header = "PacketCounter,SampleTimeFine,Acc_X,Acc_Y,Acc_Z,Gyr_X,Gyr_Y,Gyr_Z,Status"
    text = table(range(LENGTH), micros, *xyz(signal), [0] * LENGTH, header=header)
    return save(folder, {"walk.csv": head + text})


def xsens(folder):
    head = "// Start Time: Unknown\n// Update Rate: 100.0Hz\n// Filter Profile: human (46.1)\n"
    head += "// Option Flags: AHS Disabled ICC Disabled\n// Firmware Version: 4.0.2\n"
    names = [f"{sensor}_{axis}" for sensor in ("Acc", "Gyr", "Mag") for axis in "XYZ"]
    header = "\t".join(["PacketCounter", "SampleTimeFine", *names])
    signal = np.hstack([acceleration(TIMES_S), turning(TIMES_S), 0.4 + swing(TIMES_S)])
    text = table(range(LENGTH), [""] * LENGTH, *xyz(signal), header=header, delimiter="\t")
    return save(folder, {"walk.txt": head + text})


def shimmer_text(wide=False):
    sensors = ["Accel_LN", "Gyro"] + (["Accel_WR"] if wide else [])
    names = ["Timestamp_Unix", *(f"{sensor}_{axis}" for sensor in sensors for axis in "XYZ")]
    units = ["ms"] + ["m/(s^2)"] * 3 + ["deg/s"] * 3 + ["m/(s^2)"] * 3 * wide
    heads = [[f"Shimmer_8665_{name}_CAL" for name in names], units]
    millis = texts((EPOCH_S + TIMES_S) * 1000, 3)
    signal = np.hstack([acceleration(TIMES_S), turning(TIMES_S) / DEGREE])
    signal = np.hstack([signal, acceleration(TIMES_S) + 0.01]) if wide else signal
    rows = table(millis, *xyz(signal), [""] * LENGTH, delimiter="\t")
    return "sep=\\t\n" + "".join("\t".join([*row, ""]) + "\n" for row in heads) + rows


def shimmer(folder):
    return save(folder, {"walk.csv": shimmer_text()})


def empatica(folder):
    times_s = np.arange(LENGTH * 32 // RATE) / 32
    counts = np.round(acceleration(times_s) / G * 64).astype(int)
    rows = [[f"{EPOCH_S:.6f}"] * 3, ["32.000000"] * 3, *counts.tolist()]
    one = f"{EPOCH_S:.6f}\n4.000000\n" + "0.25\n" * 24
    files = {
        "ACC.csv": "\n".join(", ".join(map(str, row)) for row in rows) + "\n",
        "EDA.csv": one,
        "TEMP.csv": one,
        "BVP.csv": one.replace("\n4.", "\n64."),
        "HR.csv": one.replace("\n4.", "\n1."),
        "IBI.csv": f"{EPOCH_S:.6f}, IBI\n0.5,0.75\n1.25,0.75\n",
        "tags.csv": f"{EPOCH_S + 1:.2f}\n",
        "info.txt": "What each file holds.\nACC.csv: first row the start as Unix time, second row "
        "the rate in Hz, then x, y, z in 1/64 g.\n",
    }
    return packed(files, folder / "walk.zip")


# --- watches and loggers of research -------------------------------------------------------------


ACTIGRAPH = """\
------------ Data File Created By ActiGraph GT3X+ ActiLife v6.13.4 Firmware v3.2.1 \
date format M/d/yyyy at 100 Hz  Filter Normal -----------
Serial Number: NEO1F00000000
Start Time 11:00:00
Start Date 5/1/2024
Epoch Period (hh:mm:ss) 00:00:00
Download Time 12:00:00
Download Date 5/1/2024
Current Memory Address: 0
Current Battery Voltage: 4.20     Mode = 12
--------------------------------------------------
"""


def actigraph(folder):
    header = "Accelerometer X,Accelerometer Y,Accelerometer Z"
    text = table(*xyz(acceleration(TIMES_S) / G, 3), header=header)
    return save(folder, {"walk.csv": ACTIGRAPH + text})


def actigraph_stamped(folder):
    header = "Timestamp,Accelerometer X,Accelerometer Y,Accelerometer Z"
    stamps = dates(TIMES_S + 14 * 86_400, "%m/%d/%Y %H:%M:%S.%f")
    text = table(stamps, *xyz(acceleration(TIMES_S) / G, 3), header=header)
    return save(folder, {"walk.csv": ACTIGRAPH + text})


def geneactiv(folder):
    known = {
        1: "Device Type,GENEActiv",
        2: "Device Model,1.1",
        3: "Device Unique Serial Code,012345",
        11: "Measurement Frequency,100 Hz",
        12: "Start Time,2024-05-01 11:00:00:000",
        21: "Subject Code,007",
        51: "x gain,25478",
        52: "x offset,574",
    }
    head = "\n".join(known.get(line, "") for line in range(1, 101)) + "\n"
    stamps = [f"{text[:19]}:{text[20:]}" for text in dates(TIMES_S)]
    rest = [[388] * LENGTH, [0] * LENGTH, [26.5] * LENGTH]
    return save(
        folder, {"walk.csv": head + table(stamps, *xyz(acceleration(TIMES_S) / G, 4), *rest)}
    )


def omgui(folder):
    """Raw CSV of Axivity's program: no header."""
    return save(folder, {"walk.csv": table(dates(TIMES_S), *xyz(acceleration(TIMES_S) / G))})


def biobank(folder):
    stamps = [f"{text}+0100 [Europe/London]" for text in dates(TIMES_S + 3600)]
    text = table(stamps, *xyz(acceleration(TIMES_S) / G, 3), header="time,x,y,z")
    return save(folder, {"walk.csv": text})


def ax6(folder):
    header = "Time,Accel-X (g), Accel-Y (g), Accel-Z (g), Gyro-X (d/s), Gyro-Y (d/s), Gyro-Z (d/s)"
    signal = np.hstack([acceleration(TIMES_S) / G, turning(TIMES_S) / DEGREE])
    return save(folder, {"walk.csv": table(dates(TIMES_S), *xyz(signal), header=header)})


def muse(folder):
    """Mind Monitor's table of a Muse headband: EEG, motion, and a line where something happened."""
    names = [f"{band}_{site}" for band in ("Delta", "RAW") for site in ("TP9", "AF7")]
    names += [f"{sensor}_{axis}" for sensor in ("Accelerometer", "Gyro") for axis in "XYZ"]
    names += ["HeadBandOn", "Battery", "Elements"]
    signal = np.hstack([acceleration(TIMES_S) / G, turning(TIMES_S) / DEGREE])
    eeg = [["0.5", "0.4", "812.3", "801.1"]] * LENGTH
    columns = [dates(TIMES_S), *zip(*eeg), *xyz(signal), [1] * LENGTH, [80] * LENGTH, [""] * LENGTH]  # noqa: B905
    rows = table(*columns).splitlines()
    rows.insert(0, f"{dates(TIMES_S[:1])[0]}{',' * 13}/muse/event/connected Muse-84AC")
    rows.insert(300, f"{dates(TIMES_S[299:300])[0]}{',' * 13}/muse/elements/blink")
    return save(folder, {"walk.csv": "\n".join([",".join(["TimeStamp", *names]), *rows, ""])})


def witmotion(folder):
    names = ["time", "DeviceName", "ChipTime()"]
    groups = [("Acc", "g"), ("As", "°/s"), ("Angle", "°"), ("H", "uT")]
    names += [f"{name}{axis}({unit})" for name, unit in groups for axis in "XYZ"]
    signal = [acceleration(TIMES_S) / G, turning(TIMES_S) / DEGREE, 10 * swing(TIMES_S)]
    signal = np.hstack([*signal, 40 + swing(TIMES_S)])
    device, null = ["WT901(00:0C:BF:19:3F:0D)"] * LENGTH, ["null"] * LENGTH
    stamps = dates(TIMES_S, "%Y-%m-%dT%H:%M:%S.%f")
    text = table(stamps, device, null, *xyz(signal), header="\t".join(names), delimiter="\t")
    return save(folder, {"walk.txt": text})


def witmotion_desktop(folder):
    """An older program: a first line with the start, and names in words."""
    names = ["Time", "Device name", "Chip Time()"]
    names += [f"{name} {axis}({unit})" for name, unit in
              [("Acceleration", "g"), ("Angular velocity", "°/s"), ("Angle", "°")]
              for axis in "XYZ"]  # fmt: skip
    signal = [acceleration(TIMES_S) / G, turning(TIMES_S) / DEGREE, 10 * swing(TIMES_S)]
    stamps = dates(TIMES_S)
    columns = [stamps, ["WT901BLE67"] * LENGTH, stamps, *xyz(np.hstack(signal))]
    text = table(*columns, header="\t".join(names), delimiter="\t")
    return save(folder, {"walk.txt": "StartTime: 2024-05-01 11:00:00.000\n" + text})


def movesense(folder, magnetometer=True):
    """The app writes one header for all its sensors, whichever of them it recorded."""
    names = [f"{sensor}{axis}" for sensor in ("Acc", "Gyro", "Magn") for axis in "XYZ"]
    signal = [acceleration(TIMES_S), turning(TIMES_S) / DEGREE, 40 + swing(TIMES_S)]
    signal = np.hstack(signal if magnetometer else signal[:2])
    millis = np.round(TIMES_S * 1000).astype(int) + 54_321
    text = table(millis, *xyz(signal), header=",".join(["Timestamp", *names]))
    return save(folder, {"walk.csv": text})


def arduino(folder):
    """What a sketch prints, caught from the serial port."""
    millis = np.round(TIMES_S * 1000).astype(int) + 1503
    signal = np.hstack([acceleration(TIMES_S) / G, turning(TIMES_S) / DEGREE])
    header = "millis,ax (g),ay (g),az (g),gx (dps),gy (dps),gz (dps)"
    boot = "MPU6050 ready!\nWriting to SD...\n"
    return save(
        folder, {"walk.log": boot + table(millis, *xyz(signal, 4), header=header, end="\r\n")}
    )


LAYOUTS = {
    "phyphox, folder": (phyphox_folder, Expected()),
    "phyphox, zip": (phyphox_zip, Expected()),
    "phyphox, zip with tabs and decimal commas": (phyphox_zip_tabs, Expected(tolerance=2e-3)),
    "phyphox, zip of one sensor": (phyphox_one_sensor, Expected(axes=ACC, tolerance=2e-3)),
    "phyphox, xlsx": (phyphox_xlsx, Expected()),
    "phyphox, xls": (phyphox_xls, Expected()),
    "Sensor Logger, iPhone": (
        sensor_logger_iphone,
        Expected(zero_s=EPOCH_S, told="2 points, each label holds until the next"),
    ),
    "Sensor Logger, iPhone without gravity": (
        lambda folder: sensor_logger_iphone(folder, without=("Gravity.csv", "Annotation.csv")),
        Expected(axes=(*LINACC, *GYRO), zero_s=EPOCH_S),
    ),
    "Sensor Logger, Android": (
        sensor_logger_android,
        Expected(zero_s=EPOCH_S, told="2 points, each label holds until the next"),
    ),
    "Sensor Logger, watch": (
        sensor_logger_watch,
        Expected(
            axes=(*LINACC, *GYRO),
            name="WristMotion",
            zero_s=EPOCH_S,
            options={"unit": ("g", "rad/s")},
        ),
    ),
    "SensorLog": (sensorlog, Expected(zero_s=EPOCH_S - 7200)),
    "Physics Toolbox": (physics_toolbox, Expected()),
    "Sensor Record": (sensor_record, Expected()),
    "AndroSensor": (androsensor, Expected(zero_s=0.026)),
    "AndroSensor, commas": (lambda folder: androsensor(folder, ","), Expected(zero_s=0.026)),
    "MetaBase": (
        metabase,
        Expected(zero_s=EPOCH_S, name="walk_MetaWear_2024-05-01T11.00.00.000_C42732BE255C_1.4.4"),
    ),
    "Movella DOT": (movella_dot, Expected(zero_s=192.856375)),
    "Xsens": (xsens, Expected(zero_s=None)),
    "Shimmer": (shimmer, Expected(zero_s=EPOCH_S)),
    "Empatica E4": (
        empatica,
        Expected(axes=ACC, rate=32, zero_s=EPOCH_S, tolerance=G / 128 + 0.001),
    ),
    "ActiGraph": (actigraph, Expected(axes=ACC, zero_s=EPOCH_S)),
    "ActiGraph with stamps": (
        actigraph_stamped,
        Expected(axes=ACC, zero_s=EPOCH_S + 14 * 86_400),
    ),
    "GENEActiv": (geneactiv, Expected(axes=ACC, zero_s=EPOCH_S)),
    "Axivity AX3, OmGui": (
        omgui,
        Expected(axes=ACC, zero_s=EPOCH_S, told=r"column 0 is time .*'1' is acc_x.* is in g"),
    ),
    "Axivity AX3, biobank": (
        biobank,
        Expected(axes=ACC, zero_s=EPOCH_S, told="x, y, z are taken for .* is in g"),
    ),
    "Axivity AX6": (ax6, Expected(zero_s=EPOCH_S)),
    "Muse, Mind Monitor": (muse, Expected(zero_s=EPOCH_S, told="rows? without a sample")),
    "WitMotion": (witmotion, Expected(zero_s=EPOCH_S)),
    "WitMotion, older": (witmotion_desktop, Expected(zero_s=EPOCH_S)),
    "Movesense, IMU9": (movesense, Expected(zero_s=54.321)),
    "Arduino": (arduino, Expected(zero_s=1.503)),
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
    assert since_s[0] == pytest.approx(expected.begin_s, abs=2.01 / expected.rate)
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


@pytest.mark.filterwarnings("ignore::img2imu_kit.errors.GuessWarning")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_export_found_and_read_later_is_the_same(layout, tmp_path):
    write, expected = LAYOUTS[layout]
    path = write(tmp_path)
    found = ik.readers.find_recordings(path, **expected.options)
    later = [piece for unread in pickle.loads(pickle.dumps(found)) for piece in unread.read()]
    for mine, theirs in zip(later, ik.read(path, **expected.options), strict=True):
        np.testing.assert_array_equal(mine.signal, theirs.signal)
        for field_ in ("rate", "axes", "unit", "subject", "name", "start_s", "clock_s"):
            assert getattr(mine, field_) == getattr(theirs, field_), field_


# --- what is refused says what to do, and that works ---------------------------------------------


@pytest.mark.parametrize("suffix", [".gt3x", ".cwa", ".bin"])
def test_binary_files_of_watches_name_the_programs_that_read_them(suffix, tmp_path):
    path = tmp_path / f"walk{suffix}"
    path.write_bytes(b"\0\1" * 999)
    with pytest.raises(FormatError, match="binary format") as caught:
        ik.read(path)
    assert "CSV" in caught.value.remedy
    assert "actipy.read_device(path, lowpass_hz=None" in caught.value.remedy
    # what actipy gives: x, y, z in g under stamps
    stamps = pd.DatetimeIndex(dates(TIMES_S), name="time")
    data = pd.DataFrame(acceleration(TIMES_S) / G, stamps, list("xyz")).assign(temperature=25.0)
    (advice,) = re.findall(r"then img2imu_kit\.readers\.(from_frame\(.*\))\.$", caught.value.remedy)
    (recording,) = eval(advice, {"data": data, "from_frame": ik.readers.from_frame})
    check([dataclasses.replace(recording, name="walk")], Expected(axes=ACC, zero_s=EPOCH_S))


def test_a_shimmer_with_two_accelerometers_asks_which(tmp_path):
    path = save(tmp_path, {"walk.csv": shimmer_text(wide=True)}) / "walk.csv"
    with pytest.raises(FormatError, match=r"2 columns could be acc_x.*columns=") as caught:
        ik.read(path)
    wide = re.findall(r"'(Shimmer_8665_Accel_WR_X_CAL.*?)'", str(caught.value))[0]
    names = [wide.replace("_X_", f"_{axis}_") for axis in "XYZ"]
    (recording,) = ik.read(path, columns=names)
    assert recording.axes == ACC
    np.testing.assert_allclose(recording.signal, acceleration(recording.times_s) + 0.01, atol=0.01)


def test_a_phone_s_sensorlog_with_two_gyroscopes_asks_which(tmp_path):
    path = sensorlog(tmp_path, phone=True) / "walk.csv"
    with pytest.raises(FormatError, match=r"2 columns could be gyro_x.*columns=") as caught:
        ik.read(path)
    assert "'gyroRotationX(rad/s)'" in str(caught.value)
    names = ["accelerometerAcceleration{}(G)", "motionRotationRate{}(rad/s)"]
    chosen = [name.format(axis) for name in names for axis in "XYZ"]
    check(ik.read(path, columns=chosen), Expected(zero_s=EPOCH_S - 7200))


def test_a_header_longer_than_its_lines_is_read_when_the_user_says_so(tmp_path):
    """IMU6 of Movesense: seven cells a line under the ten names of IMU9."""
    path = movesense(tmp_path, magnetometer=False) / "walk.csv"
    with pytest.raises(FormatError, match=r"names 10 columns, but rows have 7.* give header=True"):
        ik.read(path)
    with pytest.warns(GuessWarning, match="most lines end before column 'MagnX'"):
        check(ik.read(path, header=True), Expected(zero_s=54.321))


def test_other_sensors_of_an_empatica_are_refused_by_name(tmp_path):
    archive = zipfile.ZipFile(empatica(tmp_path))
    archive.extractall(tmp_path)
    for name in ("EDA", "TEMP", "BVP", "HR"):
        with pytest.raises(FormatError, match=r"Empatica E4.*ACC\.csv"):
            ik.read(tmp_path / f"{name}.csv")
    assert ik.read(tmp_path / "ACC.csv")[0].rate == 32


def test_sensors_that_share_no_time_are_refused_with_a_way_on(tmp_path):
    files = phyphox_tables(late_s=100.0)
    save(tmp_path / "walk", {name: files[name] for name in ("Accelerometer.csv", "Gyroscope.csv")})
    with pytest.raises(ClockError, match=r"Accelerometer\.csv and Gyroscope\.csv.*offsets_s="):
        ik.read(tmp_path / "walk")
    (acc,), (gyro,) = (
        ik.read(tmp_path / "walk" / f"{name}.csv") for name in ("Accelerometer", "Gyroscope")
    )
    assert len(ik.merge([acc, gyro], offsets_s=[0, -100])) == LENGTH


def test_sensors_without_a_clock_are_taken_to_begin_together(tmp_path):
    signals = {"acc": acceleration(TIMES_S), "gyro": turning(TIMES_S)}
    files = {f"walk_{n}.csv": table(*xyz(s), header="x,y,z") for n, s in signals.items()}
    with pytest.warns(GuessWarning, match="no clock tells when each sensor began"):
        (recording,) = ik.read(save(tmp_path, files), rate=RATE, unit=("m/s2", "rad/s"))
    check([recording], Expected(zero_s=None))


# --- folders -------------------------------------------------------------------------------------


def test_the_exports_of_two_people_are_two_recordings_named_by_path(tmp_path):
    save(tmp_path / "anna" / "walk", phyphox_tables())
    (tmp_path / "bob").mkdir()
    packed(phyphox_tables(), tmp_path / "bob" / "walk.zip")
    recordings = ik.read(tmp_path)
    assert [r.name for r in recordings] == ["anna/walk", "bob/walk"]
    for recording in recordings:
        check([dataclasses.replace(recording, name="walk")], Expected())
    (sheet,) = ik.read(phyphox_xlsx(tmp_path))
    np.testing.assert_allclose(sheet.signal, recordings[0].signal, atol=1e-5)


def test_recordings_called_alike_but_for_the_sensor_go_together(tmp_path):
    tables = phyphox_tables()
    names = {"walk 1 acc.csv": "Accelerometer.csv", "walk 1 gyro.csv": "Gyroscope.csv"}
    names |= {name.replace("1", "2"): source for name, source in names.items()}
    names |= {
        "acelerometro_terra.csv": "Accelerometer.csv",
        "giroscopio_terra.csv": "Gyroscope.csv",
    }
    names |= {"run_acc.csv": "Accelerometer.csv"}
    recordings = ik.read(save(tmp_path, {new: tables[old] for new, old in names.items()}))
    both = (*ACC, *GYRO)
    assert {r.name: r.axes for r in recordings} == {
        **{"terra": both, "run_acc": ACC},
        **{"walk 1": both, "walk 2": both},
    }


def test_numbers_that_count_the_sensors_do_not_part_them(tmp_path):
    tables = phyphox_tables()
    save(tmp_path / "a", {"accelerometer_1.csv": tables["Accelerometer.csv"]})
    save(tmp_path / "a", {"gyroscope_2.csv": tables["Gyroscope.csv"]})
    again = {f"{sensor}_{n}.csv": tables[f"{source}.csv"] for n in (1, 2) for sensor, source in
             (("acc", "Accelerometer"), ("gyr", "Gyroscope"))}  # fmt: skip
    recordings = ik.read(save(tmp_path, {f"b/{name}": text for name, text in again.items()}))
    assert [r.name for r in recordings] == ["a", "b/1", "b/2"]
    assert {r.axes for r in recordings} == {(*ACC, *GYRO)}


def test_a_second_file_of_a_sensor_is_never_lost(tmp_path):
    tables = phyphox_tables()
    names = {
        "walk.csv": "Acc",
        "walk_raw.csv": "Acc",
        "walk_data.csv": "Acc",
        "walk_gyro.csv": "Gyr",
    }
    text = {"Acc": tables["Accelerometer.csv"], "Gyr": tables["Gyroscope.csv"]}
    recordings = ik.read(save(tmp_path, {name: text[kind] for name, kind in names.items()}))
    both = (*ACC, *GYRO)
    assert {r.name: r.axes for r in recordings} == {
        **{"walk": both, "walk_raw": ACC, "walk_data": ACC}
    }


def test_rows_of_two_people_are_merged_person_by_person(tmp_path):
    def one(motion, axes):
        signal = np.vstack([motion(TIMES_S), motion(TIMES_S + 0.5)])
        people = ["ann"] * LENGTH + ["bob"] * LENGTH
        stamps = texts([*TIMES_S, *(TIMES_S + 0.5)])
        return table(stamps, *xyz(signal), people, header=f"time,{axes},subject")

    files = {"acc.csv": one(acceleration, "ax,ay,az"), "gyro.csv": one(turning, "gx,gy,gz")}
    save(tmp_path / "walk", files)
    ann, bob = ik.read(tmp_path / "walk", unit=("m/s2", "rad/s"))
    check([dataclasses.replace(ann, name="walk")], Expected())
    check([dataclasses.replace(bob, name="walk")], Expected(zero_s=0.0, begin_s=0.5))


def test_a_gap_in_one_sensor_splits_the_recording(tmp_path):
    tables = phyphox_tables(late_s=0.0)
    gyro = tables["Gyroscope.csv"].splitlines()
    del gyro[201:351]  # 2.0 to 3.5 s
    files = {"Accelerometer.csv": tables["Accelerometer.csv"], "Gyroscope.csv": "\n".join(gyro)}
    save(tmp_path / "walk", files)
    with pytest.raises(ClockError, match=r'Gyroscope\.csv.*1 gap.*gap="split"'):
        ik.read(tmp_path / "walk")
    first, second = ik.read(tmp_path / "walk", gap="split")
    assert (len(first), len(second)) == (200, 50)
    assert second.start_s == pytest.approx(3.5)
    for piece in (first, second):
        for axes, motion in ((ACC, acceleration), (GYRO, turning)):
            np.testing.assert_allclose(piece.select(axes).signal, motion(piece.times_s), atol=2e-3)


def test_what_is_left_aside_is_noted(tmp_path, caplog):
    folder = phyphox_folder(tmp_path)
    save(folder, {"notes.txt": "walked to the shop\nand back\n", "photo.jpg": b"\xff\xd8"})
    with caplog.at_level(logging.INFO, "img2imu_kit"), pytest.warns(GuessWarning) as told:
        check(ik.read(folder), Expected())
    assert "walk: left aside: Location.csv, Linear Acceleration.csv" in caplog.text
    assert "Magnetometer.csv" in caplog.text
    (warning,) = told
    assert "notes: not read, no column of numbers was found" in str(warning.message)


def test_a_damaged_sensor_is_an_error_and_not_left_aside(tmp_path):
    files = phyphox_tables()
    lines = files["Gyroscope.csv"].splitlines()
    lines[40] = lines[40].rsplit(",", 1)[0]
    path = packed(files | {"Gyroscope.csv": "\n".join(lines)}, tmp_path / "walk.zip")
    with pytest.raises(FormatError) as caught:
        ik.read(path)
    assert str(caught.value).startswith(f"{path}/Gyroscope.csv, line 41: malformed line")


def test_only_files_without_motion_say_why(tmp_path):
    save(tmp_path, {"notes.txt": "walked to the shop\nand back\n"})
    with pytest.raises(NoSignalError, match="no column of numbers"):
        ik.read(tmp_path)


def test_columns_chosen_by_the_user_are_read_file_by_file(tmp_path):
    files = {name: text for name, text in phyphox_tables().items() if name[0] in "AG"}
    recordings = ik.read(save(tmp_path / "walk", files), columns=[1, 2, 3])
    assert [r.name for r in recordings] == ["Accelerometer", "Gyroscope"]


# --- zip files -----------------------------------------------------------------------------------


def test_a_zip_of_zips_holds_several_recordings(tmp_path):
    inner = {f"{name}.zip": phyphox_zip(tmp_path).read_bytes() for name in ("anna", "bob")}
    recordings = ik.read(packed(inner, tmp_path / "all.zip"))
    assert [r.name for r in recordings] == ["all/anna", "all/bob"]
    deeper = packed({"all.zip": (tmp_path / "all.zip").read_bytes()}, tmp_path / "deep.zip")
    with pytest.raises(FormatError, match="no file that ends in"):
        ik.read(deeper)


def test_a_folder_called_meta_may_be_the_user_s(tmp_path):
    tables = phyphox_tables()
    save(tmp_path / "meta", {name: tables[name] for name in ("Accelerometer.csv", "meta/time.csv")})
    assert [r.name for r in ik.read(tmp_path)] == ["meta"]


def test_a_mac_s_copies_are_no_files(tmp_path):
    files = phyphox_tables()
    doubles = {f"__MACOSX/._{name}": b"\0\5\26\7" for name in files}
    check(ik.read(packed(files | doubles, tmp_path / "walk.zip")), Expected())


@pytest.mark.parametrize("name", ["../evil.csv", "/evil.csv", "C:/evil.csv", "a\\..\\..\\evil.csv"])
def test_names_that_lead_out_of_a_zip_are_refused(name, tmp_path):
    path = packed(phyphox_tables() | {name: "x,y\n1,2\n"}, tmp_path / "walk.zip")
    with pytest.raises(FormatError, match=r"leads out of it.*unpack it yourself"):
        ik.read(path)
    assert not list(tmp_path.parent.glob("evil.csv"))


def patched(path, change):
    """A zip file with a change made to each entry of its directory."""
    data = bytearray(path.read_bytes())
    for match in re.finditer(b"PK\1\2", bytes(data)):
        change(data, match.start())
    path.write_bytes(data)
    return path


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    def claim(data, at):  # 4 GB each
        data[at + 24 : at + 28] = b"\xf0\xff\xff\xff"

    path = patched(packed(phyphox_tables(), tmp_path / "walk.zip"), claim)
    with pytest.raises(FormatError, match=r"unpacks to 7 files of 30\.1 GB.*unpack it yourself"):
        ik.read(path)


def test_an_entry_that_is_larger_than_it_claims_is_cut_and_refused(tmp_path):
    def claim(data, at):
        data[at + 24 : at + 28] = (1000).to_bytes(4, "little")

    path = patched(packed(phyphox_tables(), tmp_path / "walk.zip"), claim)
    with pytest.raises(FormatError, match="damaged, or not a zip file"):
        ik.read(path)


def test_a_locked_zip_asks_to_be_unpacked(tmp_path):
    def lock(data, at):
        data[at + 8] |= 1

    path = patched(packed(phyphox_tables(), tmp_path / "walk.zip"), lock)
    with pytest.raises(FormatError, match=r"locked by a password.*read the folder"):
        ik.read(path)


def test_a_cut_zip_and_a_cut_workbook_are_damaged(tmp_path):
    for path in (phyphox_zip(tmp_path), phyphox_xlsx(tmp_path)):
        path.write_bytes(path.read_bytes()[:-200])
        with pytest.raises(FormatError, match=f"{path.name}: (damaged|not an Excel)"):
            ik.read(path)


def test_nothing_unpacked_is_left_behind(tmp_path, monkeypatch):
    path = phyphox_zip(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    ik.read(path)
    assert list((tmp_path / "temp").iterdir()) == []

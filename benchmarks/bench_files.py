"""Rows b and c: a CSV to windows, and hours of motion to tar shards of pictures.

The file is an hour at 100 Hz: stamps in milliseconds and six axes, 24 MB. By hand means the least
that gives the same windows: parse, an even clock by linear interpolation, cut. `ik.read` also finds
the layout, and checks each number and stamp. For many hours the same file stands in a folder under
many names (hard links): each is read, cut, drawn and written anew.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from bench_pictures import librosa_pixels, resized
from PIL import Image
from race import OURS, Line, alone, fact, line_through, race, say

import img2imu_kit as ik

RATE, SECONDS, HOUR = 100, 5, 3600
UNITS = ("m/s2", "rad/s")
AXES = ["acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"]


def csv_rows() -> list[Line]:
    with tempfile.TemporaryDirectory() as folder:
        path = write_hour(Path(folder) / "hour.csv")
        polars = importlib.util.find_spec("polars")
        ways = {
            OURS: lambda: ours(path),
            "pandas by hand": lambda: by_pandas(path),
            "polars by hand": (lambda: by_polars(path))
            if polars
            else "not installed: pip install polars",
            "floor: pandas.read_csv": lambda: pd.read_csv(path, engine="c"),
        }
        expected = ours(path)
        for by_hand in (by_pandas, by_polars) if polars else (by_pandas,):
            np.testing.assert_allclose(by_hand(path), expected, atol=1e-4)
        lines = race("b", "CSV to windows", ways, count=1, unit="h", rounds=3)
        for name, way in ((OURS, ours), ("pandas by hand", by_pandas)):
            lines.append(fact("b", "CSV to windows: peak memory", name, alone(way, path)[1], "MB"))
    return lines


def shard_rows(hours: tuple[int, ...] = (1, 2, 4, 8)) -> list[Line]:
    with tempfile.TemporaryDirectory() as folder:
        path = write_hour(Path(folder) / "hour.csv")
        place = Path(folder) / "by_hand"

        def draw_one() -> None:
            shutil.rmtree(Path(folder) / "ours", ignore_errors=True)
            convert(path, Path(folder) / "ours")

        ways = {OURS: draw_one, "librosa loop, PNG files": lambda: by_hand(path, place)}
        lines = race("c", "an hour to shards", ways, count=1, unit="h", rounds=3)
        done = [hours_of_motion(path, Path(folder) / f"{count}", count) for count in hours]
    for count, (seconds, peak, windows) in zip(hours, done, strict=True):
        speed = count / seconds
        note = f"{windows:,} windows, one process, {seconds:.1f} s with its start"
        lines.append(fact("c", f"{count} h to shards", OURS, speed, "h/s", note=note))
        peak_of = f"{count} h to shards: peak memory"
        lines.append(fact("c", peak_of, OURS, peak, "MB", target="<= 1024"))
    if len(hours) > 2:
        seconds = [taken for taken, *_ in done]
        lines.append(say(line_through("c", "hours to shards", hours, seconds, "h")))
    return lines


def write_hour(path: Path) -> Path:
    """An hour of noise about gravity, 360,000 lines."""
    motion = np.random.default_rng(0).normal([0, 0, 9.8, 0, 0, 0], 1, (RATE * HOUR, 6))
    frame = pd.DataFrame(motion.round(5), columns=AXES)
    frame.insert(0, "timestamp_ms", 1_714_561_200_000 + 10 * np.arange(len(frame)))
    frame.to_csv(path, index=False)
    return path


def ours(path: Path) -> np.ndarray:
    return ik.sliding_windows(ik.read(path, unit=UNITS), seconds=SECONDS).signal


def by_pandas(path: Path) -> np.ndarray:
    frame = pd.read_csv(path, engine="c")
    return cut(frame["timestamp_ms"].to_numpy(), [frame[axis].to_numpy() for axis in AXES])


def by_polars(path: Path) -> np.ndarray:
    import polars

    frame = polars.read_csv(path)
    return cut(frame["timestamp_ms"].to_numpy(), [frame[axis].to_numpy() for axis in AXES])


def cut(stamps_ms: np.ndarray, columns: list[np.ndarray]) -> np.ndarray:
    """Windows float32 [N, 6, T] on an even clock."""
    times_s = (stamps_ms - stamps_ms[0]) / 1000
    even_s = np.arange(round(times_s[-1] * RATE) + 1) / RATE
    signal = np.stack([np.interp(even_s, times_s, column) for column in columns]).astype("float32")
    length = SECONDS * RATE
    whole = signal[:, : signal.shape[1] // length * length]
    return np.ascontiguousarray(whole.reshape(len(AXES), -1, length).transpose(1, 0, 2))


def by_hand(path: Path, place: Path) -> None:
    """What one writes first: pandas, a librosa loop, a PNG for each window."""
    place.mkdir(exist_ok=True)
    params = ik.pictures.resolve("default")
    for i, window in enumerate(by_pandas(path)[:, :3]):
        [picture] = resized(librosa_pixels(window[None], params), params.size)
        Image.fromarray(picture.transpose(1, 2, 0)).save(place / f"{i:06d}.png")


def convert(source: Path, out: Path) -> int:
    reading = {"unit": UNITS}
    table = ik.convert_folder(source, out, reading=reading, workers=1, progress=False)
    assert (table.status == "drawn").all(), table.problem.max()
    return int(table.windows.sum())


def hours_of_motion(path: Path, place: Path, count: int) -> tuple[float, float, int]:
    """Convert `count` hours in a process of its own: seconds, peak MB, windows."""
    (place / "hours").mkdir(parents=True)
    for i in range(count):
        os.link(path, place / "hours" / f"hour{i:03d}.csv")
    done = alone(convert, place / "hours", place / "shards")
    shutil.rmtree(place)
    return done

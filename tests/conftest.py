"""Fixtures: the folder of shared real data, and recordings made on the spot."""

import multiprocessing
import os
import tarfile
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest

import img2imu_kit  # noqa: F401  before any test imports onnxruntime: turns its telemetry off

# here only: notebooks that run beside these tests draw their figures as Jupyter does
matplotlib.use("Agg")
SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real data and weights beside the checkout, or a skip that says so."""
    if not SHARED.is_dir():
        message = "needs the folder ../shared (real IMU data, images and weights)"
        if os.environ.get("REQUIRE_SHARED") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return SHARED


@pytest.fixture(scope="session")
def data_dir(shared, tmp_path_factory):
    """A data set's name -> the folder its archive was extracted to, once per test run."""
    folders: dict[str, Path] = {}

    def extract(name: str) -> Path:
        if name not in folders:
            folder = tmp_path_factory.mktemp(name)
            with tarfile.open(shared / "data" / f"{name}.tar.xz") as archive:
                archive.extractall(folder, filter="data")
            folders[name] = folder
        return folders[name]

    return extract


@pytest.fixture(scope="session")
def children():
    """Processes forked from one that has imported all and computed nothing: ready at once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["img2imu_kit.pretrain.train", "img2imu_kit.evaluate.table"])
    return context


@pytest.fixture
def rng() -> np.random.Generator:
    """A seeded generator."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def phones(tmp_path_factory):
    """Exports of phyphox by two people, in a folder for each activity: 9 s at 50 Hz.

    The layout is that of its CSV export: a file for each sensor, and notes in ``meta``.
    """
    folder = tmp_path_factory.mktemp("phones")
    t = np.arange(450) / 50
    for label, hz in {"slow": 1.0, "fast": 6.0}.items():
        for person, name in enumerate(["anna", "ben"]):
            export = folder / label / name
            (export / "meta").mkdir(parents=True)
            notes = '"property","value"\n"version","1.1.16"\n"fileFormat","1.14"\n'
            (export / "meta" / "device.csv").write_text(notes)
            phase = 2 * np.pi * hz * t[:, None] + np.arange(3) + person
            for sensor, column, unit, values in [
                ("Accelerometer", "Acceleration", "m/s^2", 5 * np.sin(phase) + [[0, 0, 9.81]]),
                ("Gyroscope", "Gyroscope", "rad/s", np.cos(phase)),
            ]:
                names = [f"{column} {axis} ({unit})" for axis in "xyz"]
                table = pd.DataFrame(values, columns=names)
                table.insert(0, "Time (s)", t)
                table.to_csv(export / f"{sensor}.csv", index=False, float_format="%.9E")
    return folder

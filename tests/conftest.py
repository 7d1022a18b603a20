"""Fixtures: the folder of shared real data, and recordings made on the spot."""

import os
import tarfile
from pathlib import Path

import matplotlib
import numpy as np
import pytest

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


@pytest.fixture
def rng() -> np.random.Generator:
    """A seeded generator."""
    return np.random.default_rng(0)

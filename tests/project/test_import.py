"""Importing the package is light; its names are all there."""

import subprocess
import sys

import pytest

import img2imu_kit

HEAVY = ("torch", "pandas", "matplotlib", "scipy", "sklearn", "librosa", "timm", "numpy")


def test_import_loads_nothing_heavy():
    code = f"import sys, img2imu_kit; print([m for m in {HEAVY!r} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "room",
    [
        "errors",
        "signals.recording",
        "signals.resampling",
        "signals.windows",
        "readers.files",
        "datasets.catalogue",
        "cli.main",  # `img2imu --help`
    ],
)
def test_rooms_of_data_and_help_need_no_torch_and_no_figures(room):
    code = f"import sys, img2imu_kit.{room}; "
    code += "print([m for m in ('torch', 'matplotlib', 'librosa', 'timm') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("name", img2imu_kit.__all__)
def test_every_public_name_is_there(name):
    assert getattr(img2imu_kit, name) is not None
    assert name in dir(img2imu_kit)

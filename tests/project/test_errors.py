"""Errors: what, where, remedy; and whole after a trip between processes."""

import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from img2imu_kit import errors
from img2imu_kit.signals.recording import Recording

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.Img2ImuError)
]


@pytest.mark.parametrize("kind", KINDS)
def test_errors_survive_pickling(kind):
    error = kind("rate is -5 Hz", where="walk.csv", remedy="Pass rate=<Hz>.")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error) == "walk.csv: rate is -5 Hz. Pass rate=<Hz>."
    assert (again.what, again.where, again.remedy) == (error.what, error.where, error.remedy)


def fail() -> None:
    Recording(np.full((4, 3), np.nan), rate=50, name="walk")


def test_an_error_in_another_process_arrives_whole():
    with ProcessPoolExecutor(1) as pool, pytest.raises(errors.SignalError) as caught:
        pool.submit(fail).result()
    assert caught.value.where == "walk"
    assert "Drop those rows" in caught.value.remedy


def test_text_without_place_or_remedy():
    assert str(errors.SignalError("no samples")) == "no samples"
    assert str(errors.SignalError("no rate?", remedy="Give one.")) == "no rate? Give one."
    assert str(errors.SignalError("no samples", where="a.csv")) == "a.csv: no samples"


def test_kinds_can_be_caught_as_python_s_own():
    assert issubclass(errors.FormatError, ValueError)
    assert issubclass(errors.DownloadError, OSError)
    assert all(
        issubclass(getattr(errors, n), UserWarning) for n in errors.__all__ if "Warning" in n
    )

"""Recordings that an explorer is given: read, or explained why not."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

import img2imu_kit as ik
from img2imu_kit.errors import Img2ImuError
from img2imu_kit.explore import SpectrogramExplorer
from img2imu_kit.explore.sources import find_source

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")


def upload(explorer, name, content):
    when = datetime.now(UTC)
    file = {"name": name, "type": "", "size": len(content), "content": content}
    explorer.upload.value = [file | {"last_modified": when}]


def test_an_uploaded_file_of_another_layout(explorer):
    rows = [f"{20 * i};0,{i % 7};-1,5;9,81;x" for i in range(500)]
    content = "\n".join(["t_ms;ax;ay;az;note", *rows]).encode()
    upload(explorer, "my phone.csv", content)
    explorer.wait()
    assert not explorer.screen.failed, explorer.screen.status
    assert explorer._source.note in explorer.screen.status  # guesses are said
    assert explorer.state.recording.rate == pytest.approx(50)
    assert explorer.state.origin.startswith("ik.read('my phone.csv')[0]")
    assert explorer.source.value == "own recordings"
    explorer.source.value = "synthetic"
    assert explorer.state.recording.name == "s01"
    explorer.source.value = "own recordings"
    assert explorer.state.recording.name == "my phone"
    explorer.wait()


def test_files_that_cannot_be_read_are_explained_without_our_folders(explorer):
    before = explorer.state
    upload(explorer, "a.csv", b"\0\1\2 not a table")
    explorer.wait()
    assert explorer.screen.failed
    assert explorer.screen.status.startswith("a.csv: ")
    explorer.path.value = "no/such.csv"
    assert "no such file" in explorer.screen.status
    assert explorer.state is before


def test_a_file_that_needs_options_is_answered_with_the_call_that_takes_them(explorer):
    rows = "\n".join(f"{20 * i};{i % 7}" for i in range(500))
    upload(explorer, "sensor.csv", f"Uhr;Beschleunigung\n{rows}".encode())
    explorer.wait()
    assert explorer.screen.failed
    assert "SpectrogramExplorer(ik.read('sensor.csv', ...))" in explorer.screen.status


def test_axes_of_any_name_are_shown():
    signal = np.random.default_rng(0).normal(size=(500, 4))
    own = ik.Recording(signal, rate=100, axes=("a", "b", "c", "d"), name="own")
    explorer = SpectrogramExplorer(own, seconds=4)
    assert not explorer.screen.failed
    assert explorer.state.changes["channels"] == ("a", "b", "c")


def test_units_are_brought_to_those_of_the_limits_and_the_code_says_so():
    signal = np.random.default_rng(0).normal(size=(500, 3))
    source = find_source(ik.Recording(signal, rate=100, unit="g"))
    assert source.recordings[0].unit == ("m/s2",) * 3
    assert source.origin(0) == 'recordings[0].to_unit("m/s2", "rad/s")'


@pytest.mark.parametrize("source", [[], [3], "nowhere.csv", "swiming"])
def test_sources_that_are_none(source):
    with pytest.raises(Img2ImuError):
        find_source(source)


def test_without_a_source_there_is_real_motion():
    source = find_source()
    assert len(source.recordings) == 140
    assert source.code == 'ik.load_dataset("shoulder_exercises")'
    assert len({each.subject for each in source.recordings}) == 10


def test_windows_are_explored_one_by_one_and_their_code_makes_them(recwarn):
    people = ik.load_dataset("synthetic", subjects=2, seconds=8)
    windows = ik.sliding_windows(people, 4.0).select("acc")
    in_g = replace(windows, signal=windows.signal / 9.80665, unit=("g",) * 3)
    explorer = SpectrogramExplorer(in_g, seconds=3)
    assert len(explorer.window.which.options) == len(windows)
    explorer.window.which.value = 5
    names = {"windows": in_g}
    exec(explorer.code(explorer.state), names)
    np.testing.assert_allclose(
        names["recording"].signal, windows.signal[5].T, atol=1e-4, err_msg="in m/s2"
    )
    given = find_source(in_g).cut(3.0)
    np.testing.assert_allclose(given.signal, windows.signal, atol=1e-4)
    explorer.wait()


def test_of_very_many_windows_the_first_are_offered_and_that_is_said():
    many = ik.Windows.from_numpy(np.random.default_rng(0).normal(size=(1200, 3, 100)), rate=50)
    explorer = SpectrogramExplorer(many, seconds=2)
    assert len(explorer.window.which.options) == 1000
    assert "the first 1000 of 1200 windows" in explorer.screen.status
    assert len(find_source(many).cut(2.0)) == 1200
    with pytest.raises(Img2ImuError, match="nothing to explore"):
        find_source(many[:0])


def walk_in(folder):
    path = folder / "p7" / "walking.csv"
    path.parent.mkdir(parents=True)
    rows = [f"{i / 50:.2f},{i % 7},0.5,9.81,{'ab'[i > 250]}" for i in range(500)]
    path.write_text("\n".join(["t_s,ax,ay,az,what", *rows]))
    return path


@pytest.mark.parametrize(
    ("reading", "subject", "classes"),
    [
        ({"label": "what"}, "", ("a", "b")),
        ({"labels": "file", "subject": r"/p(\d+)/"}, "7", ("walking",)),
        ({"labels": "folder", "unit": "g"}, "", ("p7",)),
    ],
)
def test_explorers_read_a_path_with_the_options_of_read(tmp_path, reading, subject, classes):
    path = walk_in(tmp_path)
    source = find_source(path, reading)
    (recording,) = source.recordings
    assert (recording.subject, recording.classes) == (subject, classes)
    (again,) = eval(source.code, {"ik": ik})
    assert (again.subject, again.classes) == (subject, classes)
    explorer = SpectrogramExplorer(path, seconds=4, reading=reading)
    assert explorer.state.recording.classes == classes
    explorer.path.value = str(path)
    assert explorer.state.recording.classes == classes

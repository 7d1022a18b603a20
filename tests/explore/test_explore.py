"""Explorers without a browser: pure pictures, honest code, no stale work, problems in words."""

import base64
import io
import threading
import time
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import img2imu_kit as ik
import img2imu_kit.explore
from img2imu_kit.errors import Img2ImuError, ParameterError, SignalError
from img2imu_kit.explore import sources
from img2imu_kit.explore.base import Latest
from img2imu_kit.explore.canvas import Drawing, blank, panel, ticks
from img2imu_kit.explore.spectrogram import SpectrogramExplorer
from img2imu_kit.explore.spectrogram_state import SpectrogramState, code, extent, spread
from img2imu_kit.explore.spectrogram_view import OVERVIEW, render

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")


@pytest.fixture(scope="module")
def recording():
    return ik.load_dataset("synthetic", subjects=1, seconds=12, transitions=True)[0]


@pytest.fixture
def explorer():
    return SpectrogramExplorer(seconds=10)


def pixels(explorer):
    explorer.wait()
    return np.asarray(Image.open(io.BytesIO(explorer.screen.png)))


def upload(explorer, name, content):
    when = datetime.now(UTC)
    file = {"name": name, "type": "", "size": len(content), "content": content}
    explorer.upload.value = [file | {"last_modified": when}]


# canvas


def test_a_png_holds_the_pixels_and_the_alt_text():
    drawn = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    image = Image.open(io.BytesIO(Drawing(drawn, alt="noise, 2 μs").png()))
    np.testing.assert_array_equal(np.asarray(image), drawn)
    assert image.text["Description"] == "noise, 2 μs"


@pytest.mark.parametrize("length", [2, 50, 99, 100, 101, 5000])
def test_a_trace_reaches_the_extremes_at_their_places(length):
    values = np.zeros(length)
    values[length // 2] = 1
    picture = blank(140, 100)
    inside = panel(picture, (20, 25, 100, 50), (0, 1), (-0.1, 1.1))
    inside.pixels[:] = 255
    inside.trace(values, "#000000")
    (top,), (column,) = inside.rows(1.0), inside.columns(length // 2 / (length - 1))
    dark = inside.pixels[:, :, 0] < 128
    assert dark[top].any()
    assert abs(np.flatnonzero(dark[top]).mean() - column) <= 1
    assert not dark[: top - 1].any()
    assert dark.any(axis=0).all()  # no hole in the line


def test_panels_place_values_and_hold_what_lies_outside():
    inside = panel(blank(140, 100), (20, 25, 101, 51), (0, 10), (0, 5))
    assert inside.columns(-3, 0, 5, 10, 99) == [0, 0, 50, 100, 100]
    assert inside.rows(-3, 0, 2.5, 5, 99) == [50, 50, 25, 0, 0]


def test_ticks_are_few_round_and_inside():
    for low, high in [(0, 1), (-0.37, 12.9), (1e-4, 3e-4), (5, 5), (-2e5, 9e5)]:
        found = ticks(low, high, 5)
        assert len(found) <= 6
        assert all(low - 1e-6 <= tick <= high + 1e-6 for tick in found)


# the pure function


def test_the_same_state_gives_the_same_bytes(recording):
    first = SpectrogramState(recording, 3, 5, changes={"n_fft": 32})
    again = replace(first)
    assert render(first).png() == render(again).png()


def test_the_picture_shown_is_the_one_the_network_sees(recording):
    state = SpectrogramState(recording, 3, 5, changes={"size": (95, 105)})
    image = ik.to_image(recording.cut(*state.bounds()), size=(95, 105))[0].transpose(1, 2, 0)
    shown = render(state).pixels[346:536, 850:1060]  # twice the size: each pixel four times
    np.testing.assert_array_equal(shown, image.repeat(2, axis=0).repeat(2, axis=1))


@pytest.mark.parametrize(
    "changes",
    [
        {"n_fft": 128},
        {"hop": 16},
        {"window": "boxcar"},
        {"center": True},
        {"detrend": "linear"},
        {"scale": "magnitude"},
        {"range": (-30, 20)},
        {"range": "per-axis"},
        {"range": "per-window"},
        {"fmin_hz": 2.0},
        {"fmax_hz": 10.0},
        {"channels": "gyro"},
        {"channels": "magnitude"},
        {"channels": ("gyro_x", "acc_y", "acc_x")},
        {"size": (32, 64)},
        {"size": None},
        {"interpolation": "nearest"},
    ],
    ids=str,
)
def test_every_setting_changes_the_picture_and_its_code_makes_it(recording, changes):
    state = SpectrogramState(recording, 3, 5, changes=changes)
    assert (render(state).pixels != render(replace(state, changes={})).pixels).any()
    names = {"recording": recording, "walk": recording}
    exec(code(replace(state, origin="walk")), names)
    np.testing.assert_array_equal(
        names["image"], ik.to_image(recording.cut(*state.bounds()), **changes)[0]
    )


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"changes": {"hop": 65}}, "hop is 65, expected 1 to n_fft"),
        ({"changes": {"n_fft": 512, "hop": 4}}, "n_fft=512"),
        ({"changes": {"fmin_hz": 10.0, "fmax_hz": 10.1}}, "does not fit bins"),
        ({"changes": {"range": (20, 20)}}, "low < high"),
        ({"changes": {"channels": ("acc_x", "acc_y", "nose")}}, "no axis 'nose'"),
        ({"start_s": 1e6}, "the recording lasts"),
        ({"start_s": -1.0}, "the recording lasts"),
        ({"seconds": 0.0}, "the recording lasts"),
        ({"preset": "best"}, "no preset"),
    ],
)
def test_contradictions_are_typed_errors(recording, state, words):
    with pytest.raises((ParameterError, SignalError), match=words):
        render(SpectrogramState(recording, **({"seconds": 5.0} | state)))


@pytest.mark.parametrize("taper", ["hann", "hamming", "blackman", "boxcar"])
@pytest.mark.parametrize("n_fft", [16, 65, 256])
def test_no_frame_beats_heisenberg(taper, n_fft):
    seconds, hz = spread(ik.SpectrogramParams(n_fft=n_fft, window=taper), rate=50)
    assert seconds * hz >= 1 / np.pi * 0.999
    twice, _ = spread(ik.SpectrogramParams(n_fft=2 * n_fft, window=taper), rate=50)
    assert twice / seconds == pytest.approx(2, rel=0.1)


def test_a_gaussian_would_reach_the_bound():
    # blackmanharris is nearly a Gaussian, boxcar leaks most
    near, far = (
        np.pi * np.prod(spread(ik.SpectrogramParams(window=name), 50))
        for name in ("blackmanharris", "boxcar")
    )
    assert near < 1.01 < 2 < far


def test_edges_of_the_picture_are_those_of_frames_and_bins(recording):
    across, up = extent(recording.cut(100, 350), ik.SpectrogramParams(n_fft=50, hop=10))
    assert across == pytest.approx((2.5 - 0.1, 6.5 + 0.1))
    assert up == pytest.approx((-0.5, 25.5))


def test_an_axis_that_never_changes_is_named(recording):
    still = recording.signal.copy()
    still[:, 1] = 3
    with pytest.warns(ik.errors.ConstantAxisWarning):
        drawing = render(SpectrogramState(replace(recording, signal=still)))
    assert "acc_y never changes" in drawing.note


def test_alt_text_says_what_is_seen(recording):
    start = 20.0
    alt = render(SpectrogramState(recording, start, 5)).alt
    label = recording.labels[int((start + 2) * recording.rate)]
    assert f"window from 20 s of 5 s marked while {label}" in alt
    assert "96 x 96 pixels" in alt


# only the newest request counts


def test_requests_that_wait_are_replaced():
    met, go = [], threading.Event()

    def slowly(request):
        go.wait(10)
        met.append(request)

    latest = Latest(slowly)
    for request in range(500):
        latest(request)
    go.set()
    latest.wait()
    assert len(met) <= 2
    assert met[-1] == 499


def test_a_failure_does_not_end_the_service(monkeypatch):
    met, failed = [], []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    latest = Latest(lambda request: met.append(1 / request))
    latest(0)
    latest.wait()
    latest(2)
    latest.wait()
    assert met == [0.5]
    assert failed[0].exc_type is ZeroDivisionError


# the binding


def test_a_dragged_slider_draws_few_and_ends_at_the_last(explorer, monkeypatch):
    drawn = []
    render_once = explorer.render

    def counted(state):
        drawn.append(state)
        time.sleep(0.02)
        return render_once(state)

    monkeypatch.setattr(SpectrogramExplorer, "render", staticmethod(counted))
    for tenth in range(200):
        explorer.start.value = tenth / 10
    explorer.wait()
    assert len(drawn) < 100
    assert drawn[-1].start_s == pytest.approx(19.9)
    assert explorer.screen.png == render_once(explorer.state).png()


def test_controls_and_state_agree(explorer):
    settings = explorer.settings
    settings._simple["n_fft"].value = 100
    settings._overlap.value = 50
    assert explorer.state.changes == {"n_fft": 100, "hop": 50}
    settings._simple["hop"].value = 25
    assert settings._overlap.value == 75
    settings.preset.value = "img2imu-app"
    assert (explorer.state.preset, explorer.state.changes) == ("img2imu-app", {})
    settings._simple["size"].value = settings._simple["detrend"].value = ""
    assert explorer.state.changes == {"size": None}
    assert settings._simple["detrend"].index == 0
    assert settings._limits.disabled
    settings._band.value = (1.0, 20.0)
    assert explorer.state.changes == {"size": None, "fmin_hz": 1.0, "fmax_hz": 20.0}


@pytest.mark.parametrize("preset", ik.pictures.presets())
def test_presets_pass_through_the_controls_unchanged(preset):
    explorer = SpectrogramExplorer(params=preset, channels="gyro")
    assert explorer.state.preset == preset
    assert explorer.state.changes == {"channels": "gyro"}


def test_any_settings_pass_through_the_controls():
    params = ik.SpectrogramParams(n_fft=1000, hop=300, size=(50, 60), fmax_hz=11.5, range=(-80, 5))
    explorer = SpectrogramExplorer(
        ik.load_dataset("synthetic", subjects=1, seconds=30), seconds=25, params=params
    )
    assert ik.SpectrogramParams(**explorer.state.changes) == params
    assert not explorer.screen.failed


def test_reset_goes_back(explorer):
    first = pixels(explorer)
    explorer.start.value = 7
    explorer.length.value = 4
    explorer.settings.preset.value = "fine-time"
    assert (pixels(explorer) != first).any()
    explorer._reset(None)
    np.testing.assert_array_equal(pixels(explorer), first)


def test_contradictions_are_said_and_the_picture_stays(explorer):
    first = explorer.screen.png
    explorer.settings._simple["hop"].value = 200
    explorer.wait()
    assert explorer.screen.failed
    assert "hop is 200" in explorer.screen.status
    assert explorer.screen.png == first
    with pytest.raises(Img2ImuError):
        explorer.export("nowhere.png")
    explorer.settings._simple["hop"].value = 8
    explorer.wait()
    assert not explorer.screen.failed


def test_a_mistake_of_ours_is_not_hidden(explorer, monkeypatch):
    failed = []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    monkeypatch.setattr(SpectrogramExplorer, "render", staticmethod(lambda state: 1 / 0))
    explorer.start.value = 3
    explorer.wait()
    assert "Unexpected ZeroDivisionError" in explorer.screen.status
    assert failed


def test_a_click_on_the_recording_goes_there(explorer):
    left, top, width, height = OVERVIEW
    explorer._clicked(explorer.screen, {"x": left + width // 2, "y": top + height // 2}, [])
    whole = explorer.state.recording.seconds
    assert explorer.state.start_s + 5 == pytest.approx(whole / 2, abs=0.3)
    explorer._clicked(explorer.screen, {"x": left, "y": 400}, [])  # elsewhere
    assert explorer.state.start_s > 10


def test_export_writes_what_is_seen(explorer, tmp_path):
    path = explorer.export(tmp_path / "seen.png")
    assert path.read_bytes() == explorer.screen.png


def test_where_no_widget_can_live_there_is_a_picture(explorer):
    bundle, about = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert base64.b64decode(bundle["image/png"]) == explorer.screen.png
    assert about["image/png"]["alt"] == explorer.screen.alt


def test_a_window_that_grows_begins_earlier(explorer):
    explorer.start.value = explorer.start.max
    explorer.length.value = 60
    explorer.wait()
    assert not explorer.screen.failed
    assert explorer.state.start_s + 60 <= explorer.state.recording.seconds


# sources


def test_an_uploaded_file_of_another_layout(explorer):
    rows = [f"{20 * i};0,{i % 7};-1,5;9,81;x" for i in range(500)]
    content = "\n".join(["t_ms;ax;ay;az;note", *rows]).encode()
    upload(explorer, "my phone.csv", content)
    explorer.wait()
    assert not explorer.screen.failed, explorer.screen.status
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
    source = sources.find_source(ik.Recording(signal, rate=100, unit="g"))
    assert source.recordings[0].unit == ("m/s2",) * 3
    assert source.origin(0) == 'recordings[0].to_unit("m/s2", "rad/s")'


@pytest.mark.parametrize("source", [[], [3], "nowhere.csv", "swiming"])
def test_sources_that_are_none(source):
    with pytest.raises(Img2ImuError):
        sources.find_source(source)


def test_the_widgets_own_files_are_packaged():
    folder = Path(img2imu_kit.explore.__file__).parent
    project = tomllib.loads((folder.parents[1] / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["img2imu_kit"]
    files = [path for path in folder.iterdir() if path.suffix in (".js", ".css", ".pyi")]
    assert len(files) == 3
    for path in files:
        assert any(fnmatch(f"explore/{path.name}", pattern) for pattern in patterns), path.name

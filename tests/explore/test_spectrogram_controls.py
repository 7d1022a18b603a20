"""The spectrogram explorer's controls: no stale work, problems in words, and a way back."""

import base64
import threading
import time

import numpy as np
import pytest

import img2imu_kit as ik
from img2imu_kit.errors import Img2ImuError
from img2imu_kit.explore import SpectrogramExplorer
from img2imu_kit.explore.spectrogram_picture import strip
from img2imu_kit.pictures import presets

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")


def test_a_dragged_slider_draws_few_and_ends_at_the_last(explorer, monkeypatch):
    drawn = []
    render_once = explorer.render

    def counted(state, width):
        drawn.append(state)
        time.sleep(0.02)
        return render_once(state, width)

    monkeypatch.setattr(SpectrogramExplorer, "render", staticmethod(counted))
    for tenth in range(200):
        explorer.window.start.value = tenth / 10
    explorer.wait()
    assert len(drawn) < 100
    assert drawn[-1].start_s == pytest.approx(19.9)
    assert explorer.screen.png == render_once(explorer.state).png()


def test_controls_and_state_agree(explorer):
    settings = explorer.settings
    settings.controls["n_fft"].value = 100
    settings.controls["overlap"].value = 50
    assert explorer.state.changes == {"n_fft": 100, "hop": 50}
    settings.controls["hop"].value = 25
    assert settings.controls["overlap"].value == 75
    settings.controls["preset"].value = "img2imu-app"
    assert (explorer.state.preset, explorer.state.changes) == ("img2imu-app", {})
    settings.controls["size"].value = settings.controls["detrend"].value = ""
    assert explorer.state.changes == {"size": None}
    assert settings.controls["detrend"].index == 0
    assert settings.controls["limits"].disabled
    settings.controls["band"].value = (1.0, 20.0)
    assert explorer.state.changes == {"size": None, "fmin_hz": 1.0, "fmax_hz": 20.0}


@pytest.mark.parametrize("preset", presets())
def test_presets_pass_through_the_controls_unchanged(preset):
    explorer = SpectrogramExplorer(params=preset, channels="gyro")
    assert explorer.state.preset == preset
    assert explorer.state.changes == {"channels": "gyro"}


def shown(explorer):
    controls = explorer.settings.controls.items()
    return {name for name, widget in controls if widget.layout.display != "none"}


def test_controls_that_do_not_concern_the_transform_are_hidden(explorer):
    frames, bands = {"n_fft", "overlap", "window", "center", "detrend"}, {"bands", "cycles"}
    assert shown(explorer) >= frames | {"limits"}
    assert not shown(explorer) & (bands | {"low_rows", "low_limit", "limit"})
    explorer.settings.controls["preset"].value = "motion"
    assert shown(explorer) >= bands | {"low_rows", "low_limit", "limits"}
    assert not shown(explorer) & (frames | {"limit"})
    explorer.settings.controls["preset"].value = "motion-signed"
    assert shown(explorer) >= bands | {"low_rows", "limit"}
    assert not shown(explorer) & {"low_limit", "limits", "range"}, "its limits are about zero"


def test_going_from_one_transform_to_the_other_leads_into_no_contradiction(explorer, pixels_of):
    controls = explorer.settings.controls
    assert "signed" not in controls["scale"].options
    first = pixels_of(explorer)
    for name, value in {"transform": "cwt", "scale": "signed", "limit": 6.0}.items():
        controls[name].value = value
        assert (pixels_of(explorer) != first).any()
    assert explorer.state.changes == {
        **{"transform": "cwt", "scale": "signed", "range": (-6.0, 6.0)},
        "fmin_hz": 0.3,
    }
    controls["transform"].value = "stft"
    assert (pixels_of(explorer) != first).any()
    assert explorer.state.changes == {"fmin_hz": 0.3}


def test_a_slower_recording_ends_the_bands_and_a_faster_one_opens_them_again():
    slow, fast = (
        ik.load_dataset("synthetic", subjects=1, seconds=12, rate=rate)[0] for rate in (30, 50)
    )
    explorer = SpectrogramExplorer([slow, fast], seconds=8, params="motion")
    assert explorer.settings.controls["band"].value == (0.3, 15)
    assert explorer.state.changes == {}
    explorer.window.which.value = 1
    assert explorer.settings.controls["band"].value == (0.3, 20)
    explorer.settings.controls["band"].value = (0.5, 10)
    assert explorer.state.changes == {"fmin_hz": 0.5, "fmax_hz": 10}


def test_any_settings_pass_through_the_controls():
    params = ik.SpectrogramParams(n_fft=1000, hop=300, size=(50, 60), fmax_hz=11.5, range=(-80, 5))
    explorer = SpectrogramExplorer(
        ik.load_dataset("synthetic", subjects=1, seconds=30), seconds=25, params=params
    )
    assert ik.SpectrogramParams(**explorer.state.changes) == params
    assert not explorer.screen.failed
    settings = {"bands": 80, "cycles": 0.5, "low_rows": 30, "range": (-50.0, 50.0), "hop": 3}
    explorer = SpectrogramExplorer(params="motion-signed", **settings)
    assert explorer.state.changes == settings
    assert not explorer.screen.failed


def test_reset_goes_back(explorer, pixels_of):
    first = pixels_of(explorer)
    explorer.window.start.value = 7
    explorer.window.length.value = 4
    explorer.settings.controls["preset"].value = "fine-time"
    assert (pixels_of(explorer) != first).any()
    explorer._reset(None)
    np.testing.assert_array_equal(pixels_of(explorer), first)


def test_contradictions_are_said_and_the_picture_stays(explorer):
    first = explorer.screen.png
    explorer.settings.controls["hop"].value = 200
    explorer.wait()
    assert explorer.screen.failed
    assert "hop is 200" in explorer.screen.status
    assert explorer.screen.png == first
    with pytest.raises(Img2ImuError):
        explorer.export("nowhere.png")
    explorer.settings.controls["hop"].value = 8
    explorer.wait()
    assert not explorer.screen.failed


def test_a_mistake_of_ours_is_not_hidden(explorer, monkeypatch):
    failed = []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    monkeypatch.setattr(SpectrogramExplorer, "render", staticmethod(lambda state, width: 1 / 0))
    explorer.window.start.value = 3
    explorer.wait()
    assert "Unexpected ZeroDivisionError" in explorer.screen.status
    assert failed


def test_a_click_on_the_recording_goes_there(explorer):
    left, top, width, height = strip(explorer.screen.width)
    at = {"x": left + width // 2, "y": top + height // 2}
    explorer._pointed(explorer.screen, {"clicked": True, **at}, [])
    seconds = explorer.state.recording.seconds
    assert explorer.state.start_s + 5 == pytest.approx(seconds / 2, abs=0.3)
    explorer._pointed(explorer.screen, {"clicked": True, "x": left, "y": 400}, [])  # elsewhere
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
    explorer.window.start.value = explorer.window.start.max
    explorer.window.length.value = 60
    explorer.wait()
    assert not explorer.screen.failed
    assert explorer.state.start_s + 60 <= explorer.state.recording.seconds

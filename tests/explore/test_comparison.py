"""Two settings side by side, what each is worth, and what is saved, loaded and heard."""

import io
import json
import threading
import wave
from dataclasses import replace

import numpy as np
import pytest

import img2imu_kit as ik
from img2imu_kit.errors import FormatError, Img2ImuError, ParameterError, SplitError
from img2imu_kit.evaluate import ImageReadout, fuse
from img2imu_kit.explore import SpectrogramExplorer
from img2imu_kit.explore.comparison import Setting, differences, score_setting
from img2imu_kit.explore.sound import PITCH, as_wav
from img2imu_kit.explore.sources import find_source
from img2imu_kit.explore.spectrogram_picture import SpectrogramState, code, render, view


def test_a_saved_setting_is_read_again():
    setting = Setting("motion", {"range": (-40.0, 10.0), "cycles": 5.0}, gravity=False)
    again = Setting.from_json(setting.to_json())
    assert (again.params(), again.gravity) == (setting.params(), False)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("{", FormatError, "not JSON"),
        ("[1]", FormatError, "not an object"),
        ('{"preset": "motion", "colour": 1}', FormatError, "not an object"),
        ('{"preset": "best"}', ParameterError, "no preset 'best'"),
        ('{"preset": "motion", "changes": {"nfft": 4}}', ParameterError, "Did you mean 'n_fft'"),
        ('{"preset": "motion", "changes": {"bands": "many"}}', ParameterError, "bands is 'many'"),
        ('{"preset": "motion", "changes": [1]}', FormatError, "changes"),
        ('{"preset": ["motion"]}', ParameterError, "no preset"),
    ],
)
def test_files_that_hold_no_setting_say_why(text, error, words):
    with pytest.raises(error, match=words) as caught:
        Setting.from_json(text, where="mine.json")
    assert str(caught.value).startswith("mine.json: ")


def test_settings_go_to_a_file_and_come_back(explorer, tmp_path):
    explorer.settings.controls["preset"].value = "motion"
    explorer.settings.controls["cycles"].value = 5.0
    explorer.gravity.value = True
    wanted = explorer.state.setting
    path = explorer.save_settings(tmp_path / "mine.json")
    explorer._reset(None)
    assert explorer.state.setting.gravity
    explorer.load_settings(path)
    assert vars(explorer.state.setting) == vars(wanted)
    explorer.wait()
    assert json.loads(explorer.screen.settings) == json.loads(path.read_text())
    with pytest.raises(FormatError, match="nowhere"):
        explorer.load_settings(tmp_path / "nowhere.json")


def test_differences_are_named_and_drawn(explorer, pixels_of):
    explorer.pin.value = True
    same = pixels_of(explorer)
    assert "A and B are the same" in explorer.screen.status
    explorer.settings.controls["n_fft"].value = 32
    assert (pixels_of(explorer) != same).any()
    assert "n_fft 64 → 32" in explorer.screen.status
    assert differences(explorer.state.pinned, explorer.state.setting) == ["n_fft 64 → 32"]
    explorer.pin.value = False
    explorer.wait()
    assert "from A to B" not in explorer.screen.alt


@pytest.fixture(scope="module")
def people():
    return find_source(
        ik.load_dataset("synthetic", subjects=4, seconds=16, classes=["walk", "run", "still"])
    )


def test_the_score_is_that_of_few_label(people):
    setting = Setting("motion", {"bands": 12})
    score = score_setting(people, setting, 4.0, shots=2)
    windows = ik.sliding_windows(people.recordings, 4.0)
    read = ImageReadout(pictures=(setting.params(),), layers=()).read(windows, None)
    table = ik.few_label({"it": fuse(read)}, windows, shots=2, seeds=5)
    np.testing.assert_allclose(score.values, table.macro_f1)
    assert score.chance == pytest.approx(1 / 3)


def test_where_no_score_can_be_had_the_reason_is_said(people, explorer):
    bare = [replace(each, labels=None) for each in people.recordings]
    with pytest.raises(SplitError, match="none of the recordings has a label"):
        score_setting(find_source(bare), Setting(), 4.0)
    alone = [each for each in people.recordings if each.subject == "s01"]
    with pytest.raises(SplitError, match=r"labels are of one person \(s01\)"):
        score_setting(find_source(alone), Setting(), 4.0)
    with pytest.raises(Img2ImuError):
        score_setting(people, Setting(), 100.0)
    explorer._source = find_source(bare)
    explorer.score.click()
    explorer.wait()
    assert explorer.screen.failed
    assert "no score" in explorer.screen.status


def test_scores_are_drawn_once_known_and_kept(people):
    explorer = SpectrogramExplorer(people.recordings, seconds=4.0)
    explorer.shots.value = 2
    explorer.pin.value = True
    explorer.settings.controls["preset"].value = "motion"
    explorer.score.click()
    explorer.wait()
    assert {"A", "B"} == set(explorer.state.scores)
    assert "A scores" in explorer.screen.status
    explorer.window.start.value = 1  # a score is of all windows, wherever this one is
    assert {"A", "B"} == set(explorer.state.scores)
    explorer.settings.controls["bands"].value = 9
    assert set(explorer.state.scores) == {"A"}
    explorer.settings.controls["bands"].value = 24
    assert {"A", "B"} == set(explorer.state.scores), "kept"
    explorer.wait()


def test_a_score_belongs_to_what_was_shown_when_it_was_asked_for(people, monkeypatch):
    explorer = SpectrogramExplorer(people.recordings, seconds=4.0, params="motion")
    begun, go = threading.Event(), threading.Event()

    def slowly(*arguments):
        begun.set()
        go.wait(20)
        return score_setting(*arguments)

    monkeypatch.setattr("img2imu_kit.explore.spectrogram.score_setting", slowly)
    explorer.shots.value = 2
    explorer.score.click()
    begun.wait(20)
    explorer.settings.controls["bands"].value = 9
    go.set()
    explorer.wait()
    assert not explorer.state.scores
    explorer.settings.controls["bands"].value = 24
    assert set(explorer.state.scores) == {""}
    explorer.wait()


def test_without_gravity_the_code_makes_what_is_shown():
    recording = ik.load_dataset("synthetic", subjects=1, seconds=12, transitions=True)[0]
    state = SpectrogramState(recording, 3, 5, preset="motion", gravity=False, origin="walk")
    names = {"walk": recording}
    exec(code(state), names)
    np.testing.assert_array_equal(view(state, state.setting).image, names["image"])
    assert (render(state).pixels != render(replace(state, gravity=True)).pixels).any()


def test_pictures_of_all_windows_are_written(people, tmp_path):
    explorer = SpectrogramExplorer(people.recordings, seconds=4.0, params="motion")
    explorer.archive.value = str(tmp_path / "all.npz")
    explorer.save.click()
    explorer.wait()
    assert not explorer.screen.failed, explorer.screen.status
    windows = ik.sliding_windows(people.recordings, 4.0, purity=0, unlabelled=True)
    with np.load(tmp_path / "all.npz") as stored:
        np.testing.assert_array_equal(stored["images"], ik.to_image(windows, params="motion"))
        assert stored["label"].tolist() == windows.label.tolist()
        assert json.loads(str(stored["params"]))["transform"] == "cwt"
    explorer.save.click()
    explorer.wait()
    assert "is there already" in explorer.screen.status


@pytest.mark.parametrize("hz", [0.7, 2.0, 9.0])
def test_a_tone_sounds_two_hundred_times_as_high_and_as_long(hz):
    t = np.arange(500) / 50
    motion = np.array([0, 0, 9.8]) + np.outer(np.sin(2 * np.pi * hz * t), [1, -2, 0.5])
    with wave.open(io.BytesIO(as_wav(ik.Recording(motion, rate=50)))) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
        seconds, rate = len(sound) / file.getframerate(), file.getframerate()
    middle = sound[len(sound) // 4 : -len(sound) // 4] * np.hanning(len(sound) // 2)
    heard_hz = np.abs(np.fft.rfft(middle)).argmax() * rate / len(middle)
    assert seconds == 10
    assert heard_hz == pytest.approx(PITCH * hz, rel=0.02)


def test_a_sound_belongs_to_its_window(explorer):
    explorer.hear.click()
    explorer.wait()
    assert explorer.screen.sound[:4] == b"RIFF"
    explorer.window.start.value = 3
    assert explorer.screen.sound == b""
    explorer.wait()

"""The command line as a user types it: exit codes, words and files, and once a real process."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.io import savemat
from shell import img2imu, said_by

import img2imu_kit as ik


def test_a_real_process_has_exit_codes_and_no_traceback(tmp_path):
    command = [sys.executable, "-m", "img2imu_kit", "convert", "nowhere.csv"]
    wrong = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert wrong.returncode == 1
    assert wrong.stderr.strip() == "error: nowhere.csv: no such file or folder"
    assert wrong.stdout == ""


@pytest.fixture
def walks(tmp_path, rng):
    """A folder of 5 CSV files of 6 s at 50 Hz, the fourth of them malformed."""
    folder = tmp_path / "walks"
    folder.mkdir()
    for i in range(5):
        frame = pd.DataFrame(rng.normal(size=(300, 3)), columns=["acc_x", "acc_y", "acc_z"])
        frame.insert(0, "time_ms", np.arange(300) * 20)
        frame.to_csv(folder / f"walk{i}.csv", index=False)
    lines = (folder / "walk3.csv").read_text().splitlines()
    lines[100] = "1980,oops,1,2"
    (folder / "walk3.csv").write_text("\n".join(lines))
    return folder


def test_convert_does_the_others_and_names_the_bad_file(walks, tmp_path):
    out = tmp_path / "pictures"
    done = img2imu("convert", walks, "--seconds", 3, "--out", out, terminal=True)
    assert done.returncode == 1
    assert "walk3.csv" in done.stderr
    assert "101" in done.stderr, "the line that is malformed"
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in out.glob("*.png"))[:4] == [
        "walk0_0000.png",
        "walk0_0001.png",
        "walk1_0000.png",
        "walk1_0001.png",
    ]
    assert "recordings: 100%" in done.stderr, "the progress bar"
    assert re.search("pictures: 100%.* 8/8 ", done.stderr), "and one over windows"
    with np.load(out / "images.npz") as archive:
        assert archive["images"].shape == (8, 3, 96, 96)
        assert archive["images"].dtype == np.uint8
        assert set(archive["recording"]) == {"walk0", "walk1", "walk2", "walk4"}
        np.testing.assert_allclose(archive["rate"], 50)
        assert json.loads(str(archive["params"]))["n_fft"] == 64
    assert "spectrogram" in Image.open(out / "walk0_0000.png").text["Description"].lower()


def test_convert_of_a_good_file_ends_with_zero(walks, tmp_path):
    done = img2imu("convert", walks / "walk0.csv", "--no-png", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "%|" not in done.stderr, "no bar where nobody looks"
    assert "give --unit, or --range per-window" in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["images.npz"]


def test_convert_takes_an_export_whole(phones, tmp_path):
    """Accelerometer and gyroscope are one recording, ``meta`` is none, a bad file is told."""
    out, folder = tmp_path / "out", tmp_path / "phones"
    shutil.copytree(phones, folder)
    (folder / "fast" / "ben" / "Gyroscope.csv").write_text("Time (s),x,y,z\n0,1,oops,3\n")
    done = img2imu("convert", folder, "--no-png", "--labels", "folder", "--out", out)
    assert done.returncode == 1
    [told] = [line for line in done.stderr.splitlines() if "not converted" in line]
    assert "ben" in told
    with np.load(out / "images.npz") as archive:
        assert set(archive["recording"]) == {"fast/anna", "slow/anna", "slow/ben"}
        assert archive["label"].tolist() == ["fast", "slow", "slow"]


def test_convert_writes_shards_and_goes_on_where_it_stopped(walks, tmp_path):
    out = tmp_path / "s"
    command = ("convert", walks, "--shards", "--workers", 1, "--seconds", 3, "--out", out)
    done = img2imu(*command, terminal=True)
    assert done.returncode == 1
    assert re.search("motion: .*24.0/", done.stderr), "the bar counts seconds of motion"
    assert "not converted: walk3" in done.stderr
    assert "8 windows of 4 recording(s)" in done.stdout
    shards = sorted(out.glob("*.tar"))
    assert [path.stem for path in shards] == ["walk0", "walk1", "walk2", "walk4"]
    stamps = [path.stat().st_mtime_ns for path in shards]
    (walks / "walk3.csv").unlink()
    assert img2imu(*command).returncode == 0
    assert [path.stat().st_mtime_ns for path in shards] == stamps
    assert "made of one folder" in said_by("convert", *walks.iterdir(), "--shards")


def test_convert_draws_a_name_as_it_is(walks, tmp_path):
    path = tmp_path / "a$x^$b.csv"
    shutil.copy(walks / "walk0.csv", path)
    done = img2imu("convert", path, "--seconds", 6, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "a$x^$b_0000.png").exists()


def test_convert_tells_files_of_one_name_apart(walks, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "walk0.csv").write_bytes((walks / "walk0.csv").read_bytes())
    out = tmp_path / "out"
    done = img2imu("convert", walks / "walk0.csv", other / "walk0.csv", "--out", out)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in out.glob("*.png")} == {"walk0_0000.png", "other_walk0_0000.png"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["convert", "nowhere.csv"], "nowhere.csv: no such file or folder"),
        (["convert", ".", "--params", "img2imu-ap"], "Did you mean 'img2imu-app'?"),
        (["few-label", "swiming"], "Did you mean 'swimming'?"),
        (["few-label"], "Give either a TASK or --recordings."),
        (["few-label", "swimming", "--recordings", "."], "Give either a TASK or --recordings."),
        (["reproduce", "--preset", "tiny"], "There are: small, curves, full."),
        (["reproduce", "--tasks", "swiming"], "Did you mean 'swimming'?"),
        (["datasets", "--fetch", "sisfal"], "Did you mean 'sisfall'?"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_1(arguments, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = img2imu(*arguments)
    assert done.returncode == 1
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_advice_names_the_options_of_the_command(tmp_path):
    path = tmp_path / "letters.csv"
    path.write_text("a,b,c,d\n1,2,3,4\n2,3,4,5\n")
    done = img2imu("convert", path, "--rate", 50, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.count("letters.csv") == 1
    assert "Choose the axes with --columns from: 'a', 'b', 'c', 'd'." in done.stderr
    path.write_text("x,y,z\n" + "1,2,3\n" * 9)
    assert "Give --rate <Hz>, or --time <column> and --time-unit." in said_by(
        "convert", path, "--out", tmp_path / "out"
    )
    assert "Give --rate <Hz>, or --time <column>" in said_by("few-label", "--recordings", path)


def test_a_wrong_option_is_exit_code_2():
    assert img2imu("convert", "--sceonds", "2").returncode == 2


@pytest.mark.parametrize(
    "command",
    ["convert", "datasets", "explore", "few-label", "map", "pretrain", "quickstart", "reproduce"],
)
def test_help_shows_an_example(command):
    done = img2imu(command, "--help")
    assert done.returncode == 0
    assert "Example" in done.stdout


def test_datasets_lists_the_six():
    done = img2imu("datasets")
    assert done.returncode == 0
    for name in ik.list_datasets().index:
        assert name in done.stdout


def test_the_version_is_that_of_the_package():
    done = img2imu("--version")
    assert (done.returncode, done.stdout) == (0, f"img2imu_kit {ik.__version__}\n")


def turning(hz, amplitude, phase, seconds):
    """Three axes of a swing at 50 Hz, in m/s2."""
    t = np.arange(round(50 * seconds)) / 50
    swing = amplitude * np.sin(2 * np.pi * hz * t[:, None] + phase + np.arange(3))
    return swing + np.array([0, 0, 9.81])


ACTIVITIES = {"stroll": (1.0, 2.0), "run": (3.0, 12.0), "shake": (8.0, 5.0)}


def test_few_label_scores_a_task_from_the_owners_files(tmp_path):
    """Gestures of four people in the layout of UTD-MHAD: acceleration in g, 50 Hz."""
    for action, (hz, amplitude) in enumerate(ACTIVITIES.values(), start=1):
        for person in range(1, 5):
            acc = turning(hz, amplitude, person, seconds=3) / 9.81
            signal = np.concatenate([acc, np.zeros_like(acc)], axis=1)
            savemat(tmp_path / f"a{action}_s{person}_t1_inertial.mat", {"d_iner": signal})
    table, figure = tmp_path / "t.csv", tmp_path / "t.png"
    done = img2imu(
        *("few-label", "gestures", "--data", tmp_path, "--shots", "1,2", "--seeds", 1),
        *("--csv", table, "--figure", figure),
    )
    assert done.returncode == 0, done.stderr
    for text in ("IMG2IMU", "random weights, mobilenetv2_100", "statistics + forest", "low"):
        assert text in done.stdout
    assert pd.read_csv(table).groupby("method").shots.unique().map(list).tolist() == [[1, 2]] * 3
    assert Image.open(figure).size[0] > 300


def test_few_label_reads_exports_of_two_people(phones, tmp_path):
    """One line: classes by folder, people by the names of their exports."""
    mine = ("few-label", "--recordings", phones, "--subject", "file")
    done = img2imu(
        *(*mine, "--labels", "folder", "--overlap", 0, "--shots", 2, "--seeds", 1),
        *("--csv", tmp_path / "t.csv"),
    )
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "t.csv")
    assert set(table.test_windows) == {4}, "one person of two, two activities of two windows"
    scores = table.groupby("method").macro_f1.mean()
    assert len(scores) == 3
    assert scores["IMG2IMU"] == 1, "1 Hz and 6 Hz are easily told apart"

    wrong = said_by(*mine, "--label", "wat")
    assert "no column 'wat'" in wrong
    assert "no window has a label. Say where labels are: --labels, or --label <column>." in said_by(
        *mine, "--label", "none"
    )


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("--weights nowhere.safetensors", "no such file of weights"),
        ("--weights img2imu:walk-senser", "Did you mean 'walk-sensor'?"),
        ("--shots 1,x", "Give whole numbers: 1,5,10."),
        ("--shots 0", "Give whole numbers: 1,5,10."),
        ("--csv scores.xlsx", "Use .csv."),
        ("--csv torn.csv/scores.csv", "its folder cannot be made"),
        ("--figure scores.jpg", "Use .png or .svg or .pdf."),
        ("--recordings nobody", "nobody: no such file or folder"),
    ],
)
def test_what_cannot_work_is_told_before_reading(flags, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "torn.csv").write_text("no recording at all")
    said = said_by("few-label", "--recordings", "torn.csv", *flags.split())
    assert expected in said
    assert "no recording at all" not in said


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("--backbone resnet1", "Did you mean 'resnet18'?"),
        ("--weights nowhere", "no such file of weights"),
        ("--augmentation moco", "expected one of ['moco_v2', 'sensor_aware', 'walks']"),
        ("--freeze conv_stim", "freeze names 'conv_stim'"),
        ("--layers 9", "expected one or more of -"),
        ("--epochs 0", "epochs"),
        ("--folder torn/run", "its folder cannot be made"),
    ],
)
def test_pretrain_tells_at_once_what_cannot_work(flags, expected, tmp_path, monkeypatch):
    """Before pictures are decoded: of a folder that is not there nothing is said."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "torn").write_text("a file")
    said = said_by("pretrain", "--images", "nowhere", *flags.split())
    assert expected in said
    assert "--images" not in said


def test_pretrain_from_a_file_of_settings_resumes_and_exports(tmp_path, rng, monkeypatch):
    for name in ("cats", "dogs"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(16):
            pixels = rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{i}.png")
    (tmp_path / "run.toml").write_text("size = 32\nbatch_size = 16\nepochs = 2\nqueue = 8\n")
    command = ("pretrain", "--images", tmp_path / "photos", "--config", tmp_path / "run.toml")
    command += ("--folder", tmp_path / "run", "--probe-every", 1)
    monkeypatch.setenv("IMG2IMU_CACHE", str(tmp_path / "cache"))
    stopped = img2imu(*command, "--max-steps", 1)
    assert stopped.returncode == 0, stopped.stderr
    assert "Stopped at step 1" in stopped.stdout
    done = img2imu(*command)
    assert done.returncode == 0, done.stderr
    assert "Finished at step 4" in done.stdout
    history = pd.read_csv(tmp_path / "run" / "history.csv")
    assert history.step.tolist()[0] == 0
    assert history.knn.notna().sum() >= 3, "before, and after each epoch"
    assert (tmp_path / "run" / "history.png").stat().st_size > 10_000
    network = ik.load_backbone("mobilenetv3_small_050", tmp_path / "run" / "backbone")
    assert network.card["batch_size"] == 16

    (tmp_path / "run.toml").write_text("epoch = 2")
    wrong = img2imu(*command)
    assert wrong.returncode == 1
    assert "run.toml: no setting 'epoch'. Did you mean 'epochs'?" in wrong.stderr

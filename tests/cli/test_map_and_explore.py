"""Own recordings from a shell line to a map and to an explorer, without writing a notebook."""

import json
import shlex
import sys

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient
from PIL import Image
from shell import img2imu, said_by

import img2imu_kit as ik


@pytest.fixture(scope="module")
def written(phones, tmp_path_factory):
    """One line: classes by folder, people by the names of their exports."""
    out = tmp_path_factory.mktemp("out") / "map"
    flags = ("--labels", "folder", "--subject", "file", "--seconds", 3)
    return img2imu("map", phones, *flags, "--out", out, terminal=True), out


def test_map_writes_a_figure_a_page_and_a_table(written):
    done, out = written
    assert done.returncode == 0, done.stderr
    for name in ("map.png", "map.html", "map.csv"):
        assert name in done.stdout
    assert "6 fast, 6 slow" in Image.open(out / "map.png").text["Description"]
    table = pd.read_csv(out / "map.csv")
    assert table.groupby(["label", "subject"]).size().tolist() == [3] * 4
    assert set(table.recording) == {"fast/anna", "fast/ben", "slow/anna", "slow/ben"}


def test_near_points_of_the_map_are_of_one_kind(written):
    """1 Hz and 6 Hz: the nearest other point has the same label."""
    table = pd.read_csv(written[1] / "map.csv")
    xy = table[["x", "y"]].to_numpy()
    distance = np.linalg.norm(xy[:, None] - xy, axis=2) + np.diag(np.full(len(xy), np.inf))
    assert (table.label.to_numpy()[distance.argmin(axis=1)] == table.label).all()


def test_each_wait_of_a_map_has_a_bar(written):
    for bar in ("recordings: 100%", "reading: 100%", "t-SNE: 100%", "pictures: 100%"):
        assert bar in written[0].stderr


def test_the_page_knows_the_windows(written):
    text = (written[1] / "map.html").read_text(encoding="utf-8")
    data = json.loads(text.split('type="application/json">')[1].split("</script>")[0])
    assert len(data["xy"]) == len(data["pictures"]) == 12
    assert data["groups"]["label"]["values"] == ["fast", "slow"]
    assert (data["seconds"], data["unit"]) == (3, "m/s2")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("--weights nowhere", "no such file of weights"),
        ("--backbone resnet1", "Did you mean 'resnet18'"),
        ("--out here.csv", "its folder cannot be made"),
        ("nobody", "nobody: no such file or folder"),
    ],
)
def test_map_tells_at_once_what_cannot_work(flags, expected, tmp_path, monkeypatch):
    """Before recordings are read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.csv").write_text("no recording at all")
    assert expected in said_by("map", "here.csv", *flags.split())


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """Two people's slow and fast swings of 9 s at 50 Hz, a file each with a column of labels."""
    folder = tmp_path_factory.mktemp("mine")
    t = np.arange(450) / 50
    for label, hz in {"slow": 1.0, "fast": 6.0}.items():
        (folder / label).mkdir()
        for person in range(2):
            swing = 5 * np.sin(2 * np.pi * hz * t[:, None] + np.arange(3) + person)
            names = ["ax (m/s2)", "ay (m/s2)", "az (m/s2)"]
            table = pd.DataFrame(swing + np.array([0, 0, 9.81]), columns=names)
            table.insert(0, "time (s)", t)
            table["activity"], table["who"] = label, f"p{person}"
            table.to_csv(folder / label / f"p{person}.csv", index=False)
    return folder


def cells(path):
    return [cell.source for cell in nbformat.read(path, as_version=4).cells]


@pytest.mark.parametrize(
    ("path", "flags", "explorer"),
    [
        ("slow/p0.csv", "", "SpectrogramExplorer"),
        ("", "--label none", "SpectrogramExplorer"),
        ("", "--label activity", "EmbeddingExplorer"),
        ("", "--explorer augmentation", "AugmentationExplorer"),
        ("", "--label activity --explorer gradcam", "GradCamExplorer"),
        ("", "--label activity --explorer voters", "VoterExplorer"),
    ],
)
def test_explore_chooses_the_explorer(path, flags, explorer, mine, tmp_path):
    place = tmp_path / "own.ipynb"
    done = img2imu("explore", mine / path, *flags.split(), "--notebook", place, "--print")
    assert done.returncode == 0, done.stderr
    assert f"ik.explore.{explorer}(" in cells(place)[-1]


def test_explore_shows_one_recording_as_it_is_whatever_its_labels(mine, tmp_path):
    parts = [pd.read_csv(mine / label / "p0.csv") for label in ("slow", "fast")]
    parts[1]["time (s)"] += 9
    path, place = tmp_path / "both.csv", tmp_path / "own.ipynb"
    pd.concat(parts).to_csv(path, index=False)
    assert img2imu("explore", path, "--notebook", place, "--print").returncode == 0
    assert cells(place)[-1] == "ik.explore.SpectrogramExplorer(recordings)"


def test_explore_without_a_path_shows_real_motion(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert img2imu("explore", "--print").returncode == 0
    assert 'load_dataset("shoulder_exercises"' in cells("explore.ipynb")[1]


@pytest.mark.slow
def test_the_embedding_notebook_runs(mine, tmp_path):
    """In a kernel of its own, to a widget whose picture is described."""
    place = tmp_path / "own.ipynb"
    flags = ("--label", "activity", "--subject", "who", "--seconds", 4)
    assert img2imu("explore", mine, *flags, "--notebook", place, "--print").returncode == 0
    notebook = nbformat.read(place, as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    [shown] = [out for out in notebook.cells[-1].outputs if out.output_type == "execute_result"]
    assert "application/vnd.jupyter.widget-view+json" in shown.data
    assert "window 0: fast, p0: its signal" in shown.metadata["image/png"]["alt"]


def test_the_cells_of_a_recording_run(mine, tmp_path):
    place = tmp_path / "one.ipynb"
    path = mine / "fast" / "p1.csv"
    assert img2imu("explore", path, "--notebook", place, "--print").returncode == 0
    _, read, show = cells(place)
    names = {}
    exec(read, names)
    explorer = eval(show, names)
    assert explorer.state.recording.name == "p1"
    assert not explorer.screen.failed


def test_the_command_listens_on_this_machine_alone(tmp_path):
    place = tmp_path / "my own.ipynb"
    flags = ("--no-browser", "--allow-root", "--notebook", place, "--print")
    said = img2imu("explore", *flags).stdout
    command = shlex.split(said.split("Command:")[1])
    assert command == [
        *(sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1"),
        *(f"--ServerApp.root_dir={tmp_path}", "--LabApp.default_url=/lab/tree/my%20own.ipynb"),
        *("--no-browser", "--allow-root"),
    ]


def test_a_notebook_of_the_users_is_never_overwritten(mine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ("explore", mine / "fast" / "p0.csv", "--print")
    for expected in ("explore-p0.ipynb", "explore-p0.ipynb"):
        assert f"{expected}\n" in img2imu(*command).stdout, "the same cells: the same notebook"
    notebook = nbformat.read("explore-p0.ipynb", as_version=4)
    notebook.cells[-1].source = "print('mine')"
    nbformat.write(notebook, "explore-p0.ipynb")
    assert "explore-p0-2.ipynb\n" in img2imu(*command).stdout
    assert cells("explore-p0.ipynb")[-1] == "print('mine')"
    said = said_by(*command, "--notebook", "explore-p0.ipynb")
    assert "another notebook is there. Give another --notebook." in said


def test_a_sensor_that_is_not_there_is_told_with_its_flag(phones, tmp_path):
    place = ("--notebook", tmp_path / "own.ipynb", "--explorer", "embedding", "--print")
    path = phones / "slow" / "anna" / "Gyroscope.csv"
    said = said_by("explore", path, *place)
    assert "no axis 'acc'. There are: gyro_x, gyro_y, gyro_z. Choose by --sensor." in said
    assert img2imu("explore", path, *place, "--sensor", "gyro").returncode == 0


def test_explore_reads_before_it_opens_anything(mine, tmp_path):
    flags = ("--notebook", tmp_path / "own.ipynb", "--print")
    assert "no such file or folder" in said_by("explore", tmp_path / "nobody.csv", *flags)
    assert "'wat'" in said_by("explore", mine, "--label", "wat", *flags)
    gradcam = ("--explorer", "gradcam", "--label", "none")
    assert "Say where labels are: --labels" in said_by("explore", mine, *gradcam, *flags)
    assert not (tmp_path / "own.ipynb").exists()


def test_a_call_in_a_notebook_is_python(mine, tmp_path):
    place = tmp_path / "own.ipynb"
    flags = ["--columns", "1,2,3", "--unit", "m/s2", "--time", "none", "--rate", "50", "--print"]
    path = mine / "slow" / "p0.csv"
    assert img2imu("explore", path, *flags, "--notebook", place).returncode == 0
    names = {}
    exec(cells(place)[1], names)
    [recording] = names["recordings"]
    assert (recording.rate, len(recording)) == (50, 450)
    expected = ik.read(path, columns=[1, 2, 3], unit="m/s2", time=False, rate=50)[0]
    np.testing.assert_array_equal(recording.signal, expected.signal)

"""Folders become shards: the pictures of `to_image`, each once, whatever is killed on the way."""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import img2imu_kit as ik
from img2imu_kit.errors import FormatError, GuessWarning, ParameterError
from img2imu_kit.pictures.shards import (
    convert_folder,
    convert_recording,
    plan_conversion,
    run_jobs,
)
from img2imu_kit.pretrain.images import load_images
from img2imu_kit.readers.files import Unread


@pytest.fixture
def walks(tmp_path):
    """Four recordings in two folders named by what was done."""
    people = ik.load_dataset("synthetic", subjects=2, classes=["walk", "still"], seconds=12)
    for recording in people:
        place = tmp_path / "walks" / recording.classes[0] / f"{recording.subject}.npz"
        ik.readers.save_npz(recording, place)
    return tmp_path / "walks"


def convert(walks, **options):
    settings = {"seconds": 4, "workers": 1, "progress": False} | options
    return convert_folder(walks, walks.parent / "shards", **settings)


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_shard_holds_the_pictures_of_its_recording(walks):
    table = convert(walks, reading={"labels": "folder"}, params="motion")
    assert table.recording.tolist() == ["still/s01", "still/s02", "walk/s01", "walk/s02"]
    assert table.status.unique().tolist() == ["drawn"]
    assert (table.seconds == 12).all()
    for name, shard in zip(table.recording, table.shard, strict=True):
        cut = ik.sliding_windows(ik.read(walks / f"{name}.npz"), seconds=4).select("acc")
        images = ik.to_image(cut, params="motion")
        with tarfile.open(walks.parent / "shards" / shard) as tar:
            members = {member.name: tar.extractfile(member).read() for member in tar}
        keys = sorted({member.split(".")[0] for member in members})
        assert keys == [f"{name.replace('/', '_')}_{i:06d}" for i in range(3)]
        for i, key in enumerate(keys):
            drawn = np.asarray(Image.open(io.BytesIO(members[f"{key}.png"])))
            np.testing.assert_array_equal(drawn.transpose(2, 0, 1), images[i])
            facts = json.loads(members[f"{key}.json"])
            assert facts["label"] == name.split("/")[0]
            assert (facts["start_s"], facts["rate"]) == (4 * i, cut.rate)


def test_shards_are_a_corpus_with_labels(walks, tmp_path):
    convert(walks)
    manifest = pd.read_csv(tmp_path / "shards" / "manifest.csv")
    assert manifest.key.is_unique
    for shard, rows in manifest.groupby("shard"):
        with tarfile.open(tmp_path / "shards" / shard) as tar:
            for row in rows.to_dict("records"):
                facts = json.load(tar.extractfile(f"{row.pop('key')}.json"))
                assert row == facts | {"shard": shard}
    corpus = load_images(tmp_path / "shards", 96, cache=tmp_path / "cache", progress=False)
    assert len(corpus) == len(manifest) == 12
    assert corpus.labels.tolist() == manifest.label.tolist()


def test_a_second_call_draws_only_what_has_changed(walks, tmp_path):
    convert(walks)
    first = contents(tmp_path / "shards")
    assert convert(walks).status.tolist() == ["kept"] * 4
    longer = ik.read(walks / "walk" / "s02.npz")[0].cut(0, 450)
    ik.readers.save_npz(longer, walks / "walk" / "s02.npz")
    again = convert(walks)
    assert again.status.tolist() == ["kept", "kept", "kept", "drawn"]
    assert again.windows.tolist() == [3, 3, 3, 2]
    now = contents(tmp_path / "shards")
    assert {name for name in now if now[name] != first[name]} == {"walk_s02.tar", "manifest.csv"}
    assert convert(walks, overlap=0.5).status.tolist() == ["drawn"] * 4
    (tmp_path / "shards" / "walk_s01.tar").write_bytes(b"cut")  # by somebody else
    assert convert(walks, overlap=0.5).status.tolist() == ["kept", "kept", "drawn", "kept"]


def test_what_is_there_starts_no_process(walks, tmp_path, monkeypatch):
    convert(walks)
    monkeypatch.delattr("img2imu_kit.pictures.shards.ProcessPoolExecutor")
    assert convert(walks, workers=2).status.tolist() == ["kept"] * 4


def test_jobs_that_others_have_done_are_kept(walks, tmp_path):
    for job in plan_conversion(walks, tmp_path / "shards", seconds=4):
        assert convert_recording(job)["status"] == "drawn"
    assert convert(walks).status.tolist() == ["kept"] * 4
    assert len(pd.read_csv(tmp_path / "shards" / "manifest.csv")) == 12


def test_a_bad_file_stops_nothing_and_leaves_nothing(walks, tmp_path):
    (walks / "walk" / "bad.npz").write_bytes(b"PK nothing")
    ik.readers.save_npz(ik.read(walks / "walk" / "s01.npz")[0].cut(0, 50), walks / "short.npz")
    table = convert(walks).set_index("recording")
    assert table.status.value_counts().to_dict() == {"drawn": 4, "failed": 2}
    assert "bad.npz" in table.problem["walk/bad"]
    assert "no window of 4 s" in table.problem["short"]
    names = {path.name for path in (tmp_path / "shards").iterdir()}
    assert names == {*table.shard[table.status == "drawn"], "manifest.csv"}


def test_names_that_would_fall_together_stay_apart(tmp_path, walks):
    (walks / "still_s01.npz").write_bytes((walks / "still" / "s01.npz").read_bytes())
    assert convert(walks).shard.is_unique


def test_doubts_are_told_once_for_all(walks):
    for path in walks.rglob("*.npz"):
        recording = ik.read(path)[0]
        ik.readers.save_npz(replace(recording, unit=""), path)
    with pytest.warns(GuessWarning, match="and 3 more: an unknown unit") as caught:
        convert(walks)
    assert len(caught) == 1


def test_what_cannot_be_planned_is_said_at_once(walks, tmp_path):
    with pytest.raises(FormatError, match="no such file or folder"):
        convert_folder(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(ParameterError, match="size is not set"):
        convert(walks, params=ik.SpectrogramParams(size=None))
    with pytest.raises(ParameterError, match="workers is 0"):
        convert(walks, workers=0)
    with pytest.raises(ParameterError, match="a table of labels"):
        convert(walks, reading={"labels": pd.DataFrame({"start": [0], "label": ["walk"]})})


def test_a_run_that_was_killed_goes_on_without_a_duplicate_or_a_loss(walks, tmp_path):
    for i in range(40):
        copy = (walks / "walk" / "s01.npz").read_bytes()
        (walks / "walk" / f"copy{i:02d}.npz").write_bytes(copy)
    command = (
        "import sys; from img2imu_kit.pictures.shards import convert_folder as convert;"
        "convert(sys.argv[1], sys.argv[2], seconds=4, overlap=0.9, workers=1, progress=False)"
    )
    run = [sys.executable, "-W", "ignore", "-c", command, walks]
    shards = tmp_path / "killed"
    child = subprocess.Popen([*run, shards])
    while len([*shards.glob("*.tar")]) < 5:
        assert child.poll() is None
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    finished = {path: path.stat().st_mtime_ns for path in shards.glob("*.tar")}
    assert 5 <= len(finished) < 44
    settings = {"seconds": 4, "overlap": 0.9, "workers": 1, "progress": False}
    table = convert_folder(walks, shards, **settings)
    assert (table.status == "kept").sum() == len(finished)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in finished.items())
    for part in shards.glob(".part-*"):  # what SIGKILL left is no shard
        part.unlink()
    convert_folder(walks, tmp_path / "whole", **settings)
    assert contents(shards) == contents(tmp_path / "whole")


class Deadly(Unread):
    """A recording that kills the process that reads it, as a want of memory does."""

    def read(self):
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_is_killed_costs_its_own_recording_alone(walks, tmp_path):
    jobs = plan_conversion(walks, tmp_path / "shards", seconds=4)[:3]
    deadly = jobs[1].unread
    deadly = Deadly(*(getattr(deadly, name) for name in deadly.__dataclass_fields__))
    jobs[1] = replace(jobs[1], unread=deadly)
    rows = {job.shard.name: row for job, row in run_jobs(jobs, workers=2)}
    assert len(rows) == 3
    killed = rows.pop(jobs[1].shard.name)
    assert killed["status"] == "failed"
    assert "process was killed" in killed["problem"]
    assert {row["status"] for row in rows.values()} <= {"drawn", "kept"}
    for job in (jobs[0], jobs[2]):
        whole = replace(job, shard=tmp_path / "alone" / job.shard.name)
        convert_recording(whole)
        assert job.shard.read_bytes() == whole.shard.read_bytes()

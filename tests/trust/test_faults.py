"""Full and read-only disks, power cuts, two writers, losses that are no number, memory that ends.

What is killed, cut off or damaged is tested where it is written: ``docs/reliability.md`` lists all.
"""

import contextlib
import io
import os
import signal
import subprocess
import tarfile
import threading
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import img2imu_kit as ik
from img2imu_kit import _files
from img2imu_kit.datasets import _download
from img2imu_kit.errors import Img2ImuError, OutputError, ParameterError, SignalError
from img2imu_kit.evaluate.cache import write_arrays, write_row
from img2imu_kit.evaluate.finetune import fine_tune
from img2imu_kit.models.readout import SignalNetwork
from img2imu_kit.pretrain.checkpoint import read_checkpoint, write_checkpoint
from img2imu_kit.pretrain.config import LoopConfig
from img2imu_kit.pretrain.loop import train_loop

# --- disks ----------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path):
    """A disk of four megabytes, which root may mount."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    with contextlib.suppress(FileNotFoundError):
        if os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0:
            yield place
            subprocess.run(["umount", "-l", str(place)], check=True)
            return
    pytest.skip("needs the right to mount a small disk")


def fill(disk):
    with contextlib.suppress(OSError), open(disk / "filler", "wb", buffering=0) as file:
        while file.write(bytes(1 << 14)):
            pass


@pytest.fixture(scope="module")
def walks():
    return ik.load_dataset("synthetic", subjects=1, seconds=8, classes=["walk"])


@pytest.fixture(scope="module")
def network():
    return ik.load_backbone("test_byobnet")


def save_map(walks, network, disk):
    windows = ik.sliding_windows(walks, seconds=4).select("acc")
    ik.plots.write_map(disk / "map.html", np.eye(len(windows), 2), windows)


def save_onnx(walks, network, disk):
    images = np.zeros((1, 3, 32, 32), np.uint8)
    ik.to_onnx(network, images, disk / "network.onnx", layer=1)


def save_figure(walks, network, disk):
    ax = ik.plots.plot_signal(walks[0])
    ik.plots.save_figure(ax, disk / "walk.png", dpi=20)
    plt.close(ax.figure)


def save_shards(walks, network, disk):
    source = disk.parent / "walk.npz"
    ik.readers.save_npz(walks, source)
    table = ik.convert_folder(source, disk, seconds=4, workers=1, progress=False)
    if table.status[0] == "failed":  # other recordings would still have been drawn
        raise OutputError(table.problem[0])


WRITERS = {
    "recordings": lambda w, n, disk: ik.readers.save_npz(w, disk / "walk.npz"),
    "weights": lambda w, n, disk: ik.models.save_backbone(n, disk),
    "checkpoint": lambda w, n, disk: write_checkpoint(disk, {"a": torch.zeros(9000)}, {}),
    "row": lambda w, n, disk: write_row(disk / "row.parquet", {"a": [1.0] * 9000}),
    "features": lambda w, n, disk: write_arrays(disk / "a.safetensors", {"a": np.zeros(9000)}),
    "table": lambda w, n, disk: _files.write_csv(disk / "a.csv", pd.DataFrame({"a": range(9000)})),
    "map": save_map,
    "figure": save_figure,
    "onnx": save_onnx,
    "shards": save_shards,
}


@pytest.mark.parametrize("fault", ["full", "read-only"])
@pytest.mark.parametrize("what", WRITERS)
def test_a_disk_that_takes_no_more_keeps_what_it_had(what, fault, disk, walks, network):
    write = WRITERS[what]
    write(walks, network, disk)
    before = {path: path.read_bytes() for path in disk.iterdir()}
    assert before
    if what == "shards":  # what is there and the same is not drawn again: as if it were another's
        os.utime(disk.parent / "walk.npz", (0, 0))
        before = {path: content for path, content in before.items() if path.suffix == ".csv"}
    if fault == "full":
        fill(disk)
    else:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(OutputError, match="could not be written") as caught:
        write(walks, network, disk)
    said = "No space left" if fault == "full" else "Read-only file system"
    assert said in str(caught.value)
    assert "What was there before is unchanged" in str(caught.value)
    assert {path: path.read_bytes() for path in before} == before
    assert not list(disk.glob(".part-*"))


def test_a_cache_on_a_full_disk_says_which_one_to_choose(disk, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    (tmp_path / "photos").mkdir()
    Image.fromarray(pixels).save(tmp_path / "photos" / "a.png")
    archive = tmp_path / "set.tar.xz"
    with tarfile.open(archive, "w:xz") as tar:
        member = tarfile.TarInfo("a.bin")
        member.size = 5 << 20
        tar.addfile(member, io.BytesIO(bytes(5 << 20)))
    fill(disk)
    with pytest.raises(Img2ImuError, match=r"cannot be stored \(No space left.*cache="):
        ik.pretrain.load_images(tmp_path / "photos", 32, cache=disk, progress=False)
    with pytest.raises(OSError, match="No space left"):  # `bring` says it with IMG2IMU_CACHE
        _download._unpack(archive, disk / "set")
    assert [path.name for path in disk.iterdir() if path.is_file()] == ["filler"]
    assert not (disk / "set").exists()


def test_no_name_is_given_before_its_bytes_are_on_the_disk(tmp_path, monkeypatch):
    """A power cut loses what is not synced: content first, then the name, then the folder."""
    order, fsync, replace = [], os.fsync, os.replace

    def synced(handle):
        order.append(("synced", os.readlink(f"/proc/self/fd/{handle}")))
        fsync(handle)

    def named(source, target):
        order.append(("named", str(source), str(target)))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", named)
    places = [tmp_path / "model", tmp_path / "card"]
    _files.atomic_write({place: b"x" for place in places})
    with _files.atomic_open(tmp_path / "shard") as file:
        file.write(b"x")
    names = [step for step in order if step[0] == "named"]
    assert [Path(target).name for _, _, target in names] == ["model", "card", "shard"]
    for step in names:
        at = order.index(step)
        assert ("synced", step[1]) in order[:at]
        assert ("synced", str(tmp_path)) in order[at:]
    # of several files none has its name before all are on the disk: a model goes with its card
    assert [step[0] for step in order[:4]] == ["synced", "synced", "named", "named"]


def test_of_two_writers_each_file_is_one_of_theirs(tmp_path):
    place, done = tmp_path / "a.bin", threading.Event()
    whole = [bytes([letter]) * 200_000 for letter in b"ab"]

    def write(content):
        while not done.is_set():
            _files.atomic_write({place: content})

    _files.atomic_write({place: whole[0]})
    writers = [threading.Thread(target=write, args=(content,)) for content in whole]
    for writer in writers:
        writer.start()
    seen = {place.read_bytes() for _ in range(300)}
    done.set()
    for writer in writers:
        writer.join()
    assert seen <= {*whole}
    assert list(tmp_path.iterdir()) == [place]


# --- training that goes wrong ---------------------------------------------------------------------


class Learner(torch.nn.Module):
    """Learns the mean of rows, and at a step of its own does something else."""

    def __init__(self, at, do):
        super().__init__()
        self.mean = torch.nn.Parameter(torch.zeros(2))
        self.step, self.at, self.do = 0, at, do

    def forward(self, batch, generator):
        self.step += 1
        loss = (batch - self.mean).square().mean()
        return (self.do(loss, self.mean) if self.step == self.at else loss), {}


def trained(folder, at, do, **settings):
    settings = {"epochs": 10, "batch_size": 8, "checkpoint_every": 2} | settings
    config = LoopConfig(**settings)
    return train_loop(Learner(at, do), torch.ones(32, 2), config, folder=folder, progress=False)


def checkpoint(folder):
    return torch.load(folder / "checkpoint.pt", weights_only=True)


def test_a_loss_that_is_no_number_stops_names_its_step_and_spoils_no_checkpoint(tmp_path):
    with pytest.raises(ParameterError, match=r"the loss is nan at step 13\. Lower lr") as caught:
        trained(tmp_path, 13, lambda loss, mean: loss * float("nan"), checkpoint_every=6)
    assert "The checkpoint is the last good one" in str(caught.value)
    kept = checkpoint(tmp_path)
    assert kept["step"] == 12
    assert torch.isfinite(kept["learner"]["mean"]).all()


def test_a_run_stopped_just_after_such_a_loss_is_not_saved(tmp_path):
    """The loss is looked at every ten steps, and Ctrl-C saves at once."""

    def spoil(loss, mean):
        signal.raise_signal(signal.SIGINT)
        return loss * float("nan")

    with pytest.raises(ParameterError, match="the loss is nan at step 5"):
        trained(tmp_path, 5, spoil, checkpoint_every=4)
    assert checkpoint(tmp_path)["step"] == 4


def test_weights_that_are_no_numbers_are_not_saved_though_the_loss_is_one(tmp_path):
    """An infinite gradient of a finite loss: the next loss would show it, one step too late."""

    def spoil(loss, mean):
        return loss + (mean - mean.detach()).abs().sqrt().sum()  # 0, of infinite slope

    with pytest.raises(ParameterError, match="the weights are not finite at step 6"):
        trained(tmp_path, 6, spoil)
    kept = checkpoint(tmp_path)
    assert kept["step"] == 4
    assert torch.isfinite(kept["learner"]["mean"]).all()


def test_a_batch_that_does_not_fit_names_a_smaller_one(tmp_path):
    def devour(loss, mean):
        return loss + torch.empty(1 << 50).sum()

    with pytest.raises(ParameterError, match=r"a batch of 32 in 1 portion.* does not fit") as told:
        trained(tmp_path, 3, devour, batch_size=32)
    assert "accumulate=2; or learn from another: batch_size=16" in str(told.value)
    assert checkpoint(tmp_path)["step"] == 2
    other = RuntimeError("a mistake of another kind")

    def fail(loss, mean):
        raise other

    with pytest.raises(RuntimeError, match="of another kind"):
        trained(None, 1, fail)


def test_fine_tuning_that_does_not_fit_names_what_needs_less():
    class Hungry(torch.nn.Module):
        """Wants a pebibyte, in training alone."""

        def forward(self, x):
            return x + torch.empty(1 << 50).sum() if self.training else x

    people = ik.load_dataset("synthetic", subjects=2, seconds=8, classes=["walk", "still"])
    windows = ik.sliding_windows(people, seconds=2).select("acc")
    size = windows.signal[0].size
    network = SignalNetwork(
        torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(size, 8), Hungry())
    )
    with pytest.raises(ParameterError, match=r"tuning: a batch of \d+ windows does not") as told:
        fine_tune(network, windows)
    assert "batch_size" in told.value.remedy


def test_pictures_that_do_not_fit_name_a_smaller_batch(network, monkeypatch):
    class Devourer(torch.nn.Module):
        def forward_intermediates(self, *_, **__):
            return [torch.empty(1 << 50)]

    network = ik.models.Backbone("large", Devourer(), (0.5,) * 3, (0.5,) * 3)
    network.model.feature_info = [{}]
    network.model.weight = torch.nn.Parameter(torch.zeros(1))
    with pytest.raises(SignalError, match=r"lower batch_size to 32 for memory"):
        network.features(np.zeros((64, 3, 8, 8), np.uint8), batch_size=64)


def test_a_checkpoint_of_a_run_that_another_process_writes_is_whole(tmp_path):
    """Two runs of one folder overwrite each other; each reads a state that was written."""
    done = threading.Event()

    def write():
        number = 0
        while not done.is_set():
            number += 1
            write_checkpoint(tmp_path, {"step": number, "a": torch.full((5000,), number)}, {})

    write_checkpoint(tmp_path, {"step": 0, "a": torch.zeros(5000)}, {})
    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(50):
        state = read_checkpoint(tmp_path, {})
        assert (state["a"] == state["step"]).all()
    done.set()
    writer.join()

"""Run by the tests in processes of their own: to be killed, and to be one of two."""

import os
import random
import signal
import threading
from pathlib import Path

import numpy as np
import torch

from img2imu_kit.pretrain import walks
from img2imu_kit.pretrain.loop import make_accelerator
from img2imu_kit.pretrain.train import pretrain_images


def pictures(count=64, size=32, seed=0):
    """Blurred noise in two colours: enough for a tiny network to tell pictures apart."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.random((count, 3, 4, 4), dtype=np.float32))
    smooth = torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic")
    return smooth.mul(255).clamp(0, 255).to(torch.uint8).numpy()


class Jitter:
    """A small augmentation; `at` the given call of this process it does something else first."""

    def __init__(self, at=None, do=None):
        self.calls, self.at, self.do = 0, at, do

    def __repr__(self):
        return "Jitter()"

    def __call__(self, images, generator):
        self.calls += 1
        if self.calls == self.at:
            self.do()
        noise = torch.rand(len(images), 3, 1, 1, generator=generator, device=generator.device)
        return (images + noise.sub(0.5).mul(0.3)).clamp(0, 1)


def tiny(folder, augmentation=None, backbone="test_efficientnet", **settings):
    """A run of 40 steps of 16 pictures with all that has a state."""
    torch.set_num_threads(1)
    common = {"method": "moco", "optimizer": "sgd", "checkpoint_every": 1, "warmup": 1}
    settings = {"epochs": 10, "batch_size": 16} | common | settings
    return pretrain_images(
        pictures(),
        backbone,
        size=32,
        queue=40,
        augmentation=augmentation or Jitter(),
        folder=folder,
        progress=False,
        **settings,
    )


def killed(folder, seed):
    """Go on with the run; soon a timer kills this process, wherever it may be."""
    random.seed(seed)

    def later():
        threading.Timer(random.uniform(0, 0.06), os.kill, (os.getpid(), signal.SIGKILL)).start()

    tiny(folder, Jitter(at=random.randint(4, 16), do=later))  # four calls a step
    os._exit(0)


def walking(folder, **settings):
    """A run of eight steps on walks, with a head at each of two layers."""
    settings = {"epochs": 2, "layers": (1, 2), "train_norm": False, "method": "simclr"} | settings
    return tiny(folder, "walks", **settings)


def killed_on_a_walk(folder):
    """Begin such a run; while the sixth step draws, this process is killed."""
    draw, calls = walks.draw_signals, iter(range(100))

    def last_drawing(*arguments):
        if next(calls) == 42:  # two parts, twice two pictures each: eight a step
            os.kill(os.getpid(), signal.SIGKILL)
        return draw(*arguments)

    walks.draw_signals = last_drawing
    walking(folder)


def limited(folder):
    """Go on with the run where no file may grow beyond 100 kB."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        tiny(folder)
    except Exception as error:
        Path(folder, "said.txt").write_text(f"{type(error).__name__}: {error}")


def one_of_two(folder, rank, port, settings):
    """One process of a run on two, as ``torchrun`` starts them."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    assert make_accelerator().num_processes == 2
    tiny(folder, **settings)

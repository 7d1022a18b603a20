"""What `--help` shows as an example does what it says, on recordings of the names it uses."""

import inspect
import re
import shlex

import numpy as np
import pandas as pd
import pytest
import typer
from shell import img2imu

from img2imu_kit.cli.main import app

COMMANDS = typer.main.get_command(app).commands
EXAMPLES = [
    " ".join(example.split())
    for command in COMMANDS.values()
    for example in re.findall(r"Example: `(.+?)`", inspect.cleandoc(command.help), re.S)
]
#: A minute, or the network: read as typed here, and run smaller by other tests.
LONG = ("quickstart", "reproduce", "datasets --fetch", "few-label swimming", "pretrain")
#: What makes the others quick, and opens no browser.
QUICK = {"convert": "--no-png", "explore": "--print", "few-label": "--seeds 1"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """``walk.csv``, ``walks/`` of two people and two activities."""
    folder = tmp_path_factory.mktemp("place")
    t = np.arange(1000) / 50
    for name in ("walk", "walks/a", "walks/b"):
        parts = []
        for label, hz in {"walking": 1.5, "running": 3.0}.items():
            swing = 4 * np.sin(2 * np.pi * hz * t[:, None] + np.arange(3) + len(name))
            names = [f"a{axis} (m/s2)" for axis in "xyz"]
            table = pd.DataFrame(swing + np.array([0, 0, 9.81]), columns=names)
            parts.append(table.assign(activity=label, person=name[-1]))
        table = pd.concat(parts, ignore_index=True)
        table.insert(0, "time (s)", np.arange(len(table)) / 50)
        path = folder / f"{name}.csv"
        path.parent.mkdir(exist_ok=True)
        table.to_csv(path, index=False)
    return folder


def test_every_command_has_an_example():
    assert {example.split()[1] for example in EXAMPLES} == {*COMMANDS}


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_command_that_runs(example, place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setenv("IMG2IMU_CACHE", str(place / "cache"))
    _, name, *arguments = shlex.split(example)
    if example.removeprefix("img2imu ").startswith(LONG):
        COMMANDS[name].make_context(name, arguments)  # a wrong flag or value would be an error
        return
    done = img2imu(name, *arguments, *QUICK.get(name, "").split())
    assert done.returncode == 0, done.stderr

"""One set of flags for all that reads recordings, and messages that speak of them."""

import ast
import functools
import inspect
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from shell import img2imu, said_by

import img2imu_kit
from img2imu_kit.cli.main import app, options_of
from img2imu_kit.cli.options import in_shell_words, picture_flags, reader_flags, takes, window_flags
from img2imu_kit.pictures.params import SpectrogramParams
from img2imu_kit.readers.files import read
from img2imu_kit.readers.tables import read_csv
from img2imu_kit.signals.windows import sliding_windows

READERS = ("convert", "few-label", "map", "explore")


@pytest.mark.parametrize("command", READERS)
def test_every_option_of_the_readers_is_a_flag(command):
    options = {*inspect.signature(read).parameters, *inspect.signature(read_csv).parameters}
    options -= {"path", "name", "failed", "strict", "progress", "options"}
    assert len(options) >= 14
    assert options <= options_of(command).keys()


def test_convert_has_every_setting_of_windows_and_pictures():
    settings = {*inspect.signature(sliding_windows).parameters} - {"recordings", "unlabelled"}
    settings |= {*inspect.signature(SpectrogramParams).parameters}
    assert settings <= options_of("convert").keys()


def typed(*arguments):
    """What reaches a command that takes all groups of flags."""
    reached = []
    small = typer.Typer()

    @small.command()
    @takes(reading=reader_flags(), cutting=window_flags(), picture=picture_flags())
    def command(reading: dict, cutting: dict, picture: dict):
        reached.append(reading | cutting | picture)

    small(arguments, standalone_mode=False)
    return reached[0]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("--time none", {"time": False}),
        ("--time 0", {"time": 0}),
        ("--time t", {"time": "t"}),
        ("--label none", {"label": False}),
        ("--header none", {"header": False}),
        ("--header yes", {"header": True}),
        ("--columns 3,ay,5", {"columns": [3, "ay", 5]}),
        ("--columns ax", {"columns": ["ax"]}),
        ("--unit g", {"unit": "g"}),
        ("--unit g,deg/s", {"unit": ["g", "deg/s"]}),
        (r"--delimiter \t", {"delimiter": "\t"}),
        ("--delimiter ,", {"delimiter": ","}),
        ("--decimal ,", {"decimal": ","}),
        (r"--subject p(\d+)", {"subject": r"p(\d+)"}),
        ("--rate 50", {"rate": 50.0}),
        ("--gap interpolate", {"gap": "interpolate"}),
        ("--short pad", {"short": "pad"}),
        ("--unlabelled", {"unlabelled": True}),
        ("--channels gyro", {"channels": "gyro"}),
        ("--channels acc_x,acc_y,gyro_z", {"channels": ("acc_x", "acc_y", "gyro_z")}),
        ("--range per-axis", {"range": "per-axis"}),
        ("--range -50,20", {"range": (-50.0, 20.0)}),
        ("--size none", {"size": None}),
        ("--size 64,96", {"size": (64, 96)}),
        ("--detrend linear", {"detrend": "linear"}),
        ("--no-center --n-fft 128", {"center": False, "n_fft": 128}),
    ],
)
def test_flags_become_values(flags, expected):
    assert typed(*flags.split()) == {"gap": "split"} | expected


@pytest.mark.parametrize(
    "flags",
    [
        *("--gap ignore", "--time-unit fortnight", "--short hold", "--scale dB", "--transform fft"),
        *("--rate fast", "--rate -5", "--n-fft 2.5", "--overlap 1", "--purity 2", "--seconds 0"),
    ],
)
def test_a_value_that_cannot_be_is_told_before_anything_is_read(flags):
    done = img2imu("convert", "nowhere.csv", *flags.split())
    assert done.returncode == 2
    assert flags.split()[0] in done.stderr


# --- messages in the shell's words ---


@functools.cache
def messages(path: Path):
    """Texts of a module that are no docstrings, with a 7 for what is filled in."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    kinds = (ast.Module, ast.FunctionDef, ast.ClassDef)
    docs = {
        id(node.body[0].value)
        for node in nodes
        if isinstance(node, kinds) and isinstance(node.body[0], ast.Expr)
    }
    filled = [node.values for node in nodes if isinstance(node, ast.JoinedStr)]
    inner = {id(part) for parts in filled for part in parts}
    plain = [
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and id(node) not in docs | inner
    ]
    whole = ["".join(part.value if isinstance(part, ast.Constant) else "7"
                     for part in parts) for parts in filled]  # fmt: skip
    return [text for text in [*plain, *whole] if isinstance(text, str)]


#: A command -> what it runs through, whose messages it shows.
REACHED = {
    **dict.fromkeys(READERS, ("readers", "signals/resampling.py", "signals/recording.py")),
    "pretrain": ("pretrain", "models/backbone.py", "models/weights.py"),
}
REACHED = {name: [*paths] for name, paths in REACHED.items()}
for name in ("convert", "few-label", "map"):
    REACHED[name].append("signals/windows.py")
REACHED["convert"].append("pictures")
for name in ("few-label", "map"):
    REACHED[name] += ["models/backbone.py", "models/weights.py"]


def python_in(text):
    """Keyword arguments that a text names, but for those in the brackets of a call."""
    call = r"[\w.]+\((?:[^()]|\([^()]*\))*\)"
    return re.findall(r"(?<![\w'\"/.-])[a-z_]+=(?!=)", re.sub(call, "", text))


@pytest.mark.parametrize("command", REACHED)
def test_no_message_names_an_option_that_the_command_lacks(command):
    package = Path(img2imu_kit.__file__).parent
    places = [package / place for place in REACHED[command]]
    files = [file for place in places for file in ([place] if place.suffix else place.glob("*.py"))]
    found = {f"{text}." for file in files for text in messages(file) if python_in(text)}
    # patterns are no messages, and lines of Python say that they are
    found = {text for text in found if "\\" not in text and "img2imu_kit." not in text}
    assert len(found) > 3
    spoken = {text: in_shell_words(text, options_of(command)) for text in found}
    assert {text: said for text, said in spoken.items() if python_in(said)} == {}


@pytest.mark.parametrize(
    ("text", "command", "expected"),
    [
        ("Give rate=<Hz>, or time=<column> and time_unit=.", "few-label",
         "Give --rate <Hz>, or --time <column> and --time-unit."),
        ("Sort the rows, or give rate= and time=False.", "map",
         "Sort the rows, or give --rate and --time none."),
        ("1 is time (time=0); 'a' the label (label=)", "explore",
         "1 is time (--time 0); 'a' the label (--label)"),
        ("Choose the axes with columns=[...] from: 'a'.", "convert",
         "Choose the axes with --columns from: 'a'."),
        ('were skipped (the first: x); short="pad" keeps them', "map",
         "were skipped (the first: x); --short pad keeps them"),
        ('Choose gap="split", or a larger longest_gap_s.', "convert",
         "Choose --gap split, or a larger --longest-gap-s."),
        ("channels='gyro': no axis 'gyro'", "convert", "--channels gyro: no axis 'gyro'"),
        ("Use another folder=, or resume=False to start anew.", "pretrain",
         "Use another --folder, or --no-resume to start anew."),
        ("Convert it, or pass allow_pickle=True.", "map", "Convert it."),
        ("Check the name, split=, root= and the disk.", "pretrain", "Check the name and the disk."),
        ("Give label=. Or x = img2imu_kit.read(p), then label=x.", "convert",
         "Give --label. Or x = img2imu_kit.read(p), then label=x."),
        ("Bring all to one rate with resample() and choose axes with select().", "map",
         "Bring all to one rate with --rate <Hz> and choose axes with --columns."),
        ("Save it with numpy.savez(path, signal=..., rate=...).", "convert",
         "Save it with numpy.savez(path, signal=..., rate=...)."),
        ("no column 'time_unit'. There are: 'rate=', t.", "convert",
         "no column 'time_unit'. There are: 'rate=', t."),
    ],
)  # fmt: skip
def test_advice_for_python_is_said_for_the_shell(text, command, expected):
    assert in_shell_words(text, options_of(command)) == expected


def test_every_command_is_known():
    assert {*REACHED} < {
        command.name or command.callback.__name__ for command in app.registered_commands
    }


def recording(path, *, seconds=6, first=0, **columns):
    """A CSV of 50 Hz with columns of its own."""
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(int(50 * seconds), 3)))
    table.columns = ["acc_x", "acc_y", "acc_z"]
    for name, values in columns.items():
        table.insert(0, name, values)
    table.to_csv(path, index=False)
    return path


def test_advice_works_when_it_is_followed(tmp_path):
    """The error names flags; typed after the same command, they mend it."""
    stamps = np.arange(300) * 20
    back = np.where(np.arange(300) == 150, 0, stamps)
    cases = [
        (recording(tmp_path / "bare.csv"), {"--rate <Hz>": "--rate 50"}),
        (recording(tmp_path / "back.csv", time_ms=back),
         {"--rate": "--rate 50", "--time none": "--time none"}),
        (recording(tmp_path / "short.csv", seconds=2, time_ms=stamps[:100]),
         {"--short pad": "--short pad"}),
        (recording(tmp_path / "gap.csv", time_ms=stamps + 9000 * (stamps > 3000)),
         {"--gap split": "--gap split --seconds 2"}),
    ]  # fmt: skip
    for path, advice in cases:
        command = ("convert", path, "--no-png", "--out", tmp_path / "out", "--gap", "raise")
        problem = said_by(*command)
        assert all(flag in problem for flag in advice), problem
        done = img2imu(*command, *" ".join(advice.values()).split())
        assert done.returncode == 0, done.stderr

"""The report on the evaluation: the claim first, then every score, then how it was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import pandas as pd

from . import table_plots as plots
from .methods import Lens
from .readings import compare, of_protocol, ranks, summary
from .recipe import Recipe
from .report import Report, machine
from .rows import write_bytes
from .table import PROTOCOLS
from .tasks import Task
from .windowing import Windows

if TYPE_CHECKING:
    from .reproduce import Preset

__all__ = ["claims", "write"]

_PAPER = (
    "The idea: windows of motion become spectrogram pictures, and a vision network reads them that "
    "was pre-trained on pictures by contrastive learning with augmentations that suit sensors.",
    "Four sensing tasks with limited labels, scored by macro-F1.",
    "The claim: on average 9.6 points of macro-F1 above baselines pre-trained on sensor data.",
)
_OURS = (
    "The data sets, the four tasks made of them, the windows, the split and the shots.",
    "The set of augmentations, the backbone, the pre-training corpus and its length.",
    "The picture (fixed range in dB), the layer that is read and how it is pooled.",
    "The baselines, chosen from the literature, and every number below.",
)
_BUDGET = (
    "No method was tuned on a task, and none was tuned more than another: every probe has the one "
    "penalty and every fine-tuning the one recipe that are named below, for all methods and tasks "
    "(random weights: full rate in every block, statistics of batches). Sensor baselines have the "
    "optimiser settings of their papers and equal numbers of updates. The picture and the layer "
    "were chosen once, on pilot draws of swimming and gestures, for all vision networks alike; "
    "these draws shared subjects with the ones below, which favours the vision networks there."
)


def claims(table: pd.DataFrame, ours: str) -> dict[str, pd.DataFrame]:
    """One method against the mean and the best of the sensor baselines, and against the forest.

    Parameters
    ----------
    table : DataFrame
        From `few_label_table`, one protocol.
    ours : str

    Returns
    -------
    dict of what it is compared with -> DataFrame, see `readings.compare`
    """
    sensors = list(table.method[table.family == "sensor"].unique())
    parts = {
        f"mean of sensor baselines, {kind}": ([n for n in sensors if n.endswith(kind)], "mean")
        for kind in ("corpus", "own windows")
    }
    parts["best sensor baseline"] = (sensors, "best")
    forest = [name for name in table.method.unique() if name == "by hand + forest"]
    parts["by hand + forest"] = (forest, "mean")
    return {
        name: compare(table, ours, others, against=against)
        for name, (others, against) in parts.items()
        if others
    }


def write(
    table: pd.DataFrame,
    folder: Path,
    *,
    ours: str,
    missing: Sequence[str],
    tasks: Mapping[str, Task],
    windows: Mapping[str, Windows],
    settings: Preset,
    lens: Lens,
    histories: Mapping[str, pd.DataFrame],
    minutes: float,
) -> Path:
    """Write tables, figures and ``report.md`` with ``report.html``; the path of the former."""
    mpl.use("Agg")
    report = Report("IMG2IMU with few labels, against baselines that learned from sensors", folder)
    one = of_protocol(table, settings.protocols[0])
    shots = max(settings.shots)
    found = claims(one, ours)
    _claim(report, found, ours, missing, shots)
    report.heading("What is the paper's, and what is ours")
    report.text("From the paper (Yoon et al., IEEE TMC 2024, arXiv 2209.00945):").items(_PAPER)
    report.text("Our choice:").items(_OURS)
    _scores(report, one, settings)
    report.heading("Where it goes wrong")
    for task in tasks:
        for method in dict.fromkeys([ours, "by hand + forest"]):
            some = one[one.shots == shots]
            name = f"confusion-{task}-{'ours' if method == ours else 'forest'}"
            caption = f"{method} on {task}, {shots} shots: shares of each true class in percent."
            report.figure(plots.plot_confusion(some, task, method), name, caption)
    for protocol in settings.protocols[1:]:
        report.heading(f"Protocol: {protocol}")
        report.table(_wide(of_protocol(table, protocol), shots))
    _conditions(report, tasks, windows, settings, lens, table, minutes)
    if histories:
        report.heading("Pre-training of the sensor baselines")
        caption = "Losses on the sensor corpus; 1 is the loss of a guess."
        report.figure(plots.plot_losses(histories), "losses", caption)
    _files(folder, table, found)
    return report.write()


def _claim(
    report: Report, found: dict[str, pd.DataFrame], ours: str, missing: Sequence[str], shots: int
) -> None:
    report.heading("The claim")
    if ours != "IMG2IMU":
        report.text(
            f"No sensor-aware checkpoint was given, so this run cannot measure IMG2IMU; "
            f"{ours} stands in its place below."
        )
    if missing:
        report.text(f"Not measured, because no weights were given: {', '.join(missing)}.")
    lines = []
    for name, frame in found.items():
        mean = frame[(frame.task == "average") & (frame.shots == shots)].iloc[0]
        points = [f"{100 * mean[key]:+.1f}" for key in ("difference", "low", "high")]
        lines.append(f"minus {name}: {points[0]} points (95 % interval {points[1]} to {points[2]})")
    report.text(
        f"{ours}, macro-F1 on average over the tasks with {shots} shots of each class "
        "(the paper reports +9.6 points over its own sensor baselines, on its own data):"
    ).items(lines)
    for name, frame in found.items():
        report.text(f"{ours} minus {name}, in points:")
        shown = frame.assign(
            **{key: 100 * frame[key] for key in ("difference", "low", "high", "ours", "theirs")}
        )
        report.table(shown if "best" in name else shown.drop(columns="best"), digits=1)
    report.figure(
        plots.plot_differences(found, ours),
        "differences",
        "Differences on the same draws. Intervals: bootstrap over draws and, within each, the "
        "groups (subjects) tested.",
    )


def _scores(report: Report, table: pd.DataFrame, settings: Preset) -> None:
    report.heading("Every score")
    report.text(
        f"Macro-F1, protocol: {settings.protocols[0]}; mean over {settings.seeds} draws with the "
        "95 % t-interval of that mean. The forest and the 1-D CNN know one protocol only."
    )
    for shots in settings.shots:
        report.text(f"{shots} shots of each class:")
        report.table(_wide(table, shots))
    most = max(settings.shots)
    report.figure(plots.plot_table(table, most), "scores", f"Macro-F1 with {most} shots.")
    if len(settings.shots) > 1:
        order = ranks(table).index
        best = [
            next(name for name in order if name in set(table.method[table.family == family]))
            for family in table.family.unique()
        ]
        chosen = list(dict.fromkeys([*order[:3], *best]))[:7]
        caption = "Learning curves of the three best methods, and of the best of each family."
        report.figure(plots.plot_curves(table, chosen), "curves", caption)
    report.figure(plots.plot_ranks(table), "ranks", "Mean ranks over all draws.")


def _wide(table: pd.DataFrame, shots: int) -> pd.DataFrame:
    """Methods down, tasks across: mean with its interval, the best on average first."""
    means = summary(table[table.shots == shots])
    half = means.high - means.macro_f1
    means["shown"] = [f"{a:.3f} ± {b:.3f}" for a, b in zip(means.macro_f1, half, strict=True)]
    wide = means.pivot(index="method", columns="task", values="shown")[list(table.task.unique())]
    wide["average"] = means.groupby("method").macro_f1.mean()
    return wide.sort_values("average", ascending=False).reset_index()


def _conditions(
    report: Report,
    tasks: Mapping[str, Task],
    windows: Mapping[str, Windows],
    settings: Preset,
    lens: Lens,
    table: pd.DataFrame,
    minutes: float,
) -> None:
    report.heading("How it was measured")
    report.text(_BUDGET)
    report.table(
        pd.DataFrame(
            {
                "task": name,
                "data set": task.dataset,
                "windows": len(windows[name]),
                "seconds": windows[name].seconds,
                "classes": len(windows[name].classes),
                "subjects": len(set(windows[name].subject)),
                "split by": task.by,
            }
            for name, task in tasks.items()
        )
    )
    report.text(
        "Every draw takes 30 % of the subjects for the test (driving: of the events of each class, "
        "because turns and lane changes were driven in one trip each), then the shots from the "
        "other subjects; a class with fewer windows than shots gives all it has. Windows never "
        "cross a recording. All methods read the accelerometer alone."
    )
    methods = table.drop_duplicates("method")[["method", "family", "parameters"]]
    report.table(methods)
    named: dict[str, Any] = {"seeds": f"0 to {settings.seeds - 1}"} | asdict(settings)
    report.items([f"{key}: {value}" for key, value in named.items()])
    report.items([f"lens, {key}: {value}" for key, value in asdict(lens).items()])
    for name in settings.protocols:
        if isinstance(how := PROTOCOLS[name], Recipe):
            report.items([f"{name}, {key}: {value}" for key, value in asdict(how).items()])
        else:
            report.items([f"{name}: probe {how!r}"])
    report.heading("Machine")
    report.items([f"{key}: {value}" for key, value in machine().items()])
    report.text(
        f"{minutes:.1f} minutes, with what was on disk before; "
        f"{table.seconds.sum() / 60:.1f} minutes of fitting and predicting in all."
    )


def _files(folder: Path, table: pd.DataFrame, found: Mapping[str, pd.DataFrame]) -> None:
    """The numbers behind the report, as CSV."""
    differences = pd.concat(
        [frame.assign(minus=name) for name, frame in found.items()], ignore_index=True
    )
    plain = table.drop(columns=["classes", "groups", "confusion"])
    frames = {"scores": plain, "summary": summary(table), "differences": differences}
    for name, frame in frames.items():
        write_bytes(folder / f"{name}.csv", frame.to_csv(index=False).encode())

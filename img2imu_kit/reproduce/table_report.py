"""The report on the evaluation: the claim first, then every score, then how it was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from .._files import atomic_write
from ..datasets.tasks import Task
from ..evaluate.finetune import FineTuneConfig
from ..evaluate.methods import ImageReadout
from ..evaluate.stats import claims, of_protocol, points, ranks, summarize_table, worth
from ..evaluate.table import PROTOCOLS
from ..plots import scores as plots
from ..signals.windows import Windows
from .report import Report, machine

if TYPE_CHECKING:
    from .run import Preset

__all__ = ["write_report"]

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
    "No method was tuned on the draws below: every probe has the one penalty and every "
    "fine-tuning the one recipe that are named below, for all methods and tasks (random weights: "
    "full rate in every block, statistics of batches). Sensor baselines have the optimiser "
    "settings of their papers and equal numbers of updates; how they read windows longer than "
    "their own was chosen on splits inside training subjects. For all vision networks alike, the "
    "limits of the picture were chosen on pilot draws of swimming and gestures, layers and grid on "
    "the two data sets of the sensor corpus. Pilot draws shared subjects with the ones below, "
    "which favours both kinds a little."
)
_SPLIT = (
    "Every draw takes 30 % of the subjects for the test (driving: of the events of each class, "
    "because turns and lane changes were driven in one trip each), then the shots from the "
    "other subjects; a class with fewer windows than shots gives all it has. Windows never "
    "cross a recording. All methods read the accelerometer alone."
)


def write_report(
    table: pd.DataFrame,
    folder: Path,
    *,
    ours: str,
    missing: Sequence[str],
    tasks: Mapping[str, Task],
    windows: Mapping[str, Windows],
    settings: Preset,
    lens: ImageReadout,
    levers: pd.DataFrame | None,
    histories: Mapping[str, pd.DataFrame],
    minutes: float,
) -> Path:
    """Write tables, figures and ``report.md`` with ``report.html``; the path of the former.

    Parameters
    ----------
    table : DataFrame
        From `few_label_table` with methods of `lineup`.
    folder : Path
    ours, missing : str, sequence of str
        The method of the claim; vision networks that were not given.
    tasks, windows, settings, lens
        What `reproduce` was asked.
    levers : DataFrame or None
        The table of `lineup.lever_methods`.
    histories : dict of name -> DataFrame
        Of the pre-training of sensor baselines.
    minutes : float
        That the call took.
    """
    report = Report("IMG2IMU with few labels, against baselines that learned from sensors", folder)
    by_protocol = {name: of_protocol(table, name) for name in settings.shots}
    found = {name: claims(rows, ours) for name, rows in by_protocol.items()}
    one, shots = next(iter(by_protocol.values())), settings.common_shots
    _claim(report, found, ours, missing, shots)
    report.heading("What is the paper's, and what is ours")
    report.text("From the paper (Yoon et al., IEEE TMC 2024, arXiv 2209.00945):").items(_PAPER)
    report.text("Our choice:").items(_OURS)
    _scores(report, by_protocol, settings)
    _confusions(report, one[one.shots == shots], list(tasks), ours)
    _sensors(report, one, shots, histories)
    if levers is not None:
        report.heading("The levers of the lens")
        report.text(f"{ours}, 10 shots, one lever moved at a time, on draws of their own:")
        report.table(_wide(levers, 10))
    _conditions(report, tasks, windows, settings, lens, table, minutes)
    _files(folder, table, found)
    return report.write()


def _claim(
    report: Report,
    found: Mapping[str, Mapping[str, pd.DataFrame]],
    ours: str,
    missing: Sequence[str],
    shots: int,
) -> None:
    report.heading("The claim")
    if ours != "IMG2IMU":
        report.text(
            f"No sensor-aware checkpoint was given, so this run cannot measure IMG2IMU; "
            f"{ours} stands in its place below."
        )
    if missing:
        report.text(f"Not measured, because no weights were given: {', '.join(missing)}.")
    report.text(
        f"{ours}, macro-F1 on average over the tasks with {shots} shots of each class, difference "
        "in points on the same draws with its 95 % interval (the paper reports +9.6 points over "
        "its own sensor baselines, on its own data):"
    )
    averages = {
        protocol: {
            f"minus {name}": points(
                frame[(frame.task == "average") & (frame.shots == shots)].iloc[0]
            )
            for name, frame in parts.items()
        }
        for protocol, parts in found.items()
    }
    report.table(pd.DataFrame(averages).fillna("").rename_axis(ours).reset_index())
    protocol, parts = next(iter(found.items()))
    report.text(f"Task by task, protocol: {protocol}:")
    rows = [
        {"minus": name, "shots": count} | {row.task: points(row) for row in group.itertuples()}
        for name, frame in parts.items()
        for count, group in frame.groupby("shots")
    ]
    report.table(pd.DataFrame(rows))
    if (best := parts.get("best sensor baseline")) is not None:
        named = [f"{r.task} with {_shots(r.shots)}: {r.best}" for r in best.itertuples() if r.best]
        report.text(f"The best sensor baseline is, on {'; '.join(named)}.")
    shown = {name: frame[frame.shots == shots] for name, frame in list(parts.items())[:4]}
    report.figure(
        plots.plot_differences(shown, ours),
        "differences",
        f"Differences on the same draws, protocol: {protocol}. Intervals: bootstrap over draws "
        "and, within each, the groups (subjects) tested.",
    )


def _scores(report: Report, by_protocol: Mapping[str, pd.DataFrame], settings: Preset) -> None:
    report.heading("Every score")
    report.text(
        f"Macro-F1, mean over {settings.seeds} draws with the 95 % t-interval of that mean. The "
        "forest and the 1-D CNN know one protocol only."
    )
    for protocol, table in by_protocol.items():
        for shots in settings.shots[protocol]:
            report.text(f"Protocol: {protocol}, {_shots(shots)} of each class:")
            report.table(_wide(table, shots))
    for protocol, table in by_protocol.items():
        caption = f"Macro-F1 with {settings.common_shots} shots, protocol: {protocol}."
        figure = plots.plot_table(table, settings.common_shots)
        report.figure(figure, f"scores-{protocol}", caption)
    table = next(iter(by_protocol.values()))
    if table.shots.nunique() > 1:
        order = ranks(table).index
        best = [
            next(name for name in order if name in set(table.method[table.family == family]))
            for family in table.family.unique()
        ]
        chosen = list(dict.fromkeys([*order[:3], *best]))[:7]
        caption = "Learning curves of the three best methods, and of the best of each family."
        report.figure(plots.plot_curves(table, chosen), "curves", caption)
    report.figure(plots.plot_ranks(table), "ranks", "Mean ranks over all draws.")


def _confusions(report: Report, table: pd.DataFrame, tasks: Sequence[str], ours: str) -> None:
    report.heading("Where it goes wrong")
    for task in tasks:
        for name, method in {"ours": ours, "forest": "by hand + forest"}.items():
            figure = plots.plot_confusion(table, task, method)
            caption = f"{method} on {task}: shares of each true class in percent."
            report.figure(figure, f"confusion-{task}-{name}", caption)


def _sensors(
    report: Report, table: pd.DataFrame, shots: int, histories: Mapping[str, pd.DataFrame]
) -> None:
    report.heading("What pre-training is worth to the sensor baselines")
    report.text(f"Points of macro-F1 above random weights of the same encoder, {shots} shots:")
    report.table(worth(table, shots))
    if histories:
        caption = "Losses on the sensor corpus; 1 is the loss of a guess, or the first one."
        report.figure(plots.plot_losses_of_table(histories), "losses", caption)


def _shots(count: int) -> str:
    return f"{count} shot" if count == 1 else f"{count} shots"


def _wide(table: pd.DataFrame, shots: int) -> pd.DataFrame:
    """Methods down, tasks across: mean with its interval, the best on average first."""
    means = summarize_table(table[table.shots == shots])
    half = means.high - means.macro_f1
    shown = means.macro_f1.map("{:.3f}".format)
    means["shown"] = shown.where(half.isna(), shown + half.map(" ± {:.3f}".format))
    wide = means.pivot(index="method", columns="task", values="shown")[list(table.task.unique())]
    wide["average"] = means.groupby("method").macro_f1.mean()
    return wide.sort_values("average", ascending=False).reset_index()


def _conditions(
    report: Report,
    tasks: Mapping[str, Task],
    windows: Mapping[str, Windows],
    settings: Preset,
    lens: ImageReadout,
    table: pd.DataFrame,
    minutes: float,
) -> None:
    report.heading("How it was measured")
    report.text(_BUDGET).text(_SPLIT)
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
    report.table(table.drop_duplicates("method")[["method", "family", "parameters"]])
    facts: dict[str, Any] = asdict(settings) | {"seeds": f"0 to {settings.seeds - 1}"}
    facts |= {f"lens, {key}": value for key, value in asdict(lens).items()}
    for name in settings.shots:
        how = PROTOCOLS[name]
        recipe = asdict(how) if isinstance(how, FineTuneConfig) else {"probe": how}
        facts |= {f"{name}, {key}": value for key, value in recipe.items()}
    report.items([f"{key}: {value}" for key, value in facts.items()])
    report.heading("Machine")
    report.items([f"{key}: {value}" for key, value in machine().items()])
    report.text(
        f"{minutes:.1f} minutes, with what was on disk before; "
        f"{table.seconds.sum() / 60:.1f} minutes of fitting and predicting in all."
    )


def _files(
    folder: Path, table: pd.DataFrame, found: Mapping[str, Mapping[str, pd.DataFrame]]
) -> None:
    """The numbers behind the report, as CSV."""
    differences = [
        frame.assign(protocol=protocol, minus=name)
        for protocol, parts in found.items()
        for name, frame in parts.items()
    ]
    tables = {
        "scores": table.drop(columns=["classes", "groups", "confusion"]),
        "summary": summarize_table(table),
        "differences": pd.concat(differences, ignore_index=True),
    }
    text = {folder / f"{name}.csv": table.to_csv(index=False) for name, table in tables.items()}
    atomic_write({path: content.encode() for path, content in text.items()})

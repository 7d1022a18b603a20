"""``img2imu few-label`` and ``img2imu reproduce``: what few labels are worth, on a task or all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

    from ..signals.windows import Windows

__all__ = ["few_label", "reproduce", "scores_text"]


def few_label(
    task: Annotated[
        str | None, typer.Argument(help="activity, swimming, gestures or driving.")
    ] = None,
    recordings: Annotated[
        Path | None, typer.Option(help="Instead of a task: your own files, or a folder of them.")
    ] = None,
    label_column: Annotated[str | None, typer.Option(help="Column of the classes.")] = None,
    subject_column: Annotated[str | None, typer.Option(help="Column of who it was.")] = None,
    seconds: Annotated[float, typer.Option(help="Length of a window of your recordings.")] = 4.0,
    overlap: Annotated[float, typer.Option(help="Share seen again by the next window.")] = 0.5,
    rate: Annotated[float | None, typer.Option(help="Hz that all your files are put on.")] = None,
    backbone: Annotated[str, typer.Option(help="Name of a timm model.")] = "mobilenetv2_100",
    weights: Annotated[
        str | None, typer.Option(help="File or folder of safetensors, or 'timm' to download.")
    ] = None,
    shots: Annotated[str, typer.Option(help="Labelled windows a class: 10 or 1,5,10.")] = "10",
    seeds: Annotated[int, typer.Option(help="Draws of subjects and shots.")] = 5,
    params: Annotated[str, typer.Option(help="Preset of spectrogram parameters.")] = "default",
    layer: Annotated[int, typer.Option(help="Layer of the backbone that is read; -1: last.")] = 1,
    pool: Annotated[str, typer.Option(help="gap, time or grid.")] = "grid",
    size: Annotated[int, typer.Option(help="Side of the image in pixels.")] = 96,
    sensor: Annotated[str, typer.Option(help="What all methods see: acc or gyro.")] = "acc",
    data: Annotated[Path | None, typer.Option(help="Folder of the task's data set.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write one row a draw here.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the scores here (PNG).")] = None,
) -> None:
    """Macro-F1 from few labels: these weights, random weights, hand-crafted statistics.

    Training and test never share a subject (driving, and files that name nobody: a recording).
    The interval is the 95 % t-interval of the mean over draws.

    Example: `img2imu few-label swimming --weights mobilenetv2_100.safetensors --shots 10`

    Example: `img2imu few-label --recordings walks/ --label-column activity --shots 5`
    """
    if (task is None) == (recordings is None):
        raise ParameterError("what is scored?", remedy="Give either a TASK or --recordings.")
    from ..datasets.tasks import find_task, load_task
    from ..evaluate.scores import score_task
    from ..evaluate.stats import summarize

    if recordings:
        labelled, by = _own(recordings, label_column, subject_column, seconds, overlap, rate)
    else:
        labelled, by = load_task(task, data), find_task(task).by
    table = score_task(
        labelled,
        backbone,
        weights,
        by=by,
        shots=_numbers(shots),
        seeds=seeds,
        sensor=sensor,
        params=params,
        size=(size, size),
        layer=layer,
        pool=pool,
        progress=True,
    )
    typer.echo(scores_text(summarize(table)))
    if csv:
        table.to_csv(csv, index=False)
    if figure:
        from ..plots.scores import plot_scores
        from ..plots.style import save_figure

        save_figure(plot_scores(table), figure)


def reproduce(
    preset: Annotated[
        str, typer.Option(help="small (minutes on two cores), curves or full.")
    ] = "small",
    folder: Annotated[Path, typer.Option(help="For the report, tables, figures.")] = Path(
        "results"
    ),
    data: Annotated[Path | None, typer.Option(help="Folder that holds the data sets.")] = None,
    imagenet: Annotated[str | None, typer.Option(help="Weights supervised on ImageNet.")] = None,
    vision: Annotated[
        str | None, typer.Option(help="Weights contrastive with the vision set.")
    ] = None,
    sensor_aware: Annotated[
        str | None, typer.Option(help="Weights contrastive with the sensor-aware set: IMG2IMU.")
    ] = None,
    backbone: Annotated[
        str | None, typer.Option(help="Architecture of weights without a card.")
    ] = None,
    tasks: Annotated[str | None, typer.Option(help="Comma separated; default: all four.")] = None,
    baselines: Annotated[
        Path | None, typer.Option(help="Folder of pre-trained sensor baselines.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; default: the cores.")] = None,
    device: Annotated[str | None, typer.Option(help="Where networks are fine-tuned.")] = None,
) -> None:
    """The table of the evaluation, with its report: four tasks, every method, the same draws.

    Stopped or killed, the same command continues where it was. Settings that are not given have
    the defaults of `img2imu_kit.reproduce.run_preset`.

    Example: `img2imu reproduce --preset small --folder results`
    """
    settings = {name: value for name, value in locals().items() if value is not None}
    from ..reproduce.run import run_preset

    if tasks:
        settings["tasks"] = [name.strip() for name in tasks.split(",")]
    typer.echo(f"Report: {run_preset(**settings)}")


def scores_text(scores: pd.DataFrame) -> str:
    """A table of scores for the terminal."""
    return scores.round(3).to_string(index=False)


def _own(
    path: Path,
    label: str | None,
    subject: str | None,
    seconds: float,
    overlap: float,
    rate: float | None,
) -> tuple[Windows, str]:
    """A user's labelled windows, and what training and test must not share."""
    from ..readers.files import read
    from ..signals.windows import sliding_windows

    given = {"label": label, "subject": subject, "rate": rate}
    given = {name: value for name, value in given.items() if value}
    recordings = [r.to_unit("m/s2", "rad/s") for r in read(path, gap="split", **given)]
    cut = sliding_windows(recordings, seconds, overlap=overlap)
    if not cut.classes:
        raise ParameterError("no window has a label", where=str(path), remedy="Try --label-column.")
    return cut, "subject" if len(set(cut.subject)) > 1 else "recording"


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ParameterError(f"--shots is {text!r}", remedy="Give whole numbers: 1,5,10.") from None

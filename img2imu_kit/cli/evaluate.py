"""``img2imu few-label`` and ``img2imu reproduce``: what few labels are worth, on a task or all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .._files import write_csv
from ..errors import ParameterError
from .options import (
    IMG2IMU,
    BackboneFlag,
    WeightsFlag,
    check_output,
    reader_flags,
    takes,
    watched,
    window_flags,
)
from .recordings import check_paths, windows_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["few_label", "reproduce", "scores_text"]


@takes(reading=reader_flags(), cutting=window_flags(seconds=4.0, overlap=0.5))
def few_label(
    reading: dict,
    cutting: dict,
    task: Annotated[
        str | None, typer.Argument(help="activity, swimming, gestures or driving.")
    ] = None,
    recordings: Annotated[
        list[Path] | None,
        typer.Option(help="Instead of a task: your own file, or folder; give it for each."),
    ] = None,
    weights: WeightsFlag = IMG2IMU,
    backbone: BackboneFlag = None,
    shots: Annotated[str, typer.Option(help="Labelled windows a class: 10 or 1,5,10.")] = "10",
    seeds: Annotated[int, typer.Option(min=1, help="Draws of subjects and shots.")] = 5,
    test: Annotated[
        float, typer.Option(min=0.01, max=0.99, help="Share of people that are tested.")
    ] = 0.3,
    sensor: Annotated[str, typer.Option(help="What all methods see: acc or gyro.")] = "acc",
    data: Annotated[Path | None, typer.Option(help="Folder of the task's data set.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write one row a draw here.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the scores here (PNG).")] = None,
) -> None:
    """Macro-F1 from few labels: IMG2IMU, random weights, and statistics with a forest.

    Training and test never share a subject (driving, and files that name nobody: a recording).
    The interval is the 95 % t-interval of the mean over draws.

    Example: `img2imu few-label swimming --shots 1,5,10`

    Example: `img2imu few-label --recordings walks/ --label activity --subject person --shots 5`
    """
    if (task is None) == (not recordings):
        raise ParameterError("what is scored?", remedy="Give either a TASK or --recordings.")
    counts = _numbers(shots)
    check_output(csv, ".csv")
    check_output(figure, ".png", ".svg", ".pdf")
    check_paths(recordings or [])
    from ..datasets.tasks import find_task, load_task
    from ..evaluate.scores import score_task
    from ..evaluate.stats import summarize
    from ..models.backbone import load_backbone

    by = find_task(task).by if task else "subject"
    network = load_backbone(backbone, weights)
    if task:
        labelled = load_task(task, data)
    else:
        labelled = windows_of(recordings, reading, cutting, sensor, progress=watched())
        if not labelled.classes:
            where = ", ".join(map(str, recordings))
            remedy = "Say where labels are: labels=, or label=<column>."
            raise ParameterError("no window has a label", where=where, remedy=remedy)
        labelled = labelled[labelled.label != ""]
        by = "subject" if len(set(labelled.subject)) > 1 else "recording"
    table = score_task(
        labelled,
        {"IMG2IMU" if weights == IMG2IMU else weights: network},
        by=by,
        shots=counts,
        seeds=seeds,
        test=test,
        sensor=sensor,
        progress=watched(),
    )
    typer.echo(scores_text(summarize(table)))
    if csv:
        write_csv(csv, table)
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


def _numbers(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
        if min(counts) > 0:
            return counts
    except ValueError:
        pass
    raise ParameterError(f"--shots is {text!r}", remedy="Give whole numbers: 1,5,10.")

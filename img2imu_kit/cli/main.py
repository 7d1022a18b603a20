"""The library from a shell: ``img2imu convert``, ``datasets``, ``few-label``, ``pretrain``, ..."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ..errors import Img2ImuError
from .evaluate import few_label, reproduce, scores_text
from .pretrain import pretrain

__all__ = ["app", "main"]

app = typer.Typer(
    name="img2imu",
    help="IMU windows as RGB spectrogram images, read by vision networks.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


app.command()(pretrain)
app.command("few-label")(few_label)
app.command()(reproduce)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: a typed error, or a full disk, becomes one line on stderr and exit code 1.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)

    def say(text: str, colour: str) -> None:
        typer.secho(_in_shell_words(text, arguments), err=True, fg=colour)

    # A warning is written for a reader of Python; in a shell it is one line, without the code
    # that raised it.
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = lambda message, *rest: say(f"note: {message}", "yellow")
        try:
            app(arguments)
        except (Img2ImuError, OSError) as error:
            say(f"error: {error}", "red")
            sys.exit(1)


@app.command()
def quickstart(
    folder: Annotated[Path, typer.Option(help="Where the figure and the table go.")] = Path(
        "results"
    ),
    seed: Annotated[int, typer.Option(help="Seed of the random network.")] = 0,
) -> None:
    """The whole story on real motion: pictures, backbone, few-label score, t-SNE.

    Example: `img2imu quickstart --folder results`
    """
    typer.echo("Shoulder exercises -> two pictures -> vision backbone -> few-label score")
    from .quickstart import quickstart as run

    story = run(folder, seed=seed)
    typer.echo(f"\n{scores_text(story.scores)}\n\nFigure: {story.figure}\nTable:  {story.csv}")
    typer.echo("Open the notebooks: make lab   (or: jupyter lab notebooks/00_quickstart.ipynb)")


@app.command()
def convert(
    paths: Annotated[list[Path], typer.Argument(help="Recordings, or folders of them.")],
    out: Annotated[Path, typer.Option(help="Folder for the pictures and images.npz.")] = Path(
        "pictures"
    ),
    seconds: Annotated[float, typer.Option(help="Length of a window.")] = 5.0,
    overlap: Annotated[float, typer.Option(help="Share of a window seen again by the next.")] = 0.0,
    params: Annotated[str, typer.Option(help="Preset of spectrogram parameters.")] = "default",
    rate: Annotated[float | None, typer.Option(help="Hz, for files without time stamps.")] = None,
    time: Annotated[str | None, typer.Option(help="Name or position of the time column.")] = None,
    time_unit: Annotated[str | None, typer.Option(help="s, ms, us or ns.")] = None,
    label: Annotated[str | None, typer.Option(help="Name or position of the label column.")] = None,
    columns: Annotated[
        str | None, typer.Option(help="Signal columns, comma separated, in the order x,y,z.")
    ] = None,
    gap: Annotated[
        str, typer.Option(help="A silence in the time stamps: raise, split or interpolate.")
    ] = "split",
    unit: Annotated[str | None, typer.Option(help="m/s2, g, rad/s or deg/s.")] = None,
    limits: Annotated[
        str | None, typer.Option(help="per-axis or per-window, where the unit is unknown.")
    ] = None,
    png: Annotated[bool, typer.Option(help="One picture with axes for each window.")] = True,
) -> None:
    """Turn recordings into spectrogram pictures (PNG with axes) and one `images.npz` batch.

    A file that cannot be read is reported by name at the end, the others are converted, and the
    exit code is 1.

    Example: `img2imu convert walk.csv runs/ --seconds 4 --out pictures`
    """
    from ..pictures.params import resolve
    from .convert import files_to_pictures

    reading = {
        "rate": rate,
        "time": _column(time),
        "time_unit": time_unit,
        "label": _column(label),
        "columns": columns and [_column(name) for name in columns.split(",")],
        "gap": gap,
        "unit": unit,
    }
    settings = resolve(params, range=limits) if limits else params
    report = files_to_pictures(
        paths, out, seconds=seconds, overlap=overlap, params=settings, png=png, reading=reading
    )
    if report.archive:
        typer.echo(f"{report.windows} windows of {report.files} file(s) -> {report.archive}")
    for path, problem in report.failed.items():
        text = _in_shell_words(str(problem), ["convert"]).removeprefix(f"{path}: ")
        typer.secho(f"not converted: {path}: {text}", err=True, fg="red")
    if report.failed:
        raise typer.Exit(1)


@app.command()
def datasets(
    fetch: Annotated[str | None, typer.Option(help="Download this data set to the cache.")] = None,
) -> None:
    """List the public data sets, or fetch one.

    Example: `img2imu datasets --fetch swimming`
    """
    from ..datasets.catalogue import fetch_dataset, list_datasets

    if fetch:
        typer.echo(f"{fetch} is in {fetch_dataset(fetch)}")
    else:
        typer.echo(list_datasets().to_string())


def _in_shell_words(text: str, arguments: Sequence[str]) -> str:
    """Advice for Python, ``rate=<Hz>``, as the option of the command, ``--rate <Hz>``."""
    command = typer.main.get_command(app).commands.get(arguments[0] if arguments else "")
    params = command.params if command else []
    options = {param.name: max(param.opts, key=len) for param in params}

    def in_shell(match: re.Match) -> str:
        name, value = match.groups()
        option = options.get(name) or options.get(f"{name}_column")
        return match[0] if option is None else f"{option} " if value else option

    # rate=<Hz>, rate=3 or rate=[...]: a keyword argument, whether or not its value follows
    return re.sub(r"\b([a-z_]+)=(?:\[\.\.\.\])?(?=([<\"\w])?)", in_shell, text)


def _column(name: str | None) -> str | int | None:
    """A column by position where the user typed a number, else by name."""
    return int(name) if name is not None and name.isdigit() else name

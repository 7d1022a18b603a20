"""The library from a shell: ``img2imu convert``, ``datasets``, ``few-label``, ``pretrain``, ..."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from ..errors import Img2ImuError, Img2ImuWarning
from .evaluate import few_label, reproduce, scores_text
from .explore import open_explorer
from .map import show_map
from .options import in_shell_words, picture_flags, reader_flags, takes, watched, window_flags
from .pretrain import pretrain
from .recordings import check_paths

__all__ = ["app", "main", "options_of"]

app = typer.Typer(
    name="img2imu",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


app.command()(pretrain)
app.command("few-label")(few_label)
app.command()(reproduce)
app.command("map")(show_map)
app.command("explore")(open_explorer)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"img2imu_kit {version('img2imu-kit')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop where a note would doubt: nothing is guessed.")
    ] = False,
) -> None:
    """IMU windows as RGB spectrogram images, read by vision networks."""
    if strict:  # `main` puts the filters back
        warnings.simplefilter("error", Img2ImuWarning)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: a typed error, or a full disk, becomes one line on stderr and exit code 1.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.

    Examples
    --------
    >>> main(["--version"])  # doctest: +SKIP
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)

    options = options_of(next((each for each in arguments if each[:1] != "-"), ""))

    def say(text: str, colour: str) -> None:
        typer.secho(in_shell_words(text, options), err=True, fg=colour)

    # A warning is written for a reader of Python; in a shell it is one line, without the code
    # that raised it.
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = lambda message, *rest: say(f"note: {message}", "yellow")
        try:
            app(arguments)
        except (Img2ImuError, Img2ImuWarning, OSError) as error:
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

    story = run(folder, seed=seed, progress=watched())
    typer.echo(f"\n{scores_text(story.scores)}\n\nFigure: {story.figure}\nTable:  {story.csv}")
    typer.echo("Open the notebooks: make lab   (or: jupyter lab notebooks/00_quickstart.ipynb)")


@app.command()
@takes(
    reading=reader_flags(),
    cutting=window_flags(leave=("unlabelled",), seconds=5.0, purity=0.0),
    picture=picture_flags(),
)
def convert(
    paths: Annotated[list[Path], typer.Argument(help="Recordings, or folders of them.")],
    reading: dict,
    cutting: dict,
    picture: dict,
    out: Annotated[Path, typer.Option(help="Folder for the pictures and images.npz.")] = Path(
        "pictures"
    ),
    params: Annotated[str, typer.Option(help="Preset of spectrogram parameters.")] = "default",
    png: Annotated[bool, typer.Option(help="One picture with axes for each window.")] = True,
    shards: Annotated[
        bool, typer.Option(help="Bare pictures of a folder, a tar for each.")
    ] = False,
    workers: Annotated[int | None, typer.Option(help="Processes for --shards.", min=1)] = None,
) -> None:
    """Turn recordings into spectrogram pictures (PNG with axes) and one `images.npz` batch.

    A file that cannot be read is reported by name at the end, the others are converted, and the
    exit code is 1. With `--shards`, for hours of motion and more, a folder becomes tar files in
    WebDataset's layout and `manifest.csv`; the same command goes on where a run was killed.

    Example: `img2imu convert walk.csv walks/ --seconds 4 --out pictures`
    """
    check_paths(paths)
    from ..pictures.params import resolve
    from .convert import files_to_pictures, files_to_shards

    settings = resolve(params, **picture)
    asked = {"params": settings, "reading": reading, "cutting": cutting, "progress": watched()}
    if shards:
        report = files_to_shards(paths, out, workers=workers, **asked)
    else:
        report = files_to_pictures(paths, out, png=png, **asked)
    if report.archive:
        count = f"{report.windows} windows of {report.recordings} recording(s)"
        typer.echo(f"{count} -> {report.archive}")
    for path, problem in report.failed.items():
        text = in_shell_words(str(problem), options_of("convert")).removeprefix(f"{path}: ")
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


def options_of(name: str) -> dict[str, list[str]]:
    """Name of a parameter of a command -> its flag, and of a switch that which turns it off."""
    command = typer.main.get_command(app).commands.get(name)
    return {
        param.name: [max(param.opts, key=len), *param.secondary_opts]
        for param in (command.params if command else ())
        if param.opts[0].startswith("-")
    }

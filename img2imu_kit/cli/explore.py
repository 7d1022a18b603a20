"""``img2imu explore``: JupyterLab on a notebook with the explorer that suits the recordings."""

from __future__ import annotations

import html
import json
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

import typer

from .._files import atomic_write
from ..errors import ParameterError
from ..signals.windows import sliding_windows
from .options import IMG2IMU, check_output, reader_flags, takes, watched, window_flags
from .recordings import check_paths, read_recordings, select_sensor

__all__ = ["explorer_cells", "lab_command", "open_explorer"]

Kind = Literal["auto", "spectrogram", "augmentation", "embedding", "gradcam", "voters"]

_NETWORK = f'network = ik.load_backbone(weights="{IMG2IMU}")'
#: Explorer -> what stands above it in its notebook, and the cell that shows it.
_CELLS = {
    "spectrogram": (
        "What every setting of a spectrogram does to a recording of yours. Click on the recording "
        "to move the window.",
        "ik.explore.SpectrogramExplorer(recordings)",
    ),
    "augmentation": (
        "An augmentation on a photo, on a picture of your motion, and its twin on the sensor.",
        "ik.explore.AugmentationExplorer(recordings)",
    ),
    "embedding": (
        "What a network that has only seen photographs makes of your windows: near ones are alike "
        "to it. Hover, click, or draw around points with the lasso.",
        f"{_NETWORK}\nik.explore.EmbeddingExplorer(windows, network=network)",
    ),
    "gradcam": (
        "Which seconds and frequencies of a window speak for its class.",
        f"""{_NETWORK}
ik.explore.GradCamExplorer(network, windows, layer=3, params="motion")""",
    ),
    "voters": (
        "Which layer of which picture tells your motions apart, alone and to all the others. Click "
        "on a cell to see its map.",
        f"{_NETWORK}\nik.explore.VoterExplorer(windows, network=network)",
    ),
}


@takes(reading=reader_flags(), cutting=window_flags(leave=("unlabelled",), seconds=4.0, purity=0.0))
def open_explorer(
    reading: dict,
    cutting: dict,
    path: Annotated[
        Path | None, typer.Argument(help="A recording, or a folder of them; none: a data set.")
    ] = None,
    explorer: Annotated[
        Kind,
        typer.Option(help="auto: embedding for recordings of several classes, else spectrogram."),
    ] = "auto",
    sensor: Annotated[str, typer.Option(help="What a network sees: acc or gyro.")] = "acc",
    notebook: Annotated[
        Path | None, typer.Option(help="Where the notebook goes; default: the current folder.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open it in the browser.")] = True,
    allow_root: Annotated[bool, typer.Option("--allow-root", help="Run as root, too.")] = False,
    only_print: Annotated[
        bool, typer.Option("--print", help="Write the notebook and print the command alone.")
    ] = False,
) -> None:
    """Open JupyterLab on a notebook with an explorer of your recordings.

    The notebook is yours: it holds the few lines that read the recordings and show the explorer.
    The server listens on this machine alone and asks for its token.

    Example: `img2imu explore walk.csv`

    Example: `img2imu explore walks/ --label activity --explorer gradcam`
    """
    check_paths([path] if path else [])
    check_output(notebook, ".ipynb")
    cells = explorer_cells(path, reading, cutting, explorer, sensor)
    place = _write(cells, notebook, f"explore-{path.resolve().stem}" if path else "explore")
    command = lab_command(place, browser=browser, allow_root=allow_root)
    typer.echo(f"Notebook: {place}\nCommand:  {shlex.join(command)}")
    if only_print:
        return
    server = subprocess.Popen(command)
    while server.poll() is None:
        try:
            server.wait()
        except KeyboardInterrupt:  # the server got it too, and asks whether it is meant
            continue
    if server.returncode:
        raise typer.Exit(server.returncode)


def explorer_cells(
    path: Path | None,
    reading: dict[str, Any],
    cutting: Mapping[str, Any],
    explorer: Kind = "auto",
    sensor: str = "acc",
) -> list[tuple[str, str]]:
    """Cells of a notebook, each its kind and its source, that shows an explorer of recordings.

    The recordings are read here too, so that what is wrong with them is said before a browser
    opens.

    Raises
    ------
    Img2ImuError
        Recordings that cannot be read or cut into windows; no labels where they are needed.

    Examples
    --------
    >>> for _, source in explorer_cells(None, {}, {"seconds": 4.0})[1:]:
    ...     print(source)
    import img2imu_kit as ik
    <BLANKLINE>
    recordings = ik.load_dataset("shoulder_exercises")
    ik.explore.SpectrogramExplorer(recordings)
    """
    if path is None:
        from ..explore.sources import find_source  # with PyTorch, for which `--help` need not wait

        usual = find_source()
        code, recordings = usual.code, usual.recordings
    else:
        labels = reading.get("labels")
        if isinstance(labels, str) and Path(labels).is_file():  # wherever the notebook is
            reading = reading | {"labels": str(Path(labels).resolve())}
        code = f"ik.read({_arguments(str(path.resolve()), **reading)})"
        recordings = read_recordings([path], reading, progress=watched())
    classes = {name for recording in recordings for name in recording.classes}
    if explorer == "auto":
        several = path is not None and len({recording.name for recording in recordings}) > 1
        explorer = "embedding" if several and len(classes) > 1 else "spectrogram"
    if explorer in ("gradcam", "voters") and len(classes) < 2:
        raise ParameterError(
            f"{len(classes)} class(es), and the {explorer} explorer asks what speaks for one of "
            "several",
            where=str(path),
            remedy="Say where labels are: labels=, or label=<column>.",
        )
    text, show = _CELLS[explorer]
    lines = ["import img2imu_kit as ik", "", f"recordings = {code}"]
    if "windows" in show:
        settings = {**cutting, "unlabelled": explorer == "embedding"}
        sliding_windows(select_sensor(recordings, sensor), **settings)
        si = 'to_unit("m/s2", "rad/s", unknown="keep")'
        lines += [f"chosen = [each.{si}.select({_code(sensor)}) for each in recordings]"]
        lines += [f"windows = ik.sliding_windows(chosen, {_arguments(**settings)})"]
    # a file may have any name, and text in a notebook is markup
    title = f"# {html.escape(path.name) if path else 'Exercises of the shoulder'}"
    return [("markdown", f"{title}\n\n{text}"), ("code", "\n".join(lines)), ("code", show)]


def lab_command(notebook: Path, *, browser: bool = True, allow_root: bool = False) -> list[str]:
    """The command that opens a notebook in JupyterLab, on this machine alone."""
    # The token is JupyterLab's own: given here, everyone on the machine could read it.
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.root_dir={notebook.parent}"]
    command += [f"--LabApp.default_url=/lab/tree/{quote(notebook.name)}"]
    return command + ["--no-browser"] * (not browser) + ["--allow-root"] * allow_root


def _write(cells: list[tuple[str, str]], wanted: Path | None, stem: str) -> Path:
    """Write a notebook where no other is; one with the same cells is kept as it is."""
    import nbformat  # takes seconds, and only this command needs it

    sources = [source for _, source in cells]
    place, number = wanted or Path(f"{stem}.ipynb"), 1
    while place.exists():
        if _sources(place) == sources:
            return place.resolve()
        if wanted:
            remedy = "Give another notebook=."
            raise ParameterError("another notebook is there", where=str(place), remedy=remedy)
        number += 1
        place = Path(f"{stem}-{number}.ipynb")
    make = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    notebook = nbformat.v4.new_notebook(
        # with ids of their own the same cells are the same file
        cells=[make[kind](source, id=f"cell-{i}") for i, (kind, source) in enumerate(cells)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    atomic_write({place: nbformat.writes(notebook).encode()})
    return place.resolve()


def _sources(place: Path) -> list[str] | None:
    import nbformat

    try:
        return [cell.source for cell in nbformat.read(place, as_version=4).cells]
    except Exception:  # not a notebook, in any of many ways
        return None


def _arguments(*values: Any, **named: Any) -> str:
    """Arguments of a call as Python code."""
    pairs = [f"{name}={_code(value)}" for name, value in named.items()]
    return ", ".join([*map(_code, values), *pairs])


def _code(value: Any) -> str:
    if isinstance(value, str):
        if value.isprintable():
            return json.dumps(value, ensure_ascii=False)  # as Python reads it, in double quotes
        return repr(value)  # a name of bytes that are no letters
    return f"[{_arguments(*value)}]" if isinstance(value, list | tuple) else repr(value)

"""A report of words, tables and figures, written as Markdown and as HTML."""

from __future__ import annotations

import html
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .._files import atomic_write
from ..plots.style import alt_text, save_figure

__all__ = ["Report", "machine"]

_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;font-size:.9rem;display:block;overflow-x:auto}
th,td{padding:.2rem .6rem;border-bottom:1px solid #ccc;text-align:right}
th:first-child,td:first-child{text-align:left}img{max-width:100%}
figcaption{color:#444;font-size:.9rem}"""


@dataclass
class Report:
    """Grows block by block, and can be written at any time.

    Parameters
    ----------
    title : str
    folder : Path
        Takes ``report.md``, ``report.html`` and ``figures/``.

    Examples
    --------
    >>> report = Report("Scores", Path("."))
    >>> report.text("Two rows.").table(pd.DataFrame({"a": [1, 0.25]}))
    >>> print(report.markdown())
    # Scores
    <BLANKLINE>
    Two rows.
    <BLANKLINE>
    | a |
    |---|
    | 1.000 |
    | 0.250 |
    <BLANKLINE>
    """

    title: str
    folder: Path
    blocks: list[tuple] = field(default_factory=list)

    def heading(self, text: str) -> Report:
        """A heading of the second level."""
        self.blocks.append(("heading", text))
        return self

    def text(self, text: str) -> Report:
        """A paragraph."""
        self.blocks.append(("text", text))
        return self

    def items(self, lines: Sequence[str]) -> Report:
        """A list."""
        self.blocks.append(("items", list(lines)))
        return self

    def table(self, frame: pd.DataFrame, digits: int = 3) -> None:
        """A table; numbers that are no integers get `digits` decimals."""
        cells = frame.map(lambda value: _cell(value, digits)).to_numpy().tolist()
        self.blocks.append(("table", [str(name) for name in frame.columns], cells))

    def figure(self, target: Axes | Figure, name: str, caption: str) -> None:
        """A figure, saved as ``figures/NAME.png`` with its alt text, then closed."""
        import matplotlib.pyplot as plt

        figure = target if isinstance(target, Figure) else target.figure
        save_figure(figure, self.folder / "figures" / f"{name}.png")
        self.blocks.append(("figure", f"figures/{name}.png", alt_text(figure), caption))
        plt.close(figure)

    def markdown(self) -> str:
        """All of it as Markdown."""
        return _render(_MARKDOWN, f"# {self.title}", self.blocks)

    def html(self) -> str:
        """All of it as one HTML page, beside its figures."""
        title = html.escape(self.title)
        head = (
            f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n'
            f"<style>{_STYLE}</style>\n<h1>{title}</h1>"
        )
        return _render(_HTML, head, self.blocks) + "</html>\n"

    def write(self) -> Path:
        """Write both; the path of the Markdown."""
        path = self.folder / "report.md"
        page = path.with_suffix(".html")
        atomic_write({page: self.html().encode(), path: self.markdown().encode()})
        return path


def machine() -> dict[str, str]:
    """What a run was made with: versions of libraries, processor, operating system."""
    import torch

    names = ("img2imu-kit", "numpy", "scipy", "scikit-learn", "torch", "timm")
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "GPU": gpu,
        "system": f"{platform.system()} {platform.release()}",
        "Python": sys.version.split()[0],
    } | {name: version(name) for name in names}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _cell(value: object, digits: int) -> str:
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def _render(ways: dict[str, Callable], head: str, blocks: list[tuple]) -> str:
    return "\n\n".join([head, *(ways[kind](*rest) for kind, *rest in blocks)]) + "\n"


def _markdown_table(columns: list[str], cells: list[list[str]]) -> str:
    rows = [columns, ["---"] * len(columns), *cells]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    lines[1] = "|" + "---|" * len(columns)
    return "\n".join(lines)


def _html_table(columns: list[str], cells: list[list[str]]) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in cells
    )
    return f"<table>\n<tr>{head}</tr>\n{rows}\n</table>"


_MARKDOWN = {
    "heading": lambda text: f"## {text}",
    "text": lambda text: text,
    "items": lambda lines: "\n".join(f"- {line}" for line in lines),
    "table": _markdown_table,
    "figure": lambda path, alt, caption: f"![{alt}]({path})\n\n*{caption}*",
}

_HTML = {
    "heading": lambda text: f"<h2>{html.escape(text)}</h2>",
    "text": lambda text: f"<p>{html.escape(text)}</p>",
    "items": lambda lines: (
        "<ul>" + "".join(f"<li>{html.escape(line)}</li>" for line in lines) + "</ul>"
    ),
    "table": _html_table,
    "figure": lambda path, alt, caption: (
        f'<figure><img src="{path}" alt="{html.escape(alt)}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    ),
}

"""Run every notebook and build the gallery: static pages that need neither a server nor internet.

    python notebooks/gallery.py [--out gallery] [NOTEBOOK ...]

Where a widget cannot live, its picture stands (an explorer gives one beside its widget); equations
are pictures too. Cells tagged "tests" run and are not shown, those tagged "solution" are folded. A
notebook that fails, or shows a figure without alt text, is named with its cell; then the exit code
is 1, and the gallery that was there before stays as it was.
"""

import argparse
import html
import io
import os
import re
import sys
import tempfile
import time
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup
from jinja2 import DictLoader, Environment
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import math_to_image
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, DeadKernelError
from nbconvert import HTMLExporter
from nbconvert.preprocessors import TagRemovePreprocessor
from PIL import Image
from pygments.formatters import HtmlFormatter

HERE = Path(__file__).resolve().parent
WIDGET = "application/vnd.jupyter.widget-view+json"
MUTE = ("", "No description has been provided for this image")
#: No live widgets and no scripts: what a page shows is in the page.
SHOWN = ["text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/plain"]
TEMPLATES = {
    # a cell tagged "solution" is folded; of other cells whose source is hidden, the source alone
    "body": """
{%- extends "basic/index.html.j2" -%}
{%- block any_cell scoped -%}
{%- if "solution" in cell.metadata.get("tags", []) -%}
<details class="solution"><summary>Solution</summary>{{ super() }}</details>
{%- else -%}{{ super() }}{%- endif -%}
{%- endblock -%}
{%- block input_group -%}
{%- if cell.metadata.get("jupyter", {}).get("source_hidden")
       and "solution" not in cell.metadata.get("tags", []) -%}
<details><summary>Code</summary>{{ super() }}</details>
{%- else -%}{{ super() }}{%- endif -%}
{%- endblock -%}""",
    "frame": """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{% block title %}img2imu_kit: the notebooks{% endblock %}</title>
<link rel="stylesheet" href="gallery.css">
</head>
<body>{% block body %}{% endblock %}</body>
</html>""",
    "page": """{% extends "frame" %}
{% block title %}{{ story.title }}{% endblock %}
{% set links %}<nav aria-label="Notebooks">
{% if before %}<a rel="prev" href="{{ before.stem }}.html">← {{ before.title }}</a>
{% else %}<span></span>{% endif %}<a href="index.html">all notebooks</a>
{% if after %}<a rel="next" href="{{ after.stem }}.html">{{ after.title }} →</a>
{% else %}<span></span>{% endif %}</nav>{% endset %}
{% block body %}{{ links }}<main>{{ story.body | safe }}</main>{{ links }}{% endblock %}""",
    "index": """{% extends "frame" %}{% block body %}<main>
<h1>img2imu_kit: the notebooks</h1>
<p>Every notebook as it ran, from its first cell to its last. Controls are shown as the pictures
they had; run a notebook (<code>make lab</code>) to move them.</p>
<ol class="cards">{% for story in stories %}
<li><a href="{{ story.stem }}.html">{% if story.thumbnail %}
<img src="{{ story.stem }}.png" alt="{{ story.alt }}">{% endif %}<h2>{{ story.title }}</h2></a>
<p>{{ story.learn }}</p><p class="time">ran in {{ "%.0f" | format(story.seconds) }} s</p></li>
{% endfor %}</ol></main>{% endblock %}""",
}


class Broken(Exception):
    """A notebook that cannot be shown, and why."""


@dataclass
class Story:
    """A notebook that ran."""

    stem: str
    title: str
    learn: str
    seconds: float
    body: str
    thumbnail: bytes
    alt: str


def main(arguments: list[str] | None = None) -> int:
    """Run the notebooks, then put all pages in place at once; the exit code."""
    parser = argparse.ArgumentParser(description="Run every notebook and build the gallery.")
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all beside this script")
    parser.add_argument("--out", type=Path, default=Path("gallery"), help="folder of the pages")
    given = parser.parse_args(arguments)
    stories, failed = [], 0
    for path in given.notebooks or sorted(HERE.glob("*.ipynb")):
        try:
            stories.append(tell(path))
        except Broken as problem:
            failed += 1
            print(f"FAILED {problem}", file=sys.stderr, flush=True)
        else:
            print(f"{path.stem}: {stories[-1].seconds:.0f} s", flush=True)
    if failed:
        print(f"{failed} failed; {given.out} was not touched", file=sys.stderr)
        return 1
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=given.out.parent, prefix=".gallery-") as folder:
        new = Path(folder, "new")
        write(stories, new)
        if given.out.exists():
            given.out.rename(Path(folder, "old"))
        new.rename(given.out)
    print(f"open {given.out / 'index.html'}")
    return 0


def tell(path: Path, *, execute: bool = True) -> Story:
    """Run a notebook, unless told to take it as it is, and make the body of its page."""
    notebook = nbformat.read(path, as_version=4)
    seconds = run(notebook, path) if execute else 0.0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in map(at_rest, cell.outputs) if output]
        else:
            cell.source = re.sub(r"\$\$(.+?)\$\$|\$([^$\n]+)\$", equation, cell.source, flags=re.S)
    exporter = HTMLExporter(
        template_file="body",
        extra_loaders=[DictLoader(TEMPLATES)],
        embed_images=True,
        exclude_anchor_links=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    exporter.config.NbConvertBase.display_data_priority = SHOWN
    exporter.register_preprocessor(TagRemovePreprocessor(remove_cell_tags={"tests"}), enabled=True)
    resources = {"metadata": {"path": str(path.parent)}}
    body, _ = exporter.from_notebook_node(notebook, resources=resources)
    page = BeautifulSoup(body, "html.parser")
    for image in page.find_all("img"):
        if image.get("alt", "").strip() in MUTE:
            cell = image.find_parent(id=re.compile("^cell-id="))
            number = [f"cell-id={cell.id}" for cell in notebook.cells].index(cell["id"])
            raise Broken(f"{where(path, notebook, number)}: a figure without alt text")
    for link in page.find_all("a", href=re.compile(r"^[^/:]+\.ipynb$")):
        link["href"] = link["href"].removesuffix("ipynb") + "html"
    first = page.find("img", src=re.compile("^data:image/(png|jpeg)"))
    title, paragraph = page.find("h1"), page.find("p")
    return Story(
        path.stem,
        title.get_text() if title else path.stem,
        paragraph.get_text().removeprefix("What you will learn.").strip() if paragraph else "",
        seconds,
        str(page),
        small(first["src"]) if first else b"",
        first["alt"] if first else "",
    )


def run(notebook: nbformat.NotebookNode, path: Path) -> float:
    """Run all cells in the notebook's folder; the seconds that took."""
    running = [0]
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_start=lambda cell, cell_index: running.append(cell_index),
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],
    )
    inline = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}  # whatever is set outside
    start = time.perf_counter()
    try:
        client.execute(env=os.environ | inline)
    except (CellControlSignal, DeadKernelError, AssertionError) as problem:
        # nbclient ends with a bare AssertionError where a kernel died and left nothing to clean up
        said = str(problem) or str(problem.__context__ or "Kernel died")
        last = re.sub(r"\x1b\[[0-9;]*m", "", said).strip().splitlines()[-1]
        raise Broken(f"{where(path, notebook, running[-1])}: {last}") from None
    return time.perf_counter() - start


def where(path: Path, notebook: nbformat.NotebookNode, number: int) -> str:
    """A cell by its notebook, its place and its first line."""
    line = notebook.cells[number].source.strip().partition("\n")[0]
    return f"{path.name}, cell {number + 1} ({line[:60]})"


def at_rest(output: nbformat.NotebookNode) -> nbformat.NotebookNode | None:
    """An output without its widget: its picture, or a line; of a progress bar nothing."""
    data = output.get("data", {})
    if WIDGET in data and not {"image/png", "text/html"} & set(data):
        if "%|" in data.get("text/plain", ""):
            return None
        data["text/html"] = "<p class='widget'>Here is a control where the notebook runs.</p>"
    return output


def equation(match: re.Match) -> str:
    """An equation in LaTeX as a picture whose alt text it is, for MathJax would be a script."""
    tex = " ".join((match[1] or match[2]).split())
    drawn = re.sub(r"\\[lr](?=[Vv]ert)", r"\\", tex)  # matplotlib knows no left and right bars
    buffer = io.BytesIO()
    font = FontProperties(size=15 if match[1] else 13)  # points; the text around it has 17 px
    depth = math_to_image(f"${drawn}$", buffer, prop=font, format="svg")  # below the line of text
    source = f"data:image/svg+xml;base64,{b64encode(buffer.getvalue()).decode()}"
    look = 'class="display"' if match[1] else f'style="vertical-align: {-depth:.0f}pt"'
    return f'<img {look} alt="{html.escape(tex)}" src="{source}">'


def small(source: str) -> bytes:
    """A figure given as a data address, as a thumbnail in PNG."""
    with Image.open(io.BytesIO(b64decode(source.partition(",")[2]))) as image:
        image = image.convert("RGB")
    image.thumbnail((720, 480), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def write(stories: list[Story], folder: Path) -> None:
    """Write the index, a page for each notebook, thumbnails and the style."""
    folder.mkdir()
    pages = Environment(loader=DictLoader(TEMPLATES), autoescape=True)
    style = HtmlFormatter(style="default").get_style_defs(".highlight")
    (folder / "gallery.css").write_text((HERE / "gallery.css").read_text() + style)
    (folder / "index.html").write_text(pages.get_template("index").render(stories=stories))
    around = zip([None, *stories], stories, [*stories[1:], None], strict=False)
    for before, story, after in around:
        page = pages.get_template("page").render(story=story, before=before, after=after)
        (folder / f"{story.stem}.html").write_text(page)
        if story.thumbnail:
            (folder / f"{story.stem}.png").write_bytes(story.thumbnail)


if __name__ == "__main__":
    sys.exit(main())

"""The gallery: real notebooks run, pages that stand alone, and no half gallery when one fails."""

import contextlib
import io
import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

SCRIPT = Path(__file__).resolve().parents[2] / "notebooks" / "gallery.py"
INTRO = """# 00 · Red & square

**What you will learn.** What is red.

Next: [the second](second.ipynb)."""
PICTURE = """
import io
from IPython.display import Image, display
from PIL import Image as Pixels
def red(alt):
    buffer = io.BytesIO()
    Pixels.new("RGB", (900, 90), "red").save(buffer, "PNG")
    return Image(buffer.getvalue(), format="png", alt=alt)
red("a red square, 2 > 1")
"""
SLIDER = """
import ipywidgets
from tqdm.notebook import tqdm
for _ in tqdm(range(3)):
    pass
class Pictured(ipywidgets.VBox):  # as an explorer: its picture beside the widget
    def _repr_mimebundle_(self, **kwargs):
        bundle, about = red("the picture of a widget")._repr_mimebundle_()
        return bundle | super()._repr_mimebundle_(**kwargs), about
display(ipywidgets.IntSlider(description="lonely"), Pictured())
"""


def save(path, *cells):
    nbformat.write(new_notebook(cells=list(cells)), path)
    return path


MAIN = runpy.run_path(str(SCRIPT))["main"]


def gallery(out, *notebooks):
    with contextlib.redirect_stderr(io.StringIO()) as told:
        code = MAIN(["--out", *map(str, [out, *notebooks])])
    return SimpleNamespace(returncode=code, stderr=told.getvalue())


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    solution = new_code_cell(
        "6 * 7", metadata={"tags": ["solution"], "jupyter": {"source_hidden": True}}
    )
    hidden = new_code_cell("print('seen')", metadata={"jupyter": {"source_hidden": True}})
    check = new_code_cell("assert red", metadata={"tags": ["tests"]})
    cells = [*map(new_code_cell, (PICTURE, SLIDER)), check, solution, hidden]
    first = save(folder / "first.ipynb", new_markdown_cell(INTRO), *cells)
    Image.new("RGB", (3, 3)).save(folder / "local.png")
    aside = new_markdown_cell(
        "# Second\n\nHere.\n\n![black](local.png)\n\nWith $h < 1$:\n\n$$\nE =\n\\frac{h}{2}\n$$"
    )
    second = save(folder / "second.ipynb", aside)
    done = gallery(folder / "gallery", first, second)
    assert done.returncode == 0, done.stderr
    folder /= "gallery"
    return {
        path.stem: BeautifulSoup(path.read_text(), "html.parser") for path in folder.glob("*.html")
    } | {"folder": folder}


def test_the_index_shows_title_purpose_thumbnail_and_time(pages):
    first, second = pages["index"].select(".cards li")
    assert first.h2.text == "00 · Red & square"
    assert first.p.text == "What is red."
    assert re.fullmatch(r"ran in \d+ s", first.select_one(".time").text)
    assert first.a["href"] == "first.html"
    assert first.img["alt"] == "a red square, 2 > 1"
    with Image.open(pages["folder"] / first.img["src"]) as thumbnail:
        assert thumbnail.size == (720, 72)
        assert thumbnail.getpixel((9, 9)) == (255, 0, 0)
    assert second.p.text == "Here."


def test_pages_lead_to_each_other(pages):
    assert pages["first"].select_one("[rel=next]")["href"] == "second.html"
    assert pages["second"].select_one("[rel=prev]")["href"] == "first.html"
    assert not pages["first"].select("[rel=prev]")
    assert pages["first"].find("a", string="the second")["href"] == "second.html"
    for page in ("first", "second"):
        assert pages[page].find("a", string="all notebooks")["href"] == "index.html"


def test_every_picture_is_inside_and_described(pages):
    alts = [image["alt"] for image in pages["first"].find_all("img")]
    assert alts == ["a red square, 2 > 1", "the picture of a widget"]
    local = pages["second"].find("img", alt="black")
    for image in [*pages["first"].find_all("img"), local]:
        assert image["src"].startswith("data:image/png;base64,")


def test_equations_are_pictures_that_say_their_latex(pages):
    _, inline, display = pages["second"].find_all("img")
    assert inline["alt"] == "h < 1"
    assert display["alt"] == r"E = \frac{h}{2}"
    assert display["class"] == ["display"]
    for image in (inline, display):
        assert image["src"].startswith("data:image/svg+xml;base64,")
    assert "$" not in pages["second"].main.text


def test_nothing_is_loaded_from_elsewhere(pages):
    for name in ("index", "first", "second"):
        assert not pages[name].find_all("script")
        for tag in pages[name].find_all(["img", "link"]):
            assert not re.match("https?:", tag.get("src") or tag.get("href"))


def test_widgets_without_a_picture_say_so_and_progress_bars_are_gone(pages):
    assert len(pages["first"].select(".widget")) == 1
    assert "IntSlider(value" not in pages["first"].text
    assert "0/3" not in pages["first"].text


def test_solutions_and_hidden_sources_are_folded(pages):
    solution, hidden = pages["first"].find_all("details")
    assert solution.summary.text == "Solution"
    assert "6 * 7" in solution.text
    assert "42" in solution.text
    assert hidden.summary.text == "Code"
    assert "print" in hidden.text
    assert not hidden.select(".output")


def test_checks_are_out_of_sight(pages):
    assert "assert" not in pages["first"].text


def test_a_failure_names_the_cell_and_leaves_the_gallery_whole(tmp_path, pages):
    broken = save(tmp_path / "broken.ipynb", new_markdown_cell("# B"), new_code_cell("1 / 0\n2"))
    mute = save(tmp_path / "mute.ipynb", new_code_cell(PICTURE.replace("a red square, 2 > 1", "")))
    dying = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    dead = save(tmp_path / "dead.ipynb", new_code_cell(dying))
    before = {path: path.read_bytes() for path in pages["folder"].iterdir()}
    done = gallery(pages["folder"], broken, mute, dead)
    assert done.returncode == 1
    assert "dead.ipynb, cell 1 (import os, signal): Kernel died" in done.stderr
    assert "broken.ipynb, cell 2 (1 / 0): ZeroDivisionError: division by zero" in done.stderr
    assert "mute.ipynb, cell 1 (import io): a figure without alt text" in done.stderr
    assert {path: path.read_bytes() for path in pages["folder"].iterdir()} == before
    assert [path for path in pages["folder"].parent.iterdir() if "gallery-" in path.name] == []


def test_an_explorer_leaves_its_picture(tmp_path):
    code = "import img2imu_kit as ik\nik.explore.SpectrogramExplorer(seconds=5)"
    done = gallery(tmp_path / "out", save(tmp_path / "e.ipynb", new_code_cell(code)))
    assert done.returncode == 0, done.stderr
    page = BeautifulSoup((tmp_path / "out" / "e.html").read_text(), "html.parser")
    assert "window from 0 s of 5 s" in page.img["alt"]

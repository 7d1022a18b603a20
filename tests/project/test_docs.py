"""The pages about the project: a site without a dead link, a README of one screen."""

import ast
import importlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

TOP = Path(__file__).resolve().parents[2]
README = (TOP / "README.md").read_text()
TRACKED = subprocess.run(
    ["git", "ls-files"], cwd=TOP, capture_output=True, text=True, check=False
).stdout.splitlines()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built strictly: a link or an anchor that leads nowhere would be an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return {
        str(path.relative_to(folder)): BeautifulSoup(path.read_text(), "html.parser")
        for path in folder.rglob("*.html")
        if path.name != "404.html"
    }


def test_the_site_has_every_public_name(site):
    for name, page in {"img2imu_kit": "to_image", "augment": "Hue", "errors": "SplitError"}.items():
        heads = [head.get_text() for head in site[f"reference/{name}.html"].find_all("h2")]
        assert any(f"{page}" in head for head in heads)


def test_the_site_has_every_notebook_and_every_command(site):
    for path in (TOP / "notebooks").glob("*.ipynb"):
        assert site[f"notebooks/{path.stem}.html"].h1
        assert site["tutorial.html"].find("a", href=f"notebooks/{path.stem}.html")
    commands = [head.get_text() for head in site["cli.html"].find_all("h2")]
    assert any("img2imu few-label" in head for head in commands)


def test_the_site_loads_nothing_from_elsewhere(site):
    outside = {
        (page, tag.get("src") or tag["href"])
        for page, soup in site.items()
        for tag in soup.find_all(["script", "img", "link", "iframe", "source"])
        if re.match(r"(https?:)?//", tag.get("src") or tag.get("href") or "")
        and "canonical" not in (tag.get("rel") or ())
    }
    assert outside == set()


def test_every_picture_of_the_site_is_described(site):
    bare = [
        (page, image.get("src", "")[:60])
        for page, soup in site.items()
        for image in soup.find_all("img")
        if image.get("alt") is None
    ]
    assert bare == []


def test_the_readme_is_one_screen_of_reading():
    assert len(README.splitlines()) <= 80
    prose = re.sub(r"```.*?```|^\|.*?$|\]\([^)]*\)|!\[.*?\]", " ", README, flags=re.S | re.M)
    assert len(re.findall(r"\w[\w'-]*", prose)) <= 450, "two minutes or so"


def test_the_readme_names_the_commands_of_ci():
    ci = (TOP / ".ci" / "run").read_text()
    for command in ("make quickstart", "make test"):
        assert re.search(f"^{command}$", ci, re.M)
        assert re.search(f"^{command} ", README, re.M)


def test_the_readme_repeats_the_results():
    results = (TOP / "docs" / "results.md").read_text()
    cells = [re.findall(r"\.\d{3}(?: ± \.\d{3})?", line) for line in results.splitlines()]
    rows = [re.findall(r"\.\d{3}(?: ± \.\d{3})?", line) for line in README.splitlines()]
    rows = [row for row in rows if len(row) > 1]
    assert len(rows) == 8
    assert [row for row in rows if row not in cells] == []


def test_links_of_texts_lead_to_files():
    missing = []
    for path in [*TOP.glob("*.md"), *(TOP / "docs").glob("*.md")]:
        text = re.sub(r"```.*?```|`[^`]*`", "", path.read_text(), flags=re.S)
        for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", text):
            made = re.match(r"notebooks/\w+\.md|reference/\w+\.md|contributing\.md", target)
            if "://" not in target and not made and not (path.parent / target).exists():
                missing.append(f"{path.name}: {target}")
    assert missing == []


#: Owners of repositories that are cited: known to exist. Ours is not set yet (CONTRIBUTING.md).
_OURS = re.compile(r"(github|gitlab|codeberg)\.(com|org)/[\w-]+/img2imu[_-]kit", re.I)
_PLACEHOLDERS = re.compile(
    r"YOUR[-_](NAME|ORG|REPO|USER)|\bTODO\b|\bFIXME\b|\bXXX\b|//(www\.)?example\.(com|org)|"
    r"(colab\.research|mybinder|img\.shields|readthedocs)[\w.]*/"
)


def test_no_address_is_a_placeholder():
    """Until a person sets the project's address (CONTRIBUTING says where), there is none."""
    urls = tomllib.loads((TOP / "pyproject.toml").read_text())["project"].get("urls", {})
    kinds = {".py", ".md", ".ipynb", ".toml", ".cff", ".yml", ".yaml", ".txt", ".css", ".js"}
    found = []
    for name in TRACKED or pytest.fail("git lists no file"):
        path = TOP / name
        if path.suffix not in kinds or not path.exists() or path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8")
        ours = [] if urls else _OURS.findall(text)
        found += [f"{name}: {match}" for match in [*_PLACEHOLDERS.findall(text), *ours]]
    assert found == []


# --- Reference -----------------------------------------------------------------------------------


def public() -> dict[str, object]:
    """Every name of every stub, as it is imported."""
    package, names = TOP / "img2imu_kit", {}
    for stub in package.rglob("*.pyi"):
        room = ".".join(stub.parent.relative_to(TOP).parts)
        for node in ast.parse(stub.read_text()).body:
            for alias in node.names if node.module else ():
                module = importlib.import_module(f"{room}.{node.module}")
                names[f"{room}.{alias.name}"] = getattr(module, alias.name)
    return names


PUBLIC = public()
#: Minutes, a download, or an extra that CI does not install: their example is shown, not run.
SHOWN = {
    "baselines.load_corpus",
    *("cli.main", "cli.map_recordings", "cli.quickstart"),
    *("evaluate.score_task", "explain.fit_umap", "readers.Unread"),
    *("reproduce.export_report", "reproduce.load_results", "reproduce.run_preset"),
}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_has_an_example_that_runs(name):
    """Doctest runs it; a constant has none. A class may show itself in one of its methods."""
    thing = PUBLIC[name]
    if not callable(thing):
        return
    assert thing.__doc__, "no docstring"
    texts = [thing.__doc__]
    if isinstance(thing, type):
        texts += [member.__doc__ or "" for member in vars(thing).values() if callable(member)]
    examples = [line for text in texts for line in text.splitlines() if ">>>" in line]
    runs = [line for line in examples if "# doctest: +SKIP" not in line]
    assert examples
    assert bool(runs) == (name.removeprefix("img2imu_kit.") not in SHOWN)

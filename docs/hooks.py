"""What `make site` makes of the project beside ``docs/``: mkdocs calls the functions ``on_...``.

The README becomes the first page, so it is written once. A notebook's page is that of the gallery
if `make gallery` has run it since it was changed, else the notebook without its outputs. Reference
pages are made from the stubs that say what is public, and from the command line's own help.
"""

import ast
import html
import inspect
import json
import re
import sys
from pathlib import Path, PurePosixPath

from bs4 import BeautifulSoup
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.structure.toc import get_toc

TOP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "notebooks"))

import gallery  # noqa: E402  (a script beside the notebooks)

PACKAGE = TOP / "img2imu_kit"
NOTEBOOKS = sorted((TOP / "notebooks").glob("*.ipynb"))
#: Pages made of files beside docs/.
BESIDE = {"index": "README", "contributing": "CONTRIBUTING", "changelog": "CHANGELOG"}
BESIDE["security"] = "SECURITY"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put notebooks and rooms into the navigation where ``mkdocs.yml`` names them as a whole."""
    whole = {
        "notebooks": [f"notebooks/{path.stem}.md" for path in NOTEBOOKS],
        "rooms": [f"reference/{room}.md" for room in stubs()],
    }
    for section in config.nav:
        for title, pages in section.items():
            if isinstance(pages, list):
                section[title] = [each for page in pages for each in whole.get(page, [page])]
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages that are made here."""

    def add(uri: str, content: str | bytes) -> None:
        files.append(File.generated(config, uri, content=content))

    for page, name in BESIDE.items():
        add(f"{page}.md", from_the_top((TOP / f"{name}.md").read_text()))
    cards = []
    for path in NOTEBOOKS:
        story, picture = told(path)
        add(f"notebooks/{path.stem}.md", f"---\ntitle: {json.dumps(story.title)}\n---\n")
        if picture:
            add(f"notebooks/{path.stem}.png", picture)
        bodies[f"notebooks/{path.stem}.md"] = story.body
        cards.append(card(path.stem, story, picture))
    pieces["cards"] = f'<ol class="cards">{"".join(cards)}</ol>'
    for room, names in stubs().items():
        add(f"reference/{room}.md", room_page(room, names))
    pieces["rooms"] = "\n".join(
        f"- [`{prefix(room)}`](reference/{room}.md): {first_line(room)}" for room in stubs()
    )
    pieces["commands"] = commands()
    return files


#: Notebook page -> its HTML; place -> what stands there.
bodies: dict[str, str] = {}
pieces: dict[str, str] = {}


def on_page_markdown(markdown: str, *, page: Page, **_) -> str:
    """Fill ``{{ places }}``, and set equations where a page says ``math: true``."""
    if page.meta.get("math"):
        markdown = re.sub(r"\$\$(.+?)\$\$|\$([^$\n]+)\$", gallery.equation, markdown, flags=re.S)
    return re.sub(r"^\{\{ (\w+) \}\}$", lambda match: pieces[match[1]], markdown, flags=re.M)


def on_page_content(content: str, *, page: Page, **_) -> str:
    """A notebook is HTML already."""
    body = bodies.get(page.file.src_uri)
    if body is None:
        return content
    soup = BeautifulSoup(body, "html.parser")
    heads = [
        {"level": int(head.name[1]), "id": head["id"], "name": head.get_text(), "children": []}
        for head in soup.find_all(["h2", "h3"], id=True)
    ]
    page.toc = get_toc([head | {"html": "", "data-toc-label": ""} for head in heads])
    return body


# --- README and its like -------------------------------------------------------------------------


def from_the_top(text: str) -> str:
    """Links of a file at the top of the tree as those of a page of docs/."""

    def link(match: re.Match) -> str:
        target = match[2]
        if re.match(r"[a-z]+:|#", target):
            return match[0]
        path, _, anchor = target.partition("#")
        path = path.removeprefix("docs/")
        if path.startswith("notebooks/"):
            path = str(PurePosixPath(path).with_suffix(".md"))
        named = {f"{name}.md": f"{page}.md" for page, name in BESIDE.items()}
        path = named.get(path, path)
        if path == "LICENSE":
            return match[1].strip("[]")
        return f"{match[1]}({path}{'#' + anchor if anchor else ''})"

    return re.sub(r"(\[[^\]]*\])\(([^)\s]+)\)", link, text)


# --- Notebooks -----------------------------------------------------------------------------------


def told(path: Path) -> tuple[gallery.Story, bytes]:
    """A notebook's page and its thumbnail: as it ran, or as it is stored."""
    ran = TOP / "gallery" / f"{path.stem}.html"
    story = gallery.tell(path, execute=False)
    picture = b""
    if ran.exists() and ran.stat().st_mtime > path.stat().st_mtime:
        story.body = str(BeautifulSoup(ran.read_text(), "html.parser").main)
        thumbnail = ran.with_suffix(".png")
        picture = thumbnail.read_bytes() if thumbnail.exists() else b""
    else:
        note = "Shown without its outputs: <code>make gallery</code> runs it."
        story.body = story.body.replace("</h1>", f'</h1><p class="widget">{note}</p>', 1)
    return story, picture


def card(stem: str, story: gallery.Story, picture: bytes) -> str:
    """A notebook in the list of all: picture, title, purpose."""
    image = f'<img src="notebooks/{stem}.png" alt="">' if picture else ""
    title, learn = html.escape(story.title), html.escape(story.learn)
    return f'<li><a href="notebooks/{stem}.html">{image}<h2>{title}</h2></a><p>{learn}</p></li>'


# --- Reference -----------------------------------------------------------------------------------


def stubs() -> dict[str, dict[str, str]]:
    """Room -> its public names and where each is defined; the face comes first."""
    rooms = {}
    for path in [PACKAGE / "__init__.pyi", *sorted(PACKAGE.glob("*/__init__.pyi"))]:
        room = ".".join(path.parent.relative_to(TOP).parts)
        rooms[path.parent.name] = {
            alias.name: f"{room}.{node.module}.{alias.name}"
            for node in ast.parse(path.read_text()).body
            for alias in node.names
            if node.module  # the rooms themselves have pages of their own
        }
    return rooms | {"errors": {name: f"img2imu_kit.errors.{name}" for name in errors()}}


def errors() -> list[str]:
    """Names of the kinds of errors, which have a module and no stub."""
    tree = ast.parse((PACKAGE / "errors.py").read_text())
    return [node.name for node in tree.body if isinstance(node, ast.ClassDef)]


def prefix(room: str) -> str:
    """How a name of the room is written."""
    if room == "cli":
        return "img2imu_kit.cli"
    return "ik" if room == "img2imu_kit" else f"ik.{room}"


def first_line(room: str) -> str:
    """What a room is, in its own words."""
    path = PACKAGE / {"img2imu_kit": "__init__.py", "errors": "errors.py"}.get(
        room, f"{room}/__init__.py"
    )
    return ast.get_docstring(ast.parse(path.read_text())).splitlines()[0]


def room_page(room: str, names: dict[str, str]) -> str:
    """The page of a room: a line about it, then every public name."""
    entries = [
        f"::: {place}\n    options:\n      heading: {prefix(room)}.{name}\n"
        f"      toc_label: {name}\n"
        for name, place in names.items()
    ]
    return f"# {prefix(room)}\n\n{first_line(room)}\n\n" + "\n".join(entries)


def commands() -> str:
    """Every command with its own help, example and flags, as the shell shows them."""
    import typer

    from img2imu_kit.cli.main import app

    text = []
    for name, command in sorted(typer.main.get_command(app).commands.items()):
        text.append(f"## img2imu {name}\n\n{inspect.cleandoc(command.help)}\n")
        for param in command.params:
            flags = ", ".join(f"`{flag}`" for flag in [*param.opts, *param.secondary_opts])
            if not param.opts[0].startswith("-"):
                flags = f"`{param.name.upper()}`"
            about = " ".join((getattr(param, "help", "") or "").split())
            given = param.default if isinstance(param.default, str | int | float) else True
            usual = "" if isinstance(given, bool) else f" Default: `{given}`."
            text.append(f"- {flags}: {about}{usual}")
        text.append("")
    return "\n".join(text)

"""Explorers of augmentations, features, attention and voters as a user meets them on a laptop.

At 1280 by 800 with the file browser open, all of them without an argument: real motion.
"""

import json

import numpy as np

AUGMENTATION = """
from img2imu_kit.explore import AugmentationExplorer
AugmentationExplorer()
"""

EMBEDDING = """
import json
import numpy as np
from img2imu_kit.explore import EmbeddingExplorer
explorer = EmbeddingExplorer()
xy = np.frombuffer(explorer.maps["motion 3"].xy, "<f4").reshape(-1, 2)
print("places", json.dumps([each.tolist() for each in (xy.min(0), xy.max(0), xy[200], xy[30])]))
explorer
"""

GRADCAM = """
from img2imu_kit.explore import GradCamExplorer
GradCamExplorer()
"""

VOTERS = """
from img2imu_kit.explore import VoterExplorer
VoterExplorer()
"""


def in_sight(shown):
    """Controls beside the picture, both in the window."""
    box = shown.page.locator(".ik-screen img").first.bounding_box()
    controls = shown.page.locator(".ik-controls").bounding_box()
    assert controls["x"] + controls["width"] <= box["x"]
    assert box["x"] + box["width"] <= 1280


def moved(shown, canvas, act, *arguments):
    """Act and wait until the map looks different; laying out takes a second or two."""
    before = canvas.screenshot()
    act(*arguments)
    for _ in range(300):
        shown.page.wait_for_timeout(100)
        if canvas.screenshot() != before:
            return
    raise AssertionError(f"{arguments} left the map as it was; status: {shown.status()}")


def says(shown, text, act, *arguments):
    """Act and wait until the line of status holds a text."""
    act(*arguments)
    status = shown.page.locator(".ik-status").first
    for _ in range(300):
        said = status.inner_text()
        if text in said:
            return said
        shown.page.wait_for_timeout(100)
    raise AssertionError(f"not said: {text}; status: {said}")


def write(shown, label, text):
    """Type into a field, found by mouse and by key."""
    field = shown._control(label, "mouse")
    field.click()
    shown.page.keyboard.press("Control+A")
    shown.page.keyboard.type(text)
    shown.page.keyboard.press("Tab")
    shown._control(label, "key").focus()
    shown.page.keyboard.press("End")
    shown.page.keyboard.press("Tab")


def all_driven(shown, first):
    """Every control was driven by mouse and by key, and the Tab key reaches each."""
    folds = {name.strip() for name in shown.page.locator(".ik-fold").all_inner_texts()}
    legend = {text.strip() for text in shown.page.locator(".ik-legend button").all_inner_texts()}
    controls = shown.controls() - folds - legend
    assert shown.driven["mouse"] - folds - legend == shown.driven["key"] - folds == controls
    assert shown.tabbed(first) >= controls


def test_augmentations(shown):
    shown.show(AUGMENTATION)
    page = shown.page
    in_sight(shown)
    assert "translate-x" in shown.status()
    for label, by in {"start (s)": 30, "length (s)": -8, "strength": -20, "draw": 20}.items():
        shown.slide(label, by)
    for label, option in {
        "augmentation": "shear",
        "views by": "vision set",
        "picture": "motion-signed",
        "recording": "s02/left/pendulum",
    }.items():
        shown.changes(shown.pick, label, option)
        shown.changes(shown.step, label)
    shown.changes(shown.pick, "augmentation", "hue")
    assert "another orientation" in shown.status()
    assert "Fidelity for this pair: similarity" in shown.status()
    for act in (shown.click, lambda name: shown.press(name, "Enter")):
        photo = page.locator(".ik-screen img").screenshot()
        file = {"name": "own.png", "mimeType": "image/png", "buffer": photo}
        shown.changes(shown.upload, act, "Upload a photo", file)
    said = shown.fails(shown.upload, shown.click, "Upload a photo", file | {"buffer": b"none"})
    assert "not a picture" in said
    shown.changes(shown.press, "draw")
    shown.copies_and_saves()
    all_driven(shown, "augmentation")


def test_embeddings(shown):
    shown.show(EMBEDDING)
    page = shown.page
    in_sight(shown)
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    printed = page.get_by_text("places [[").last.inner_text()
    low, high, hovered, clicked = np.array(json.loads(printed.removeprefix("places ")))
    canvas = page.locator(".ik-points > canvas")

    def at(xy):
        box = canvas.bounding_box()
        room, middle = np.array([box["width"], box["height"]]), (low + high) / 2
        scale = ((room - 28) / (high - low)).min()
        x, y = room / 2 + (xy - middle) * scale * [1, -1]
        return box["x"] + x, box["y"] + y

    # hover, click and arrow keys: the picture of the window is in sight of the map
    shown.page.locator(".ik-explorer").evaluate("(all) => all.scrollIntoView()")
    page.wait_for_timeout(300)
    shown.changes(lambda: page.mouse.move(*at(hovered)))
    picture = page.locator(".ik-screen img").first.bounding_box()
    assert picture["y"] + 160 < 800  # its signal and its spectrogram, which come first
    shown.changes(lambda: page.mouse.click(*at(clicked)))
    assert shown.status().startswith("window 30: ")
    for key in ("ArrowLeft", "ArrowUp"):
        shown.changes(page.keyboard.press, key)
    assert not shown.status().startswith("window 30: ")
    # zoom by wheel and key, move, and back
    moved(shown, canvas, page.mouse.wheel, 0, -300)
    moved(shown, canvas, page.keyboard.press, "-")
    moved(shown, canvas, lambda: shown.press("Whole map", "Enter"))
    page.mouse.move(*at((low + high) / 2))
    page.mouse.wheel(0, 1)  # the page's: the map has lost the focus
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    page.mouse.down()
    moved(shown, canvas, lambda: page.mouse.move(box["x"] + 60, box["y"] + 40, steps=5))
    page.mouse.up()
    moved(shown, canvas, shown.click, "Whole map")
    # draw around everything
    shown.press("Lasso", "Enter")
    shown.press("Lasso", "Enter")
    shown.click("Lasso")
    corners = [(3, 3), (box["width"] - 3, 3), (box["width"] - 3, box["height"] - 3)]
    corners += [(3, box["height"] - 3), (3, 3)]
    box = canvas.bounding_box()
    for i, (x, y) in enumerate(corners):
        page.mouse.move(box["x"] + x, box["y"] + y, steps=8)
        if i == 0:
            page.mouse.down()
    shown.changes(page.mouse.up)
    assert "300 selected: " in shown.status()
    shown.click("Lasso")
    shown.changes(shown.pick, "select class", "pendulum")
    assert " selected: " in shown.status()
    shown.changes(shown.step, "select class")
    # other labels, as text whatever they are, and their score
    for i, act in enumerate((shown.click, lambda name: shown.press(name, "Enter"))):
        write(shown, "new label", f"<img src=x onerror=alert({i})>")
        says(shown, f"onerror=alert({i})", act, "Relabel selection")
        page.locator(".ik-legend").get_by_text(f"onerror=alert({i})").wait_for()
        says(shown, "; before " if i else "macro-F1 on other people, 5", act, "Score again")
    assert page.locator(".ik-explorer img").count() == 1
    assert not dialogs
    # colours, layouts, and the classes of the legend
    for label, option in {"colour by": "person", "layout": "PCA"}.items():
        moved(shown, canvas, shown.pick, label, option)
    moved(shown, canvas, shown.press, "layout", "ArrowUp")
    moved(shown, canvas, shown.step, "colour by")
    for label in ("perplexity", "seed"):
        moved(shown, canvas, shown.drag, label, 12)
        moved(shown, canvas, shown.press, label)
    moved(shown, canvas, shown.pick, "colour by", "distance")
    assert page.locator(".ik-bar").is_visible()
    moved(shown, canvas, shown.pick, "colour by", "person")
    moved(shown, canvas, page.locator(".ik-legend button").first.click)
    shown.changes(shown.drag, "point", 30)
    shown.changes(shown.press, "point")
    # a recording of somebody else, and the table
    t = np.arange(500) / 50
    noise = np.random.default_rng(0).normal(scale=30, size=(3, 500))
    rows = np.column_stack([t, *noise]).round(3).tolist()
    text = "time (s),acc_x (m/s2),acc_y (m/s2),acc_z (m/s2)\n"
    text += "\n".join(",".join(map(str, row)) for row in rows)
    file = {"name": "noise.csv", "mimeType": "text/csv", "buffer": text.encode()}
    for act in (shown.click, lambda name: shown.press(name, "Enter")):
        said = "2 new windows, as crosses"
        says(shown, said, shown.upload, act, "Drop recordings in", file)
        shown.changes(shown.press, "point")
    shown.screenshot("embedding_new")
    for i, act in enumerate((shown.click, lambda name: shown.press(name, "Enter"))):
        write(shown, "file", f"map{i}.csv")
        assert says(shown, f"map{i}.csv", act, "Export table").startswith("304 rows")
        assert len((shown.lab.folder / f"map{i}.csv").read_text().splitlines()) == 305
    shown.copies_and_saves()
    all_driven(shown, "layout")


def test_attention(shown):
    shown.show(GRADCAM)
    in_sight(shown)
    for label, by in {"window": 30, "overlay": -20}.items():
        shown.slide(label, by)
    for label, option in {
        "layer": "1: blocks.1, stride 4",
        "class": "upright row",
        "method": "grad-cam",
        "picture": "motion-signed",
    }.items():
        shown.changes(shown.pick, label, option)
        shown.changes(shown.step, label)
    shown.pick("class", "pendulum")
    shown.page.get_by_text("asked about pendulum: looks at").wait_for()
    assert "Hz" in shown.page.locator(".ik-screen img").get_attribute("alt")
    shown.copies_and_saves()
    all_driven(shown, "window")


def test_voters(shown):
    shown.show(VOTERS)
    page = shown.page

    def finished():
        """Wait until every draw is seen; two of three give the picture that two of two give."""
        shots, count = page.locator(".ik-controls .widget-readout").all_inner_texts()[:2]
        text = f"({count} of {count} draws of people, {shots} labels a class)"
        page.get_by_text(text).wait_for(timeout=60_000)

    in_sight(shown)
    finished()
    picture = page.locator(".ik-screen img").first
    shown.changes(shown.pick, "voter", "motion 1")
    shown.changes(shown.step, "voter")
    assert shown.status().startswith("motion 2: macro-F1 ")
    # a cell of the first column, third layer: below the pixels and two others
    shown.changes(lambda: picture.click(position={"x": 90, "y": 50 + 3 * 34 + 10}))
    assert shown.status().startswith("motion 3: macro-F1 ")
    picture.hover(position={"x": 90, "y": 50 + 34 + 10})
    page.locator(".ik-pointed").get_by_text("motion 1: ").wait_for()
    shown.changes(shown.pick, "colour by", "person")
    shown.changes(shown.step, "colour by")
    shown.slide("perplexity", -10)
    for label, by in {"shots": -9, "draws": -9}.items():
        shown.slide(label, by, finished)
    shown.copies_and_saves()
    all_driven(shown, "shots")

"""The explorers of augmentations, embeddings and attention as a user meets them."""

import json

AUGMENTATION = """
from img2imu_kit.explore import AugmentationExplorer
AugmentationExplorer()
"""

EMBEDDING = """
import json
import img2imu_kit as ik
from img2imu_kit.explore import EmbeddingExplorer
cut = ik.sliding_windows(ik.load_dataset("synthetic", subjects=4, seconds=20), 4, overlap=0.5)
statistics = ik.handcrafted_features(cut)
explorer = EmbeddingExplorer({"mean": cut.signal.mean(axis=2), "by hand": statistics}, cut)
places = explorer.maps["mean"].widget.points[[100, 30], :2]
print("places", json.dumps(places.round(3).tolist()))
explorer
"""

GRADCAM = """
import img2imu_kit as ik
from img2imu_kit.explore import GradCamExplorer
cut = ik.sliding_windows(ik.load_dataset("synthetic", subjects=3, seconds=12), 4)
GradCamExplorer(ik.load_backbone("mobilenetv3_small_050"), cut, layer=2, pool="grid")
"""


def test_augmentations(shown):
    shown.show(AUGMENTATION)
    page = shown.page
    assert "translate-x" in shown.status()
    for label, by in {"start (s)": 30, "length (s)": -8, "strength": -20, "draw": 20}.items():
        shown.changes(shown.drag, label, by)
        shown.changes(shown.press, label)
    for label, option in {
        "augmentation": "shear",
        "views by": "vision set",
        "preset": "fine-time",
        "recording": "s02",
    }.items():
        shown.changes(shown.pick, label, option)
        shown.changes(shown.step, label)
    shown.changes(shown.pick, "augmentation", "hue on power")
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
    assert shown.driven["mouse"] == shown.driven["key"] == shown.controls()
    assert shown.tabbed("recording") >= shown.controls()


def test_embeddings(shown):
    shown.show(EMBEDDING)
    page = shown.page
    printed = page.get_by_text("places [[").last.inner_text()
    hovered, clicked = json.loads(printed.removeprefix("places "))
    canvas = page.locator("canvas").first
    box = canvas.bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    half = min(box["width"], box["height"]) / 2 / 1.1  # the camera stands a little back

    def at(x, y):
        return middle[0] + x * half, middle[1] - y * half

    assert page.get_by_text("trustworthiness").count() == 2
    shown.screenshot("embedding_first")
    shown.changes(lambda: page.mouse.move(*at(*hovered)))  # hover
    assert shown.status().startswith("window ")
    shown.changes(lambda: page.mouse.click(*at(*clicked)))
    page.locator("[data-jss-theme] button").nth(1).click()  # the lasso
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.02 * box["height"])
    page.mouse.down()
    for x, y in ((0.98, 0.02), (0.98, 0.98), (0.3, 0.98), (0.3, 0.02)):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
        page.wait_for_timeout(50)
    shown.changes(page.mouse.up)
    page.get_by_text("selected: ").wait_for()
    shown.screenshot("embedding_lasso")
    shown.changes(shown.pick, "select class", "run")
    assert "36 selected: 36 run" in shown.status()
    shown.changes(shown.step, "select class")
    shown.changes(shown.drag, "point", 30)
    shown.changes(shown.press, "point")
    for label, option in {"colour by": "subject", "layout": "PCA"}.items():
        shown.redraws(canvas, shown.pick, label, option)
        shown.redraws(canvas, shown.step, label)
    page.mouse.move(*middle)
    shown.redraws(canvas, page.mouse.wheel, 0, -300)
    shown.copies_and_saves()
    assert shown.driven["mouse"] == shown.driven["key"] == shown.controls()
    assert shown.tabbed("layout") >= shown.controls()


def test_attention(shown):
    shown.show(GRADCAM)
    for label, by in {"window": 30, "overlay": -20}.items():
        shown.changes(shown.drag, label, by)
        shown.changes(shown.press, label)
    for label, option in {
        "layer": "0: bn1, stride 2",
        "class": "run",
        "method": "grad-cam",
    }.items():
        shown.changes(shown.pick, label, option)
        shown.changes(shown.step, label)
    shown.pick("class", "run")
    shown.page.get_by_text("asked about run: looks at").wait_for()
    assert "Hz" in shown.page.locator(".ik-screen img").get_attribute("alt")
    shown.copies_and_saves()
    assert shown.driven["mouse"] == shown.driven["key"] == shown.controls()
    assert shown.tabbed("window") >= shown.controls()

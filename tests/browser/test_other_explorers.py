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
cut = ik.windows(ik.synthetic(4, seconds=20), 4, overlap=0.5)
statistics = ik.describe(cut)
explorer = EmbeddingExplorer({"mean": cut.signal.mean(axis=2), "by hand": statistics}, cut)
places = explorer.maps["mean"].widget.points[[100, 30], :2]
print("places", json.dumps(places.round(3).tolist()))
explorer
"""

GRADCAM = """
import img2imu_kit as ik
from img2imu_kit.explore import GradCamExplorer
cut = ik.windows(ik.synthetic(3, seconds=12), 4)
GradCamExplorer(ik.backbone.load("mobilenetv3_small_050"), cut, layer=2, pool="grid")
"""


def test_augmentations(shown):
    shown.show(AUGMENTATION)
    page = shown.page
    assert "translate-x" in shown.status()
    for label in ("start (s)", "length (s)", "strength", "draw"):
        shown.changes(lambda name=label: shown.press(name))
    shown.changes(lambda: shown.drag("strength", -40))
    for label, option in {
        "augmentation": "hue on power",
        "views by": "vision set",
        "preset": "fine-time",
        "recording": "s02",
    }.items():
        shown.changes(lambda name=label, word=option: shown.choose(name, word))
    assert "another orientation" in shown.status()
    assert "Fidelity for this pair: similarity" in shown.status()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload a photo").click()
    photo = page.locator(".ik-screen img").screenshot()
    shown.changes(
        lambda: chooser.value.set_files(
            {"name": "own.png", "mimeType": "image/png", "buffer": photo}
        )
    )
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload a photo").click()
    said = shown.fails(
        lambda: chooser.value.set_files(
            {"name": "own.png", "mimeType": "image/png", "buffer": b"no picture"}
        )
    )
    assert "not a picture" in said


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
    shown.changes(lambda: shown.choose("select class", "run"))
    assert "36 selected: 36 run" in shown.status()
    shown.changes(lambda: shown.press("point"))
    before = canvas.screenshot()
    shown.choose("colour by", "subject")
    page.wait_for_timeout(1500)
    recoloured = canvas.screenshot()
    assert recoloured != before
    shown.choose("layout", "PCA")
    page.wait_for_timeout(2500)
    assert canvas.screenshot() != recoloured


def test_attention(shown):
    shown.show(GRADCAM)
    for label in ("window", "overlay"):
        shown.changes(lambda name=label: shown.press(name))
    for label, option in {
        "class": "run",
        "layer": "0: bn1, stride 2",
        "method": "grad-cam",
    }.items():
        shown.changes(lambda name=label, word=option: shown.choose(name, word))
    assert "asked about run: looks at" in shown.status()
    assert "Hz" in shown.page.locator(".ik-screen img").get_attribute("alt")

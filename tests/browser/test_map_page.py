"""The page of a map in a real browser: under the pointer, by keyboard, on a narrow screen."""

from dataclasses import replace

import numpy as np

import img2imu_kit as ik

EVIL = "<img src=x onerror=alert(1)>"


def test_a_map_shows_what_lies_under_the_pointer(shown, tmp_path):
    people = ik.load_dataset("synthetic", subjects=1, seconds=8)
    windows = ik.sliding_windows(people, seconds=4).select("acc")
    names = np.array([f"{EVIL} {i}" for i in range(len(windows))], dtype=object)
    windows = replace(windows, recording=names, label=np.resize([EVIL, "walk"], len(names)))
    angle = 2 * np.pi * np.arange(len(names)) / len(names)
    path = tmp_path / "map.html"
    ik.plots.write_map(path, np.stack([np.cos(angle), np.sin(angle)], axis=1), windows)

    context = shown.page.context.browser.new_context(viewport={"width": 1280, "height": 800})
    page, wrong, asked = context.new_page(), [], []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: (wrong.append("a dialog"), dialog.dismiss()))
    page.on("request", lambda request: asked.append(request.url.split(":")[0]))
    page.goto(path.as_uri())
    for i in (5, 0, 7):  # the pointer goes to a point
        x, y = page.evaluate(f"place({i}, map.clientWidth, map.clientHeight)")
        box = page.locator("#map").bounding_box()
        page.mouse.move(box["x"] + x + 2, box["y"] + y)
        assert page.locator("#name").inner_text() == names[i]
        assert f"label: {windows.label[i]}" in page.locator("#facts").inner_text()
    page.locator("#map").press("ArrowRight")
    assert page.locator("#name").inner_text() == names[8]
    width = page.locator("#picture").evaluate("async (i) => (await i.decode(), i.naturalWidth)")
    assert width == 96

    before = page.locator("#map").screenshot()
    page.get_by_role("button", name="walk (6)").click()
    assert page.locator("#map").screenshot() != before, "the others are faint"
    page.get_by_label("Colour by").select_option("subject")
    assert page.get_by_role("button").all_inner_texts() == ["s01 (12)"]
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.locator("img").count() == 1
    assert wrong == []
    assert set(asked) == {"file"}
    context.close()

"""One JupyterLab, one kernel and one page for all browser tests; screenshots are kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from live_lab import CHROMIUM, FLAGS, Lab

ARTIFACTS = Path(os.environ.get("BROWSER_ARTIFACTS", "results/browser"))

#: Pixels of a picture as the browser decoded them, hashed.
PIXELS = """async (image) => {
  const retry = () => new Promise((resolve) => setTimeout(resolve, 50));
  while (!await image.decode().then(() => true, retry)) ;  // fails where a newer picture arrives
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-1", data));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}"""


class Shown:
    """An explorer in a notebook's page, as a user sees it."""

    def __init__(self, lab: Lab, page) -> None:
        self.lab, self.page = lab, page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._note)
        ARTIFACTS.mkdir(parents=True, exist_ok=True)

    def show(self, code: str) -> None:
        """Run a cell and wait for its picture."""
        self.lab.run(self.page, code)
        self.page.locator(".ik-screen img").first.wait_for(timeout=60_000)
        self.page.wait_for_timeout(1200)  # until all controls are there and named

    def pixels(self, index: int = 0) -> str:
        """Hash of the picture's pixels."""
        return self.page.locator(".ik-screen img").nth(index).evaluate(PIXELS)

    def status(self) -> str:
        """The line of status."""
        return self.page.locator(".ik-status").first.inner_text()

    def changes(self, act, index: int = 0) -> str:
        """Hash of the picture's pixels after an action, once they differ from those before."""
        before = self.pixels(index)
        act()
        for _ in range(150):
            self.page.wait_for_timeout(100)
            if (after := self.pixels(index)) != before:
                return after
        raise AssertionError(f"the picture did not change; status: {self.status()}")

    def fails(self, act) -> str:
        """The explanation that an action brings into the line of status."""
        act()
        self.page.locator(".ik-status.ik-failed").first.wait_for(timeout=20_000)
        assert "Traceback" not in self.page.locator(".jp-OutputArea").first.inner_text()
        return self.status()

    def press(self, label: str, key: str = "ArrowRight", index: int = 0, times: int = 1) -> None:
        """Focus a control by its label, as screen readers name it, and press a key."""
        handle = self.page.get_by_label(label, exact=True).nth(index)
        handle.focus()
        for _ in range(times):
            self.page.keyboard.press(key)

    def drag(self, label: str, by: int) -> None:
        """Drag a slider's handle sideways."""
        box = self.page.get_by_label(label, exact=True).first.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + by, y, steps=10)
        self.page.mouse.up()

    def choose(self, label: str, option: str) -> None:
        """Choose an option of a list by its label."""
        self.page.get_by_label(label, exact=True).first.select_option(option)

    def type(self, label: str, text: str) -> None:
        """Type into the number beside a slider, and press Enter."""
        row = self.page.locator(".widget-slider, .jupyter-widget-slider").filter(
            has=self.page.get_by_text(label, exact=True)
        )
        readout = row.locator(".widget-readout").first
        readout.click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def screenshot(self, name: str) -> None:
        """Keep what is seen."""
        self.page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)

    def _note(self, message) -> None:
        if message.type == "error":
            self.errors.append(message.text)


@pytest.fixture(scope="session")
def _shown(tmp_path_factory):
    """The page, or a skip that says why not."""
    if not CHROMIUM.exists():
        reason = "needs Chromium at /usr/bin/chromium (apt-get install chromium)"
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    lab = Lab(tmp_path_factory.mktemp("lab"))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            context = browser.new_context(viewport={"width": 1500, "height": 1250})
            context.grant_permissions(["clipboard-read", "clipboard-write"])
            shown = Shown(lab, context.new_page())
            lab.open(shown.page)
            shown.errors.clear()  # JupyterLab's own, before anything of ours was there
            yield shown
            browser.close()
    finally:
        lab.close()


@pytest.fixture
def shown(_shown, request):
    """The page; a screenshot is kept at the end, and an error in the console fails the test."""
    _shown.errors.clear()
    yield _shown
    _shown.screenshot(request.node.name)
    assert not _shown.errors

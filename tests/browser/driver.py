"""An explorer in a notebook's page, driven as a user does: by mouse or by keyboard."""

from __future__ import annotations

import os
from pathlib import Path

from live_lab import Lab

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

#: Whether all controls are there and named, and the picture has the width of the page.
READY = """() => {
  const screen = document.querySelector(".ik-screen"), picture = screen.querySelector("img");
  const spare = screen.clientWidth - picture.naturalWidth;
  const named = [...document.querySelectorAll(".ik-explorer [role=slider]")];
  return document.querySelector(".ik-fold[aria-expanded]") && -1 < spare && spare < 25
    && named.every((slider) => slider.ariaLabel);
}"""

#: The name of a control, as a screen reader says it; without the count of uploaded files.
NAME = """(control) => (control.getAttribute("aria-label") || control.labels?.[0]?.textContent
    || control.textContent).replace(/\\(\\d+\\)$/, "").trim()"""
CONTROLS = "[role=slider], select, button, input:not([type=file]), a[href]"


class Driver:
    """The page, and which controls were driven by what.

    Attributes
    ----------
    driven : dict of str -> set of str
        Names of controls driven by "mouse" and by "key" since the explorer was shown.
    errors : list of str
        What the console said.
    """

    def __init__(self, lab: Lab, page) -> None:
        self.lab, self.page = lab, page
        self.driven: dict[str, set[str]] = {}
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._note)
        ARTIFACTS.mkdir(parents=True, exist_ok=True)

    def show(self, code: str) -> None:
        """Run a cell and wait for its picture."""
        self.driven = {"mouse": set(), "key": set()}
        self.lab.run(self.page, code)
        self.page.locator(".ik-screen img").first.wait_for(timeout=180_000)
        self.page.wait_for_function(READY)

    # what is seen

    def controls(self) -> set[str]:
        """Names of all controls of the explorer that are seen, without the toolbar of a map."""
        controls = self.page.locator(".ik-explorer").locator(CONTROLS)
        return set(
            controls.evaluate_all(
                f"""(all) => all
                  .filter((node) => !node.closest("[data-jss-theme]") && node.offsetParent)
                                .map({NAME})"""
            )
        )

    def pixels(self) -> str:
        """Hash of the picture's pixels."""
        return self.page.locator(".ik-screen img").first.evaluate(PIXELS)

    def status(self) -> str:
        """The line of status."""
        return self.page.locator(".ik-status").first.inner_text()

    def changes(self, act, *arguments, **settings) -> str:
        """Hash of the picture's pixels after an action, once they differ and stay as they are."""
        before, last = self.pixels(), ""
        act(*arguments, **settings)
        for _ in range(600):
            self.page.wait_for_timeout(40)
            shown = self.page.locator(".ik-screen img").first.get_attribute("src")
            # decoded only where it stands still: that takes as long as drawing it
            if shown == last and (now := self.pixels()) != before:
                return now
            last = shown
        raise AssertionError(f"{arguments} changed no pixel; status: {self.status()}")

    def becomes(self, wanted: str, act, *arguments) -> None:
        """Act and wait until the picture has these pixels."""
        act(*arguments)
        for _ in range(100):
            if self.pixels() == wanted:
                return
            self.page.wait_for_timeout(80)
        raise AssertionError(f"not the picture wanted; status: {self.status()}")

    def redraws(self, canvas, act, *arguments) -> None:
        """Act and wait until another canvas looks different."""
        before = canvas.screenshot()
        act(*arguments)
        for _ in range(50):
            self.page.wait_for_timeout(100)
            if canvas.screenshot() != before:
                return
        raise AssertionError(f"{arguments} left the canvas as it was")

    def fails(self, act, *arguments) -> str:
        """The explanation that an action brings into the line of status."""
        act(*arguments)
        self.page.locator(".ik-status.ik-failed").first.wait_for(timeout=20_000)
        assert "Traceback" not in self.page.locator(".jp-OutputArea").first.inner_text()
        return self.status()

    def screenshot(self, name: str) -> None:
        """Keep what is seen."""
        self.page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)

    # by mouse

    def drag(self, label: str, by: int, index: int = 0) -> None:
        """Drag a slider's handle sideways."""
        handle = self._control(label, "mouse", index)
        handle.scroll_into_view_if_needed()
        box = handle.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + by, y, steps=5)
        self.page.mouse.up()

    def pick(self, label: str, option: str) -> None:
        """Open a list by a click, go to an option, and take it.

        An open list is a window of the system's own, which only keys reach without a screen.
        """
        box = self._control(label, "mouse")
        texts = box.evaluate("(box) => [...box.options].map((option) => option.text)")
        options = [text.replace("\xa0", " ") for text in texts]
        steps = options.index(option) - box.evaluate("(box) => box.selectedIndex")
        box.click()
        for _ in range(abs(steps)):
            self.page.keyboard.press("ArrowDown" if steps > 0 else "ArrowUp")
        self.page.keyboard.press("Enter")

    def click(self, label: str) -> None:
        """Click a button or tick a box."""
        self._control(label, "mouse").click()

    def fold(self) -> None:
        """Fold and unfold each group of controls, by mouse and by key; all are open then."""
        for fold in self.page.locator(".ik-fold").all():
            was = fold.get_attribute("aria-expanded") == "true"
            by_key = [lambda fold=fold: fold.focus() or self.page.keyboard.press("Space")]
            for act in [fold.click, *by_key, *([] if was else [fold.click])]:
                before = fold.get_attribute("aria-expanded")
                act()
                fold.locator(f"xpath=self::*[@aria-expanded!='{before}']").wait_for()
            for driven in self.driven.values():
                driven.add(fold.inner_text().strip())

    def slide(self, label: str, by: int, finished=lambda: None) -> None:
        """Drag a slider's handle, then press a key once; each gives another picture.

        `finished` waits until nothing more is drawn, where a picture comes in parts.

        The key goes on where the mouse went: backwards it could bring back a picture that was
        drawn on the way and is still the last one seen, which looks like no change.
        """
        self.changes(self.drag, label, by)
        finished()
        self.changes(self.press, label, "ArrowRight" if by > 0 else "ArrowLeft")
        finished()

    # by keyboard

    def press(self, label: str, key: str = "ArrowRight", index: int = 0, times: int = 1) -> None:
        """Focus a control by its name and press a key."""
        self._control(label, "key", index).focus()
        for _ in range(times):
            self.page.keyboard.press(key)

    def step(self, label: str) -> None:
        """Focus a list and go to the option below; above, where there is none below."""
        box = self._control(label, "key")
        last = box.evaluate("(box) => box.selectedIndex === box.options.length - 1")
        self.press(label, "ArrowUp" if last else "ArrowDown")

    def type(self, label: str, text: str) -> None:
        """Type into the number beside a slider, and press Enter."""
        row = self.page.locator(".widget-slider, .jupyter-widget-slider").filter(
            has=self.page.get_by_text(label, exact=True)
        )
        row.locator(".widget-readout").first.click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def tabbed(self, start: str) -> set[str]:
        """Names of the controls that the Tab key reaches from a first, until it leaves."""
        self._control(start, "key").focus()
        names = set()
        while self.page.evaluate("!!document.activeElement.closest('.ik-explorer')"):
            names.add(self.page.evaluate(f"({NAME})(document.activeElement)"))
            self.page.keyboard.press("Tab")
        return names

    def upload(self, act, label: str, file) -> None:
        """Give a file to the chooser that an action on a button opens."""
        with self.page.expect_file_chooser() as chooser:
            act(label)
        chooser.value.set_files(file)

    def copies_and_saves(self) -> None:
        """Copy the code, where there is any, and save the picture, by mouse and by key."""
        code = self.page.locator(".ik-screen pre").inner_text()  # none where it is hidden
        for act, arguments in ((self.click, ()), (self.press, ("Enter",))):
            if code:
                self.page.evaluate("navigator.clipboard.writeText('')")
                act("Copy as code", *arguments)
                self.page.get_by_role("button", name="Copied").wait_for()
                assert self.page.evaluate("navigator.clipboard.readText()") == code
                self.page.get_by_role("button", name="Copy as code").wait_for()
            for link, kind in (("Save picture", ".png"), ("Save settings", ".json")):
                if self.page.get_by_role("link", name=link).is_visible():
                    with self.page.expect_download() as download:
                        act(link, *arguments)
                    assert download.value.suggested_filename.endswith(kind)

    def _control(self, label: str, by: str, index: int = 0):
        self.driven[by].add(label)
        labelled = self.page.get_by_label(label, exact=True)
        named = self.page.locator(".ik-explorer button, .ik-explorer a").filter(has_text=label)
        # A group of controls may be called as one of them is.
        return (labelled if labelled.count() else labelled.or_(named)).nth(index)

    def _note(self, message) -> None:
        if message.type == "error":
            self.errors.append(message.text)

"""From a key on a slider to a new picture, in a real JupyterLab and Chromium; and memory.

    python benchmarks/bench_explorer.py [moves]

Times are taken in the browser, from the key's time stamp to the frame after the new picture was
loaded, in turn with a trivial widget whose slider writes a number into a label by way of the
kernel. Memory is the kernel's, before and after 500 moves.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))
from live_lab import CHROMIUM, FLAGS, Lab

NOTEBOOK = """
import ipywidgets, os
from img2imu_kit.explore import SpectrogramExplorer
slider, label = ipywidgets.IntSlider(max=10_000), ipywidgets.Label("0")
slider.observe(lambda change: setattr(label, "value", str(change["new"])), "value")
slider.add_class("trivial"), label.add_class("answer")
print("kernel", os.getpid())
display(ipywidgets.HBox([slider, label]), SpectrogramExplorer(seconds=10))
"""

WATCH = """() => {
  const taken = { trivial: [], explorer: [] };
  let pressed = 0;
  window.taken = taken;
  addEventListener("keydown", (event) => { pressed = event.timeStamp; }, true);
  const painted = (list) => requestAnimationFrame(() => list.push(performance.now() - pressed));
  const image = document.querySelector(".ik-screen img");
  image.addEventListener("load", () => painted(taken.explorer));
  const answer = document.querySelector(".answer");
  new MutationObserver(() => painted(taken.trivial)).observe(
    answer, { childList: true, characterData: true, subtree: true });
}"""


def press(page, handle: str, kind: str, times: int) -> None:
    """Press a key so many times, each after the answer to the one before."""
    page.locator(handle).first.focus()
    for _ in range(times):
        before = page.evaluate(f"taken.{kind}.length")
        page.keyboard.press("ArrowRight")
        page.wait_for_function(f"taken.{kind}.length > {before}", polling=20, timeout=20_000)


def main(moves: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        lab = Lab(Path(folder))
        try:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport={"width": 1500, "height": 1200})
            lab.open(page)
            lab.run(page, NOTEBOOK)
            page.wait_for_selector(".ik-screen img", timeout=60_000)
            said = page.locator("text=/kernel \\d+/").last.inner_text()
            kernel = psutil.Process(int(said.split()[-1]))
            page.evaluate(WATCH)
            sliders = {
                "trivial": ".trivial .noUi-handle",
                "explorer": ".ik-explorer [aria-label='start (s)']",
            }
            for kind, handle in sliders.items():
                press(page, handle, kind, 10)  # warm
            page.evaluate("taken.trivial.length = taken.explorer.length = 0")
            for _ in range(moves // 20):
                for kind, handle in sliders.items():
                    press(page, handle, kind, 20)
            taken = page.evaluate("taken")
            print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
            for kind, times in taken.items():
                low, high = np.percentile(times, [50, 95])
                print(f"{kind:9} {len(times)} moves: p50 {low:.0f} ms, p95 {high:.0f} ms")
            ratio = np.percentile(taken["explorer"], 95) / np.percentile(taken["trivial"], 95)
            print(f"p95 explorer / trivial: {ratio:.2f}")
            memory = [kernel.memory_info().rss]
            for _ in range(10):
                page.locator(sliders["explorer"]).first.focus()
                for _ in range(50):
                    page.keyboard.press("ArrowRight")
                page.wait_for_timeout(500)
                memory.append(kernel.memory_info().rss)
            print("RSS of the kernel in MB, every 50 moves:", [round(b / 1e6) for b in memory])
            result = {"taken_ms": taken, "rss_bytes": memory}
            Path("results").mkdir(exist_ok=True)
            Path("results/bench_explorer.json").write_text(json.dumps(result))
        finally:
            lab.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)

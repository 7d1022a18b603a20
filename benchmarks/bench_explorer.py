"""From a key on a slider to a new picture, in a real JupyterLab and Chromium; and memory.

    python benchmarks/bench_explorer.py [moves]

Times are taken in the browser, from the key's time stamp to the frame after the new picture was
loaded, for frames and for bands on a logarithmic axis, in turn with a trivial widget whose slider
writes a number into a label by way of the kernel. Memory is the kernel's. Both are drawn in
results/bench_explorer.png.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import matplotlib
import numpy as np
import psutil
from playwright.sync_api import sync_playwright

from img2imu_kit.plots.style import COLOURS, save_figure, set_alt_text

matplotlib.use("Agg")
import matplotlib.pyplot as plt

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))
from live_lab import CHROMIUM, FLAGS, Lab

NOTEBOOK = """
import ipywidgets, os
from img2imu_kit.explore import SpectrogramExplorer
slider, label = ipywidgets.IntSlider(max=10_000), ipywidgets.Label("0")
slider.observe(lambda change: setattr(label, "value", str(change["new"])), "value")
slider.add_class("trivial"), label.add_class("answer")
print("kernel", os.getpid())
# A recording that is longer than the moves: at its end nothing moves any more.
frames, bands = (SpectrogramExplorer("synthetic", params=name) for name in ("default", "motion"))
frames.add_class("frames"), bands.add_class("bands")
display(ipywidgets.HBox([slider, label]), frames, bands)
"""

WATCH = """() => {
  const taken = { trivial: [], frames: [], bands: [] };
  let pressed = 0;
  window.taken = taken;
  addEventListener("keydown", (event) => { pressed = event.timeStamp; }, true);
  const painted = (list) => requestAnimationFrame(() => list.push(performance.now() - pressed));
  for (const kind of ["frames", "bands"])
    document.querySelector(`.${kind} .ik-screen img`)
      .addEventListener("load", () => painted(taken[kind]));
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


def report(taken: dict[str, list[float]], memory: list[int]) -> None:
    """Print the figures, and draw them."""
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    middle, slow = (
        {kind: np.percentile(times, share) for kind, times in taken.items()} for share in (50, 95)
    )
    for kind, times in taken.items():
        print(f"{kind:9} {len(times)} moves: p50 {middle[kind]:.0f} ms, p95 {slow[kind]:.0f} ms")
    for kind in ("frames", "bands"):
        print(f"p95, {kind} / trivial: {slow[kind] / slow['trivial']:.2f}")
    print(
        "RSS of the kernel in MB, every 50 moves of each:", [round(size / 1e6) for size in memory]
    )
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for kind, colour in zip(taken, COLOURS, strict=False):
        left.hist(taken[kind], bins=40, histtype="step", color=colour, label=kind)
    left.set(xlabel="from key to picture (ms)", ylabel="moves", title="Latency in the browser")
    left.legend()
    right.plot(50 * np.arange(len(memory)), np.array(memory) / 1e6, "o-", color=COLOURS[0])
    right.set(xlabel="slider moves", ylabel="resident memory (MB)", title="Memory of the kernel")
    right.set_ylim(0, 1.3 * max(memory) / 1e6)
    slowest = ", ".join(f"{kind} {slow[kind]:.0f} ms" for kind in taken)
    set_alt_text(left, f"Histogram of latencies; 95th percentiles: {slowest}")
    set_alt_text(right, f"Memory from {memory[0] / 1e6:.0f} to {memory[-1] / 1e6:.0f} MB")
    save_figure(figure, "results/bench_explorer.png")


def main(moves: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        lab = Lab(Path(folder))
        try:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=[*FLAGS[:2], "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            lab.open(page)
            lab.run(page, NOTEBOOK)
            page.wait_for_selector(".bands .ik-screen img", timeout=120_000)
            page.wait_for_timeout(3000)  # until pictures have the width of the page
            said = page.locator("text=/kernel \\d+/").last.inner_text()
            kernel = psutil.Process(int(said.split()[-1]))
            page.evaluate(WATCH)
            sliders = {
                "trivial": ".trivial .noUi-handle",
                "frames": ".frames [aria-label='start (s)']",
                "bands": ".bands [aria-label='start (s)']",
            }
            for kind, handle in sliders.items():
                press(page, handle, kind, 10)  # warm
            page.evaluate("for (const list of Object.values(taken)) list.length = 0")
            memory = [kernel.memory_info().rss]
            for _ in range(moves // 50):
                for kind, handle in sliders.items():
                    press(page, handle, kind, 50)
                memory.append(kernel.memory_info().rss)
            report(page.evaluate("taken"), memory)
        finally:
            lab.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)

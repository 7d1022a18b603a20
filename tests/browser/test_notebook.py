"""Notebook 7: an explorer shows there as in JupyterLab, without anything of JupyterLab's own."""

from driver import READY, Driver
from live_lab import Lab


def test_an_explorer_in_notebook_seven(shown, tmp_path):
    lab = Lab(tmp_path, app="notebook")
    page = shown.page.context.new_page()
    try:
        there = Driver(lab, page)
        lab.open(page)
        there.errors.clear()  # Notebook's own, before anything of ours was there
        there.show("from img2imu_kit.explore import SpectrogramExplorer\nSpectrogramExplorer()")
        page.wait_for_function(READY)
        there.changes(there.drag, "start (s)", 30)
        there.changes(there.press, "n_fft")
        there.changes(there.pick, "preset", "motion-signed")
        there.screenshot("notebook_seven")
        assert not there.errors
    finally:
        page.close()
        lab.close()

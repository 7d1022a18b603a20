"""One JupyterLab, one kernel and one page of a laptop's size for all; screenshots are kept."""

from __future__ import annotations

import os

import pytest
from driver import Driver
from live_lab import CHROMIUM, FLAGS, Lab


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
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            context.grant_permissions(["clipboard-read", "clipboard-write"])
            shown = Driver(lab, context.new_page())
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

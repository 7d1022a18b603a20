"""A real JupyterLab or Notebook server and a real Chromium, for tests and benchmarks."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

CHROMIUM = Path("/usr/bin/chromium")
#: Drawing on machines without a graphics card.
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]


class Lab:
    """JupyterLab on a free port, without a token, with settings and notebooks of its own.

    With ``app="notebook"`` it is Notebook 7.
    """

    def __init__(self, folder: Path, app: str = "jupyterlab") -> None:
        self.folder, self.app = folder, app
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        homes = {
            f"JUPYTER_{kind}": str(folder / kind.lower())
            for kind in ("CONFIG_DIR", "RUNTIME_DIR", "DATA_DIR")
        }
        settings = folder / "config_dir" / "labconfig" / "page_config.json"
        settings.parent.mkdir(parents=True)
        quiet = {"@jupyterlab/apputils-extension:announcements": True}
        settings.write_text(json.dumps({"disabledExtensions": quiet}))
        command = [sys.executable, "-m", app, "--no-browser", "--allow-root"]
        command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
        command += ["--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"]
        command += ["--expose-app-in-browser", f"--LabApp.workspaces_dir={folder / 'workspaces'}"]
        self.log = folder / "server.log"
        with self.log.open("w") as log:
            self.server = subprocess.Popen(
                command, env=os.environ | homes, stdout=log, stderr=subprocess.STDOUT
            )
        self._wait()

    def open(self, page) -> None:
        """Open a notebook with a kernel, the file browser beside it as JupyterLab has it."""
        cell = {"cell_type": "code", "source": "", "metadata": {}, "outputs": []}
        notebook = {
            "cells": [cell | {"execution_count": None, "id": "one"}],
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (self.folder / "explorer.ipynb").write_text(json.dumps(notebook))
        way = "lab/tree" if self.app == "jupyterlab" else "notebooks"
        page.goto(f"{self.url}/{way}/explorer.ipynb")
        page.wait_for_function(
            """() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel
                     ?.status === 'idle'""",
            timeout=60_000,
        )
        if self.app == "jupyterlab":
            page.evaluate("window.jupyterapp.commands.execute('filebrowser:activate')")

    def run(self, page, code: str) -> None:
        """Replace the notebook's only cell and run it as a user does, by Shift and Enter."""
        page.evaluate(
            """(code) => {
                 const notebook = window.jupyterapp.shell.currentWidget.content;
                 notebook.activeCellIndex = 0;
                 notebook.activeCell.model.clearExecution();
                 notebook.activeCell.model.sharedModel.setSource(code);
               }""",
            code,
        )
        page.locator(".jp-CodeCell .cm-content").first.click()
        page.keyboard.press("Shift+Enter")

    def close(self) -> None:
        """End the server and its kernels."""
        self.server.terminate()
        try:
            self.server.wait(20)
        except subprocess.TimeoutExpired:
            self.server.kill()

    def _wait(self) -> None:
        for _ in range(600):
            if self.server.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"{self.url}/api", timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"{self.app} did not start:\n{self.log.read_text()}")

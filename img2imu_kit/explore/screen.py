"""Where an explorer shows its picture: one widget for picture, alt text, status and code."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

import anywidget
import traitlets

from .canvas import Drawing

__all__ = ["Screen"]

_HERE = Path(__file__).parent


class Screen(anywidget.AnyWidget):
    """A picture that never flickers, is described to those who cannot see it, and can be saved.

    ipywidgets' own Image knows no alt text. All parts of an update travel in one message, so that
    no picture is ever seen beside the words for another.
    """

    _esm = _HERE / "screen.js"
    _css = _HERE / "screen.css"

    png = traitlets.Bytes().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    status = traitlets.Unicode().tag(sync=True)
    code = traitlets.Unicode().tag(sync=True)
    failed = traitlets.Bool().tag(sync=True)
    name = traitlets.Unicode("picture").tag(sync=True)

    def __init__(self, **traits) -> None:
        super().__init__(**traits)
        self._lock = Lock()

    def show(self, drawing: Drawing, code: str = "") -> None:
        """Replace the picture and all that is said about it."""
        with self._lock, self.hold_sync():
            self.png, self.alt, self.status = drawing.png(), drawing.alt, drawing.note
            self.code, self.failed = code, False

    def explain(self, problem: str) -> None:
        """Keep the last picture, faint, and say what is the matter."""
        with self._lock, self.hold_sync():
            self.status, self.failed = problem, True

    def tell(self, status: str) -> None:
        """Change the line of status alone."""
        with self._lock:
            self.status = status

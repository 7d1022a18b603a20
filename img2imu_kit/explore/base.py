"""What all explorers share: a state, a picture of it, and controls that change the state.

An explorer is a pure function from a state to a picture, and a thin binding of controls to that
state. So a picture depends on nothing that a control holds back, is tested without a browser, and
may be drawn on a thread of its own. That thread is what keeps a slider light: drawing takes longer
than the slider takes to move on, and only the newest state is worth drawing.
"""

from __future__ import annotations

import os
import sys
import threading
from base64 import b64encode
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets
import traitlets

from .._files import atomic_write
from ..errors import Img2ImuError
from .canvas import Drawing
from .controls import Quiet

__all__ = ["Explorer", "Latest", "Screen"]

_HERE = Path(__file__).parent


class Latest:
    """Meet requests one after the other on a thread; those that wait are replaced by newer ones.

    So a dragged slider is never followed by a queue of pictures that nobody wants any more: at
    most one is being drawn, and one waits.

    An exception is reported as that of any thread, and what waits is met all the same.

    Examples
    --------
    >>> import time
    >>> met = []
    >>> latest = Latest(lambda request: (time.sleep(0.05), met.append(request)))
    >>> for request in range(100):
    ...     latest(request)
    >>> latest.wait()
    >>> len(met) < 5, met[-1]
    (True, 99)
    """

    def __init__(self, meet: Callable[[Any], None]) -> None:
        self._meet = meet
        self._changed = threading.Condition()
        self._waiting: deque[Any] = deque(maxlen=1)  # a newer request pushes the older one out
        self._busy = False

    def __call__(self, request: Any) -> None:
        """Ask for something, in place of what was asked for and not yet begun."""
        with self._changed:
            self._waiting.append(request)
            if not self._busy:
                self._busy = True
                threading.Thread(target=self._run, daemon=True).start()

    def wait(self, seconds: float = 60.0) -> None:
        """Return when nothing is being done and nothing waits."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._busy, timeout=seconds):
                raise TimeoutError(f"still busy after {seconds:g} s")

    def _run(self) -> None:
        while True:
            # Looking and going to rest under one lock: no request can slip in between.
            with self._changed:
                if not self._waiting:
                    self._busy = False
                    self._changed.notify_all()
                    return
                request = self._waiting.pop()
            try:
                self._meet(request)
            except Exception:
                report = (*sys.exc_info(), threading.current_thread())
                threading.excepthook(threading.ExceptHookArgs(report))


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
        self._lock = threading.Lock()  # the thread that draws and the kernel's own both speak

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


class Explorer(Quiet, widgets.VBox):
    """A thin binding of controls to a pure function that draws their state.

    A subclass gives `render`, `code` if there is any, and `_read`: the state that the controls
    show. The state is all there is: widgets hold nothing else that a picture depends on.

    Attributes
    ----------
    state
        A frozen dataclass.
    screen : Screen
        With ``status``, ``failed``, ``alt`` and ``png`` as they are shown.
    """

    render: Callable[[Any], Drawing]
    code: Callable[[Any], str] = staticmethod(lambda state: "")

    def __init__(
        self, state: Any, controls: list[widgets.Widget], name: str, above: tuple = ()
    ) -> None:
        self.state = state
        self.screen = Screen(name=name, layout={"flex": "1 1 600px", "min_width": "0"})
        self._latest = Latest(self._show)
        column = widgets.VBox(controls, layout={"flex": "0 0 auto"})
        body = widgets.Box(
            [column, self.screen],
            layout={"flex_flow": "row wrap", "align_items": "flex-start", "grid_gap": "8px"},
        )
        super().__init__([*above, body], _dom_classes=["ik-explorer"])
        self._show(state)  # at once, so that a notebook is stored with it

    def draw(self, state: Any) -> None:
        """Show a new state as soon as possible, and no older one after it."""
        self.state = state
        self._latest(state)

    def wait(self) -> None:
        """Return when the picture shows the state."""
        self._latest.wait()

    def export(self, path: str | os.PathLike) -> Path:
        """Write the picture of the present state as PNG, with its alt text inside.

        Raises
        ------
        Img2ImuError
            The state holds a contradiction, or the file cannot be written.
        """
        path = Path(path)
        atomic_write({path: self.render(self.state).png()})
        return path

    def _read(self) -> Any:
        raise NotImplementedError

    def _changed(self, _change: dict | None = None) -> None:
        """Draw what the controls show, after a change by the user."""
        if not self._quiet:
            self.draw(self._read())

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
        """The widget, and its picture for places where no widget can live."""
        bundle = super()._repr_mimebundle_(**kwargs) | {
            "image/png": b64encode(self.screen.png).decode()
        }
        return bundle, {"image/png": {"alt": self.screen.alt}}

    def _show(self, state: Any) -> None:
        try:
            drawing, code = self.render(state), self.code(state)
        except Img2ImuError as error:
            self.screen.explain(str(error))
        except Exception as error:  # a mistake of ours: said here, and raised for who looks for it
            self.screen.explain(f"Unexpected {type(error).__name__}: {error}")
            raise
        else:
            self.screen.show(drawing, code)

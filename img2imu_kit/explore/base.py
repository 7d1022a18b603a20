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
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, replace
from itertools import product
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets
import traitlets

from .._files import atomic_write
from ..errors import Img2ImuError, unknown_name
from .canvas import Drawing
from .controls import Quiet, group
from .page import Still, write_page

__all__ = ["WIDE", "Explorer", "Latest", "Screen"]

_HERE = Path(__file__).parent
#: Width of a picture in pixels until a browser says how much room there is.
WIDE = 1080
#: Narrower it would be unreadable, wider only emptier.
_LEAST, _MOST = 420, 1600


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
    #: What the page has room for, in pixels: said by the browser, and again when that changes.
    width = traitlets.Int(WIDE).tag(sync=True)
    #: What can be saved besides the picture: settings as JSON, and a sound as WAV, if any.
    settings = traitlets.Unicode().tag(sync=True)
    sound = traitlets.Bytes().tag(sync=True)

    def __init__(self, **traits) -> None:
        super().__init__(**traits)
        self._lock = threading.Lock()  # the thread that draws and the kernel's own both speak
        self._drawing: Drawing | None = None

    def show(self, drawing: Drawing, code: str = "", settings: str = "") -> None:
        """Replace the picture and all that is said about it."""
        with self._lock, self.hold_sync():
            self._drawing = drawing
            self.png, self.alt, self.status = drawing.png(), drawing.alt, drawing.note
            self.code, self.settings, self.failed = code, settings, False

    def explain(self, problem: str) -> None:
        """Keep the last picture, faint, and say what is the matter."""
        with self._lock, self.hold_sync():
            self.status, self.failed = problem, True

    def tell(self, status: str) -> None:
        """Change the line of status alone."""
        with self._lock, self.hold_sync():
            self.status, self.failed = status, False

    def point(self, x: int, y: int) -> None:
        """Answer what lies at a pixel of the picture, where the pointer is."""
        # A message and not a trait: the browser asks again only when it is answered, and the same
        # answer twice would be no change of a trait.
        self.send({"pointed": self._drawing.read(x, y) if self._drawing else ""})


class Explorer(Quiet, widgets.VBox):
    """A thin binding of controls to a pure function that draws their state.

    A subclass gives `render`, `code` if there is any, and `_read`: the state that the controls
    show. The state is all there is: widgets hold nothing else that a picture depends on.

    Parameters
    ----------
    state
        A frozen dataclass.
    groups : dict of name -> controls
        In the order of the eye: they stand beside the picture, and each can be folded away.
    name : str
        Of the picture when it is saved.
    above : widgets
        What stands above the picture, or beside it where the page is wide.
    folded : names of groups
        That are closed at first.

    Attributes
    ----------
    state
        The present one.
    screen : Screen
        With ``status``, ``failed``, ``alt`` and ``png`` as they are shown, and the ``width`` of
        the page that `render` is given.
    """

    render: Callable[[Any, int], Drawing]
    code: Callable[[Any], str] = staticmethod(lambda state: "")

    def __init__(
        self,
        state: Any,
        groups: Mapping[str, Sequence[widgets.Widget]],
        name: str,
        above: Sequence[widgets.Widget] = (),
        folded: Collection[str] = (),
    ) -> None:
        self.state = state
        # Beside the controls down to 420 pixels, below them on a page that is narrower still.
        self.screen = Screen(name=name, layout={"flex": f"1 1 {_LEAST}px", "min_width": "0"})
        self._latest = Latest(self._show)
        self._slow = Latest(self._attempt)
        column = widgets.VBox(
            [group(title, controls, title in folded) for title, controls in groups.items()],
            _dom_classes=["ik-controls"],
        )
        sight = widgets.Box([*above, self.screen], _dom_classes=["ik-sight"])
        body = widgets.Box([column, sight], _dom_classes=["ik-body"])
        super().__init__([body], _dom_classes=["ik-explorer"])
        self._show(state)  # at once, so that a notebook is stored with it
        self.screen.observe(lambda _change: self.draw(self.state), "width")
        self.screen.on_msg(self._pointed)

    def draw(self, state: Any) -> None:
        """Show a new state as soon as possible, and no older one after it."""
        self.state = state
        self._latest(state)

    def later(self, said: str, job: Callable[[], None]) -> None:
        """Do what takes seconds on a thread of its own, and say so meanwhile.

        A job that waits is replaced by a newer one; `draw` and `screen.tell` may be called in it.
        """
        self.screen.tell(said)
        self._slow(job)

    def wait(self, seconds: float = 60.0) -> None:
        """Return when nothing is computed any more and the picture shows the state."""
        self._slow.wait(seconds)
        self._latest.wait(seconds)

    def export(
        self, path: str | os.PathLike, over: Mapping[str, Sequence[Any]] | None = None
    ) -> Path:
        """Write the present state as a picture, or as a page that needs no kernel.

        Parameters
        ----------
        path : path
            ``.html``: one page that holds all it shows and makes no request; else a PNG, with its
            alt text inside.
        over : dict of name -> values, optional
            A slider for each on that page: fields of the state or settings, drawn beforehand for
            every combination. Those that contradict each other show why.

        Raises
        ------
        Img2ImuError
            The state holds a contradiction, no such setting, or a file that cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> from img2imu_kit.explore import SpectrogramExplorer
        >>> page = Path(tempfile.mkdtemp(), "frames.html")
        >>> text = SpectrogramExplorer().export(page, over={"n_fft": [32, 64]}).read_text()
        >>> text.count("data:image/webp"), "https://" in text
        (2, False)
        """
        path, over = Path(path), {name: list(values) for name, values in (over or {}).items()}
        if path.suffix != ".html":
            atomic_write({path: self.render(self.state, WIDE).png()})
            return path
        self.render(self.state, WIDE)  # a contradiction is an error here, and a sentence below
        stills = [
            self._still(dict(zip(over, values, strict=True))) for values in product(*over.values())
        ]
        return write_page(path, f"{self.screen.name} explorer", stills, over)

    def _still(self, values: Mapping[str, Any]) -> Still:
        """The present state with some settings changed: what it shows, or why it cannot."""
        state = self.state
        for name, value in values.items():
            state = self._vary(state, name, value)
        try:
            return Still(self.render(state, WIDE), self.code(state))
        except Img2ImuError as error:
            return Still(None, problem=self._explain(error))

    def _vary(self, state: Any, name: str, value: Any) -> Any:
        """The state with another value of what `export` is told to vary."""
        if name not in (known := [field.name for field in fields(state)]):
            raise unknown_name("setting", name, known)
        return replace(state, **{name: value})

    def _saved(self, state: Any) -> str:
        """Settings of the state as JSON, where they can be saved."""
        return ""

    def _explain(self, error: Img2ImuError) -> str:
        """An error in the words of the controls."""
        return str(error)

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

    def _pointed(self, _screen: widgets.Widget, content: dict, _buffers: list) -> None:
        """The pointer is at a pixel of the picture, or clicked there."""
        answer = self._clicked if content.get("clicked") else self.screen.point
        answer(int(content["x"]), int(content["y"]))

    def _clicked(self, x: int, y: int) -> None:
        """Answer a click on a pixel of the picture."""

    def _show(self, state: Any) -> None:
        width = min(max(self.screen.width, _LEAST), _MOST)
        self._attempt(
            lambda: self.screen.show(
                self.render(state, width), self.code(state), self._saved(state)
            )
        )

    def _attempt(self, job: Callable[[], None]) -> None:
        try:
            job()
        except Img2ImuError as error:
            self.screen.explain(self._explain(error))
        except Exception as error:  # a mistake of ours: said here, and raised for who looks for it
            self.screen.explain(f"Unexpected {type(error).__name__}: {error}")
            raise

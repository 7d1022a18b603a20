"""What all explorers share: controls, a state, a picture of it, and a place for problems."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from ..errors import Img2ImuError
from .canvas import Drawing
from .latest import Latest
from .screen import Screen

__all__ = ["Explorer", "control"]

_LAYOUT = {"width": "300px"}
_STYLE = {"description_width": "92px"}


class Explorer(widgets.VBox):
    """A thin binding of controls to a pure function that draws their state.

    A subclass gives `render` and `code`, and calls `draw` with a new state whenever a control
    moved. The state is all there is: widgets hold nothing else that a picture depends on.

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
        self,
        state: Any,
        controls: list[widgets.Widget],
        name: str,
        above: tuple[widgets.Widget, ...] = (),
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

        Parameters
        ----------
        path : path

        Returns
        -------
        Path

        Raises
        ------
        Img2ImuError
            The state holds a contradiction.
        """
        path = Path(path)
        path.write_bytes(self.render(self.state).png())
        return path

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


def control(kind: type[widgets.Widget], description: str, tooltip: str, **settings) -> Any:
    """A control of the size and style of all others."""
    settings = {"layout": _LAYOUT, "style": _STYLE} | settings
    return kind(description=description, tooltip=tooltip, **settings)

"""An explorer's pictures as a page of its own, for places where no kernel runs."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from .._files import write_html
from .canvas import Drawing

__all__ = ["Still", "write_page"]

_PAGE = Path(__file__).with_name("page.html")


@dataclass(frozen=True, eq=False)
class Still:
    """What an explorer shows in one state, or why it cannot."""

    drawing: Drawing | None
    code: str = ""
    problem: str = ""


def write_page(
    path: Path, title: str, stills: Sequence[Still], over: Mapping[str, Sequence[Any]]
) -> Path:
    """Write pictures as one page of HTML, with a slider for each setting that they differ in.

    Parameters
    ----------
    path : path
    title : str
    stills : sequence of Still
        One for each combination of the values in `over`, the last setting changing fastest.
    over : dict of name -> values
        None: a single picture.

    Returns
    -------
    pathlib.Path
        The file. All is in it: it makes no request.
    """
    content = {
        "over": {name: [_words(value) for value in values] for name, values in over.items()},
        "stills": [
            {
                "picture": _as_webp(still.drawing) if still.drawing else "",
                "alt": still.drawing.alt if still.drawing else "",
                "note": still.drawing.note if still.drawing else still.problem,
                "code": still.code,
            }
            for still in stills
        ],
    }
    write_html(path, _PAGE, title, content)
    return path


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _as_webp(drawing: Drawing) -> str:
    content = io.BytesIO()
    # Without loss small text stays sharp; quality is here how long it looks for a smaller file.
    Image.fromarray(drawing.pixels).save(content, "WEBP", lossless=True, quality=20, method=1)
    return "data:image/webp;base64," + b64encode(content.getvalue()).decode()

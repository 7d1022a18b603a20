"""Files written whole or not at all, and files that an installed package brings."""

from __future__ import annotations

import html
import importlib.util
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .errors import OutputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["atomic_open", "atomic_write", "package_folder", "write_csv", "write_html"]


@contextmanager
def atomic_open(path: Path) -> Iterator[BinaryIO]:
    """Open a new file for bytes that do not fit in memory; it is in its place when all is written.

    Raises
    ------
    OutputError
        Disk full or folder not writable. What was there before is unchanged, as it is after any
        other error inside.

    Examples
    --------
    >>> path = Path(tempfile.mkdtemp(), "a.bin")
    >>> with atomic_open(path) as file:
    ...     file.write(b"one"), path.exists()
    (3, False)
    >>> path.read_bytes()
    b'one'
    """
    partial = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".part-", delete=False) as file:
            partial = Path(file.name)
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.chmod(0o644)  # NamedTemporaryFile makes it private
        os.replace(partial, path)
        _sync(path.parent)
    except OSError as error:
        raise _unwritten(path, error) from None
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


def atomic_write(contents: Mapping[Path, bytes | memoryview]) -> None:
    """Write files beside their places, flush all of them to disk, then move them there.

    Parameters
    ----------
    contents : dict of path -> bytes
        Folders are made. Of several files none is moved before all are written.

    Raises
    ------
    OutputError
        Disk full or folder not writable. What was there before is unchanged.

    Examples
    --------
    >>> folder = Path(tempfile.mkdtemp())
    >>> atomic_write({folder / "a.txt": b"one", folder / "b" / "c.txt": b"two"})
    >>> (folder / "b" / "c.txt").read_text(), len(list(folder.iterdir()))
    ('two', 2)
    """
    written: dict[str, Path] = {}
    path = Path()
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            place = {"dir": path.parent, "prefix": ".part-"}
            with tempfile.NamedTemporaryFile(**place, delete=False) as file:
                written[file.name] = path
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(file.name, 0o644)  # NamedTemporaryFile makes it private
        for partial, path in written.items():
            os.replace(partial, path)
        for folder in {path.parent for path in contents}:
            _sync(folder)
    except OSError as error:
        raise _unwritten(path, error) from None
    finally:
        for partial in written:
            Path(partial).unlink(missing_ok=True)


def write_csv(path: str | os.PathLike, table: pd.DataFrame, *, index: bool = False) -> Path:
    """Write a table for people as CSV, whole or not at all; no text in it is a formula.

    A spreadsheet computes a cell that begins with ``=``, ``+``, ``-`` or ``@``, and a label may
    come from anywhere: such text gets an apostrophe before it, as a spreadsheet spells text.

    Raises
    ------
    OutputError
        As `atomic_write`.

    References
    ----------
    OWASP, "CSV injection".

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"label": ["walk", "=1+1", "-5"], "x": [-1.5, 0.0, 2.0]})
    >>> print(write_csv(Path(tempfile.mkdtemp(), "t.csv"), table).read_text())
    label,x
    walk,-1.5
    '=1+1,0.0
    -5,2.0
    """
    plain = table.reset_index() if index else table
    texts = plain.select_dtypes(exclude=["number", "bool"]).columns
    plain = plain.assign(**{name: plain[name].map(_no_formula) for name in texts})
    plain = plain.rename(columns=_no_formula)
    atomic_write({Path(path): plain.to_csv(index=False).encode()})
    return Path(path)


def _no_formula(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    cell = cell.replace("\r", " ")  # which pandas does not quote: the row would end there
    if not cell.lstrip().startswith(("=", "+", "-", "@")):
        return cell
    try:
        float(cell)  # -5 is a number, whoever computes it
        return cell
    except ValueError:
        return f"'{cell}"


def write_html(path: Path, template: Path, title: str, content: object, **parts: str) -> None:
    """Write a page of HTML from a template with ``{{title}}``, ``{{data}}`` and other parts.

    Parameters
    ----------
    path, template : Path
    title : str
    content
        Data as JSON can hold them, for a ``<script type="application/json">``.
    **parts : str
        Put in as they are.

    Examples
    --------
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "t.html").write_text("<title>{{title}}</title><script>{{data}}</script>")
    >>> write_html(folder / "p.html", folder / "t.html", "a < b", {"label": "</script>"})
    >>> print((folder / "p.html").read_text())
    <title>a &lt; b</title><script>{"label":"\\u003c/script>"}</script>
    """
    # Within <script> only "</" could end the data; as \u003c it is the same text to a reader of
    # JSON, and no markup, whatever a file or a label is called.
    data = json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")
    parts |= {"title": html.escape(title), "data": data}
    page = re.sub(r"{{(\w+)}}", lambda match: parts[match[1]], template.read_text("utf-8"))
    atomic_write({path: page.encode()})


def _sync(folder: Path) -> None:
    """Let a renaming in a folder reach the disk, where folders can be opened for that."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


def _unwritten(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"could not be written ({error.strerror or error})",
        where=str(path),
        remedy="What was there before is unchanged; make room or choose another folder.",
    )


def package_folder(package: str) -> Path | None:
    """Folder of an installed package, None if it is not installed; none of its code runs.

    Examples
    --------
    >>> package_folder("numpy").name, package_folder("no_such_package")
    ('numpy', None)
    """
    spec = importlib.util.find_spec(package)
    return Path(spec.submodule_search_locations[0]) if spec else None

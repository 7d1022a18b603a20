"""Results that outlive an interruption: one file each, whole or not at all, named by its causes.

The name of a result follows from everything that decides it: the data, the settings, the weights,
the code of this package and the versions of the libraries below it. Whatever changes, the name
changes too, and the old file is simply not found again.
"""

from __future__ import annotations

import ast
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from .._files import atomic_write

__all__ = [
    "cache_key",
    "has_arrays",
    "read_arrays",
    "read_row",
    "source_hash",
    "write_arrays",
    "write_row",
]

#: Another release of these may round differently.
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "timm", "img2imu-kit")


def cache_key(*things: Any) -> str:
    """A name, 32 hexadecimal digits, that changes with anything given and with the code.

    Parameters
    ----------
    *things
        Numbers, strings, paths, arrays, tensors, networks (their layers and weights), data
        classes (the fields that take part in comparison) and containers of these.

    Notes
    -----
    The whole package counts (`source_hash`), not a list of the modules that matter: such a list
    is wrong from the first edit that nobody adds to it. A change that touches no number
    recomputes too much, which costs minutes; a stale result costs the table.

    Examples
    --------
    >>> cache_key({"a": 1}) == cache_key({"a": 1}) != cache_key({"a": 1.0})
    True
    """
    digest = hashlib.sha256((source_hash() + _versions()).encode())
    _feed(things, digest.update)
    return digest.hexdigest()[:32]


@cache
def source_hash() -> str:
    """Hash of the code of every module of this package, without comments and docstrings."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode())
        digest.update(_code(path.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()


def write_row(path: Path, row: dict[str, Any]) -> None:
    """Write one row of a table, values or lists of them, as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Parquet keeps lists of lists and types; one file a row, so that workers never share one.
    content = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row]), content)
    atomic_write({path: content.getbuffer()})


def read_row(path: Path) -> dict[str, Any] | None:
    """The row, or None where there is none that can be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path).read().to_pylist()[0]
    except (OSError, pa.ArrowException, IndexError):  # torn or not there: computed again
        return None


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays of numbers as .safetensors."""
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    # the file sorts its arrays; the order of the names is kept apart
    atomic_write({path: save(contiguous, {"order": json.dumps(list(arrays))})})


def has_arrays(path: Path) -> bool:
    """Whether `read_arrays` would find arrays; the header tells, and that the file is whole."""
    try:
        with safe_open(path, "np") as file:
            return "order" in (file.metadata() or {})
    except (OSError, SafetensorError):
        return False


def read_arrays(path: Path, rows: np.ndarray | None = None) -> dict[str, np.ndarray] | None:
    """The arrays (or some of their rows), or None where there are none that can be read."""
    try:
        with safe_open(path, "np") as file:
            order = json.loads(file.metadata()["order"])
            arrays = {name: file.get_tensor(name) for name in order}
    except (OSError, SafetensorError, ValueError, TypeError, KeyError):
        return None
    return arrays if rows is None else {name: array[rows] for name, array in arrays.items()}


@cache
def _versions() -> str:
    found = []
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:  # run from a folder that was never installed
            found.append(f"{name} unknown")
    return ", ".join(found)


def _code(text: str) -> str:
    """The syntax tree of a module, which has no comments, without its docstrings."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):  # of a lambda and of `a if b else c` it is an expression
            node.body = [
                line
                for line in body
                if not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
            ]
    return ast.dump(tree)  # line numbers are left out, so moving code changes nothing


def _feed(thing: Any, update: Callable[[bytes], None]) -> None:
    """Each thing with its kind and length, so that no two lists of things read the same."""
    # Tags and ends make the bytes a code: [1, [2]] and [[1], 2] differ, and so do 1 and "1".
    update(f"<{type(thing).__qualname__}>".encode())
    if hasattr(thing, "state_dict"):  # a network: layers (padding has no weights), then weights
        _feed([repr(thing), dict(thing.state_dict())], update)
    elif hasattr(thing, "detach"):
        _feed(thing.detach().cpu().numpy(), update)
    elif isinstance(thing, np.ndarray) and thing.dtype != object:
        update(f"{thing.dtype}{thing.shape}".encode())
        update(np.ascontiguousarray(thing))
    elif isinstance(thing, dict):
        _feed_all(sorted(thing.items(), key=lambda item: str(item[0])), update)
    elif is_dataclass(thing):
        # Fields with compare=False (a history, a counter) decide no number.
        kept = [
            (field.name, getattr(thing, field.name)) for field in fields(thing) if field.compare
        ]
        _feed_all(kept, update)
    elif isinstance(thing, list | tuple | set | frozenset | np.ndarray):
        _feed_all(sorted(thing) if isinstance(thing, set | frozenset) else thing, update)
    elif thing is None or isinstance(thing, str | bytes | bool | int | float | Path | np.generic):
        update(repr(thing).encode())
    else:
        raise TypeError(f"cannot tell two of {type(thing).__name__} apart")


def _feed_all(things: Iterable, update: Callable[[bytes], None]) -> None:
    for count, thing in enumerate(things):
        update(f"{count}:".encode())
        _feed(thing, update)
    update(b"</>")

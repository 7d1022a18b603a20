"""Results that outlive an interruption: each on disk, whole or not at all, named by its causes."""

from __future__ import annotations

import ast
import hashlib
import inspect
import io
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from .._files import atomic_write

__all__ = ["cache_key", "read_array", "read_row", "write_array", "write_row"]


def cache_key(*things: Any) -> str:
    """A name, 32 hexadecimal digits, that changes with anything given.

    Parameters
    ----------
    *things
        Numbers, strings, arrays, tensors, networks (their layers and weights), data classes,
        containers of these; and modules, whose code counts but not their comments and docstrings.

    Examples
    --------
    >>> fingerprint({"a": 1}) == fingerprint({"a": 1}) != fingerprint({"a": 1.0})
    True
    """
    digest = hashlib.sha256()
    _feed(things, digest.update)
    return digest.hexdigest()[:32]


def write_row(path: Path, row: dict[str, Any]) -> None:
    """Write one row of a table, values or lists of them, as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

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


def write_array(path: Path, array: np.ndarray) -> None:
    """Write an array of numbers as .npy."""
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    atomic_write({path: content.getbuffer()})


def read_array(path: Path) -> np.ndarray | None:
    """The array, read from disk as it is needed, or None where there is none that can be read."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None


def _feed(thing: Any, update: Callable[[bytes], None]) -> None:
    """Each thing with its kind and length, so that no two lists of things read the same."""
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
        _feed_all([(item.name, getattr(thing, item.name)) for item in fields(thing)], update)
    elif isinstance(thing, list | tuple | set | frozenset | np.ndarray):
        _feed_all(sorted(thing) if isinstance(thing, set | frozenset) else thing, update)
    elif isinstance(thing, ModuleType):
        update(_code(thing).encode())
    elif thing is None or isinstance(thing, str | bytes | bool | int | float | Path | np.generic):
        update(repr(thing).encode())
    else:
        raise TypeError(f"cannot tell two of {type(thing).__name__} apart")


def _feed_all(things: Iterable, update: Callable[[bytes], None]) -> None:
    for count, thing in enumerate(things):
        update(f"{count}:".encode())
        _feed(thing, update)
    update(b"</>")


def _code(module: ModuleType) -> str:
    """A module's code without comments and docstrings."""
    tree = ast.parse(inspect.getsource(module))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [
                line
                for line in body
                if not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
            ]
    return ast.dump(tree)

"""Files written whole or not at all, and files that an installed package brings."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from .errors import OutputError

__all__ = ["atomic_write", "package_folder"]


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
        if os.name == "posix":  # the renaming itself must reach the disk too
            for folder in {path.parent for path in contents}:
                handle = os.open(folder, os.O_RDONLY)
                os.fsync(handle)
                os.close(handle)
    except OSError as error:
        raise OutputError(
            f"could not be written ({error.strerror or error})",
            where=str(path),
            remedy="What was there before is unchanged; make room or choose another folder.",
        ) from None
    finally:
        for partial in written:
            Path(partial).unlink(missing_ok=True)


def package_folder(package: str) -> Path | None:
    """Folder of an installed package, None if it is not installed; none of its code runs.

    Examples
    --------
    >>> package_folder("numpy").name, package_folder("no_such_package")
    ('numpy', None)
    """
    spec = importlib.util.find_spec(package)
    return Path(spec.submodule_search_locations[0]) if spec else None

"""What can go wrong, said usefully: what happened, where, and what to do next."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

__all__ = [
    "ClockError",
    "ConstantAxisWarning",
    "DatasetError",
    "DownloadError",
    "FormatError",
    "GuessWarning",
    "Img2ImuError",
    "Img2ImuWarning",
    "LeakageWarning",
    "NoSignalError",
    "OutputError",
    "ParameterError",
    "SignalError",
    "SplitError",
    "StrictError",
    "WeightsError",
    "first_line",
    "strict",
    "unknown_name",
]


class Img2ImuError(Exception):
    """Base of every error this package raises on purpose.

    Parameters
    ----------
    what : str
        What was found and what was expected.
    where : str, optional
        File, line, axis or sample.
    remedy : str, optional
        What to do next.

    Examples
    --------
    >>> print(Img2ImuError("rate is -5 Hz", where="walk.csv", remedy="Pass rate=<Hz>."))
    walk.csv: rate is -5 Hz. Pass rate=<Hz>.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.remedy = what, where, remedy

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f" {self.remedy}" if self.remedy else ""
        stop = "." if advice and not self.what.endswith((".", "?", "!")) else ""
        return f"{place}{self.what}{stop}{advice}"

    def __reduce__(self):  # keyword arguments survive the trip between processes
        return _rebuild, (type(self), self.what, self.where, self.remedy)


def _rebuild(kind: type[Img2ImuError], what: str, where: str, remedy: str) -> Img2ImuError:
    return kind(what, where=where, remedy=remedy)


class ParameterError(Img2ImuError, ValueError):
    """A setting is out of range, or two settings contradict each other."""


class SignalError(Img2ImuError, ValueError):
    """The numbers of a signal cannot be used: NaN, wrong shape, too short."""


class ClockError(Img2ImuError, ValueError):
    """A sampling rate or time stamps are missing, implausible, backwards or have gaps."""


class FormatError(Img2ImuError, ValueError):
    """A file does not hold what was asked of it: empty, malformed line, missing column."""


class NoSignalError(FormatError):
    """A file is whole but holds no signal: prose, or a table of something else."""


class DatasetError(Img2ImuError):
    """A data set is unknown, incomplete or not where it should be."""


class DownloadError(DatasetError, OSError):
    """A download failed, was cut, or does not match its checksum."""


class WeightsError(Img2ImuError, ValueError):
    """A file of weights does not fit its network, or is not safe to open."""


class OutputError(Img2ImuError, OSError):
    """A file could not be written."""


class SplitError(Img2ImuError, ValueError):
    """Too few subjects, classes or windows for the split that was asked for."""


class StrictError(Img2ImuError, ValueError):
    """What elsewhere is a warning of this package, see `strict`."""


class Img2ImuWarning(UserWarning):
    """Base of every warning of this package: a result that may not be what it seems."""


class LeakageWarning(Img2ImuWarning):
    """A split puts windows of one subject or recording on both sides."""


class ConstantAxisWarning(Img2ImuWarning):
    """An axis never changes; its picture is mid-grey."""


class GuessWarning(Img2ImuWarning):
    """Something was guessed from the file; the message says what, and how to override it."""


def first_line(error: BaseException) -> str:
    """What another library's error says in its first line, or its kind if it says nothing.

    Examples
    --------
    >>> first_line(ValueError("bad header\\n  at 3")), first_line(EOFError())
    ('bad header', 'EOFError')
    """
    return next(iter(str(error).splitlines()), type(error).__name__)


@contextmanager
def strict(on: bool = True) -> Iterator[None]:
    """Within it whatever this package would warn of is an error.

    Parameters
    ----------
    on : bool
        False changes nothing.

    Raises
    ------
    StrictError
        With the text of the warning.

    Examples
    --------
    >>> with strict():
    ...     warnings.warn("walk.csv: guessed: acceleration is in g (unit=)", GuessWarning)
    Traceback (most recent call last):
    img2imu_kit.errors.StrictError: walk.csv: guessed: acceleration is in g (unit=). Settle it, ...
    """
    if not on:
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error", Img2ImuWarning)
        try:
            yield
        except Img2ImuWarning as doubt:
            raise StrictError(str(doubt), remedy="Settle it, or do without strict.") from None


def unknown_name(
    kind: str,
    name: object,
    known: Iterable[str],
    error: type[Img2ImuError] = ParameterError,
    *,
    where: str = "",
    listed: Iterable[str] | None = None,
) -> Img2ImuError:
    """The error to raise for a name that does not exist: the nearest one, then all there are.

    Parameters
    ----------
    kind : str
        What the name is of, ``"preset"``.
    name : object
        What was asked for.
    known : iterable of str
        Names that exist; the nearest is sought among them, whatever its case.
    error : type
        Of the error.
    where : str
        As in `Img2ImuError`.
    listed : iterable of str, optional
        What to list in place of `known`; nothing is listed if it is empty.

    Examples
    --------
    >>> print(unknown_name("probe", "Forrest", ["knn", "forest"]))
    no probe 'Forrest'. Did you mean 'forest'? There are: knn, forest.
    """
    spelt = {text.lower(): text for text in map(str, known)}
    close = difflib.get_close_matches(str(name).lower(), spelt, n=1, cutoff=0.5)
    names = ", ".join(spelt.values() if listed is None else listed)
    hint = f"Did you mean {spelt[close[0]]!r}? " if close else ""
    remedy = f"{hint}There are: {names}." if names else hint.strip()
    return error(f"no {kind} {name!r}", where=where, remedy=remedy)

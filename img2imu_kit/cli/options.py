"""Flags made from the signatures of the functions that they reach, and messages that name them.

A new option of `read_csv` is a flag of every command that reads recordings, with its help.
"""

from __future__ import annotations

import functools
import inspect
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer

from ..errors import OutputError, ParameterError
from ..pictures.params import CHOICES, SpectrogramParams
from ..readers.files import read
from ..readers.tables import read_csv
from ..signals.recording import PLAUSIBLE_RATE
from ..signals.windows import sliding_windows

__all__ = [
    "IMG2IMU",
    "BackboneFlag",
    "WeightsFlag",
    "check_output",
    "docs",
    "flag",
    "in_shell_words",
    "picture_flags",
    "reader_flags",
    "takes",
    "watched",
    "window_flags",
]

#: The network that reads own recordings, and the flags that name another.
IMG2IMU = "img2imu:walk-sensor"
WeightsFlag = Annotated[str, typer.Option(help="Bundled ones, or a file or folder of safetensors.")]
BackboneFlag = Annotated[str | None, typer.Option(help="timm model of weights without a card.")]

Flags = list[inspect.Parameter]
#: What "none" is on its way through the parser, where None means that a flag was not given.
_NONE = object()
#: What a user of Python would call, and the options that do it here.
_CALLS = {"resample()": "--rate <Hz>", "select()": "--columns"}


def takes(**groups: Flags) -> Callable[[Callable], Callable]:
    """Give a command groups of flags; those that were typed reach it as a dict for each group.

    Examples
    --------
    >>> @takes(cutting=window_flags(seconds=4.0))
    ... def cut(path: str, cutting: dict):
    ...     print(path, cutting)
    >>> cut(path="walk.csv", seconds=2.0, overlap=None, purity=None, short=None, unlabelled=None)
    walk.csv {'seconds': 2.0}
    """

    def decorate(command: Callable) -> Callable:
        own = inspect.signature(command, eval_str=True).parameters.values()

        @functools.wraps(command)
        def run(**given: Any) -> None:
            for name, group in groups.items():
                typed = {each.name: given.pop(each.name) for each in group}
                given[name] = {
                    key: None if value is _NONE else value
                    for key, value in typed.items()
                    if value is not None
                }
            command(**given)

        kept = [each for each in own if each.name not in groups]
        flags = [each for group in groups.values() for each in group]
        keywords = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in kept + flags]
        run.__signature__ = inspect.Signature(keywords)
        return run

    return decorate


def reader_flags() -> Flags:
    """A flag for every option of `read`; a gap splits a file here, unless told otherwise."""
    settings: dict[str, Any] = {
        # `img2imu --strict` is for all that a command does
        "leave": ("path", "name", "failed", "strict", "progress", "options"),
        "hints": {"gap": Literal["raise", "split", "interpolate"]},
        # many files at once: a silence in one of them is no reason to stop
        "gap": "split",
    }
    own, others = (_flags(target, "Reading", **settings) for target in (read, read_csv))
    known = {each.name for each in own}
    return own + [each for each in others if each.name not in known]


def window_flags(*, leave: Sequence[str] = (), **defaults: Any) -> Flags:
    """A flag for every option of `sliding_windows`."""
    return _flags(sliding_windows, "Windows", leave=("recordings", *leave), **defaults)


def picture_flags() -> Flags:
    """A flag for every setting of `SpectrogramParams`, each over that of the preset."""
    hints = {"window": Literal[CHOICES["window"]]}
    return _flags(SpectrogramParams, "Pictures: instead of the preset's", hints=hints)


#: What a number may be, known before anything is read.
_BOUNDS = {
    "rate": {"min": PLAUSIBLE_RATE[0], "max": PLAUSIBLE_RATE[1]},
    "seconds": {"min": 0.01},
    "overlap": {"min": 0, "max": 0.99},
    "purity": {"min": 0, "max": 1},
    "skip_lines": {"min": 0},
    "longest_gap_s": {"min": 0},
}


def _flags(
    target: Callable,
    panel: str,
    *,
    leave: Sequence[str] = (),
    hints: Mapping[str, Any] | None = None,
    **defaults: Any,
) -> Flags:
    """A flag for each parameter, which is None where it was not typed, unless it has a default."""
    known, told = get_type_hints(target), docs(target)
    flags = []
    for name in inspect.signature(target).parameters:
        if name in leave:
            continue
        kind, text = told.get(name, ("", ""))
        hint = (hints or {}).get(name, known[name])
        if re.fullmatch(r'\{("\w+"(, )?)+\}(, optional)?', kind):  # {"s", "ms"}: one of these
            hint = Literal[tuple(re.findall(r"\w+", kind.removesuffix(", optional")))]
        bounds = _BOUNDS.get(name, {})
        flags.append(flag(name, hint, text, defaults.get(name), panel=panel, **bounds))
    return flags


def flag(
    name: str, hint: Any, text: str, default: Any = None, *, panel: str | None = None, **look: Any
) -> inspect.Parameter:
    """A parameter that Typer makes an option of, from the type hint of a Python one."""
    members = set(_members(hint)) - {NoneType}
    if members == {bool} or members in ({int}, {float}) or get_origin(hint) is Literal:
        kind = hint  # Typer checks it
    elif get_origin(hint) is tuple and get_args(hint)[-1] is ...:
        kind = list[get_args(hint)[0]]  # the option is given once for each
    else:
        # not a partial: older Typer asks for its name
        kind, look["parser"], look["metavar"] = str, lambda text: _parse(text, hint), "TEXT"
        text = re.sub(r"\b(False|None):", "none:", text)
    option = typer.Option(help=text, rich_help_panel=panel, **look)
    annotation = Annotated[kind | None, option]
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, keyword, default=default, annotation=annotation)


def docs(*targets: Callable) -> dict[str, tuple[str, str]]:
    """Name of a parameter -> its type and its meaning, as the docstrings tell them."""
    entry = r"^(\w+(?:, \w+)*)(?: : (.*))?\n((?:    .*\n?)+)"
    told = {}
    for target in targets:
        for names, kind, text in re.findall(entry, inspect.getdoc(target) or "", re.M):
            meaning = " ".join(text.split()).replace("``", "`")
            told |= dict.fromkeys(names.split(", "), (kind, meaning))
    return told


def _members(hint: Any) -> tuple:
    """What a hint allows, the words of a Literal one by one."""
    if get_origin(hint) in (Union, UnionType):
        return tuple(inner for member in get_args(hint) for inner in _members(member))
    return get_args(hint) if get_origin(hint) is Literal else (hint,)


def _parse(text: str, hint: Any) -> Any:
    """A typed text as Python takes it: "none", 3 for the fourth column, "x,y,z" for a sequence."""
    members = _members(hint)
    if text == "none":
        return False if bool in members or False in members else _NONE
    if text == "yes" and bool in members:
        return True
    for several in members:
        if get_args(several) and ("," in text or str not in members):
            values = [_parse(part.strip(), get_args(several)[0]) for part in text.split(",")]
            return tuple(values) if get_origin(several) is tuple else values
    for kind in {int, float} & {*members}:
        try:
            return kind(text)
        except ValueError:  # the name of a column
            continue
    return "\t" if text == r"\t" else text  # a shell gives two characters for a tab


def in_shell_words(text: str, options: Mapping[str, Sequence[str]]) -> str:
    """Advice for Python, ``rate=<Hz>``, as the option of a command, ``--rate <Hz>``.

    An alternative that the command does not have is left out.

    Parameters
    ----------
    text : str
    options : dict of name -> flags
        Of the command; of a switch both, ``("--resume", "--no-resume")``.

    Examples
    --------
    >>> options = {"rate": ["--rate"], "resume": ["--resume", "--no-resume"]}
    >>> in_shell_words("No clock. Give rate=<Hz>, or pass strict=False.", options)
    'No clock. Give --rate <Hz>.'
    >>> in_shell_words("Give another folder, or resume=False to start anew.", options)
    'Give another folder, or --no-resume to start anew.'
    """

    def say(match: re.Match) -> str:
        if match["call"]:  # in the brackets of a call it is Python that is meant
            return _CALLS.get(match["call"], match["call"])
        flags, value = options.get(match["name"]), match["value"] or ""
        if flags is None:
            return match[0]
        if value in ("True", "False") and len(flags) == 2:
            return flags[value == "False"]
        value = {"False": "none", "None": "none", "[...]": ""}.get(value, value.strip("'\""))
        return f"{flags[0]} {value}".strip()

    text, code = _split_code(text)
    spoken = re.sub(f"{_CALL}|{_KEYWORD}", say, text)
    # n_fft: a setting by its name alone
    for name, flags in options.items():
        if "_" in name:
            spoken = re.sub(rf"{_FREE}{name}\b", flags[0], spoken)
    alternative = rf",? or [^,.;(]*?{_FREE}[a-z_]+=[^,.;]*(?=[.,;])|, {_FREE}[a-z_]+=(?=,| and )"
    return re.sub(alternative, "", spoken) + code


def _split_code(text: str) -> tuple[str, str]:
    """A message up to the sentence that shows lines of Python, and the rest."""
    place = text.find("img2imu_kit.")
    cut = max(text.rfind(". ", 0, place), text.rfind(", or from Python", 0, place)) + 1
    return (text, "") if place < 0 else (text[:cut], text[cut:])


#: Not within a word, a quotation or a path.
_FREE = r"(?<![\w'\"(/.-])"
_CALL = r"(?P<call>[\w.]+\((?:[^()]|\([^()]*\))*\))"
_KEYWORD = (
    r"(?<![\w'\"/.-])(?P<name>[a-z_]+)="
    r"(?P<value>\[\.\.\.\]|<[^>]*>|\"[^\"]*\"|'[^']*'|[\w.+-]*\w)?"
)


def watched() -> bool:
    """Whether somebody looks at progress bars: standard error is a terminal, not a log."""
    return sys.stderr.isatty()


def check_output(path: Path | None, *kinds: str) -> None:
    """Find out before anything is computed whether a file of a kind can be written.

    Raises
    ------
    ParameterError
        Another ending than those of `kinds`.
    OutputError
        A folder that cannot be made or written to, or that stands where the file should.
    """
    if path is None:
        return
    if kinds and path.suffix.lower() not in kinds:
        raise ParameterError(f"cannot write {path.name!r}", remedy=f"Use {' or '.join(kinds)}.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        problem = "is a folder" if path.is_dir() else ""
    except OSError as error:
        problem = f"its folder cannot be made ({error.strerror})"
    if not problem and not os.access(path.parent, os.W_OK):
        problem = "its folder cannot be written to"
    if problem:
        raise OutputError(problem, where=str(path), remedy="Choose another place.")

"""The four tasks of the evaluation: how a data set becomes labelled windows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import unknown_name
from ..signals.windows import Windows, sliding_windows
from .catalogue import load_dataset

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TASKS", "Task", "list_tasks", "load_task"]


@dataclass(frozen=True)
class Task:
    """How a data set becomes labelled windows. Every value is our choice, not the paper's.

    Attributes
    ----------
    dataset : str
        Name in `list_datasets`.
    what : str
        What is told apart.
    seconds, overlap, purity, short
        As in `sliding_windows`.
    by : {"subject", "recording"}
        What training and test must not share.
    merge : dict
        Classes renamed, or dropped where the new name is ``""``.
    options : dict
        Handed to the data set's loader.

    Examples
    --------
    >>> TASKS["swimming"].seconds, TASKS["swimming"].dataset
    (6.0, 'swimming')
    """

    dataset: str
    what: str
    seconds: float
    overlap: float
    purity: float = 1.0
    short: str = "skip"
    by: str = "subject"
    merge: dict[str, str] = field(default_factory=dict)
    options: dict[str, object] = field(default_factory=dict)


TASKS = {
    "activity": Task(
        "sp_sw_har",
        "5 everyday movements, phone in a pocket",
        # Turning lasts 1.1 s in the median, so a longer window would hardly hold a pure one.
        seconds=1.0,
        overlap=0.5,
        purity=0.6,
        options={"device": "phone"},
    ),
    "swimming": Task(
        "swimming",
        "4 strokes and the transitions between lanes, smartwatch",
        seconds=6.0,
        overlap=0.5,
        # Turns last about 2 s: pure windows of the merged class need them joined to the rest.
        options={"merge_transition": True},
    ),
    "gestures": Task(
        "utd_mhad",
        "27 gestures and sport actions, wrist or thigh",
        seconds=4.0,
        overlap=0.5,
        short="pad",
    ),
    "driving": Task(
        "driver_behavior",
        "6 driving events, phone on the windshield",
        # Events last 1.6 to 4.9 s and are few: windows overlap much so that 10 shots exist, and
        # those of one event stay together.
        seconds=1.5,
        overlap=0.8,
        short="pad",
        # Each side of lane change and each turn was driven in one trip only, so leaving a trip
        # out is impossible: whole events are held out instead.
        by="recording",
        merge={"lane change left": "lane change", "lane change right": "lane change"},
        options={"events": True},
    ),
}


def find_task(name: str) -> Task:
    """A task by its own name or by its data set's."""
    names = {task.dataset: task for task in TASKS.values()} | TASKS
    if name not in names:
        raise unknown_name("task", name, names, listed=TASKS)
    return names[name]


def load_task(name: str, folder: str | Path | None = None) -> Windows:
    """The labelled windows of a task.

    Parameters
    ----------
    name : str
        ``"activity"``, ``"swimming"``, ``"gestures"`` or ``"driving"``; the data set's name
        serves as well.
    folder : path, optional
        Where the data set lies in its owner's layout. Default: the cache, see `fetch_dataset`.

    Returns
    -------
    Windows
        In m/s2 and rad/s, which fixed limits of a picture are made for.

    Examples
    --------
    >>> list(TASKS)
    ['activity', 'swimming', 'gestures', 'driving']
    """
    task = find_task(name)
    recordings = load_dataset(task.dataset, folder, **task.options)
    cut = sliding_windows(
        [recording.to_unit("m/s2", "rad/s") for recording in recordings],
        task.seconds,
        overlap=task.overlap,
        purity=task.purity,
        short=task.short,
    )
    return cut.relabel(task.merge) if task.merge else cut


def list_tasks() -> pd.DataFrame:
    """The tasks and their windows, one row each.

    Examples
    --------
    >>> list(list_tasks().index)
    ['activity', 'swimming', 'gestures', 'driving']
    """
    import pandas as pd

    rows = {
        name: {
            "data set": task.dataset,
            "what": task.what,
            "window s": task.seconds,
            "overlap": task.overlap,
            "split by": task.by,
        }
        for name, task in TASKS.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("task")

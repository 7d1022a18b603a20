"""What a run has measured: kept in its folder, and asked by the notebook that reports it."""

from __future__ import annotations

import io
import json
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from .._files import atomic_write
from ..errors import FormatError
from ..evaluate.stats import claims, format_points, select_protocol, summarize, voter_gains

__all__ = ["Results", "describe_machine", "read_results"]

#: Names of the files of a run, beside its report.
_ROWS, _LEVERS, _HISTORIES, _FACTS = (
    "rows.parquet",
    "levers.parquet",
    "histories.parquet",
    "results.json",
)


@dataclass(frozen=True, eq=False)
class Results:
    """Rows of the table, and under which conditions they were measured.

    Attributes
    ----------
    table : DataFrame
        From `few_label_table`.
    facts : dict
        ``ours`` (the method of the claim), ``missing`` (networks without weights), ``shots`` (of
        each protocol), ``seeds``, ``common_shots``, ``tasks`` (a dict each), ``settings``,
        ``machine``, ``minutes``.
    levers : DataFrame or None
        Rows of the levers of the readout, moved one at a time.
    histories : dict of name -> DataFrame
        Of the pre-training of sensor baselines.

    Examples
    --------
    >>> facts = {"shots": {"linear": [5]}, "ours": "IMG2IMU"}
    >>> Results(pd.DataFrame({"task": ["swimming"]}), facts).facts["ours"]
    'IMG2IMU'
    """

    table: pd.DataFrame
    facts: dict
    levers: pd.DataFrame | None = None
    histories: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @cached_property
    def by_protocol(self) -> dict[str, pd.DataFrame]:
        """Rows of each protocol, with those of methods that know but one of their own."""
        return {name: select_protocol(self.table, name) for name in self.facts["shots"]}

    @cached_property
    def claims(self) -> dict[str, dict[str, pd.DataFrame]]:
        """Protocol -> what our method is compared with -> differences, see `evaluate.claims`."""
        return {name: claims(rows, self.facts["ours"]) for name, rows in self.by_protocol.items()}

    @property
    def notes(self) -> list[str]:
        """What this run could not measure, in sentences."""
        ours, missing = self.facts["ours"], self.facts["missing"]
        notes = []
        if ours != "IMG2IMU":
            notes.append(
                "No sensor-aware checkpoint was given, so this run cannot measure IMG2IMU; "
                f"{ours} stands in its place below."
            )
        if missing:
            notes.append(f"Not measured, because no weights were given: {', '.join(missing)}.")
        return notes

    def claim_table(self) -> pd.DataFrame:
        """Average difference over the tasks, in points: what is subtracted down, protocols across.

        With as many shots as every protocol has, at most.
        """
        shots = self.facts["common_shots"]
        # every number of shots has its rows; a claim is made once, with the most that all share
        averages = {
            protocol: {
                f"minus {name}": format_points(
                    rows[(rows.task == "average") & (rows.shots == shots)].iloc[0]
                )
                for name, rows in differences.items()
            }
            for protocol, differences in self.claims.items()
        }
        return pd.DataFrame(averages).fillna("").rename_axis(self.facts["ours"])

    def task_table(self, protocol: str) -> pd.DataFrame:
        """Difference of one protocol in points: what is subtracted and shots down, tasks across."""
        rows = [
            {"minus": name, "shots": shots}
            | {row.task: format_points(row) for row in g.itertuples()}
            for name, differences in self.claims[protocol].items()
            for shots, g in differences.groupby("shots")
        ]
        return pd.DataFrame(rows).set_index(["minus", "shots"])

    def score_table(self, protocol: str, shots: int) -> pd.DataFrame:
        """Macro-F1 and half its interval: methods down, the best on average first, tasks across."""
        return _score_table(self.by_protocol[protocol], shots)

    def lever_table(self, shots: int = 10) -> pd.DataFrame:
        """As `score_table`, of the levers of the readout."""
        return _score_table(self.levers, shots)

    def write(self, folder: str | Path) -> Path:
        """Write what `read_results` reads, and CSV tables for people; the folder.

        Raises
        ------
        OutputError
            Disk full or folder not writable.
        """
        folder = Path(folder)
        contents = {_ROWS: _parquet(self.table)}
        contents[_FACTS] = json.dumps(self.facts, indent=2).encode()
        if self.levers is not None:
            contents[_LEVERS] = _parquet(self.levers)
        if self.histories:
            frames = {
                name: frame.assign(chance=frame.attrs.get("chance"))
                for name, frame in self.histories.items()
            }
            # attrs do not survive a file, so the chance level travels as a column
            histories = pd.concat(frames, names=["baseline", None]).reset_index("baseline")
            contents[_HISTORIES] = _parquet(histories.astype({"chance": float}))
        differences = [
            rows.assign(protocol=protocol, minus=name)
            for protocol, parts in self.claims.items()
            for name, rows in parts.items()
        ]
        # for people and spreadsheets: confusions and votes stay in Parquet
        lists = ["classes", "groups", "confusion", "voters", "alone", "without"]
        tables = {
            "scores": self.table.drop(columns=lists, errors="ignore"),
            "summary": summarize(self.table),
            "differences": pd.concat(differences, ignore_index=True),
        }
        if "voters" in self.table:
            rows = next(iter(self.by_protocol.values()))
            rows = rows[rows.shots == self.facts["common_shots"]]
            tables["voters"] = voter_gains(rows, self.facts["ours"])
        contents |= {f"{name}.csv": t.to_csv(index=False).encode() for name, t in tables.items()}
        atomic_write({folder / name: content for name, content in contents.items()})
        return folder


def read_results(folder: Path) -> Results:
    """Read what `Results.write` has written, see `load_results`."""
    try:
        facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        table = pd.read_parquet(folder / _ROWS)
        levers, histories = (
            pd.read_parquet(folder / name) if (folder / name).is_file() else None
            for name in (_LEVERS, _HISTORIES)
        )
    except (OSError, ValueError) as error:  # pyarrow's and json's errors are ValueErrors
        raise FormatError(
            f"no results of a run ({error})",
            where=str(folder),
            remedy="Give the folder that `img2imu reproduce` has written.",
        ) from None
    kept = {}
    for name, rows in [] if histories is None else histories.groupby("baseline", sort=False):
        kept[name] = rows.drop(columns=["baseline", "chance"])
        chance = rows.chance.iloc[0]
        kept[name].attrs["chance"] = None if pd.isna(chance) else chance
    return Results(table, facts, levers, kept)


def _score_table(table: pd.DataFrame, shots: int) -> pd.DataFrame:
    """Mean macro-F1 of each method and task as ``"0.812 ± 0.034"``, and its plain average."""
    means = summarize(table[table.shots == shots])
    # an interval that ends at 0 or 1 is as wide as its other half says
    half = np.maximum(means.high - means.macro_f1, means.macro_f1 - means.low)
    shown = means.macro_f1.map("{:.3f}".format)
    # a single draw has no interval
    means["shown"] = shown.where(half.isna(), shown + half.map(" ± {:.3f}".format))
    wide = means.pivot(index="method", columns="task", values="shown")[list(table.task.unique())]
    wide["average"] = means.groupby("method").macro_f1.mean()
    wide = wide.sort_values("average", ascending=False)
    return wide.assign(average=wide.average.map("{:.3f}".format)).rename_axis(columns=None)


def describe_machine() -> dict[str, str]:
    """What a run was made with: versions of libraries, processor, operating system."""
    import torch

    names = ("img2imu-kit", "numpy", "scipy", "scikit-learn", "torch", "timm")
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "GPU": gpu,
        "system": f"{platform.system()} {platform.release()}",
        "Python": sys.version.split()[0],
    } | {name: version(name) for name in names}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _parquet(frame: pd.DataFrame) -> memoryview:
    content = io.BytesIO()
    frame.to_parquet(content, index=False)
    return content.getbuffer()

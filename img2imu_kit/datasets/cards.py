"""Data cards: what a public data set holds, who made it, and on what terms."""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["DatasetCard"]


@dataclass(frozen=True)
class DatasetCard:
    """The facts about a data set that a reader, or a paper, must know.

    Parameters
    ----------
    name, title : str
        Short name for `load_dataset`; the set's own title.
    task, who, placement : str
        What is to be recognised, who was recorded, where the device was worn.
    subjects : int
        Groups to split by (people; trips where the driver is not given), in the full set.
    classes : tuple of str
        Labels a loader can give, in the owners' order.
    rate : float
        Hz, of the recordings that the loader returns.
    axes, unit : tuple of str
    licence, citation, url : str
        As stated by the owners; the page or paper to cite; where the data are.
    notes : str
        What to know before using it.
    generated : bool
        No measurement: the loader makes the signals, and reads no file.
    package : str
        Python package that brings the files, so that nothing is downloaded.

    Examples
    --------
    >>> from img2imu_kit.datasets import card
    >>> card("utd_mhad").rate
    50.0
    """

    name: str
    title: str
    task: str
    who: str
    placement: str
    subjects: int
    classes: tuple[str, ...]
    rate: float
    axes: tuple[str, ...]
    unit: tuple[str, ...]
    licence: str
    citation: str
    url: str
    notes: str
    generated: bool = False
    package: str = ""

    def __str__(self) -> str:
        lines = []
        for field in fields(self):
            value = getattr(self, field.name)
            if value == "":
                continue
            text = ", ".join(value) if isinstance(value, tuple) else f"{value}"
            lines.append(f"{field.name + ':':<11}{text}")
        return "\n".join(lines)

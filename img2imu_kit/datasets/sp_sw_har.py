"""Sit, stand, walk, turn from phone and watch (Matey-Sanz et al., 2023)."""

from __future__ import annotations

from os import PathLike

from ..errors import ParameterError
from ..signals.axes import ACC_GYRO, SI_UNITS
from ..signals.recording import Recording
from ..signals.resampling import from_samples
from ._owners import find_files, read_columns
from .cards import DatasetCard

__all__ = ["CARD", "load"]

CARD = DatasetCard(
    name="sp_sw_har",
    title="Smartphone and smartwatch inertial measurements from heterogeneous subjects",
    task="activities of a timed up-and-go walk",
    who="23 subjects, 223 executions, each seen by both devices",
    placement="phone in a pocket, in several orientations; watch on a wrist",
    subjects=23,
    classes=("SEATED", "STANDING_UP", "WALKING", "TURNING", "SITTING_DOWN"),
    rate=100.0,
    axes=ACC_GYRO,
    unit=SI_UNITS,
    licence="CC BY 4.0",
    citation="Matey-Sanz, Casteleyn, Granell: Dataset of inertial measurements of smartphones and "
    "smartwatches for human activity recognition. Data in Brief, 109809, 2023. "
    "doi:10.1016/j.dib.2023.109809",
    url="https://github.com/GeoTecINIT/sp-sw-har-dataset",
    notes="Stamps are in whole milliseconds, often equal; samples are put on an even clock of "
    "100 Hz. Segments are short (a turn lasts 1.1 s in the median), so windows must be too. Phone "
    "and watch saw the same walks: never train on one and test on the other's same execution.",
)

#: Columns in the order of the axes: the owners write x_acc, ...
_COLUMNS = [f"{axis}_{sensor}" for sensor in ("acc", "gyro") for axis in "xyz"]
_DEVICES = {"phone": "sp", "watch": "sw"}


def load(folder: str | PathLike, *, device: str | None = None) -> list[Recording]:
    """One recording an execution and device: accelerometer (m/s2), gyroscope (rad/s), 100 Hz.

    Parameters
    ----------
    folder : path
        At or above ``DATA/sXX/sXX_YY_sp.csv`` and ``..._sw.csv``.
    device : {"phone", "watch"}, optional
        Default: both.

    Returns
    -------
    list of Recording
        Named ``"s01_01_sp"`` (phone) or ``"s01_01_sw"`` (watch), subjects ``"s01"`` to ``"s23"``.

    Raises
    ------
    DatasetError, FormatError
        No such files; a malformed file, with the line.
    ClockError
        Stamps that run backwards.
    """
    if device is not None and device not in _DEVICES:
        raise ParameterError(f'device is {device!r}, expected "phone", "watch" or None')
    suffix = "s[pw]" if device is None else _DEVICES[device]
    recordings = []
    for path, match in find_files(folder, rf"(s\d+)_\d+_{suffix}\.csv", CARD.name):
        table = read_columns(path, [*_COLUMNS, "timestamp"], ["label"])
        # Stamps count milliseconds since 1970; samples of a batch share one, and are averaged.
        recordings += from_samples(
            table[_COLUMNS].to_numpy(),
            (table["timestamp"] - table["timestamp"].iloc[0]).to_numpy() / 1e3,
            rate=CARD.rate,
            gap="split",
            equal="mean",
            labels=table["label"].to_numpy(),
            name=path.stem,
            subject=match[1],
            axes=CARD.axes,
            unit=CARD.unit,
        )
    return recordings

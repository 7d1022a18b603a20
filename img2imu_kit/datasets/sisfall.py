"""Falls and activities of daily living, sensor at the waist (SisFall, Sucerquia et al., 2017)."""

from __future__ import annotations

from os import PathLike

from ..errors import ParameterError
from ..signals.axes import ACC_GYRO
from ..signals.recording import Recording
from ._owners import find_files, read_columns
from .cards import DatasetCard

__all__ = ["ACTIVITIES", "CARD", "load"]

#: The owners' code -> what was acted or done.
ACTIVITIES = {
    "F01": "fall forward while walking, slip",
    "F02": "fall backward while walking, slip",
    "F03": "lateral fall while walking, slip",
    "F04": "fall forward while walking, trip",
    "F05": "fall forward while jogging, trip",
    "F06": "vertical fall while walking, fainting",
    "F07": "fall while walking, hands on a table, fainting",
    "F08": "fall forward when trying to get up",
    "F09": "lateral fall when trying to get up",
    "F10": "fall forward when trying to sit down",
    "F11": "fall backward when trying to sit down",
    "F12": "lateral fall when trying to sit down",
    "F13": "fall forward while sitting, fainting or asleep",
    "F14": "fall backward while sitting, fainting or asleep",
    "F15": "lateral fall while sitting, fainting or asleep",
    "D01": "walking slowly",
    "D02": "walking quickly",
    "D03": "jogging slowly",
    "D04": "jogging quickly",
    "D05": "stairs up and down, slowly",
    "D06": "stairs up and down, quickly",
    "D07": "sit in a half-height chair and up, slowly",
    "D08": "sit in a half-height chair and up, quickly",
    "D09": "sit in a low chair and up, slowly",
    "D10": "sit in a low chair and up, quickly",
    "D11": "try to get up and collapse into the chair",
    "D12": "from sitting lie down and sit again, slowly",
    "D13": "from sitting lie down and sit again, quickly",
    "D14": "from the back to the side and back",
    "D15": "bend at the knees and get up",
    "D16": "bend without the knees and get up",
    "D17": "get into a car and out",
    "D18": "stumble while walking",
    "D19": "gentle jump",
}

CARD = DatasetCard(
    name="sisfall",
    title="SisFall: a fall and movement dataset",
    task="falls and activities of daily living",
    who="23 young adults (SA) and 15 elderly people (SE), of whom only SE06 acted the falls",
    placement="waist (belt buckle)",
    subjects=38,
    classes=tuple(ACTIVITIES),
    rate=200.0,
    axes=ACC_GYRO,
    unit=("g",) * 3 + ("deg/s",) * 3,
    licence="none stated",
    citation="Sucerquia, López, Vargas-Bonilla: SisFall: a fall and movement dataset. "
    "Sensors 17(1), 198, 2017. doi:10.3390/s17010198",
    url="http://sistemic.udea.edu.co/en/research/projects/english-falls/",
    notes="Falls are acted and last 15 s with the seconds before and after. One label a file: the "
    "fall itself is somewhere inside. Two accelerometers: ADXL345 (16 g, coarse) and MMA8451Q "
    "(8 g, fine).",
)

#: accelerometer -> first column, counts -> g
_SENSORS = {"ADXL345": (0, 32 / 8192), "MMA8451Q": (6, 16 / 16384)}
#: ITG3200 counts -> deg/s
_GYRO = 4000 / 65536


def load(folder: str | PathLike, *, sensor: str = "ADXL345") -> list[Recording]:
    """One recording a trial: one accelerometer (g) and the gyroscope (deg/s) at 200 Hz.

    Parameters
    ----------
    folder : path
        At or above ``SisFall_dataset/SUBJECT/ACTIVITY_SUBJECT_TRIAL.txt``.
    sensor : {"ADXL345", "MMA8451Q"}
        Which of the two accelerometers.

    Returns
    -------
    list of Recording
        Named ``"F01_SA01_R01"``, subject ``"SA01"``, label ``"F01"`` (see `ACTIVITIES`).

    Raises
    ------
    DatasetError, FormatError
        No such files; a malformed file, with the line.
    """
    if sensor not in _SENSORS:
        raise ParameterError(f"sensor is {sensor!r}, expected {' or '.join(_SENSORS)}")
    first, per_count = _SENSORS[sensor]
    recordings = []
    for path, match in find_files(folder, r"([DF]\d\d)_(S[AE]\d\d)_R\d\d\.txt", CARD.name):
        counts = read_columns(path, list("012345678"), width=9, comment=";").to_numpy()  # [T, 9]
        signal = counts[:, [first, first + 1, first + 2, 3, 4, 5]]
        signal *= [per_count] * 3 + [_GYRO] * 3
        about = {"subject": match[2], "name": path.stem, "labels": match[1]}
        recordings.append(Recording(signal, CARD.rate, CARD.axes, CARD.unit, **about))
    return recordings

"""Driving manoeuvres from a phone on the windshield (Ferreira Júnior et al., 2017)."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from pathlib import Path

import numpy as np

from ..errors import FormatError, ParameterError
from ..signals.axes import ACC_GYRO, SI_UNITS
from ..signals.recording import Recording
from ._owners import find_files, read_columns
from .cards import DatasetCard

__all__ = ["CARD", "load"]

#: The owners' event names -> ours.
EVENTS = {
    "evento_nao_agressivo": "non-aggressive",
    "freada_agressiva": "braking",
    "aceleracao_agressiva": "acceleration",
    "curva_esquerda_agressiva": "turn left",
    "curva_direita_agressiva": "turn right",
    "troca_faixa_esquerda_agressiva": "lane change left",
    "troca_faixa_direita_agressiva": "lane change right",
}

CARD = DatasetCard(
    name="driver_behavior",
    title="Driver behavior dataset",
    task="aggressive driving manoeuvres",
    who="two experienced drivers, four trips of about 13 minutes in one car",
    placement="phone fixed on the windshield; axes turned to those of the earth by the owners",
    subjects=4,
    classes=tuple(EVENTS.values()),
    rate=50.0,
    axes=ACC_GYRO,
    unit=SI_UNITS,
    licence="none stated",
    citation="Ferreira Júnior et al.: Driver behavior profiling: an investigation with different "
    "smartphone sensors and machine learning. PLoS ONE 12(4), 2017. "
    "doi:10.1371/journal.pone.0174959",
    url="https://github.com/jair-jr/driverBehaviorDataset",
    notes="69 events. Who drove which trip is not published, so the trip is the subject. A trip "
    "holds few of the classes (in trips 17, 20 and 21: turns in 20 only, right lane changes in 17 "
    "only, left ones in 21 only), so leaving one trip out leaves some classes without training "
    "events: use repeated stratified folds over events (events=True), report wide intervals, and "
    "merge or drop the lane changes.",
)

#: sensor -> what its files are called
_SENSORS = {"acc": "acelerometro", "gyro": "giroscopio", "linear": "aceleracaoLinear"}


def load(
    folder: str | PathLike,
    *,
    events: bool = False,
    seconds: float | None = None,
    linear: bool = False,
) -> list[Recording]:
    """Trips, or their events, on one clock of 50 Hz: accelerometer (m/s2) and gyroscope (rad/s).

    Parameters
    ----------
    folder : path
        At or above ``data/TRIP/acelerometro_terra.csv``.
    events : bool
        One recording an event, named ``"trip17/event03"``, instead of one a trip with the
        driving between events unlabelled.
    seconds : float, optional
        With ``events``: length of every recording, centred on its event. Default: as annotated
        (1.6 to 5 s).
    linear : bool
        Add ``linear_x, linear_y, linear_z``: acceleration without gravity, as Android gives it.

    Returns
    -------
    list of Recording
        Subjects ``"trip16"``, ``"trip17"``, ... See the card's notes on splitting.

    Raises
    ------
    DatasetError, FormatError
        No such files; a malformed file, with the line.

    Notes
    -----
    The sensors tick at 50.9 Hz, each on its own; they are interpolated linearly from
    ``uptimeNanos``, the other stamps being rounded to the second. Where two events of a trip
    overlap, the one that begins later has the samples.
    """
    if seconds is not None and not (events and seconds > 0):
        raise ParameterError(f"seconds is {seconds}, which needs events=True and a length above 0")
    recordings = []
    for path, match in find_files(folder, r"(\d+)/acelerometro_terra\.csv", CARD.name):
        trip = _trip(path.parent, f"trip{match[1]}", linear)
        spans = _spans(path.parent / "groundTruth.csv", trip)
        if events:
            for number, (start, stop, label) in enumerate(spans, 1):
                if seconds is not None:  # centred, but moved so as not to leave the trip
                    length = min(round(seconds * trip.rate), len(trip))
                    start = int(np.clip((start + stop - length) // 2, 0, len(trip) - length))
                    stop = start + length
                event = replace(trip.cut(start, stop), labels=label)
                recordings.append(replace(event, name=f"{trip.name}/event{number:02d}"))
        else:
            labels = np.full(len(trip), "", dtype=object)
            for start, stop, label in sorted(spans):  # the later of two that overlap wins
                labels[start:stop] = label
            recordings.append(replace(trip, labels=labels))
    return recordings


def _trip(folder: Path, name: str, linear: bool) -> Recording:
    """The stretch that all sensors saw; its ``start_s`` counts from the first sample of any."""
    stamps, values, axes, unit = [], [], [], []
    for sensor in ("acc", "gyro", "linear")[: 2 + linear]:
        path = folder / f"{_SENSORS[sensor]}_terra.csv"
        table = read_columns(path, ["uptimeNanos", "x", "y", "z"])
        nanos = table["uptimeNanos"].to_numpy(np.int64)
        back = np.flatnonzero(np.diff(nanos) <= 0)
        if len(back):
            where = f"{path}, line {back[0] + 3}"
            raise FormatError("uptimeNanos does not increase", where=where)
        stamps.append(nanos)
        values.append(table[["x", "y", "z"]].to_numpy())
        axes += [f"{sensor}_{axis}" for axis in "xyz"]
        unit += ["rad/s" if sensor == "gyro" else "m/s2"] * 3
    # Sensors tick on their own: time counts from the first tick of any, and the grid [T] spans
    # what all of them saw.
    first = min(nanos[0] for nanos in stamps)
    times_s = [(nanos - first) / 1e9 for nanos in stamps]
    start_s = max(times[0] for times in times_s)
    grid = np.arange(start_s, min(times[-1] for times in times_s), 1 / CARD.rate)
    if len(grid) == 0:
        raise FormatError("the sensors were never on at the same time", where=str(folder))
    columns = [
        np.interp(grid, times, column)
        for times, value in zip(times_s, values, strict=True)
        for column in value.T
    ]
    signal = np.stack(columns, axis=1)  # [T, 6], or [T, 9] with linear acceleration
    return Recording(signal, CARD.rate, axes, unit, subject=name, name=name, start_s=start_s)


def _spans(path: Path, trip: Recording) -> list[tuple[int, int, str]]:
    """First sample, end and class of each event of the trip, in the owners' order."""
    table = read_columns(path, ["inicio", "fim"], ["evento"])
    spans = []
    for row, (start_s, stop_s, event) in enumerate(table.itertuples(index=False)):
        start, stop = (round((second - trip.start_s) * trip.rate) for second in (start_s, stop_s))
        start, stop = max(start, 0), min(stop, len(trip))
        if event not in EVENTS or start >= stop:
            raise FormatError(
                f"event {event!r} from {start_s:g} to {stop_s:g} s, expected one of the classes "
                f"{', '.join(EVENTS)} within the trip of {trip.seconds:.0f} s",
                where=f"{path}, line {row + 2}",
            )
        spans.append((start, stop, EVENTS[event]))
    return spans

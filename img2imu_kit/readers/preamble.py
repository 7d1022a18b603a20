"""What the lines above a table tell: rate, start, what a count is worth.

Loggers write their settings above their samples. Only what is said in so many words is used, and
all that is used is told; where two lines say different things, neither counts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from .timestamps import words

__all__ = ["Facts", "empatica", "read_facts"]

#: Words that may stand before "rate" or "frequency": a heart rate is none of ours.
_SAMPLING = (
    "sample samples sampled sampling measurement output update data acquisition logging recording "
    "sensor imu device odr fs acc accel accelerometer gyro gyroscope"
)
_NUMBER = r"(\d+(?:[.,]\d+)?)(?![\d.,]*\d)"
_RATE = re.compile(
    rf"([a-z _.-]*(?:rate|frequency|freq|fs|odr))\W*(?:hz\W*)?{_NUMBER}\s*(k?hz|sps|$|\s)", re.I
)
_RATE_AT = re.compile(rf"(\bat)\s+{_NUMBER}\s*(k?hz)\b", re.I)
_PERIOD = re.compile(
    rf"([a-z _.-]*(?:interval|period))\W*{_NUMBER}\s*(ms|msec|milliseconds|us|µs|s|sec|seconds)\b",
    re.I,
)
_SECONDS = {"m": 1e-3, "u": 1e-6, "µ": 1e-6, "s": 1.0}
#: "16384 LSB/g", "0.061 mg/LSB": how many counts are one unit, or what one count is.
_COUNTS = re.compile(
    rf"{_NUMBER}\s*(?:lsb|counts?|digits?)\s*(?:/|per)\s*(mg|g|dps|deg/s|°/s)", re.I
)
_WORTH = re.compile(
    rf"{_NUMBER}\s*(mg|g|dps|mdps|deg/s|°/s)\s*(?:/|per)\s*(?:lsb|count|digit)", re.I
)
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T _]+(\d\d):(\d\d):(\d\d)(?:[.,:_](\d{1,6}))?")
_SLASHED, _TIME = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})"), re.compile(r"\d\d?:\d\d:\d\d")
_DATE_FORMAT = re.compile(r"date format (\S*)", re.I)

_GENEACTIV = ("timestamp", *(f"acc_{axis} (g)" for axis in "xyz"), "lux", "button", "temperature")
#: Sensors of an Empatica E4 that feel no motion, by the name of their file.
_EMPATICA = {
    "EDA": "the conductance of the skin",
    "TEMP": "the temperature of the skin",
    "BVP": "the pulse of blood volume",
    "HR": "the heart rate",
    "IBI": "the times between heart beats",
}


@dataclass(frozen=True)
class Facts:
    """What is known of a table from the lines above it.

    Attributes
    ----------
    rate : float or None
        Hz.
    start_s : float or None
        Unix time of the first sample.
    unit : str
        Of the accelerometer.
    names : dict
        Names of the columns of a published layout, by their number.
    scales : dict
        What one count is worth, by unit: ``{"g": 1 / 64}``.
    told, doubts : tuple of str
        What is used; what is said twice and differently.
    refused : str
        Why the rows are no samples.
    """

    rate: float | None = None
    start_s: float | None = None
    unit: str = ""
    names: dict[int, tuple[str, ...]] = field(default_factory=dict)
    scales: dict[str, float] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    refused: str = ""


def read_facts(lines: Sequence[tuple[int, Sequence[str]]]) -> Facts:
    """Facts from numbered lines, each split into its cells.

    Examples
    --------
    >>> read_facts([(11, ["Measurement Frequency", "100 Hz"])]).told
    ('rate: 100 Hz (line 11)',)
    """
    texts = {number: " ".join(filter(None, cells)) for number, cells in lines}
    rates: dict[float, int] = {}  # Hz -> the line that says so
    scales: dict[str, dict[float, int]] = {}
    for number, text in texts.items():
        for rate in _rates(text):
            rates.setdefault(rate, number)
        for pattern, power in ((_COUNTS, -1), (_WORTH, 1)):
            for count, unit in pattern.findall(text):
                unit, value = unit.lower(), _float(count)
                value *= 1e-3 if unit == "mdps" else 1
                unit = "deg/s" if unit in ("dps", "mdps", "°/s") else unit
                if value:
                    scales.setdefault(unit, {}).setdefault(value**power, number)
    told = [f"rate: {rate:g} Hz (line {number})" for rate, number in rates.items()]
    doubts = []
    if len(rates) > 1:
        said = " and ".join(f"{rate:g} Hz" for rate in rates)
        told, doubts = [], [f"the lines above the table say {said}: none is used (rate=)"]
    whole = "\n".join(texts.values())
    day_first = None
    if order := _DATE_FORMAT.search(whole):
        spelled = order[1].lower()
        day_first = spelled.find("d") < spelled.find("m")
        told.append(f"dates: {order[1]}")
    start_s = _start(texts, day_first)
    if start_s is not None:
        told.append(
            f"start: {pd.Timestamp(start_s, unit='s').round('ms'):%Y-%m-%d %H:%M:%S.%f}"[:-3]
        )
    known = {unit: next(iter(values)) for unit, values in scales.items() if len(values) == 1}
    told += [f"one count: {worth:.6g} {unit}" for unit, worth in known.items()]
    unit, names = "", {}
    # https://activinsights.com (GENEActiv, 100 lines above the samples and no header) and ActiLife
    # (ActiGraph, 10 lines and perhaps no header; an epoch of no length is raw data) write g.
    if re.search(r"device type\W+geneactiv", whole, re.I):
        unit, names = "g", {7: _GENEACTIV}
    epoch = re.search(r"epoch period.*?\b([\d:]{8})\s*$", whole, re.I | re.M)
    refused = ""
    if epoch and epoch[1] != "00:00:00":
        refused = f"each row sums up {epoch[1]} (hh:mm:ss): counts of activity, no samples"
    elif epoch and "created by actigraph" in whole.lower():
        unit, names = "g", {3: _GENEACTIV[1:4], 4: _GENEACTIV[:4]}
    if unit:
        told.append(f"acceleration is in {unit}, by the layout of its maker")
    rate = next(iter(rates)) if len(rates) == 1 else None
    return Facts(rate, start_s, unit, names, known, tuple(told), tuple(doubts), refused)


def empatica(rows: Sequence[Sequence[float]]) -> Facts | None:
    """Facts from the two rows of numbers above the samples of an Empatica E4, if they are that.

    ``info.txt`` of an export: the first row is the start as Unix time, the second the rate in Hz,
    each once for each column; the accelerometer counts in 1/64 g.
    """
    if len(rows) < 3 or any(len(set(row)) > 1 for row in rows[:2]):
        return None
    (start, *_), (rate, *_), samples = rows[0], rows[1], rows[2:]
    if not (1e9 <= start < 4e9 and 0.5 <= rate <= 4096 and rate * 64 == round(rate * 64)):
        return None
    count = all(value == round(value) and abs(value) <= 128 for row in samples for value in row)
    if max(map(len, rows)) != 3 or not count:
        return Facts(rate, start)
    stamp = pd.Timestamp(start, unit="s")
    told = (
        f"rate: {rate:g} Hz (the second row)",
        f"start: {stamp:%Y-%m-%d %H:%M:%S} UTC (the first row)",
        "one count: 1/64 g, as an Empatica E4 writes",
    )
    return Facts(rate, start, unit="g", names={3: _GENEACTIV[1:4]}, scales={"g": 1 / 64}, told=told)


def not_motion(path_name: str) -> str:
    """What a file of an Empatica E4 holds that is no accelerometer's."""
    known = [f"{name} is {what}" for name, what in _EMPATICA.items() if name in path_name]
    return known[0] if known else "one column under a start and a rate is no accelerometer"


def _rates(text: str) -> list[float]:
    """Rates in Hz that a line states for the samples."""
    said = [(number, unit) for _, number, unit in _RATE_AT.findall(text)]
    for key, number, unit in (*_RATE.findall(text), *_PERIOD.findall(text)):
        # "OutputRate", "sample_rate", "samplerate" -> output, sample, sample
        *before, last = words(key)
        before = {*before, re.sub("(rate|frequency|freq|interval|period)$", "", last)} - {""}
        # "rate: 50" alone may be anything; "sampling rate: 50" and "rate: 50 Hz" are not.
        if before <= set(_SAMPLING.split()) and (before or unit.strip()):
            said.append((number, unit))
    rates = []
    for number, unit in said:
        value, unit = _float(number), unit.strip().lower()
        if unit[:1] in _SECONDS and unit != "sps":
            value = 1 / (value * _SECONDS[unit[0]]) if value else 0.0
        value *= 1000 if unit == "khz" else 1
        if 0.5 <= value <= 100_000:
            rates.append(round(value, 9))
    return rates


def _start(texts: dict[int, str], day_first: bool | None) -> float | None:
    """Unix time of the first sample, where a line that begins with "start" tells date and time."""
    said = " ".join(t for t in texts.values() if "".join(words(t)[:1]).startswith("start"))
    parts: Sequence[str] = ()
    if iso := _ISO.search(said):
        parts = iso.groups(default="0")
    elif (day := _SLASHED.search(said)) and (time := _TIME.search(said)) and day_first is not None:
        first, second, year = day.groups()
        month, date = (second, first) if day_first else (first, second)
        parts = (year, month, date, *time[0].split(":"), "0")
    if not parts:
        return None
    *whole, fraction = parts
    try:
        return pd.Timestamp(*map(int, whole)).timestamp() + float(f"0.{fraction}")
    except ValueError:  # no such day
        return None


def _float(text: str) -> float:
    """A number with point or comma; NaN for 1,000, which may be one or a thousand."""
    return float("nan" if re.search(r",\d{3}$", text) else text.replace(",", "."))

"""One known motion, written in dialects drawn at random: it is read right, or refused.

    python tests/readers/test_dialects.py 20000

counts what became of as many dialects: read right, refused with a typed error, wrong.
"""

import sys
import tempfile
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from img2imu_kit.errors import GuessWarning, Img2ImuError
from img2imu_kit.readers.tables import read_csv
from img2imu_kit.signals.axes import convert

AXES = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
#: unit -> its spellings; gravity must be 1 g or 9.8 m/s2 whatever the spelling
SPELLINGS = {
    "m/s2": ("m/s^2", "m/s²", "m/s2", "m/(sec^2)", "m/s/s"),
    "g": ("g", "G", "gs"),
    "mg": ("mg",),
    "rad/s": ("rad/s", "rad/sec"),
    "deg/s": ("deg/s", "°/s", "dps"),
}
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
#: how a sensor's axis is called
NAMES = (
    ("acc_{a}", "gyro_{a}"),
    ("a{a}", "g{a}"),
    ("Acceleration {A}", "Gyroscope {A}"),
    ("{A}-axis acceleration", "{A}-axis angular velocity"),
    ("Acc{A}", "Gyr{A}"),
    ("ACCELEROMETER {A}", "GYROSCOPE {A}"),
    ("accelerometer_{n}", "gyroscope_{n}"),
)
START_S = 1_714_561_200.0  # 2024-05-01 11:00 UTC


def motion(times_s, axes):
    """Acceleration in g, rotation in rad/s, [T, C]: slow, each axis its own, gravity inside."""
    hertz = np.array([0.31, 0.43, 0.37, 0.53, 0.29, 0.47])[:axes]
    scale = np.array([0.15, 0.2, 0.1, 0.8, 0.5, 1.1])[:axes]
    gravity = np.array([0.1, 0.2, 0.95, 0, 0, 0])[:axes]
    return gravity + scale * np.sin(2 * np.pi * hertz * np.asarray(times_s)[:, None] + hertz * 9)


@dataclass
class Written:
    """A file, how to read it, and what must come of it."""

    text: bytes
    name: str
    options: dict
    axes: int
    units: tuple  # of each axis; None where the file does not tell
    rate: float
    slack_s: float  # how far a stamp may lie from its sample
    digits: int
    rows: int
    said: list = field(default_factory=list)


@st.composite
def dialects(draw):
    def pick(*values):
        return draw(st.sampled_from(values))

    rows, axes = draw(st.integers(30, 100)), pick(3, 6)
    rate = pick(20.0, 25.0, 50.0, 64.0, 100.0, 200.0)
    units = (pick("m/s2", "g", "mg"),) * 3 + (pick("rad/s", "deg/s"),) * (axes - 3)
    digits = draw(st.integers(4, 6))
    times_s = np.arange(rows) / rate
    truth = motion(times_s, axes)
    own = ("g",) * 3 + ("rad/s",) * 3
    values = np.stack(
        [convert(truth[:, i], own[i], unit) for i, unit in enumerate(units)], axis=1
    ).round(digits)
    delimiter = pick(",", ";", "\t", "|", " ", ", ")
    decimal = "." if "," in delimiter else pick(".", ",")
    header, unit_row = pick(True, True, True, False), False
    options, slack_s = {}, 0.0

    # names, with their units or without
    spelled = pick("brackets", "square", "row", "none", "told")
    if delimiter == " " and header:
        spelled = pick("none", "told")
    spelling = [pick(*SPELLINGS[unit]) for unit in units]
    scheme = pick(*NAMES) if delimiter != " " else pick(*(n for n in NAMES if " " not in n[0]))
    names = [scheme[i // 3].format(a="xyz"[i % 3], A="XYZ"[i % 3], n=i % 3) for i in range(axes)]
    if spelled in ("brackets", "square"):
        left, right = "()" if spelled == "brackets" else "[]"
        names = [f"{n} {left}{u}{right}" for n, u in zip(names, spelling, strict=True)]
    if spelled == "told" or not header:
        options["unit"] = (units[0], units[-1]) if axes == 6 else units[0]
    known = spelled != "none" or not header

    # the clock
    clock = pick("s", "ms", "us", "ns", "iso", "slashed", "rate", "preamble")
    start_s = pick(0.0, 12.5, 86_400.0 * 3, START_S)
    packet = pick(1, 1, 1, 2, 3, 5, 10)
    packet = packet if clock not in ("rate", "preamble") and rows > 6 * packet else 1
    stamped = (np.arange(rows) // packet) * packet / rate
    place, stamps, stamp_name = 0, None, ""
    if clock in SECONDS:
        slack_s = min(SECONDS[clock], 1e-3)
        if clock == "s":
            places = pick(3, 6)
            stamps = [f"{t:.{places}f}" for t in stamped + start_s]
        else:
            stamps = np.round((stamped + start_s) / SECONDS[clock], 3)
            whole = clock in ("us", "ns") or draw(st.booleans())
            stamps = [f"{t:.0f}" if whole else f"{t:.3f}" for t in stamps]
        stamp_name = pick("time", "timestamp", f"time_{clock}", f"Time ({clock})", f"t [{clock}]")
        if delimiter == " ":
            stamp_name = pick("time", "timestamp", f"time_{clock}")
    elif clock in ("iso", "slashed"):
        slack_s = 1e-3
        dates = pd.Timestamp(START_S, unit="s") + pd.to_timedelta(np.round(stamped, 3), unit="s")
        form = pick("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S") if clock == "iso" else None
        form = form or pick("%d/%m/%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S")
        form = form.replace(" ", "T") if delimiter == " " else form
        if "," in delimiter or decimal == ".":
            stamps = [f"{t:{form}}.{t.microsecond // 1000:03d}" for t in dates]
        else:
            stamps = [f"{t:{form}}.{t.microsecond // 1000:03d}".replace(".", "\0") for t in dates]
        stamp_name = pick("time", "timestamp", "datetime")
    elif clock == "rate":
        options["rate"] = rate

    # the columns, in any order if there is a header to tell them
    columns = [[f"{v:.{digits}f}" for v in values[:, i]] for i in range(axes)]
    table = list(zip(names, columns, spelling, strict=True))
    if header:
        table = draw(st.permutations(table))
        extra = {
            "battery": [str(v) for v in 90 - np.arange(rows) // 40],
            "label": ["walk", "stand"] * (rows // 2) + ["walk"] * (rows % 2),
            "count": [str(i) for i in range(rows)],
            "temperature": [f"{v:.2f}" for v in 25 + np.sin(np.arange(rows))],
        }
        for name in draw(st.sets(st.sampled_from(sorted(extra)), max_size=2)):
            place = draw(st.integers(0, len(table)))
            table.insert(place, (name, extra[name], ""))
    if stamps is not None:
        place = draw(st.integers(0, len(table))) if header else 0
        unit_word = clock if clock in SECONDS else ""
        table.insert(place, (stamp_name, stamps, unit_word))
    lines = [
        delimiter.join(row).replace(".", decimal).replace("\0", ".")
        for row in zip(*(column for _, column, _ in table), strict=True)
    ]
    quote = pick("", '"') if delimiter != " " else ""
    titles = []
    if header:
        titles.append(delimiter.join(f"{quote}{name}{quote}" for name, _, _ in table))
        unit_row = spelled == "row"
        if unit_row:
            titles.append(delimiter.join(unit for _, _, unit in table))
    last = pick("", "", delimiter) if delimiter in ",;\t|" else ""
    lines = [line + last for line in (*titles, *lines)]

    # what stands above them
    mark = delimiter.strip(" ") or " "
    above = draw(
        st.lists(
            st.sampled_from(
                [
                    f"Device{mark}Phone 7",
                    f"Firmware{mark}3.2",
                    f"Gain{mark}2",
                    "Serial Number: NEO1F16120034",
                    "recorded by Ann, on a Monday, indoors",
                    "# made by hand",
                    "//",
                    "",
                    "--------------------",
                    f"Battery{mark}88{mark}%",
                    f"Start Time{mark}2024-05-01 11:00:00",
                    "Version 2",
                    mark * (len(table) - 1),
                    f"Range{mark}16",
                ]
            ),
            max_size=12,
        )
    )
    if clock == "preamble":
        said = pick("Sampling rate: {:g} Hz", f"SampleRate{mark}{{:g}}", "# ODR = {:g} Hz")
        said = said.format(rate)
        above.insert(draw(st.integers(0, len(above))), said)
        above = above[:12] if said in above[:12] else [said]
    end = pick("\n", "\r\n")
    text = end.join([*above, *lines]) + pick(end, "")
    encoding = pick("utf-8", "utf-8", "utf-8-sig", "utf-16")
    name = pick("walk.csv", "walk.txt", "a.log")
    return Written(
        text.encode(encoding), name, options, axes,
        tuple(u if known else None for u in units), rate, slack_s, digits, rows,
        [clock, f"packet {packet}", repr(delimiter), decimal, spelled, f"header {header}"],
    )  # fmt: skip


def outcome(written, folder):
    """``"refused"`` or ``"right"``; an `AssertionError` that says what is wrong."""
    path = Path(folder) / written.name
    path.write_bytes(written.text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GuessWarning)
        try:
            recordings = read_csv(path, **written.options)
        except Img2ImuError as error:
            return f"refused: {type(error).__name__}: {error.what}"
    (recording,) = recordings
    assert recording.axes == AXES[: written.axes]
    own = ("g",) * 3 + ("rad/s",) * 3
    assert abs(recording.rate / written.rate - 1) < 0.01 + 2 * written.slack_s / 0.2
    assert written.rows - 11 <= len(recording) <= written.rows + 1
    expected = motion(recording.times_s, written.axes)
    for i, (unit, known) in enumerate(zip(recording.unit, written.units, strict=True)):
        if not unit:  # allowed to be unknown where the file does not tell
            assert known is None, f"{recording.axes[i]} has lost its unit"
            continue
        assert known is None or unit == known, f"{recording.axes[i]} in {unit}, not {known}"
        values = convert(recording.signal[:, i].astype(float), unit, own[i])
        rounding = convert(0.6 * 10.0**-written.digits, unit, own[i]) + 1e-6 * np.abs(values).max()
        # the fastest swing moves by 4 a second
        tolerance = rounding + 4 * (1.5 * written.slack_s + 1e-4) + 0.002
        off = np.abs(values - expected[:, i]).max()
        assert off < tolerance, f"{recording.axes[i]} is {off:.3g} off, {tolerance:.3g} allowed"
    return "right"


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(written=dialects())
def test_a_motion_in_any_dialect_is_read_right_or_refused(written):
    with tempfile.TemporaryDirectory() as folder:
        note(f"{written.said} {written.options}")
        note(written.text[:900].decode("utf-8", "replace"))
        outcome(written, folder)


def count(cases):
    """What became of many dialects, and each that went wrong."""
    results, causes, examples = Counter(), Counter(), {}

    @settings(
        max_examples=cases, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(written=dialects())
    def draw(written):
        try:
            result = outcome(written, folder)
        except Exception as error:  # any other error is wrong too
            result = "wrong"
            print("\nWRONG", repr(error)[:300], written.said, written.options)
            utf16 = written.text[:2] == b"\xff\xfe"
            print(written.text[:700].decode("utf-16" if utf16 else "utf-8"), flush=True)
        results[result.partition(":")[0]] += 1
        if result.startswith("refused"):
            causes[result[9:75]] += 1
            examples[result[9:75]] = written
        if results.total() % 250 == 0:
            print(dict(results), flush=True)

    with tempfile.TemporaryDirectory() as folder:
        draw()
    print(dict(results))
    for cause, times in causes.most_common(25):
        print(f"{times:6d} {cause}")
        print(examples[cause].said, examples[cause].text[:300])


if __name__ == "__main__":
    count(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)

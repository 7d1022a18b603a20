"""Labels that stand beside a signal: which samples they reach, and what is refused."""

import json
import shutil
import warnings
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import img2imu_kit as ik
from img2imu_kit.errors import ClockError, FormatError, GuessWarning, ParameterError
from img2imu_kit.readers.intervals import read_intervals
from img2imu_kit.readers.labels import label_intervals, path_rule, tell_by_path
from img2imu_kit.signals.recording import Recording

RATE = 10.0
UNIX_S = 1_714_561_200.0  # 2024-05-01 11:00 UTC
#: What every layout below says of 6 s at 10 Hz: sit from 1 to 2.5 s, walk from 2.5 to 5 s.
EXPECTED = [""] * 10 + ["sit"] * 15 + ["walk"] * 25 + [""] * 10


def recording(name="walk", clock_s=None, seconds=6.0, **about):
    return Recording(
        np.zeros((round(seconds * RATE), 3)), RATE, name=name, clock_s=clock_s, **about
    )


@pytest.fixture
def write(tmp_path):
    def save(text, name="labels.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return save


def labels(table, clock_s=None, **options):
    return label_intervals(recording(clock_s=clock_s), table, **options).labels.tolist()


PLAIN = {
    "start end label": "start,end,label\n1,2.5,sit\n2.5,5,walk\n",
    "another order and case": "Label;End;Start\nsit;2,5;1,0\nwalk;5,0;2,5\n",
    "onset and duration": "onset\tduration\ttrial_type\n1\t1.5\tsit\n2.5\t2.5\twalk\n",
    "begin and stop": 'begin,stop,activity,note\n1,2.5,sit,"a, b"\n2.5,5,walk,\n',
    "clock times": "from,to,event\n0:01,0:02.5,sit\n00:00:02.500,00:00:05.000,walk\n",
    "milliseconds by name": "start_ms,end_ms,class\n1000,2500,sit\n2500,5000,walk\n",
    "rows upside down": "start,end,label\n2.5,5,walk\n1,2.5,sit\n",
    "camel case": "startTime (s),endTime (s),label\n1,2.5,sit\n2.5,5,walk\n",
    "no header": "1,2.5,sit\n2.5,5,walk\n",
}


@pytest.mark.parametrize("text", PLAIN.values(), ids=PLAIN)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_with_a_row_for_each_interval(write, text, encoding):
    assert labels(write(text, encoding=encoding)) == EXPECTED


AUDACITY = {
    "regions": "1.000000\t2.500000\tsit\n2.500000\t5.000000\twalk\n",
    "frequencies": "1.000000\t2.500000\tsit\n\\\t100.0\t-1.0\n2.500000\t5.000000\twalk\n",
    "a region without a name": "0.100000\t0.200000\n1.0\t2.5\tsit\n2.5\t5.0\twalk\n",
    "decimal commas": "1,000000\t2,500000\tsit\n2,500000\t5,000000\twalk\n",
}


@pytest.mark.parametrize("text", AUDACITY.values(), ids=AUDACITY)
def test_audacitys_label_track(write, text):
    path = write(text, "track.txt")
    for clock_s in (None, 3.0, UNIX_S):  # media start at zero, whatever the file's clock shows
        assert labels(path, clock_s) == EXPECTED


ELAN_ROWS = {
    "three formats": "{tier}\t{who}\t00:00:0{a}\t{a}\t{ams}\t00:00:0{b}\t{b}\t{bms}\t{label}",
    "with durations": "{tier}\t{who}\t00:00:0{a}\t{a}\t00:00:0{b}\t{b}\t00:00:0{d}\t{d}\t{label}",
    "seconds": "{tier}\t\t{a}\t{b}\t{d}\t{label}",
    "seconds and milliseconds": "{tier}\t\t{a}\t{ams}\t{b}\t{bms}\t{d}\t{dms}\t{label}",
    "film frames beside": "{tier}\t\t00:00:0{a}\t00:00:0{i}:12\t00:00:0{b}\t00:00:05:00\t{label}",
}


@pytest.mark.parametrize("row", ELAN_ROWS.values(), ids=ELAN_ROWS)
def test_elans_rows(write, row):
    head = '"#file:///C:/film.mp4 -- offset: 0"\n\n'
    spans = [("1.000", "2.500", "1.500", "sit"), ("2.500", "5.000", "2.500", "walk")]
    rows = [
        row.format(
            **{"tier": "activity", "who": "anna", "a": a, "b": b, "d": d, "label": label},
            **{f"{k}ms": v.replace(".", "") for k, v in zip("abd", (a, b, d), strict=True)},
            i=a[0],
        )
        for a, b, d, label in spans
    ]
    path = write(head + "\n".join(rows) + "\n", "film.txt")
    assert labels(path, clock_s=UNIX_S) == EXPECTED
    assert read_intervals(path).tier.tolist() == ["activity"] * 2


@pytest.mark.parametrize(
    ("formats", "times"),
    [
        ("hh:mm:ss.ms", [["00:00:01.000", "00:00:02.500"], ["00:00:02.500", "00:00:05.000"]]),
        ("ss.msec", [["1.0", "2.5"], ["2.5", "5.0"]]),
        ("msec", [["1000", "2500"], ["2500", "5000"]]),
    ],
)
def test_elans_columns_for_each_tier(write, formats, times):
    head = f"Begin Time - {formats}\tEnd Time - {formats}\tDuration - {formats}\tposture\tpace"
    (a, b), (c, d) = times
    text = f"{head}\n{a}\t{b}\t0\tsit\t\n{c}\t{d}\t0\t\twalk\n\n"
    path = write(text, "film.txt")
    assert labels(path) == EXPECTED
    assert set(read_intervals(path).tier) == {"posture", "pace"}


def test_elans_tiers_may_have_any_name(write):
    head = "Begin Time - ss.msec\tEnd Time - ss.msec\tlabel\tstop sign\ttier"
    path = write(f"{head}\n1.0\t2.5\tsit\t\t\n2.5\t5.0\t\twalk\t\n5.0\t6.0\t\t\tlie\n", "film.txt")
    assert labels(path) == EXPECTED[:50] + ["lie"] * 10
    assert read_intervals(path).tier.tolist() == ["label", "stop sign", "tier"]


def span(start, end, *names):
    return {"start": start, "end": end, "instant": False, "timeserieslabels": list(names)}


def label_studio(spans, kind, csv="/data/upload/1/0a1b2c3d-walk.csv", by=1):
    if kind == "json":
        result = [
            {"value": value, "from_name": "label", "to_name": "ts", "type": "timeserieslabels"}
            for value in spans
        ]
        return {
            "id": 1,
            "file_upload": csv.rpartition("/")[2],
            "annotations": [
                {"id": 7, "completed_by": by, "was_cancelled": False, "result": result}
            ],
            "data": {"csv": csv},
        }
    return {"csv": csv, "id": 1, "label": spans, "annotator": 1, "annotation_id": 7}


def label_studio_csv(tasks):
    cells = [
        [task["csv"], "1", '"' + json.dumps(task["label"]).replace('"', '""') + '"', "1", "7"]
        for task in tasks
    ]
    return "\n".join(["csv,id,label,annotator,annotation_id", *map(",".join, cells)]) + "\n"


CLOCKS = {
    "seconds": (100.0, lambda s: 100.0 + s),
    "unix seconds": (UNIX_S, lambda s: UNIX_S + s),
    "unix milliseconds": (UNIX_S, lambda s: (UNIX_S + s) * 1e3 + 1e-4),
    "dates": (UNIX_S, lambda s: f"2024-05-01T11:00:0{s:.3f}Z"),
}


@pytest.mark.parametrize(("clock_s", "stamp"), CLOCKS.values(), ids=CLOCKS)
@pytest.mark.parametrize("kind", ["json", "json-min", "csv"])
def test_label_studio_counts_in_stamps_of_the_file(write, kind, clock_s, stamp):
    spans = [span(stamp(1.0), stamp(2.5), "sit"), span(stamp(2.5), stamp(5.0), "walk")]
    task = label_studio(spans, kind)
    path = write(label_studio_csv([task])) if kind == "csv" else write(json.dumps([task]), "a.json")
    options = {"labels_unit": "s"} if clock_s == 100.0 else {}
    assert labels(path, clock_s, **options) == EXPECTED


@pytest.mark.parametrize("kind", ["json", "json-min", "csv"])
def test_label_studios_tasks_are_told_apart_by_their_files(write, kind):
    files = {"walk": "x/0a1b2c3d-walk.csv", "run": "https://host/run.csv"}
    tasks = [label_studio([span(1.5, 2.5, name)], kind, csv=file) for name, file in files.items()]
    path = write(label_studio_csv(tasks)) if kind == "csv" else write(json.dumps(tasks), "a.json")
    both = label_intervals([recording("run", 0.0), recording("walk", 0.0)], path)
    for each in both:
        assert each.labels.tolist() == [""] * 15 + [each.name] * 10 + [""] * 35


def test_label_studios_row_numbers_are_asked_about_and_the_advice_works(write):
    path = write(json.dumps([label_studio([span(156, 422, "W")], "json-min")]), "a.json")
    long = recording(seconds=60, clock_s=3.0)
    with pytest.raises(FormatError, match="rows, or time stamps") as told:
        label_intervals(long, path)
    assert "/= <Hz>" in told.value.remedy
    table = read_intervals(path, labels_unit="s")
    table[["start", "end"]] /= RATE
    labelled = label_intervals(long, table, labels_since="start").labels
    assert np.flatnonzero(labelled == "W").tolist() == list(range(156, 422))
    stamps = label_intervals(replace(long, clock_s=155.0), path, labels_unit="s").labels
    assert np.flatnonzero(stamps == "W").tolist() == list(range(10, 600))


def test_sensor_loggers_points_hold_until_the_next(write):
    rows = ["time,seconds_elapsed,text,millisecond_press_duration"]
    for s, text in ((1.0, "sit"), (2.5, "walk"), (5.0, "")):
        rows.append(f"{round((UNIX_S + s) * 1e9)},{s},{text},80")
    path = write("\n".join(rows), "Annotation.csv")
    with pytest.warns(GuessWarning, match="3 points, each label holds until the next"):
        assert labels(path, clock_s=UNIX_S) == EXPECTED
    with pytest.warns(GuessWarning):
        held = labels(write("\n".join(rows[:-1]), "Annotation.csv"), clock_s=UNIX_S)
    assert held == [label or "walk" * (i >= 50) for i, label in enumerate(EXPECTED)]


@pytest.mark.parametrize(
    "text",
    [
        "1.0\t1.0\tsit\n2.5\t2.5\twalk\n5.0\t5.0\t\n",  # Audacity's points
        "1.0\tsit\n2.5\twalk\n5.0\t\n",  # of version 1.2
        "time,label\n1,sit\n2.5,walk\n5,\n",
    ],
)
def test_other_points_hold_until_the_next_too(write, text):
    with pytest.warns(GuessWarning, match="3 points"):
        assert labels(write(text)) == EXPECTED


def frame(start, end, names=("sit", "walk")):
    return pd.DataFrame({"start": start, "end": end, "label": names})


def test_dates_of_a_data_frame_meet_the_clock():
    dates = pd.Timestamp("2024-05-01 11:00") + pd.to_timedelta([1, 2.5, 5], unit="s")
    for zone in (None, "UTC", "Europe/Berlin"):
        stamps = dates if zone is None else dates.tz_localize("UTC").tz_convert(zone)
        assert labels(frame(stamps[:2], stamps[1:]), UNIX_S) == EXPECTED


def test_dates_in_another_zone_are_told_and_the_advice_works():
    local = pd.Series(["2024-05-01T13:00:01", "2024-05-01T13:00:02.5", "2024-05-01T13:00:05"])
    with pytest.raises(FormatError, match="on its clock from 1714561200 s") as told:
        labels(frame(local[:2], local[1:].to_numpy()), UNIX_S)
    assert "write 2024-05-01T11:00:00+02:00" in told.value.remedy
    zoned = local + "+02:00"
    assert labels(frame(zoned[:2], zoned[1:].to_numpy()), UNIX_S) == EXPECTED


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_unix_time_tells_its_unit_and_other_stamps_are_told_theirs(unit):
    scale = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    unix = np.array([1.0, 2.5, 5.0]) * scale + int(UNIX_S) * scale
    assert labels(frame(unix[:2], unix[1:]), UNIX_S) == EXPECTED
    uptime = np.array([31.0, 32.5, 35.0]) * scale
    table = frame(uptime[:2], uptime[1:])
    assert labels(table, clock_s=30.0, labels_unit=unit) == EXPECTED
    if unit != "s":
        with pytest.raises(FormatError, match="on its clock from 30 s") as told:
            labels(table, clock_s=30.0)
        assert "labels_unit=" in told.value.remedy


def test_two_readings_that_both_fit_are_said_and_can_be_chosen():
    table = frame([3.0, 4.5], [4.5, 7.0])
    with pytest.warns(GuessWarning, match=r"time stamps .* begins at 2 s.*labels_since="):
        assert labels(table, clock_s=2.0) == EXPECTED
    assert labels(table, clock_s=2.0, labels_since="clock") == EXPECTED
    since_start = [""] * 30 + ["sit"] * 15 + ["walk"] * 15
    assert labels(table, clock_s=2.0, labels_since="start") == since_start
    assert labels(table, clock_s=0.04) == since_start  # less than half a sample: no question
    assert labels(table, clock_s=50.0) == since_start  # only one fits
    assert labels(frame([51, 52.5], [52.5, 55]), clock_s=50.0) == EXPECTED


def test_pieces_of_a_file_share_its_intervals():
    whole = recording(seconds=20, clock_s=UNIX_S)
    pieces = [whole.cut(0, 60), whole.cut(80, 200)]  # two seconds are missing
    for table in (
        frame([5, 7], [7, 10]),
        frame([UNIX_S + 5, UNIX_S + 7], [UNIX_S + 7, UNIX_S + 10]),
    ):
        first, second = label_intervals(pieces, table)
        assert first.labels.tolist() == [""] * 50 + ["sit"] * 10
        assert second.labels.tolist() == ["walk"] * 20 + [""] * 100


def test_samples_on_the_edge_belong_to_what_begins_there():
    edges, names = np.arange(61) / RATE, [str(i) for i in range(60)]
    table = frame(edges[:-1], edges[1:], names)
    for clock_s in (0.0, 12.3, UNIX_S):
        shifted = table.assign(start=table.start + clock_s, end=table.end + clock_s)
        labelled = labels(shifted, clock_s, labels_since="clock")
        assert labelled == names


@settings(max_examples=80, deadline=None)
@given(
    edges=st.lists(st.integers(-20, 140), min_size=2, max_size=9, unique=True).map(sorted),
    names=st.lists(st.sampled_from(["sit", "walk", "run"]), min_size=9, max_size=9),
    keep=st.lists(st.booleans(), min_size=9, max_size=9),
    clock=st.sampled_from(
        [(None, "s"), (1e4, "ms"), (UNIX_S, "s"), (UNIX_S, "ms"), (UNIX_S, "ns")]
    ),
    cut=st.integers(0, 50),
)
def test_every_sample_has_the_label_of_its_interval(edges, names, keep, clock, cut):
    clock_s, unit = clock
    rows = [
        (a / 20, b / 20, name)  # times between samples too: these lie at tenths
        for a, b, name, kept in zip(edges, edges[1:], names, keep, strict=False)
        if kept
    ]
    times = [i / RATE for i in range(cut, 60)]
    expected = [next((n for a, b, n in rows if a <= t < b), "") for t in times]
    scale = {"s": 1, "ms": 10**3, "ns": 10**9}[unit]
    start, end = (np.array([row[i] for row in rows]) + (clock_s or 0) for i in (0, 1))
    table = frame(start * scale, end * scale, [name for *_, name in rows])
    piece = recording(clock_s=clock_s).cut(cut, 60)
    options = {"labels_unit": unit} if clock_s == 1e4 else {}
    if not any(expected):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GuessWarning)  # rows beyond the recording
        assert label_intervals(piece, table, **options).labels.tolist() == expected


def test_a_column_names_the_recording():
    table = pd.DataFrame(
        {
            "recording": ["anna/run.csv", "run2.csv", r"ben\run"],
            "start": [0.0, 1.0, 2.0],
            "end": [1.0, 2.0, 3.0],
            "label": ["a", "b", "c"],
        }
    )
    names = ["anna/run", "ben/run", "ben/run2"]
    labelled = label_intervals([recording(name) for name in names], table)
    assert ["".join(each.labels) for each in labelled] == ["a" * 10, "c" * 10, "b" * 10]
    with pytest.raises(FormatError, match=r"'run.csv' could be anna/run or ben/run"):
        label_intervals([recording(n) for n in names], table.assign(recording="run.csv"))
    with pytest.raises(FormatError, match="rows about 'eve', none about 'anna/run'"):
        label_intervals([recording(n) for n in names], table.assign(recording="eve"))


def test_seconds_of_several_recordings_need_their_names_and_the_advice_works():
    two, table = [recording("a"), recording("b")], frame([1, 2.5], [2.5, 5])
    with pytest.raises(FormatError, match="which of 2 recordings") as told:
        label_intervals(two, table)
    assert "a column 'recording' with 'a', 'b'" in told.value.remedy
    first, second = label_intervals(two, table.assign(recording="a"))
    assert first.labels.tolist() == EXPECTED
    assert second.classes == ()
    # Stamps of a clock that both share need no names.
    two = [replace(each, clock_s=UNIX_S + 10 * i) for i, each in enumerate(two)]
    table = frame([UNIX_S + 1, UNIX_S + 12.5], [UNIX_S + 2.5, UNIX_S + 15])
    first, second = label_intervals(two, table)
    assert [first.classes, second.classes] == [("sit",), ("walk",)]


def test_contradictions_are_refused_and_a_tier_can_be_chosen(write):
    rows = "posture\t\t1.0\t2.5\tsit\nplace\t\t0.0\t6.0\thome\nposture\t\t2.5\t5.0\twalk\n"
    path = write(rows, "film.txt")
    with pytest.raises(FormatError, match=r"'sit' \(1 to 2.5\) and 'home' \(0 to 6\)") as told:
        labels(path)
    assert 'labels=table[table.tier == "..."]' in told.value.remedy
    table = read_intervals(path)
    assert labels(table[table.tier == "posture"], clock_s=3.0) == EXPECTED
    with pytest.raises(FormatError, match="Give each time one label"):
        labels(frame([1, 2], [3, 4]))
    assert labels(frame([1, 2], [3, 4], ["sit", "sit"])) == [""] * 10 + ["sit"] * 30 + [""] * 20


def test_two_annotators_who_agree_are_one_and_who_differ_are_refused(write):
    spans = [span(1.01, 2.5, "sit"), span(2.5, 5.01, "walk")]
    task = label_studio(spans, "json")
    task["annotations"] += label_studio(spans, "json", by=2)["annotations"]
    task = json.loads(json.dumps(task))  # no spans in common
    path = write(json.dumps([task]), "two.json")
    agreed = labels(path, clock_s=0.0)
    task["annotations"][1]["result"][0]["value"]["timeserieslabels"] = ["stand"]
    path.write_text(json.dumps([task]))
    with pytest.raises(FormatError, match="label the same samples"):
        labels(path, clock_s=0.0)
    table = read_intervals(path)
    assert labels(table[table.tier == "label by 1"], clock_s=0.0) == agreed
    task["annotations"][1]["was_cancelled"] = True
    path.write_text(json.dumps([task]))
    assert labels(path, clock_s=0.0) == agreed


REFUSED = {
    "an end before its start": ("start,end,label\n1,2,a\n5,4,b\n", "row 2 starts at 5"),
    "a start that is no time": ("start,end,label\nx,2,a\n1,2,b\n", "row 1, column 'start': 'x'"),
    "an empty end": ("start,end,label\n1,2,a\n3,,b\n", "row 2, column 'end': ''"),
    "no label": ("start,end\n1,2\n", "no label in a table of labels with columns 'start', 'end'"),
    "no start": ("begin_of_day,label\n", "no rows"),
    "unknown columns": ("a,b,c\nx,y,z\n", "no start in a table"),
    "four numbers": ("1,2,3,4,walk\n", "row 1: 4 times before the label"),
    "two texts after the times": ("1,2,walk,fast\n", "row 1: is 'walk' the label, or 'fast'?"),
    "a description of ELAN": ("t\t\t1.0\t2.0\tw\twalking\n", "is 'w' the label, or 'walking'"),
    "samples": ("start_sample,end_sample,label\n10,20,a\n", "'start_sample' does not count time"),
    "frames": ("frame start,frame end,label\n10,20,a\n", "'frame start' does not count time"),
    "rows": ("rowStart,rowEnd,label\n10,20,a\n", "'rowStart' does not count time"),
    "nothing": ("", "no rows"),
}


@pytest.mark.parametrize(("text", "told"), REFUSED.values(), ids=REFUSED)
def test_tables_that_are_none(write, text, told):
    path = write(text)
    with pytest.raises(FormatError, match=told) as refused:
        labels(path)
    assert refused.value.where == str(path)


@pytest.mark.parametrize("text", ["{", "[]", '[{"data": {}, "annotations": []}]', "3", '["a"]'])
def test_json_without_spans(write, text):
    with pytest.raises(FormatError, match=r"damaged JSON|no labelled spans"):
        labels(write(text, "a.json"))


def test_rows_that_label_nothing_are_told():
    with pytest.warns(GuessWarning, match="1 of 2 rows label no sample, the first 'walk' from 25"):
        labels(frame([1, 25], [2.5, 50]))
    with pytest.raises(
        FormatError, match="rows from 100 to 5000 s, but 'walk' lasts from 0 to 6 s"
    ):
        labels(frame([100, 2500], [2500, 5000]))


def test_labels_of_before_are_replaced():
    old = replace(recording(), labels=np.full(60, "old", dtype=object))
    assert label_intervals(old, frame([1, 2.5], [2.5, 5])).labels.tolist() == EXPECTED


def test_stamps_of_a_clock_need_one():
    with pytest.raises(ClockError, match="walk: no clock in its file"):
        labels(frame([1, 2.5], [2.5, 5]), labels_since="clock")
    assert label_intervals([], frame([1, 2.5], [2.5, 5])) == []


@pytest.mark.parametrize("wrong", [{"labels_unit": "h"}, {"labels_since": "now"}])
def test_settings_that_are_none(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        labels(frame([1, 2.5], [2.5, 5]), **wrong)


@pytest.mark.parametrize(
    ("rule", "place", "told"),
    [
        ("folder", "anna/walking/run1.csv", "walking"),
        ("file", "anna/walking/run1.csv.gz", "run1"),
        ("file", "walk.1/run1.2.npz", "run1.2"),
        (r"p(\d+)", "exp/p01/walk.csv", "01"),
        (r"^([a-z]+)/", "anna/walking/run1.csv", "anna"),
        (r"_([a-z]+)\.", "p01_walking.csv", "walking"),
        (r"p(\d+)", "p01/p01_walk.csv", "01"),  # twice the same is no question
        (r"(?:sub|p)-?(\d+)", "sub-07/a.csv", "07"),
    ],
)
def test_what_a_path_tells(rule, place, told):
    assert tell_by_path(place, path_rule(rule, "labels"), "labels") == told


@pytest.mark.parametrize(
    ("rule", "place", "told"),
    [
        ("folder", "run1.csv", "lies in no folder"),
        (r"p(\d+)", "exp12/walk.csv", "tells '12'"),
        (r"p(\d+)", "p1/exp12.csv", "tells '1' and '12'"),
        (r"q(\d+)", "p1/walk.csv", "matches nothing"),
    ],
)
def test_what_a_path_does_not_tell(rule, place, told):
    if told == "tells '12'":  # the letter p of exp: one answer, as was asked for
        assert tell_by_path(place, path_rule(rule, "subject"), "subject") == "12"
        return
    with pytest.raises(ParameterError, match=told) as refused:
        tell_by_path(place, path_rule(rule, "subject"), "subject")
    assert refused.value.where == place


@pytest.mark.parametrize("rule", ["p(", "(a)(b)", "(?:a)"])
def test_expressions_that_are_none(rule):
    with pytest.raises(ParameterError, match="labels="):
        path_rule(rule, "labels")


@pytest.mark.parametrize("value", ["anna", "activity", None, 3, "labels.csv"])
def test_other_values_are_no_rule(value):
    assert path_rule(value, "subject") is None


def test_nothing_is_guessed_in_silence(write):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert labels(write(PLAIN["start end label"])) == EXPECTED


# --- read ----------------------------------------------------------------------------------------


def motion(phase=0.0):
    times_s = np.arange(200) / 50
    swing = np.sin(7 * times_s + phase)
    return times_s, np.stack([swing, 9.81 + 0.1 * swing, 0.2 * swing], axis=1)


def text_of(name, signal, unit, times_s, clock="Time (s)", late_s=0.0):
    head = ",".join([f'"{clock}"', *(f'"{name} {axis} ({unit})"' for axis in "xyz")])
    rows = [
        ",".join(f"{v:.9E}" for v in (t + late_s, *row))
        for t, row in zip(times_s, signal, strict=True)
    ]
    return "\n".join([head, *rows]) + "\n"


def export(folder, phase=0.0, late_s=0.0):
    """A folder as phyphox packs it: a file a sensor."""
    folder.mkdir(parents=True, exist_ok=True)
    times_s, signal = motion(phase)
    for file, name, unit in (
        ("Accelerometer.csv", "Acceleration", "m/s^2"),
        ("Gyroscope.csv", "Gyroscope", "rad/s"),
    ):
        text = text_of(name, signal, unit, times_s, late_s=late_s)
        (folder / file).write_text(text)
    return folder


def one_file(path, phase=0.0, late_s=0.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    times_s, signal = motion(phase)
    path.write_text(text_of("Acceleration", signal, "m/s^2", times_s, late_s=late_s))
    return path


def zipped(path, phase=0.0):
    folder = export(path.with_suffix(".tmp"), phase)
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    shutil.rmtree(folder)
    return path


KINDS = {
    "folders of exports": lambda root, who, what: export(root / what / who),
    "zips": lambda root, who, what: zipped(root / what / f"{who}.zip"),
    "files": lambda root, who, what: one_file(root / what / f"{who}.csv"),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_folders_name_classes_and_files_name_people(tmp_path, kind):
    for what in ("sitting", "walking"):
        for who in ("p01", "p02"):
            (tmp_path / what).mkdir(exist_ok=True)
            kind(tmp_path, who, what)
    expected = [("p01", "sitting"), ("p02", "sitting"), ("p01", "walking"), ("p02", "walking")]
    for person in ("file", r"/(p\d+)", r"(p\d+)$"):
        recordings = ik.read(tmp_path, labels="folder", subject=person)
        assert [(r.subject, *r.classes) for r in recordings] == expected
        assert all(set(r.labels) == {r.classes[0]} for r in recordings)
    cut = ik.sliding_windows(recordings, seconds=1)
    assert sorted(set(cut.label)) == ["sitting", "walking"]


def test_people_outside_and_classes_inside(tmp_path):
    for who in ("anna", "ben"):
        for what in ("sit_1", "walk_1", "walk_2"):
            one_file(tmp_path / who / f"{what}.csv")
    recordings = ik.read(tmp_path, labels=r"/([a-z]+)_\d$", subject="folder")
    assert [(r.subject, *r.classes) for r in recordings] == [
        (who, what) for who in ("anna", "ben") for what in ("sit", "walk", "walk")
    ]
    assert {r.subject for r in ik.read(tmp_path, subject="eve")} == {"eve"}  # a name is a name


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_single_recording_knows_the_path_it_was_given(tmp_path, kind, monkeypatch):
    (tmp_path / "p7" / "walking").mkdir(parents=True)
    path = kind(tmp_path / "p7", "run1", "walking")
    (recording,) = ik.read(path, labels="folder", subject=r"/p(\d+)/")
    assert (recording.subject, *recording.classes) == ("7", "walking")
    (recording,) = ik.read(path, labels="file")
    assert recording.classes == ("run1",)
    monkeypatch.chdir(path.parent)
    (recording,) = ik.read(path.name, labels="folder")
    assert recording.classes == ("walking",)
    with pytest.raises(ParameterError, match="matches nothing"):  # the path as given
        ik.read(path.name, subject=r"/p(\d+)/")


def test_a_table_of_several_people_is_one_file_to_a_path(tmp_path):
    (tmp_path / "walking").mkdir()
    times_s, signal = motion()
    frame = pd.DataFrame(signal, columns=["acc_x", "acc_y", "acc_z"])
    frame = frame.assign(time_s=times_s, subject=np.repeat(["anna", "ben"], 100), activity="x")
    frame.to_csv(tmp_path / "walking" / "both.csv", index=False)
    for path in (tmp_path, tmp_path / "walking" / "both.csv"):
        recordings = ik.read(path, labels="folder")
        assert [(r.subject, r.classes) for r in recordings] == [
            ("anna", ("walking",)),
            ("ben", ("walking",)),
        ]
        assert [r.classes for r in ik.read(path)] == [("x",), ("x",)]
        assert [r.labels for r in ik.read(path, labels=False)] == [None, None]


def test_files_of_one_person_each_are_no_table_of_several(tmp_path):
    times_s, signal = motion()
    frame = pd.DataFrame(signal, columns=["acc_x", "acc_y", "acc_z"]).assign(time_s=times_s)
    (tmp_path / "walking").mkdir()
    for who in ("anna", "ben"):
        frame.assign(subject=who).to_csv(tmp_path / "walking" / f"{who}.csv", index=False)
    recordings = ik.read(tmp_path, labels="folder")
    assert [(r.name, r.subject, *r.classes) for r in recordings] == [
        ("walking/anna", "anna", "walking"),
        ("walking/ben", "ben", "walking"),
    ]


def test_a_folder_is_an_export_only_if_its_files_are_sensors(tmp_path):
    export(tmp_path / "walking" / "run1")
    assert ik.read(tmp_path / "walking" / "run1", labels="folder")[0].classes == ("walking",)
    one_file(tmp_path / "sitting" / "sitting.csv")
    with pytest.raises(ParameterError, match="lies in no folder"):
        ik.read(tmp_path / "sitting", labels="folder")
    (tmp_path / "walking" / "folder").mkdir()
    assert ik.read(tmp_path, labels="folder", subject="eve")[0].classes == ("sitting",)


def test_a_table_beside_the_files_labels_them_and_is_none_of_them(tmp_path):
    one_file(tmp_path / "a.csv")
    one_file(tmp_path / "b" / "c.csv")
    table = tmp_path / "labels.csv"
    table.write_text("file,start,end,label\na.csv,0,1,sit\na.csv,1,9,walk\nb/c.csv,2,3,run\n")
    first, second = ik.read(tmp_path, labels=table)
    assert first.labels.tolist() == ["sit"] * 50 + ["walk"] * 150
    assert second.labels.tolist() == [""] * 100 + ["run"] * 50 + [""] * 50
    frame = pd.read_csv(table)
    again = ik.read(tmp_path / "a.csv", labels=frame[frame.file == "a.csv"])
    assert again[0].labels.tolist() == first.labels.tolist()


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_label_track_of_one_recording(tmp_path, kind):
    (tmp_path / "x").mkdir()
    path = kind(tmp_path, "run1", "x")
    track = tmp_path / "track.txt"
    track.write_text("1.0\t2.5\tsit\n2.5\t3.0\twalk\n")
    (recording,) = ik.read(path, labels=str(track))
    assert recording.labels.tolist() == [""] * 50 + ["sit"] * 75 + ["walk"] * 25 + [""] * 50


def test_a_clock_that_starts_late_is_matched_by_stamps(tmp_path):
    path = one_file(tmp_path / "a.csv", late_s=100.0)
    table = pd.DataFrame({"start_ms": [101_000], "end_ms": [102_500], "label": ["sit"]})
    (recording,) = ik.read(path, labels=table)
    assert recording.clock_s == 100.0
    expected = [""] * 50 + ["sit"] * 75 + [""] * 75
    assert recording.labels.tolist() == expected
    table = table.rename(columns={"start_ms": "start", "end_ms": "end"})
    (recording,) = ik.read(path, labels=table, labels_unit="ms", labels_since="clock")
    assert recording.labels.tolist() == expected


def sensor_logger(folder, notes):
    folder.mkdir(parents=True)
    times_s, signal = motion()
    nanos = [f"{round((UNIX_S + t) * 1000)}000000" for t in times_s]
    rows = [
        f"{nano},{t:.3f},{z},{y},{x}"
        for nano, t, (x, y, z) in zip(nanos, times_s, signal, strict=True)
    ]
    head = "time,seconds_elapsed,z,y,x"
    (folder / "TotalAcceleration.csv").write_text("\n".join([head, *rows]) + "\n")
    head = "time,seconds_elapsed,text,millisecond_press_duration"
    rows = [f"{round((UNIX_S + t) * 1000)}000000,{t},{text},90" for t, text in notes]
    (folder / "Annotation.csv").write_text("\n".join([head, *rows]) + "\n")
    return folder


def test_sensor_loggers_notes_label_its_recording(tmp_path):
    folder = sensor_logger(tmp_path / "run", [(0.5, "sit"), (2.0, "walk"), (3.5, "")])
    with pytest.warns(GuessWarning, match="3 points, each label holds until the next"):
        (recording,) = ik.read(folder)
    expected = [""] * 25 + ["sit"] * 75 + ["walk"] * 75 + [""] * 25
    assert recording.labels.tolist() == expected
    assert ik.read(folder, labels=False)[0].labels is None
    assert ik.read(folder, labels="file")[0].classes == ("run",)
    with pytest.warns(GuessWarning):
        (recording,) = ik.read(folder, labels=folder / "Annotation.csv")
    assert recording.labels.tolist() == expected


def test_notes_that_are_none_or_of_another_day_are_left(tmp_path):
    (recording,) = ik.read(sensor_logger(tmp_path / "a", []))
    assert recording.labels is None
    folder = sensor_logger(tmp_path / "b", [(1e6, "sit"), (2e6, "walk")])
    with pytest.warns(GuessWarning, match="not taken for labels"):
        (recording,) = ik.read(folder)
    assert recording.labels is None


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"labels": "activity"}, "'activity' is no file, and no expression .* label="),
        ({"labels": "nowhere.csv"}, "'nowhere.csv' is no file"),
        ({"labels": "folder", "label": "x"}, "label= and labels= both tell classes"),
        ({"labels": r"(a)(b)"}, "has 2 groups"),
        ({"subject": r"q(\d+)"}, "subject='q.*' matches nothing"),
    ],
)
def test_options_that_tell_nothing(tmp_path, options, told):
    one_file(tmp_path / "x" / "a.csv")
    with pytest.raises(ParameterError, match=told):
        ik.read(tmp_path, **options)


def test_files_in_no_folder_are_told_what_to_do(tmp_path):
    folder = one_file(tmp_path / "monday" / "walk.csv").parent
    one_file(folder / "sit.csv")
    with pytest.raises(ParameterError, match="lies in no folder below") as told:
        ik.read(folder, labels="folder")
    assert told.value.remedy.startswith('Read the folder above, or give labels="file"')
    assert {r.classes for r in ik.read(tmp_path, labels="folder")} == {("monday",)}
    assert [r.classes for r in ik.read(folder, labels="file")] == [("sit",), ("walk",)]


@pytest.mark.parametrize(
    "name", ["activity", "activity_id", "Activity Label", "label", "ground_truth", "gesture"]
)
def test_columns_that_are_known_for_classes(name):
    times_s, signal = motion()
    frame = pd.DataFrame(signal, columns=["acc_x", "acc_y", "acc_z"])
    frame = frame.assign(time_s=times_s, **{name: np.repeat([3, 5], 100)})
    (recording,) = ik.readers.from_frame(frame, unit="m/s2")
    assert recording.labels.tolist() == ["3"] * 100 + ["5"] * 100


@pytest.mark.parametrize(
    ("name", "values"),
    [("state", ["lying", "up"]), ("what I did", ["lying", "up"]), ("activity_code", [3, 5])],
)
def test_columns_that_might_be_classes_are_proposed(name, values):
    times_s, signal = motion()
    frame = pd.DataFrame(signal, columns=["acc_x", "acc_y", "acc_z"])
    frame = frame.assign(time_s=times_s, phone="one", **{name: np.repeat(values, 100)})
    with pytest.warns(GuessWarning, match=rf"column '{name}' might be the label \(label=\)"):
        (recording,) = ik.readers.from_frame(frame, unit="m/s2")
    assert recording.labels is None
    for label in (name, False):
        (recording,) = ik.readers.from_frame(frame, unit="m/s2", label=label)
    assert recording.labels is None


def test_a_name_beside_its_number_is_the_class():
    times_s, signal = motion()
    frame = pd.DataFrame(signal, columns=["acc_x", "acc_y", "acc_z"])
    frame = frame.assign(time_s=times_s, activity_id=3, activity="walk")
    assert ik.readers.from_frame(frame, unit="m/s2")[0].classes == ("walk",)


def test_a_clock_survives_saving_cutting_and_resampling(tmp_path):
    whole = label_intervals(
        recording(clock_s=UNIX_S), frame([UNIX_S + 1, UNIX_S + 2.5], [UNIX_S + 2.5, UNIX_S + 5])
    )
    ik.readers.save_npz([whole, recording("none")], tmp_path / "two.npz")
    again, none = ik.read(tmp_path / "two.npz")
    assert (again.clock_s, none.clock_s) == (UNIX_S, None)
    assert again.labels.tolist() == EXPECTED
    piece = ik.signals.resample(whole.cut(10, 60), 20)
    assert piece.clock_s == UNIX_S
    table = frame([UNIX_S + 1, UNIX_S + 2.5], [UNIX_S + 2.5, UNIX_S + 5])
    assert label_intervals(piece, table).labels.tolist() == np.repeat(EXPECTED[10:], 2).tolist()


@pytest.mark.parametrize(
    ("index", "clock_s"),
    [
        (pd.date_range("2024-05-01 11:00", periods=60, freq="100ms"), UNIX_S),
        (pd.date_range("2024-05-01 13:00", periods=60, freq="100ms", tz="Europe/Berlin"), UNIX_S),
        (pd.to_timedelta(np.arange(60) * 0.1 + 3, unit="s"), 3.0),
    ],
)
def test_the_index_of_a_data_frame_is_a_clock(index, clock_s):
    _, signal = motion()
    table = pd.DataFrame(signal[:60], index, ["acc_x", "acc_y", "acc_z"])
    (read,) = ik.readers.from_frame(table, unit="m/s2")
    assert (read.clock_s, read.rate) == (clock_s, 10)
    assert labels_of(read, clock_s) == EXPECTED


def labels_of(read, clock_s):
    table = frame([clock_s + 1, clock_s + 2.5], [clock_s + 2.5, clock_s + 5])
    return label_intervals(read, table, labels_since="clock").labels.tolist()

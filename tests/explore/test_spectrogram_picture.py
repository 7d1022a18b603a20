"""The spectrogram explorer's picture: a pure function of its state, and code that makes it."""

import re
from dataclasses import replace

import numpy as np
import pytest

import img2imu_kit as ik
from img2imu_kit.errors import ParameterError, SignalError
from img2imu_kit.explore.canvas import Panel, blank
from img2imu_kit.explore.comparison import Setting
from img2imu_kit.explore.panels import coloured, picture_edges, shade_cone
from img2imu_kit.explore.spectrogram_picture import SpectrogramState, code, render, spread


@pytest.fixture(scope="module")
def recording():
    return ik.load_dataset("synthetic", subjects=1, seconds=12, transitions=True)[0]


def test_the_same_state_gives_the_same_bytes(recording):
    first = SpectrogramState(recording, 3, 5, changes={"n_fft": 32})
    again = replace(first)
    assert render(first).png() == render(again).png()


def test_the_picture_shown_is_the_one_the_network_sees(recording):
    state = SpectrogramState(recording, 3, 5, changes={"size": (95, 105)})
    image = ik.to_image(recording.cut(*state.bounds()), size=(95, 105))[0].transpose(1, 2, 0)
    shown = render(state).pixels[346:536, 850:1060]  # twice the size: each pixel four times
    np.testing.assert_array_equal(shown, image.repeat(2, axis=0).repeat(2, axis=1))


@pytest.mark.parametrize(
    "changes",
    [
        {"n_fft": 128},
        {"hop": 16},
        {"window": "boxcar"},
        {"center": True},
        {"detrend": "linear"},
        {"scale": "magnitude"},
        {"range": (-30, 20)},
        {"range": "per-axis"},
        {"range": "per-window"},
        {"fmin_hz": 2.0},
        {"fmax_hz": 10.0},
        {"channels": "gyro"},
        {"channels": "magnitude"},
        {"channels": ("gyro_x", "acc_y", "acc_x")},
        {"size": (32, 64)},
        {"size": None},
        {"interpolation": "nearest"},
    ],
    ids=str,
)
def test_every_setting_changes_the_picture_and_its_code_makes_it(recording, changes):
    state = SpectrogramState(recording, 3, 5, changes=changes)
    assert (render(state).pixels != render(replace(state, changes={})).pixels).any()
    names = {"recording": recording, "walk": recording}
    exec(code(replace(state, origin="walk")), names)
    np.testing.assert_array_equal(
        names["image"], ik.to_image(recording.cut(*state.bounds()), **changes)[0]
    )


@pytest.mark.parametrize(
    ("preset", "changes"),
    [
        *(("motion", {name: value}) for name, value in [
            ("bands", 10),
            ("cycles", 6.0),
            ("low_rows", 0),
            ("low_limit", 5.0),
            ("fmin_hz", 1.0),
            ("fmax_hz", 8.0),
            ("hop", 8),
            ("range", "per-window"),
            ("channels", "magnitude"),
        ]),
        ("motion-signed", {"range": (-3.0, 3.0)}),
        ("motion-signed", {"channels": "gyro"}),
    ],
    ids=str,
)  # fmt: skip
def test_every_setting_of_bands_changes_the_picture_and_its_code_makes_it(
    recording, preset, changes
):
    state = SpectrogramState(recording, 3, 5, preset=preset, changes=changes)
    assert (render(state).pixels != render(replace(state, changes={})).pixels).any()
    names = {"walk": recording}
    exec(code(replace(state, origin="walk")), names)
    expected = ik.to_image(recording.cut(*state.bounds()), params=preset, **changes)[0]
    np.testing.assert_array_equal(names["image"], expected)


@pytest.mark.parametrize("hz", [0.8, 3.0, 11.0])
def test_a_tone_stands_at_its_place_on_the_logarithmic_axis(hz):
    """Brightest where the scale beside it says, and named in the alt text."""
    times_s = np.arange(500) / 50
    tone = np.stack([np.sin(2 * np.pi * hz * times_s)] * 3, axis=1)
    state = SpectrogramState(ik.Recording(tone, rate=50, unit="m/s2"), preset="motion")
    drawn = render(state)
    inside = drawn.pixels[346:536, 66:276]
    edges = picture_edges(state.recording, ik.pictures.resolve("motion"))[1]
    (row,) = Panel(inside, (0, 1), edges).rows(hz)
    light = inside[:140, 80:130].sum(axis=2).mean(axis=1)  # bands, far from either end
    assert abs(np.flatnonzero(light == light.max()).mean() - row) <= 4  # a row is 6 pixels high
    assert float(drawn.alt.split("brightest near ")[1].split(" Hz")[0]) == pytest.approx(
        hz, rel=0.1
    )


def test_what_hears_the_ends_of_the_window_is_hatched_and_said(recording):
    state = SpectrogramState(recording, 3, 2, preset="motion")
    window, params = recording.cut(*state.bounds()), ik.pictures.resolve("motion")
    across, up = picture_edges(window, params)
    place = Panel(blank(300, 300), across, up)
    place.pixels[:] = 0
    shade_cone(place, window, params)
    grey = place.pixels[:, :, 0] > 0
    for hz in (0.4, 1.0, 3.0, 12.0):
        # sqrt(2) deviations of a Gaussian in time, at the middle of the band that holds hz
        k = np.searchsorted(up, hz) - 1
        reach_s = np.sqrt(2) * 3 / (2 * np.pi * np.sqrt(up[k] * up[k + 1]))
        (row,) = place.rows(hz)
        assert grey[row].mean() == pytest.approx(min(1, 2 * reach_s / 2), abs=0.02)
    assert "Frequencies up to 0.62 Hz cannot be seen in this window" in render(state).note
    assert "cannot be seen" not in render(replace(state, start_s=0.0, seconds=10)).note


def test_zero_is_white_where_there_is_a_sign():
    level = np.full((30, 2), 128, np.uint8)
    level[:, 1] = 255
    for preset, rows in (("motion", 6), ("motion-signed", 30), ("default", 0)):
        picture = coloured(level, ik.pictures.resolve(preset)).astype(int)
        neutral = (picture[:, 0].min(axis=1) > 240).sum()
        red = (picture[:, 1, 0] - picture[:, 1, 2] > 60) & (picture[:, 1, 1] < 60)
        assert (neutral, red.sum()) == (rows, rows)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"changes": {"hop": 65}}, "hop is 65, expected 1 to n_fft"),
        ({"changes": {"n_fft": 512, "hop": 4}}, "n_fft=512"),
        ({"changes": {"fmin_hz": 10.0, "fmax_hz": 10.1}}, "does not fit bins"),
        ({"changes": {"range": (20, 20)}}, "low < high"),
        ({"changes": {"channels": ("acc_x", "acc_y", "nose")}}, "no axis 'nose'"),
        ({"start_s": 1e6}, "the recording lasts"),
        ({"start_s": -1.0}, "the recording lasts"),
        ({"seconds": 0.0}, "the recording lasts"),
        ({"preset": "best"}, "no preset"),
    ],
)
def test_contradictions_are_typed_errors(recording, state, words):
    with pytest.raises((ParameterError, SignalError), match=words):
        render(SpectrogramState(recording, **({"seconds": 5.0} | state)))


@pytest.mark.parametrize("taper", ["hann", "hamming", "blackman", "boxcar"])
@pytest.mark.parametrize("n_fft", [16, 65, 256])
def test_no_frame_beats_heisenberg(taper, n_fft):
    seconds, hz = spread(ik.SpectrogramParams(n_fft=n_fft, window=taper), rate=50)
    assert seconds * hz >= 1 / np.pi * 0.999
    twice, _ = spread(ik.SpectrogramParams(n_fft=2 * n_fft, window=taper), rate=50)
    assert twice / seconds == pytest.approx(2, rel=0.1)


def test_a_gaussian_would_reach_the_bound():
    # blackmanharris is nearly a Gaussian, boxcar leaks most
    near, far = (
        np.pi * np.prod(spread(ik.SpectrogramParams(window=name), 50))
        for name in ("blackmanharris", "boxcar")
    )
    assert near < 1.01 < 2 < far


def test_a_band_reaches_the_bound():
    """Deviations of a band's energy as its own bank has it, in frequency and in time."""
    from img2imu_kit.pictures.scalogram import morlet_bank

    params = ik.pictures.resolve("motion", fmin_hz=2.0, fmax_hz=8.0, bands=3)
    gain = morlet_bank(8000, 50.0, params)[0][1].double().numpy()  # about 4 Hz
    hz = np.fft.rfftfreq(8000, 1 / 50)
    wavelet = np.fft.fftshift(np.fft.ifft(np.append(gain, np.zeros(3999))))
    seconds, width_hz = spread(params, 50, hz=4.0)
    assert 2 * np.sqrt(np.average((hz - 4) ** 2, weights=gain**2)) == pytest.approx(
        width_hz, rel=0.01
    )
    time_s = (np.arange(8000) - 4000) / 50
    assert 2 * np.sqrt(np.average(time_s**2, weights=np.abs(wavelet) ** 2)) == pytest.approx(
        seconds, rel=0.01
    )


def test_edges_of_the_picture_are_those_of_frames_and_bins(recording):
    across, up = picture_edges(recording.cut(100, 350), ik.SpectrogramParams(n_fft=50, hop=10))
    assert across == pytest.approx((2.5 - 0.1, 6.5 + 0.1))
    assert up == pytest.approx((-0.5, 25.5))


@pytest.mark.parametrize("width", [540, 1180])
@pytest.mark.parametrize("preset", ["default", "motion", "motion-signed"])
def test_the_pointer_reads_what_the_transform_says(recording, preset, width):
    """At a pixel of the first spectrogram: its second, its Hz, and the value there."""
    state = SpectrogramState(recording, 3, 5, preset=preset)
    drawing, window = render(state, width), recording.cut(*state.bounds())
    spectra = ik.spectrogram(window, params=preset)
    left, top, wide, tall = (66, 346, (width - 240) // 4, 190)
    if width < 900:
        left, top, wide, tall = 54, 244, (width - 54 - 94) // 2, 100
    row, column = spectra.grid.shape[0] * 3 // 4, spectra.grid.shape[1] // 3
    x = left + (column + 0.5) / spectra.grid.shape[1] * wide
    y = top + (1 - (row + 0.5) / spectra.grid.shape[0]) * tall
    said = drawing.read(round(x), round(y)).replace("−", "-")
    numbers = [float(text) for text in re.findall(r"-?\d+\.?\d*(?= (?:s|Hz|dB|m/s2))", said)]
    value = spectra.power[0, 0, row, column]
    if preset != "motion-signed":
        value = 10 * np.log10(value)
    expected = [3 + spectra.times_s[column], spectra.freqs_hz[row], value]
    assert numbers == pytest.approx(expected, rel=0.01, abs=0.06)
    assert "click to go there" in drawing.read(width // 2, 40)
    assert "acc_x" in drawing.read(200, 160)
    assert drawing.read(2, 2) == ""


@pytest.mark.parametrize("width", [420, 540, 899, 900, 1600])
@pytest.mark.parametrize("pinned", [None, Setting("motion-signed", {"channels": "magnitude"})])
def test_a_picture_is_as_wide_as_its_page(recording, width, pinned):
    state = SpectrogramState(recording, 3, 5, preset="motion", pinned=pinned)
    assert render(state, width).pixels.shape[1] == width


def test_an_axis_that_never_changes_is_named(recording):
    still = recording.signal.copy()
    still[:, 1] = 3
    assert "acc_y never changes" in render(SpectrogramState(replace(recording, signal=still))).note


def test_alt_text_says_what_is_seen(recording):
    start = 20.0
    alt = render(SpectrogramState(recording, start, 5)).alt
    label = recording.labels[int((start + 2) * recording.rate)]
    assert f"window from 20 s of 5 s marked while {label}" in alt
    assert "96 x 96 pixels" in alt

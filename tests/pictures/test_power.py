"""Power against librosa, scipy, matplotlib and what theory says, and the way back to a signal."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import librosa
import numpy as np
import pytest
import scipy.io
import scipy.signal
import torch
from matplotlib import mlab

from img2imu_kit.errors import ClockError, ParameterError, SignalError
from img2imu_kit.pictures import stft as module
from img2imu_kit.pictures.params import CHOICES, SpectrogramParams
from img2imu_kit.pictures.power import scaled, spectrogram, to_signal
from img2imu_kit.signals.recording import Recording
from img2imu_kit.signals.windows import sliding_windows

RATE = 50.0


@pytest.fixture(params=["random", "real"])
def signal(request, rng) -> np.ndarray:
    """Three axes [3, T]: noise with an offset, or a wrist's accelerometer in m/s2."""
    if request.param == "random":
        return rng.normal([[0], [2], [9.8]], size=(3, 500)).astype(np.float32)
    path = next(request.getfixturevalue("data_dir")("utd_mhad").rglob("a22_s1_t1_inertial.mat"))
    return (scipy.io.loadmat(path)["d_iner"][:, :3].T * 9.80665).astype(np.float32)


def close(power, theirs, signal):
    """Amplitudes equal to 0.1 % or, where next to nothing is left, to 1e-6 of the signal."""
    tiny = 1e-6 * np.abs(signal).max()
    np.testing.assert_allclose(np.sqrt(power), np.sqrt(theirs), rtol=1e-3, atol=tiny)


@pytest.mark.parametrize("detrend", [None, "constant", "linear"])
@pytest.mark.parametrize("window", ["hann", "hann_periodic", "blackmanharris", "boxcar"])
@pytest.mark.parametrize(("n_fft", "hop"), [(64, 4), (63, 10), (128, 12), (30, 30)])
def test_equals_scipy(signal, n_fft, hop, window, detrend):
    ours = spectrogram(signal, RATE, n_fft=n_fft, hop=hop, window=window, detrend=detrend)
    name, periodic = window.removesuffix("_periodic"), window.endswith("_periodic")
    freqs, times, theirs = scipy.signal.spectrogram(
        signal.astype(np.float64),
        RATE,
        window=scipy.signal.get_window(name, n_fft, fftbins=periodic),
        noverlap=n_fft - hop,
        detrend=detrend or False,
        scaling="spectrum",
    )
    close(ours.power[0], theirs, signal)
    np.testing.assert_allclose(ours.freqs_hz, freqs)
    np.testing.assert_allclose(ours.times_s, times)


def test_equals_scipys_short_time_fft(signal):
    transform = scipy.signal.ShortTimeFFT(
        np.hanning(64), hop=8, fs=RATE, fft_mode="onesided", scale_to="magnitude"
    )
    ours = spectrogram(signal, RATE, n_fft=64, hop=8)
    first = 64 // 2 // 8  # its frames are counted from one centred on the first sample
    count = ours.power.shape[-1]
    theirs = transform.spectrogram(signal.astype(np.float64), p0=first, p1=first + count)
    theirs[:, 1:-1] *= 2
    close(ours.power[0], theirs, signal)


@pytest.mark.parametrize("center", [False, True])
def test_equals_librosa(signal, center):
    window = np.hanning(64)
    theirs = librosa.stft(
        signal.astype(np.float64),
        n_fft=64,
        hop_length=8,
        window=window,
        center=center,
        pad_mode="reflect",
    )
    theirs = np.abs(theirs / window.sum()) ** 2
    theirs[:, 1:-1] *= 2
    ours = spectrogram(signal, RATE, n_fft=64, hop=8, center=center)
    close(ours.power[0], theirs, signal)
    if center:
        np.testing.assert_allclose(
            ours.times_s, librosa.times_like(theirs, sr=RATE, hop_length=8, n_fft=None)
        )


def test_equals_matplotlib(signal):
    ours = spectrogram(signal, RATE, n_fft=64, hop=16)
    for axis in range(3):
        theirs, freqs, times = mlab.specgram(
            signal[axis], 64, RATE, window=np.hanning(64), noverlap=48, scale_by_freq=False
        )
        close(ours.power[0, axis], theirs, signal)
    np.testing.assert_allclose(ours.freqs_hz, freqs)
    np.testing.assert_allclose(ours.times_s, times)


@pytest.mark.parametrize("window", CHOICES["window"])
@pytest.mark.parametrize("n_fft", [32, 33])
def test_a_sine_shows_its_mean_square_in_its_bin(window, n_fft):
    amplitude, cycle = 3.0, 8
    t = np.arange(400)
    sine = amplitude * np.sin(2 * np.pi * cycle * t / n_fft + 0.3)
    found = spectrogram(sine, rate=n_fft, n_fft=n_fft, window=window).power[0, 0]
    assert (found.argmax(axis=0) == cycle).all()
    np.testing.assert_allclose(found[cycle], amplitude**2 / 2, rtol=0.02)


def test_a_constant_shows_its_square_at_0_hz_and_half_the_rate_counts_once():
    t = np.arange(256)
    steady = spectrogram(np.full(256, 9.81), rate=64).power[0, 0]
    np.testing.assert_allclose(steady[0], 9.81**2, rtol=1e-5)
    alternating = spectrogram(2.0 * (-1.0) ** t, rate=64).power[0, 0]
    np.testing.assert_allclose(alternating[-1], 4.0, rtol=1e-5)


@pytest.mark.parametrize("window", ["hann", "hamming", "boxcar"])
@pytest.mark.parametrize("n_fft", [64, 65])
def test_parseval(signal, window, n_fft):
    power = spectrogram(signal, RATE, n_fft=n_fft, hop=7, window=window).power[0]
    taper = scipy.signal.get_window(window, n_fft, fftbins=False)
    frames = np.lib.stride_tricks.sliding_window_view(signal, n_fft, axis=1)[:, ::7]
    energy = n_fft * ((frames * taper) ** 2).sum(axis=-1) / taper.sum() ** 2
    np.testing.assert_allclose(power.sum(axis=1), energy, rtol=1e-4)


def test_a_shift_by_k_hops_shifts_k_columns(signal):
    whole = spectrogram(signal, RATE, hop=4).power
    later = spectrogram(signal[:, 12:], RATE, hop=4).power
    np.testing.assert_array_equal(later, whole[..., 3:][..., : later.shape[-1]])


def test_axes_are_treated_alike(signal):
    power = spectrogram(signal, RATE).power
    np.testing.assert_array_equal(spectrogram(signal[[2, 0, 1]], RATE).power, power[:, [2, 0, 1]])


def test_gain_is_an_offset_in_db(signal):
    quiet, loud = (scaled(spectrogram(k * signal, RATE).power, "db") for k in (1, 10))
    heard = quiet > -80
    np.testing.assert_allclose((loud - quiet)[heard], 20, atol=0.05)


def test_detrending_takes_off_gravity_and_drift():
    t = np.arange(300) / RATE
    drifting = 9.8 + 0.7 * t
    kept = spectrogram(drifting, RATE).power.sum()
    assert spectrogram(drifting, RATE, detrend="constant").power[..., 0, :].sum() < 1e-3 * kept
    assert spectrogram(drifting, RATE, detrend="linear").power.sum() < 1e-9 * kept


def test_the_band_is_cut_from_the_whole(signal):
    whole = spectrogram(signal, RATE)
    cut = spectrogram(signal, RATE, fmin_hz=2, fmax_hz=12)
    kept = (whole.freqs_hz >= 2) & (whole.freqs_hz <= 12)
    np.testing.assert_array_equal(cut.power, whole.power[:, :, kept])
    np.testing.assert_array_equal(cut.freqs_hz, whole.freqs_hz[kept])


@pytest.mark.parametrize("n_fft", [16, 30, 64, 128])
@pytest.mark.parametrize("axes", [1, 3])
def test_a_window_does_not_depend_on_its_company(rng, n_fft, axes):
    x = (rng.normal(size=(150, axes, 140)) + 9.8).astype(np.float32)
    for hop, detrend in ((3, None), (n_fft, "linear")):
        params = SpectrogramParams(n_fft=n_fft, hop=hop, detrend=detrend)
        together = spectrogram(x, RATE, params).power
        for some in ([0], [149], [3, 77], list(range(40, 91)), rng.permutation(150)):
            np.testing.assert_array_equal(spectrogram(x[some], RATE, params).power, together[some])


@pytest.mark.parametrize("log2_block", [13, 16, 22])
def test_the_size_of_blocks_does_not_matter(rng, monkeypatch, log2_block):
    x = (rng.normal(size=(37, 3, 700)) + 9.8).astype(np.float32)
    expected = {center: spectrogram(x, RATE, center=center).power for center in (False, True)}
    monkeypatch.setattr(module, "_BLOCK", 2**log2_block)
    for center, power in expected.items():
        np.testing.assert_array_equal(spectrogram(x, RATE, center=center).power, power)


def test_the_number_of_threads_changes_nothing_and_is_left_alone(rng):
    x = rng.normal(size=(150, 3, 140))
    before = torch.get_num_threads()
    try:
        powers = []
        for threads in (1, 3):
            torch.set_num_threads(threads)
            powers.append(spectrogram(x, RATE).power)
            with ThreadPoolExecutor(1) as another:
                assert another.submit(torch.get_num_threads).result() == threads
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(*powers)


def test_a_long_recording_with_long_frames_stays_small():
    # All frames at once would be 10 minutes * 100 Hz / 4 * 4096 * 3 * 4 bytes = 690 MB.
    code = """
import resource
import numpy as np
from img2imu_kit.pictures.power import spectrogram
from img2imu_kit.signals.recording import Recording
noise = np.random.default_rng(0).normal(size=(60_000, 3))
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
spectrogram(noise[:8192].T, rate=100, n_fft=4096, hop=4, fmax_hz=2)
before = peak()
found = spectrogram(Recording(noise, rate=100), n_fft=4096, hop=4, fmax_hz=2)
print(found.power.shape, peak() - before)
"""
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    shape, grown_mb = output.stdout.rsplit(" ", 1)
    assert shape == "(1, 3, 82, 13977)"
    assert float(grown_mb) < 150


def test_long_frames_equal_scipy(rng):
    noise = rng.normal(size=20_000)
    ours = spectrogram(noise, 100, n_fft=4096, hop=500)
    theirs = scipy.signal.spectrogram(
        noise, 100, np.hanning(4096), noverlap=3596, detrend=False, scaling="spectrum"
    )[2]
    close(ours.power[0, 0], theirs, noise)


def test_every_kind_of_input_gives_the_same(signal):
    expected = spectrogram(signal[None], RATE)
    recording = Recording(signal.T, RATE, unit="m/s2")
    frozen = signal.copy()
    frozen.flags.writeable = False
    cut = sliding_windows(recording, seconds=recording.seconds)
    for same in (signal, signal.tolist(), frozen, recording, cut, torch.from_numpy(signal)):
        rate = None if isinstance(same, (Recording, type(cut))) else RATE
        found = spectrogram(same, rate)
        assert isinstance(
            found.power, torch.Tensor if isinstance(same, torch.Tensor) else np.ndarray
        )
        np.testing.assert_array_equal(np.asarray(found.power), expected.power)
        assert found.axes == ("acc_x", "acc_y", "acc_z")
        assert found.rate == RATE
    np.testing.assert_array_equal(spectrogram(signal[1], RATE).power[:, 0], expected.power[:, 1])
    backwards = spectrogram(signal[:, ::-1], RATE).power
    np.testing.assert_array_equal(backwards, spectrogram(signal[:, ::-1].copy(), RATE).power)


def test_a_tensor_that_learns_is_left_alone(signal):
    x = torch.from_numpy(signal).requires_grad_()
    assert not spectrogram(x, RATE).power.requires_grad
    np.testing.assert_array_equal(x.detach().numpy(), signal)


NAN = np.ones((2, 3, 100))
NAN[1, 2, 17] = np.nan


@pytest.mark.parametrize(
    ("x", "options", "error", "words"),
    [
        (np.ones((1, 3, 63)), {}, SignalError, "63 samples (1.26 s), shorter than the 64"),
        (np.ones((1, 3, 32)), {"center": True}, SignalError, "shorter than the 33"),
        (np.ones((600, 3)), {}, SignalError, "600 axes of 3 samples"),
        (NAN, {}, SignalError, "in window 1 on axis 2 at sample 17 (nan)"),
        (np.full(100, np.inf), {}, SignalError, "100 value(s) not finite"),
        (np.ones((1, 1, 3, 100)), {}, SignalError, "expected [N, C, T]"),
        (np.ones((0, 3, 100)), {}, SignalError, "(0, 3, 100)"),
        (np.float32(3), {}, SignalError, "expected [N, C, T]"),
        ("walk.csv", {}, SignalError, "not an array of numbers"),
        ([[1, 2], [3]], {}, SignalError, "not an array of numbers"),
        (np.ones(100) + 1j, {}, SignalError, "not an array of numbers"),
        (torch.ones(100) + 1j, {}, SignalError, "complex"),
        (np.ones(100), {"rate": None}, ClockError, "Give rate="),
        (np.ones(100), {"rate": -5}, ClockError, "-5 Hz"),
        (Recording(np.ones((100, 3)), 64), {"rate": 50}, ClockError, "own is 64 Hz"),
        (np.ones(100), {"fmax_hz": 30}, ParameterError, "up to 25 Hz"),
        (np.ones(100), {"fmin_hz": 25.5}, ParameterError, "25.5 to 25 Hz"),
        (np.ones(100), {"fmin_hz": 1, "fmax_hz": 1.2}, ParameterError, "bins every 0.781 Hz"),
        (np.ones(100), {"nfft": 64}, ParameterError, "Did you mean 'n_fft'?"),
        (np.ones(100), {"params": "img2imu"}, ParameterError, "Did you mean 'img2imu-app'?"),
        (np.ones(100), {"params": 64}, ParameterError, "There are: default"),
    ],
)
def test_bad_input_is_named(x, options, error, words):
    with pytest.raises(error) as caught:
        spectrogram(x, **{"rate": RATE, **options} if not isinstance(x, Recording) else options)
    assert words in str(caught.value)


class TestWayBack:
    """Griffin-Lim: what a spectrogram keeps and what it forgets."""

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"center": True},
            {"params": "img2imu-app"},
            {"n_fft": 63, "hop": 7, "window": "hamming"},
        ],
    )
    def test_the_spectrogram_comes_back(self, signal, options):
        found = spectrogram(signal, RATE, **options)
        again = to_signal(found)
        n_fft, hop, frames = found.params.n_fft, found.params.hop, len(found.times_s)
        assert again.dtype == np.float32
        assert again.shape == (1, 3, (frames - 1) * hop + (0 if found.params.center else n_fft))
        back = spectrogram(again, RATE, found.params)
        kept = min(frames, len(back.times_s))
        ours, theirs = (np.sqrt(each.power[..., :kept]) for each in (back, found))
        assert np.linalg.norm(ours - theirs) < 0.15 * np.linalg.norm(theirs)
        assert np.abs(again).max() < 2 * np.abs(signal).max()  # no burst at the ends
        np.testing.assert_array_equal(again, to_signal(signal, RATE, **options))

    def test_gravity_comes_back_but_which_way_it_points_is_forgotten(self, rng):
        x = rng.normal([[9.8], [-9.8]], 0.3, size=(2, 300))
        again = to_signal(x, RATE)[0]
        np.testing.assert_allclose(again.mean(axis=1), [9.8, 9.8], rtol=0.01)

    def test_what_the_band_cuts_is_gone(self):
        t = np.arange(500) / RATE
        slow, fast = np.sin(2 * np.pi * 3 * t), np.sin(2 * np.pi * 15 * t)
        again = to_signal(slow + fast, RATE, fmax_hz=8)
        power = spectrogram(again, RATE).power[0, 0].mean(axis=-1)
        freqs_hz = np.fft.rfftfreq(64, 1 / RATE)
        assert power[freqs_hz < 8].sum() > 0.4
        assert power[freqs_hz > 10].sum() < 0.01

    def test_settings_are_given_once(self, signal):
        with pytest.raises(ParameterError, match="know their rate"):
            to_signal(spectrogram(signal, RATE), n_fft=32)
        for bad in (0, 2.5):
            with pytest.raises(ParameterError, match="iterations"):
                to_signal(signal, RATE, iterations=bad)


@pytest.mark.parametrize(("rate", "seconds"), [(30, 6), (50, 3), (50, 2), (100, 1)])
def test_the_default_fits_the_windows_of_the_tasks(rng, rate, seconds):
    x = rng.normal(size=(2, 3, rate * seconds))
    for name in ("default", "fine-time"):
        assert len(spectrogram(x, rate, name).times_s) >= 10

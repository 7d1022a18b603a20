"""The settings of a spectrogram picture: checked once, named, never changed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from numbers import Integral, Real

from ..errors import ParameterError, unknown_name
from ..signals.recording import check_rate

__all__ = ["CHOICES", "UNITS_OF_LIMITS", "SpectrogramParams", "presets", "resolve"]

#: What fixed limits of pictures are made for.
UNITS_OF_LIMITS = {"m/s2", "rad/s"}

#: Settings that are one of a few words.
CHOICES = {
    "transform": ("stft", "cwt"),
    "window": tuple(
        name + kind
        for name in ("hann", "hamming", "blackman", "blackmanharris", "flattop", "boxcar")
        for kind in ("", "_periodic")
    ),
    "detrend": (None, "constant", "linear"),
    "scale": ("db", "log10", "power", "magnitude", "signed"),
    "interpolation": ("nearest", "bilinear", "bicubic"),
}


@dataclass(frozen=True)
class SpectrogramParams:
    """How a window of motion becomes a picture.

    Parameters
    ----------
    n_fft, hop : int
        Length of a frame and step to the next, in samples. A frame sees ``n_fft / rate`` seconds
        and tells apart what is ``rate / n_fft`` Hz apart.
    window : str
        Taper of a frame: ``"hann"``, ``"hamming"``, ``"blackman"``, ``"blackmanharris"``,
        ``"flattop"`` or ``"boxcar"``, symmetric as `numpy.hanning`; ``"hann_periodic"`` and so on
        are the variants that librosa, torch and scipy take unless told otherwise.
    center : bool
        False: the first frame starts at the first sample and nothing is invented. True: the
        signal is mirrored at both ends, and frame k is centred on sample ``k * hop``.
    detrend : {None, "constant", "linear"}
        What is taken off each frame: nothing, its mean (gravity with it), its straight line.
    scale : {"db", "log10", "power", "magnitude", "signed"}
        10 log10(power), log10(power), power, or its square root. ``"signed"``, for ``"cwt"``: the
        bands themselves, compressed by asinh about mid-grey, so that sign and phase stay.
    range : (float, float) or {"per-axis", "per-window"}
        What is drawn black and white: fixed limits in dB (whatever the scale), or the extremes
        of each axis, or of each window. Only fixed limits keep amplitude. Signed pictures take
        limits in the signal's unit, ``(-12, 12)``.
    fmin_hz, fmax_hz : float, optional
        The band that is kept, ends included; up to half the rate by default. For ``"cwt"`` the
        centres of the lowest and highest band; `fmin_hz` is also where slow movement ends.
    size : (int, int), optional
        Height and width of the picture in pixels. None: one pixel for each bin and frame.
    interpolation : {"nearest", "bilinear", "bicubic"}
        How the picture is brought to `size`; the smooth ones average where it shrinks.
    channels : {"acc", "gyro", "magnitude"} or three axis names
        What becomes red, green and blue: x, y, z of one sensor (``"acc"`` takes any three axes
        that are alone), or any three axes. In grey: the length of the acceleration vector.
    transform : {"stft", "cwt"}
        From motion to power: the short-time Fourier transform, rows of one width in Hz; or
        Morlet bands, rows of one ratio (`n_fft`, `window`, `center`, `detrend` do not concern
        them, and a column is the mean of `hop` samples).
    bands : int
        Of ``"cwt"``.
    cycles : float
        Centre of a band over its standard deviation in Hz: more tell frequencies apart better,
        and instants worse.
    low_rows : int
        Rows below the bands for what is slower than `fmin_hz`: gravity, posture. Bands are deaf
        to it. These rows are drawn with their sign whatever the `scale`.
    low_limit : float
        What is drawn white there, in the unit of the signal; its negative is black.

    Raises
    ------
    ParameterError
        A setting out of range; the message names it and what was expected.

    Examples
    --------
    >>> SpectrogramParams(n_fft=128).hop
    4
    >>> SpectrogramParams(scale="decibel")
    Traceback (most recent call last):
    img2imu_kit.errors.ParameterError: scale is 'decibel', expected one of 'db', 'log10', ...
    """

    n_fft: int = 64
    hop: int = 4
    window: str = "hann"
    center: bool = False
    detrend: str | None = None
    scale: str = "db"
    range: tuple[float, float] | str = (-50.0, 20.0)
    fmin_hz: float = 0.0
    fmax_hz: float | None = None
    size: tuple[int, int] | None = (96, 96)
    interpolation: str = "bilinear"
    channels: str | tuple[str, str, str] = "acc"
    transform: str = "stft"
    bands: int = 24
    cycles: float = 3.0
    low_rows: int = 6
    low_limit: float = 12.0

    def __post_init__(self) -> None:
        for name in ("range", "size", "channels"):  # lists, as JSON brings them
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        for name, good, expected in self._rules():
            if not good:
                raise ParameterError(f"{name} is {getattr(self, name)!r}, expected {expected}")

    def _rules(self) -> Iterator[tuple[str, bool, str]]:
        """Setting, whether it is good, what was expected; in turn, as later ones trust earlier."""
        yield "n_fft", _whole(self.n_fft, 4), "a whole number of samples, 4 or more"
        good = _whole(self.hop, 1) and self.hop <= self.n_fft
        yield "hop", good, f"1 to n_fft ({self.n_fft}) samples, so that none goes unseen"
        for name, words in CHOICES.items():
            # `str | None` first: an array compared with words would be an array of answers.
            good = isinstance(getattr(self, name), str | None) and getattr(self, name) in words
            yield name, good, f"one of {', '.join(map(repr, words))}"
        yield "center", isinstance(self.center, bool), "True or False"
        if isinstance(self.range, str):
            good = self.range in ("per-axis", "per-window")
        else:
            good = _numbers(self.range, 2) and self.range[0] < self.range[1]
        yield "range", good, "'per-axis', 'per-window' or (low, high) in dB with low < high"
        if self.scale == "signed":
            yield "scale", self.transform == "cwt", "another one for the power of an STFT"
            # Mid-grey must be zero: else a still sensor would have a colour.
            good = not isinstance(self.range, str) and self.range[0] == -self.range[1]
            yield "range", good, "(-limit, limit) in the signal's unit for a signed picture"
        yield "fmin_hz", _numbers((self.fmin_hz,), 1) and self.fmin_hz >= 0, "0 or more"
        if self.transform == "cwt":
            yield "fmin_hz", self.fmin_hz > 0, "more than 0: a logarithmic axis has no 0 Hz"
        yield "bands", _whole(self.bands, 2), "a whole number, 2 or more"
        good = _numbers((self.cycles,), 1) and self.cycles > 0
        yield "cycles", good, "more than 0"
        yield "low_rows", _whole(self.low_rows, 0), "a whole number, 0 or more"
        good = _numbers((self.low_limit,), 1) and self.low_limit > 0
        yield "low_limit", good, "more than 0, in the unit of the signal"
        # What the rate allows is known only with a signal: `make_grid` looks at the upper end.
        good = self.fmax_hz is None or (
            _numbers((self.fmax_hz,), 1) and self.fmax_hz > self.fmin_hz
        )
        yield "fmax_hz", good, f"None or more than fmin_hz ({self.fmin_hz:g})"
        good = self.size is None or (
            _numbers(self.size, 2) and all(_whole(side, 1) for side in self.size)
        )
        yield "size", good, "None or (height, width) in pixels"
        if isinstance(self.channels, str):
            good = self.channels in ("acc", "gyro", "magnitude")
        else:
            good = isinstance(self.channels, tuple) and len(self.channels) == 3
            good = good and all(isinstance(name, str) for name in self.channels)
        yield "channels", good, "'acc', 'gyro', 'magnitude' or three axis names"

    @classmethod
    def for_rate(cls, rate: float, window_s: float, hop_s: float, **overrides) -> SpectrogramParams:
        """Settings from the seconds of a frame and a step, for signals of `rate` Hz.

        Examples
        --------
        >>> SpectrogramParams.for_rate(50, window_s=1.28, hop_s=0.1).n_fft
        64
        """
        rate = check_rate(rate, where="rate")
        if not _numbers((window_s, hop_s), 2):
            raise ParameterError(f"window_s is {window_s!r} and hop_s {hop_s!r}, expected seconds")
        frame, step = round(window_s * rate), max(1, round(hop_s * rate))
        return resolve(None, **{"n_fft": frame, "hop": step} | overrides)


def presets() -> dict[str, SpectrogramParams]:
    """Settings by name. All but ``"img2imu-app"`` are our choice.

    ``"default"`` is made for transfer: fixed limits keep the amplitude, the ratio between axes
    and gravity that per-axis limits throw away, and 64 samples fit into a second at 100 Hz and
    two at 50. ``"img2imu-app"`` is the recipe of the authors' Android app, for 64 Hz.
    ``"fine-time"`` and ``"fine-frequency"`` are the default with shorter and longer frames.
    ``"motion"`` and ``"motion-signed"`` have a logarithmic axis from .3 to 20 Hz above slow
    movement: the power of 24 bands, and 16 bands with their sign.

    Notes
    -----
    The default's limits of -50 and 20 dB were read off the accelerometers of the four tasks (m/s2,
    its own frames): 1st percentile -67 to -46 dB, median -24 to -7, 99th 18 to 19; 0.6 to 4 % of
    the values lie below and 0.2 to 0.6 % above. Gravity at rest is 19.8 dB, nearly white.
    Gyroscopes (rad/s) are 12 to 20 dB weaker; ``range=(-70, 10)`` suits them.

    Examples
    --------
    >>> list(presets())
    ['default', 'img2imu-app', 'fine-time', 'fine-frequency', 'motion', 'motion-signed']
    """
    return dict(_presets())


@cache  # they never change, and a moved slider asks for them at every step
def _presets() -> dict[str, SpectrogramParams]:
    default = SpectrogramParams()
    motion = SpectrogramParams(
        transform="cwt", fmin_hz=0.3, fmax_hz=20.0, hop=2, range=(-53.0, 17.0)
    )
    # The app: frames of 2 s at 64 Hz that move by 0.19 s, each axis stretched to its own extremes.
    return {
        "default": default,
        "img2imu-app": SpectrogramParams(
            n_fft=128, hop=12, scale="log10", range="per-axis", size=(96, 128)
        ),
        "fine-time": replace(default, n_fft=24, hop=2),
        "fine-frequency": replace(default, n_fft=128),
        "motion": motion,
        "motion-signed": replace(motion, scale="signed", range=(-12.0, 12.0), bands=16, low_rows=4),
    }


def resolve(params: str | SpectrogramParams | None = None, **overrides) -> SpectrogramParams:
    """Settings from a preset's name, from settings, or from None (the default).

    Single settings given by keyword win.

    Raises
    ------
    ParameterError
        A preset or setting of that name is unknown (the nearest is named), or a value is bad.

    Examples
    --------
    >>> resolve("img2imu-app", size=None).hop
    12
    >>> resolve(nfft=64)
    Traceback (most recent call last):
    img2imu_kit.errors.ParameterError: no setting 'nfft'. Did you mean 'n_fft'? ...
    """
    if not isinstance(params, SpectrogramParams):
        known = presets()
        params = known[_lookup("preset", "default" if params is None else params, known)]
    for name in overrides:
        _lookup("setting", name, [item.name for item in fields(SpectrogramParams)])
    return replace(params, **overrides)


def _lookup(kind: str, name: object, known: Iterable[str]) -> str:
    names = list(known)
    if isinstance(name, str) and name in names:
        return name
    raise unknown_name(kind, name, names)


def _whole(value: object, least: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= least


def _numbers(values: object, count: int) -> bool:
    """Whether these are so many finite numbers."""
    # True is a number to Python, and a typing mistake to us.
    return (
        isinstance(values, tuple)
        and len(values) == count
        and all(isinstance(value, Real) and not isinstance(value, bool) for value in values)
        and all(math.isfinite(value) for value in values)
    )

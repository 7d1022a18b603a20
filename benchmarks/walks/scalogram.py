"""Pictures of motion on a logarithmic frequency axis: P (power) and S (signed).

A copy that needs torch alone and runs on a GPU, batch by batch. The kit's own presets
``params="motion"`` and ``"motion-signed"`` draw nearly the same; columns and rows
come to 96 pixels in another way there.

Every axis passes a bank of Morlet bands in the frequency domain, and a Gaussian low-pass:

- ``power``: |band|^2 in dB, fixed limits. How strong, at which frequency, when.
- ``signed``: the real part of each band, asinh around mid-grey. Which way as well.

Low frequency is at the bottom, the low-pass (gravity, slow movement) below it; x, y, z are R, G, B.
A sine of amplitude A in the middle of its band has |band| = A. Bands are zero at 0 Hz, so gravity
is in the low-pass rows alone. The window is mirrored at both ends: mirrored once, it is periodic
with 2T-2 samples, so one FFT of that length filters the endless mirror image without any seam.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch.nn import functional


@dataclass(frozen=True)
class Picture:
    """What is drawn. Units as in the signal (m/s2)."""

    scale: str = "power"  # or "signed"
    bands: int = 24
    cycles: float = 3.0  # centre frequency / standard deviation of a band in Hz
    fmin_hz: float = 0.3
    fmax_hz: float = 20.0
    low_rows: float = 0.2  # share of the height that shows the low-pass
    low_hz: float = 0.3  # its standard deviation
    floor_db: float = -50.0
    top_db: float = 20.0
    top: float = 12.0  # of the signed scale
    size: int = 96


P = Picture("power", bands=24)
S = Picture("signed", bands=16)


@lru_cache(maxsize=32)
def bank(picture: Picture, length: int, rate: float, device: str) -> tuple[torch.Tensor, ...]:
    """Analytic bands [K, F] (low first) and low-pass [F] at the frequencies of an rfft."""
    f = torch.fft.rfftfreq(length, 1 / rate, dtype=torch.float64)
    top = min(picture.fmax_hz, 0.95 * rate / 2)
    steps = torch.linspace(0, 1, picture.bands, dtype=torch.float64)[:, None]
    fc = picture.fmin_hz * (top / picture.fmin_hz) ** steps
    sd = fc / picture.cycles
    # Morlet: the second Gaussian makes it zero at 0 Hz (admissibility).
    leak = torch.exp(-(fc**2) / (2 * sd**2))
    morlet = torch.exp(-((f - fc) ** 2) / (2 * sd**2)) - leak * torch.exp(-(f**2) / (2 * sd**2))
    low = torch.exp(-(f**2) / (2 * picture.low_hz**2))
    return tuple(t.to(device, torch.float32) for t in (2 * morlet, low))


def _filter(spectrum: torch.Tensor, gains: torch.Tensor, count: int, length: int, analytic: bool):
    """Each band of each axis over the window: [N, C, K, T], complex if analytic."""
    # spectrum [N, C, F] times gains [K, F]: a convolution with each band, by one product
    product = spectrum[:, :, None, :] * gains
    if analytic:  # no negative frequencies: the inverse FFT is complex
        return torch.fft.ifft(product, n=length)[..., :count]
    return torch.fft.irfft(product, n=length)[..., :count]


def draw(signal: torch.Tensor, rate: float, picture: Picture) -> torch.Tensor:
    """[N, 3, T] float32 -> [N, 3, size, size] in 0 to 1."""
    count = signal.shape[-1]
    mirrored = torch.cat([signal, signal[..., 1:-1].flip(-1)], dim=-1)
    length = mirrored.shape[-1]
    spectrum = torch.fft.rfft(mirrored)
    bands, low = bank(picture, length, rate, str(signal.device))
    size = picture.size
    low_size = round(size * picture.low_rows)

    def resize(rows, height):  # columns are averaged before anything is compressed
        return functional.interpolate(
            rows, (height, size), mode="bilinear", antialias=True, align_corners=False
        )

    def signed(rows):
        top = torch.tensor(picture.top)
        return 0.5 + 0.5 * torch.asinh(rows) / torch.asinh(top).to(rows.device)

    def decibel(rows):
        level = 10 * torch.log10(rows.clamp_min(1e-12))
        return (level - picture.floor_db) / (picture.top_db - picture.floor_db)

    if picture.scale == "power":
        rows = _columns(_filter(spectrum, bands, count, length, True).abs().square(), size)
        upper = resize(decibel(rows), size - low_size)
    else:
        # bands hold twice the positive half; irfft doubles it by itself
        rows = _columns(_filter(spectrum, bands / 2, count, length, False), size)
        upper = resize(signed(rows), size - low_size)
    parts = [upper.flip(-2)]
    if low_size:
        slow = _columns(_filter(spectrum, low[None], count, length, False), size)
        # signed in both pictures: power would not tell up from down
        parts.append(signed(slow).expand(-1, -1, low_size, -1))
    return torch.cat(parts, dim=-2).clamp(0, 1)


def _columns(rows: torch.Tensor, size: int) -> torch.Tensor:
    """Time to `size` columns, anti-aliased; rows stay."""
    return functional.interpolate(
        rows, (rows.shape[-2], size), mode="bilinear", antialias=True, align_corners=False
    )


def pictures(signal, rate: float, picture: Picture, *, chunk: int = 256, device="cpu"):
    """[N, 3, T] numpy or torch -> uint8 [N, 3, size, size] on the CPU, chunk by chunk."""
    signal = torch.as_tensor(signal, dtype=torch.float32)
    drawn = [
        (draw(part.to(device), rate, picture) * 255 + 0.5).to(torch.uint8).cpu()
        for part in signal.split(chunk)
    ]
    return torch.cat(drawn)

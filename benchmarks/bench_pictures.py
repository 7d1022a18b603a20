"""Row a: windows of 5 s at 100 Hz to uint8 pictures, beside the ways one would do it otherwise.

The loops take one window after the other, as one writes it first. "Plain torch" is all windows in
one batch, without blocks that fit the cache. The floor is the transform alone, of numbers that lie
ready, and one pass over the pictures.
"""

from __future__ import annotations

from dataclasses import replace

import librosa
import numpy as np
import scipy.signal
import torch
from PIL import Image
from race import OURS, Line, growth, race
from torch.nn import functional as F

from img2imu_kit.pictures.image import to_image
from img2imu_kit.pictures.params import SpectrogramParams, presets
from img2imu_kit.pictures.power import make_grid
from img2imu_kit.pictures.scalogram import morlet_bank

RATE, SAMPLES, WINDOWS, FEW = 100.0, 500, 256, 32


def rows() -> list[Line]:
    gravity = [[0.0], [0.0], [9.81]]
    noise = np.random.default_rng(0).normal(gravity, size=(WINDOWS, 3, SAMPLES))
    signal = noise.astype(np.float32)
    lines = []
    for name, ways in (("default", stft_ways), ("motion", scalogram_ways)):
        for side in (96, 128, 224):
            params = replace(presets()[name], size=(side, side))
            kind = "STFT" if name == "default" else "scalogram"
            lines += race(
                "a",
                f"{kind}, {side} px",
                {
                    OURS: lambda params=params: to_image(signal, RATE, params),
                    **ways(signal, params),
                },
                count=WINDOWS,
                unit="windows",
                rounds=5,
                targets={"librosa loop": ">= 20"} | ({"floor": ">= 0.67"} if side == 96 else {}),
            )
    many = np.concatenate([signal] * 8)
    sizes = [256, 512, 1024, 2048]
    lines += growth("a", "STFT, 96 px", lambda n: to_image(many[:n], RATE), sizes, "window")
    return lines


def stft_ways(signal: np.ndarray, params: SpectrogramParams) -> dict:
    n_fft, hop, size = params.n_fft, params.hop, params.size
    taper = np.hanning(n_fft).astype(np.float32)
    tensor, window = torch.from_numpy(signal), torch.from_numpy(taper)
    frames = (tensor.unfold(-1, n_fft, hop) * window).contiguous()
    scale = float(taper.sum() ** 2)

    def by_scipy() -> np.ndarray:
        transform = scipy.signal.ShortTimeFFT(taper, hop, RATE)
        first = n_fft // 2 // hop  # frames that lie within the window
        p0, p1 = first, first + (SAMPLES - n_fft) // hop + 1
        return resized(as_pixels(transform.spectrogram(signal, p0=p0, p1=p1), params), size)

    def by_torch() -> torch.Tensor:
        spectrum = torch.stft(
            tensor.flatten(0, 1), n_fft, hop, window=window, center=False, return_complex=True
        )
        power = spectrum.abs().square() / scale
        power[:, 1:-1] *= 2
        low, high = params.range
        level = (10 * power.clamp_min(1e-12).log10() - low) / (high - low) * 255
        level = level.clamp(0, 255).unflatten(0, (-1, 3)).flip(2)
        return F.interpolate(level, size, mode="bilinear", antialias=True).round().byte()

    def by_librosa(part: np.ndarray) -> np.ndarray:
        return resized(librosa_pixels(part, params), size)

    ours = to_image(signal[:16], RATE, params).astype(int)
    theirs = np.concatenate([by_librosa(part[None]) for part in signal[:16]])
    assert np.abs(ours - theirs).max() <= 3, "the pictures are not the same"
    return {
        "librosa loop": (lambda: [by_librosa(part[None]) for part in signal[:FEW]], FEW),
        "librosa, batched": lambda: by_librosa(signal),
        "scipy, batched": by_scipy,
        "plain torch": by_torch,
        "floor": floor(lambda: torch.fft.rfft(frames), size),
    }


def librosa_pixels(signal: np.ndarray, params: SpectrogramParams) -> np.ndarray:
    """Windows [N, 3, T] as pixels uint8 [N, 3, F, S], before they get their size."""
    taper = np.hanning(params.n_fft).astype(np.float32)
    settings = {"n_fft": params.n_fft, "hop_length": params.hop, "center": False}
    return as_pixels(np.abs(librosa.stft(signal, window=taper, **settings)) ** 2, params)


def as_pixels(power: np.ndarray, params: SpectrogramParams) -> np.ndarray:
    power[..., 1:-1, :] *= 2
    scale = np.hanning(params.n_fft).sum() ** 2
    level = librosa.power_to_db(power / scale, amin=1e-12, top_db=None)
    low, high = params.range
    return (np.clip((level - low) / (high - low) * 255, 0, 255) + 0.5).astype(np.uint8)


def scalogram_ways(signal: np.ndarray, params: SpectrogramParams) -> dict:
    size, grid = params.size, make_grid(SAMPLES, RATE, params)
    centres = grid.freqs_hz[params.low_rows :]
    tensor = torch.from_numpy(signal)
    mirrored = torch.cat([tensor, tensor[..., 1:-1].flip(-1)], dim=-1)
    period = mirrored.shape[-1]
    bands, _ = morlet_bank(period, RATE, params)
    bank = F.pad(2 * bands, (0, period - bands.shape[-1]))  # [K, period]
    spectra = torch.fft.fft(mirrored[:FEW])[:, :, None] * bank  # [n, 3, K, period]

    def finished(power: torch.Tensor) -> torch.Tensor:
        """Power [n, 3, K, T] as pictures."""
        power = F.avg_pool1d(power.flatten(0, 1), params.hop).unflatten(0, (-1, 3))
        low, high = params.range
        level = (10 * power.clamp_min(1e-12).log10() - low) / (high - low) * 255
        level = level.clamp(0, 255).flip(2)
        return F.interpolate(level, size, mode="bilinear", antialias=True).round().byte()

    def by_torch() -> torch.Tensor:
        analytic = torch.fft.ifft(torch.fft.fft(mirrored)[:, :, None] * bank)[..., :SAMPLES]
        return finished(analytic.abs().square() / 2)

    ways: dict = {"plain torch": by_torch}
    try:
        import pywt

        # a Morlet of as many cycles: B = 2 (sigma f)^2, at scales that put it at the same centres
        wavelet = f"cmor{2 * (params.cycles / (2 * np.pi)) ** 2:.4f}-1.0"
        scales = RATE / centres

        def by_pywavelets() -> list:
            return [
                finished(torch.from_numpy(np.abs(pywt.cwt(part, scales, wavelet, axis=-1)[0]) ** 2)
                         .transpose(0, 1)[None].float())
                for part in signal[:4]
            ]  # fmt: skip

        ways["PyWavelets loop"] = (by_pywavelets, 4)
    except ImportError:
        ways["PyWavelets loop"] = "not installed: pip install PyWavelets"
    try:
        import ssqueezepy

        bank_of = ssqueezepy.Wavelet(("morlet", {"mu": params.cycles}))
        scales = (params.cycles * RATE / (2 * np.pi * centres[::-1])).astype(np.float32)

        def by_ssqueezepy() -> list:
            bands = (ssqueezepy.cwt(part, bank_of, scales=scales)[0] for part in signal[:4])
            power = (np.abs(each[:, ::-1]) ** 2 for each in bands)  # lowest band first
            return [finished(torch.from_numpy(each.copy())[None]) for each in power]

        ways["ssqueezepy loop"] = (by_ssqueezepy, 4)
    except ImportError:
        ways["ssqueezepy loop"] = "not installed: pip install ssqueezepy"
    return ways | {"floor": floor(lambda: torch.fft.ifft(spectra), size, FEW)}


def floor(transform, size: tuple[int, int], count: int = WINDOWS) -> tuple:
    """The bare transform, and one pass over the pictures."""
    pixels = torch.zeros((count, 3, *size), dtype=torch.uint8)
    images = torch.empty_like(pixels)
    return lambda: (transform(), images.copy_(pixels)), count


def resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pixels uint8 [N, 3, F, S] as pictures, one after the other with Pillow."""
    upright = pixels[:, :, ::-1].transpose(0, 2, 3, 1)
    pictures = (
        Image.fromarray(np.ascontiguousarray(each)).resize(size[::-1], Image.Resampling.BILINEAR)
        for each in upright
    )
    return np.stack([np.asarray(picture).transpose(2, 0, 1) for picture in pictures])

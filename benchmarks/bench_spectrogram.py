"""How fast windows become pictures, beside the ways one would do it otherwise.

    python benchmarks/bench_spectrogram.py

All ways run in turn in one process on the same windows, several rounds; the best round counts. On a
busy machine the CPU time of all threads tells more than the clock. "Power" is the transform alone,
"picture" the whole way to uint8 at its size. The loops are librosa for each window, or for each
axis of each window, with numpy and Pillow for the rest of the recipe; their pictures are compared
with ours before anything is timed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import librosa
import numpy as np
import scipy.signal
import torch
from PIL import Image

from img2imu_kit.pictures.image import to_image
from img2imu_kit.pictures.params import SpectrogramParams, presets
from img2imu_kit.pictures.power import spectrogram

RATE = 64.0


def librosa_picture(window: np.ndarray, params: SpectrogramParams, by_axis: bool) -> np.ndarray:
    """One window [3, T] as uint8 [3, H, W]."""
    taper = np.hanning(params.n_fft)
    levels = []
    for part in window if by_axis else [window]:
        spectrum = librosa.stft(
            part, n_fft=params.n_fft, hop_length=params.hop, window=taper, center=False
        )
        power = np.abs(spectrum / taper.sum()) ** 2
        power[..., 1:-1, :] *= 2
        level = librosa.power_to_db(power, amin=1e-12, top_db=None)
        if params.range == "per-axis":
            low, high = (edge(axis=(-2, -1), keepdims=True) for edge in (level.min, level.max))
        else:
            low, high = params.range
        levels.append(np.clip((level - low) / (high - low) * 255, 0, 255) + 0.5)
    pixels = np.stack(levels) if by_axis else levels[0]
    image = Image.fromarray(pixels.astype(np.uint8)[:, ::-1].transpose(1, 2, 0))
    resized = image.resize(params.size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(resized).transpose(2, 0, 1)


def ways(signal: np.ndarray, params: SpectrogramParams) -> dict[str, Callable[[], object]]:
    """Name -> what is timed, slow ones last."""
    n_fft, hop = params.n_fft, params.hop
    taper = np.hanning(n_fft).astype(np.float32)
    tensor, window = torch.from_numpy(signal), torch.from_numpy(taper)
    frames = tensor.unfold(-1, n_fft, hop).reshape(-1, n_fft).contiguous()
    angle = 2 * torch.pi / n_fft * torch.outer(torch.arange(n_fft), torch.arange(n_fft // 2 + 1))
    basis = torch.cat([angle.cos(), angle.sin()], dim=1) * window[:, None]
    flat = tensor.reshape(-1, tensor.shape[-1])

    def librosa_batched() -> np.ndarray:
        spectrum = librosa.stft(signal, n_fft=n_fft, hop_length=hop, window=taper, center=False)
        return np.abs(spectrum) ** 2

    return {
        "picture: img2imu_kit to_image": lambda: to_image(signal, RATE, params),
        "picture: librosa, by window": lambda: [librosa_picture(x, params, False) for x in signal],
        "picture: librosa, by axis": lambda: [librosa_picture(x, params, True) for x in signal],
        "power: bare DFT, one product": lambda: frames @ basis,
        "power: bare FFT, frames ready": lambda: torch.fft.rfft(frames),
        "power: torch.stft": lambda: (
            torch.stft(flat, n_fft, hop, window=window, center=False, return_complex=True)
            .abs()
            .square_()
        ),
        "power: img2imu_kit spectrogram": lambda: spectrogram(signal, RATE, params),
        "power: librosa, batched": librosa_batched,
        "power: scipy, batched": lambda: scipy.signal.spectrogram(
            signal, RATE, taper, noverlap=n_fft - hop, detrend=False, scaling="spectrum"
        ),
    }


def main() -> None:
    """Print one table for each preset."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    print(f"{arguments.windows} windows, {torch.get_num_threads()} threads")
    # 600 samples are nearly 10 s of the app's 64 Hz, 180 a window of the swimming task.
    for name, samples in (("img2imu-app", 600), ("default", 180), ("default", 600)):
        params = presets()[name]
        shape = (arguments.windows, 3, samples)
        gravity = [[0.0], [0.0], [9.81]]
        signal = np.random.default_rng(0).normal(gravity, size=shape).astype(np.float32)
        ours = to_image(signal[:16], RATE, params).astype(int)
        for by_axis in (False, True):
            theirs = np.stack([librosa_picture(x, params, by_axis) for x in signal[:16]])
            apart = int(np.abs(ours - theirs).max())
            assert apart <= 2, f"pictures differ by {apart} levels"
        timed = ways(signal, params)
        wall, cpu = (dict.fromkeys(timed, float("inf")) for _ in range(2))
        for _ in range(arguments.rounds):
            for way, run in timed.items():
                wall_start, cpu_start = time.perf_counter(), time.process_time()
                run()
                cpu[way] = min(cpu[way], time.process_time() - cpu_start)
                wall[way] = min(wall[way], time.perf_counter() - wall_start)
        print(f"\n{name} on 3 x {samples}: n_fft {params.n_fft}, hop {params.hop}, {params.size}")
        print(f"{'windows/s':>42s}{'ms':>9s}{'CPU ms':>9s}")
        for way in timed:
            rate = arguments.windows / wall[way]
            print(f"  {way:30s}{rate:10,.0f}{wall[way] * 1e3:9.1f}{cpu[way] * 1e3:9.1f}")
        ours, *loops = list(timed)[:3]
        for loop in loops:
            print(
                f"  to_image against {loop.removeprefix('picture: ')}: "
                f"{wall[loop] / wall[ours]:.1f} times as fast, 1/{cpu[loop] / cpu[ours]:.1f} "
                "of the CPU time"
            )


if __name__ == "__main__":
    main()

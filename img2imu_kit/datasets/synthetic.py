"""People who move by the laws of mechanics: recordings for teaching and testing, no download."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import ParameterError
from ..signals.axes import GRAVITY
from ..signals.recording import Recording
from ._tables import ACC_GYRO

__all__ = ["MOTIONS", "Motion", "synthetic"]

_RANGE_ACC = 4 * GRAVITY
_RANGE_GYRO = np.deg2rad(500)
_BLEND_S = 1.0


@dataclass(frozen=True)
class Motion:
    """What an activity does to the trunk of an average person.

    Parameters
    ----------
    cycle_hz : float
        Steps, pedal turns, jumps or breaths a second.
    push : (float, float, float)
        Amplitude of acceleration forward, to the left and upward, m/s2.
    ground : float
        Share of a cycle with a foot on the ground. Below 1 the body flies between two pushes.
    impact : float
        Size of the vibration that follows a heel strike, m/s2; its first peak is 0.6 of it.
    shake : float
        Standard deviation of broad-band vibration (road, muscles), m/s2.
    lean_deg : float
        Forward lean of the trunk.
    sway_deg : (float, float, float)
        Amplitude of roll (once in two cycles), pitch (every cycle) and yaw (once in two cycles).
    """

    cycle_hz: float
    push: tuple[float, float, float]
    ground: float = 1.0
    impact: float = 0.0
    shake: float = 0.02
    lean_deg: float = 0.0
    sway_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)


#: class -> motion. The values are ours, of the size that gait studies report.
MOTIONS = {
    "still": Motion(0.27, (0.03, 0.02, 0.02), shake=0.03, sway_deg=(0.3, 0.6, 0.2)),
    "walk": Motion(1.9, (1.6, 1.0, 2.4), impact=4, sway_deg=(3, 2, 4)),
    "stairs up": Motion(1.6, (1.3, 1.2, 2.6), impact=2, lean_deg=12, sway_deg=(5, 5, 3)),
    "run": Motion(2.7, (2.5, 1.8, 0), ground=0.7, impact=15, lean_deg=8, sway_deg=(5, 4, 8)),
    "cycle": Motion(1.25, (0.4, 0.5, 0.5), shake=0.9, lean_deg=35, sway_deg=(3, 1, 1)),
    "jump": Motion(1.3, (0.8, 0.4, 0), ground=0.6, impact=60, sway_deg=(1, 6, 2)),
}


def synthetic(
    subjects: int = 12,
    seconds: float = 30.0,
    rate: float = 50.0,
    classes: Sequence[str] | None = None,
    *,
    transitions: bool = False,
    seed: int = 0,
) -> list[Recording]:
    """Recordings of simulated people with an accelerometer and gyroscope on the trunk.

    Parameters
    ----------
    subjects : int
        People, ``"s01"``, ``"s02"``, ... Asking for more leaves the first ones as they were.
    seconds : float
        Of each activity.
    rate : float
        Hz, 20 or more.
    classes : sequence of str, optional
        Some of `MOTIONS`. Default: all six.
    transitions : bool
        One recording a person with all activities in a random order, blending over a second that
        is left unlabelled, instead of one recording an activity.
    seed : int
        The same seed gives the same bytes.

    Returns
    -------
    list of Recording
        Axes acc (m/s2) and gyro (rad/s), named ``"s01/walk"`` (with ``transitions`` ``"s01"``).

    Raises
    ------
    ParameterError
        No subject, too short, too slow a rate, an unknown class.

    Notes
    -----
    The trunk first, in the frame forward, left, up:

    - **Gait harmonics.** Left and right steps mirror each other, so upward and forward
      acceleration repeat every step, sideways acceleration, roll and yaw every stride (two steps).
      The step frequency wanders by about 2 %, which widens the spectral lines.
    - **Flight.** Who runs or jumps is in free fall part of the time. The push from the ground is
      taken for half a sine; since the body ends each cycle where it began, the push must return the
      impulse of gravity over the whole cycle, so it peaks at ``g * pi / (2 * ground)``.
    - **Heel strike.** Every step rings like a damped oscillator of about 12 Hz.

    Then what an accelerometer makes of it. It feels the specific force ``a + g``, in its own frame:
    the trunk leans and sways by a rotation vector ``theta``, which turns gravity into the other
    axes and is what the gyroscope sees (``omega = d theta / dt``, as sway is small).

    Then the person and the device. Each person has a cadence (10 %), a vigour (20 %), a style of
    harmonics, and wears the device turned **any** way, put on anew for each recording (within
    about 8 degrees); so the mean of the axes tells who and how it was worn, and hardly what was
    done. Last the sensor: scale error 1 %, bias, white noise, and clipping at 500 deg/s and at
    4 g, which hard landings reach.

    Examples
    --------
    >>> people = synthetic(subjects=2, seconds=5, classes=["walk", "run"])
    >>> people[0]
    Recording('s01/walk', 5.0 s at 50 Hz, acc_x ... gyro_z, subject 's01', walk)
    """
    names = list(MOTIONS) if classes is None else list(classes)
    unknown = [name for name in names if name not in MOTIONS]
    if unknown or not names:
        remedy = f"There are: {', '.join(MOTIONS)}."
        raise ParameterError(
            f"unknown class {unknown[0]!r}" if unknown else "no class", remedy=remedy
        )
    if subjects < 1 or rate < 20 or seconds < 2 * _BLEND_S or seed < 0:
        raise ParameterError(
            f"subjects={subjects}, seconds={seconds}, rate={rate}, seed={seed}: expected at least "
            f"1, {2 * _BLEND_S:g} s, 20 Hz and 0"
        )
    recordings = []
    for number in range(1, subjects + 1):
        person = _Person(seed, number)
        about = {
            "rate": rate,
            "axes": ACC_GYRO,
            "unit": ("m/s2",) * 3 + ("rad/s",) * 3,
            "subject": f"s{number:02d}",
        }
        count = round(seconds * rate)
        trunk = {name: _move(name, person, count, rate) for name in names}
        if transitions:
            order = [names[i] for i in person.generator("order").permutation(len(names))]
            signal, labels = _blend({name: trunk[name] for name in order}, round(_BLEND_S * rate))
            signal = _wear(signal, person, "all", rate)
            recordings.append(Recording(signal, labels=labels, name=about["subject"], **about))
        else:
            for name, signal in trunk.items():
                signal = _wear(signal, person, name, rate)
                about["name"] = f"{about['subject']}/{name}"
                recordings.append(Recording(signal, labels=name, **about))
    return recordings


class _Person:
    """Habits of one person, and a random stream for each thing they do."""

    def __init__(self, seed: int, number: int) -> None:
        self._key = (seed, number)
        habit = self.generator("habit")
        self.cadence, self.vigour = np.exp(habit.normal(0, (0.1, 0.2)))
        self.second, self.third = habit.uniform(0.15, 0.6), habit.uniform(0.05, 0.3)
        self.device = np.linalg.qr(habit.normal(size=(3, 3)))[0]
        self.device[:, 0] *= np.linalg.det(self.device)  # a rotation, not a mirror

    def generator(self, purpose: str) -> np.random.Generator:
        """A stream of its own, so that one more class or person changes no other."""
        return np.random.default_rng([*self._key, *purpose.encode()])


def _move(name: str, person: _Person, count: int, rate: float) -> np.ndarray:
    """Specific force and angular velocity in the frame of the trunk, [T, 6]."""
    motion, rng = MOTIONS[name], person.generator(name)
    wander = _smooth(rng, count, rate, hz=0.3)
    frequency = motion.cycle_hz * person.cadence * np.exp(rng.normal(0, 0.04) + 0.02 * wander[:, 0])
    cycles = rng.uniform() + np.cumsum(frequency) / rate
    vigour = person.vigour * np.exp(rng.normal(0, 0.1) + 0.08 * wander[:, 1])
    phases = rng.uniform(size=(3, 2, 3))

    def wave(kind: int, axis: int, turns: np.ndarray) -> np.ndarray:
        """Three harmonics with this person's weights, of amplitude about 1."""
        weights = np.array([1.0, person.second, person.third])
        angles = turns[:, None] * [1, 2, 3] + phases[:, kind, axis]
        return np.cos(2 * np.pi * angles) @ weights

    turns = [cycles, cycles / 2, cycles]
    acceleration = np.stack(
        [motion.push[axis] * wave(0, axis, turns[axis]) for axis in range(3)], 1
    )
    acceleration *= vigour[:, None]
    since = cycles % 1  # share of the cycle since the foot came down
    if motion.ground < 1:
        ground = np.clip(motion.ground / person.vigour**0.5, 0.35, 0.95)
        push = np.where(since < ground, np.sin(np.pi * since / ground), 0) * np.pi / (2 * ground)
        acceleration[:, 2] += GRAVITY * (push - 1)
    after_s = since / frequency
    ring = np.exp(-after_s / 0.04) * np.sin(2 * np.pi * rng.normal(12, 1) * after_s)
    ring *= motion.impact * vigour
    acceleration += (ring - ring.mean())[:, None] * [0.4, 0.2, 1.0]
    acceleration += motion.shake * vigour[:, None] * _smooth(rng, count, rate, hz=15)

    turns = [cycles / 2, cycles, cycles / 2]
    sway = [motion.sway_deg[axis] * wave(1, axis, turns[axis]) for axis in range(3)]
    theta = np.deg2rad(np.stack(sway, axis=1)) * person.vigour
    theta[:, 1] += np.deg2rad(motion.lean_deg + rng.normal(0, 3))
    force = _turn(acceleration + np.array([0, 0, GRAVITY]), -theta)
    return np.concatenate([force, np.gradient(theta, 1 / rate, axis=0)], axis=1)


def _wear(trunk: np.ndarray, person: _Person, purpose: str, rate: float) -> np.ndarray:
    """The device's view: turned as it is worn, with the errors of a cheap sensor."""
    rng = person.generator(f"device {purpose}")
    put_on = rng.normal(0, np.deg2rad(8), (1, 3))
    sensors = (_turn(trunk[:, part] @ person.device.T, put_on) for part in (slice(3), slice(3, 6)))
    signal = np.concatenate(list(sensors), axis=1)
    bandwidth = np.sqrt(rate / 2)
    for part, bias, density, limit in (
        (signal[:, :3], 0.15, 0.004, _RANGE_ACC),
        (signal[:, 3:], 0.02, 0.0005, _RANGE_GYRO),
    ):
        part *= rng.normal(1, 0.01, 3)
        part += rng.normal(0, bias, 3) + rng.normal(0, density * bandwidth, part.shape)
        np.clip(part, -limit, limit, out=part)
    return signal.astype(np.float32)


def _turn(vectors: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Vectors [T, 3] turned by rotation vectors [T, 3] or [1, 3] (Rodrigues' formula)."""
    angle = np.linalg.norm(rotation, axis=1, keepdims=True)
    axis = rotation / np.maximum(angle, 1e-12)
    along = axis * (vectors * axis).sum(axis=1, keepdims=True)
    return along + (vectors - along) * np.cos(angle) + np.cross(axis, vectors) * np.sin(angle)


def _smooth(rng: np.random.Generator, count: int, rate: float, hz: float) -> np.ndarray:
    """Three channels of noise that falls off above `hz`, standard deviation 1, [T, 3]."""
    spectrum = np.fft.rfft(rng.normal(size=(count, 3)), axis=0)
    spectrum /= 1 + (np.fft.rfftfreq(count, 1 / rate)[:, None] / hz) ** 2
    noise = np.fft.irfft(spectrum, n=count, axis=0)
    return noise / noise.std(axis=0)


def _blend(parts: dict[str, np.ndarray], overlap: int) -> tuple[np.ndarray, np.ndarray]:
    """Activities one after the other; where two overlap they fade, and no label is given."""
    fade = np.linspace(0, 1, overlap)[:, None]
    signal, labels = None, np.empty(0, dtype=object)
    for name, part in parts.items():
        label = np.full(len(part), name, dtype=object)
        if signal is not None:
            label[:overlap] = ""
            part[:overlap] = signal[-overlap:] * (1 - fade) + part[:overlap] * fade
            signal, labels = signal[:-overlap], labels[:-overlap]
        signal = part if signal is None else np.concatenate([signal, part])
        labels = np.concatenate([labels, label])
    return signal, labels

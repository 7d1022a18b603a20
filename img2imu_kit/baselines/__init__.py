"""Baselines that learn from sensor data: what the method is compared with.

Four ways to learn from motion without labels, a page each: `simclr`, `multitask`, `cpc` and
`limu_bert`; and `conv1d`, which learns from labels alone. All read the same windows (`contract`)
and learn on the same loop as the pictures.

    >>> from img2imu_kit import baselines
    >>> list(baselines.METHODS)
    ['simclr', 'multitask', 'cpc', 'limu-bert']

``pretrain_signals("cpc", corpus(), folder="cpc")`` learns from two public data sets,
``SignalEncoder.load("cpc").features(windows)`` reads windows of any task.
"""

from .contract import to_contract
from .corpus import corpus
from .encoder import SignalEncoder
from .figure import plot_losses
from .training import METHODS, OwnWindows, pretrain_signals

__all__ = [
    "METHODS",
    "OwnWindows",
    "SignalEncoder",
    "corpus",
    "plot_losses",
    "pretrain_signals",
    "to_contract",
]

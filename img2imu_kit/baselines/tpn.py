"""The convolutional encoder that two of the baselines share."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["TPN"]


class TPN(nn.Sequential):
    """Trunk of the transformation prediction network: signals [N, 3, T] to features [N, 96].

    Three convolutions of 32, 64 and 96 filters with kernels of 24, 16 and 8 samples, each with
    ReLU and dropout of 0.1, then the maximum over time.

    References
    ----------
    Saeed, Ozcelebi and Lukkien, "Multi-task self-supervised learning for human activity
    detection", IMWUT 3(2), 2019 (network architecture); the same sizes in Tang et al., 2020.

    Examples
    --------
    >>> import torch
    >>> TPN()(torch.zeros(2, 3, 100)).shape
    torch.Size([2, 96])
    """

    features = 96

    def __init__(self) -> None:
        super().__init__(
            *(nn.Conv1d(3, 32, kernel_size=24), nn.ReLU(), nn.Dropout(0.1)),
            *(nn.Conv1d(32, 64, kernel_size=16), nn.ReLU(), nn.Dropout(0.1)),
            *(nn.Conv1d(64, 96, kernel_size=8), nn.ReLU(), nn.Dropout(0.1)),
        )

    def forward(self, signals: Tensor) -> Tensor:
        """Signals [N, 3, T] to features [N, 96]; T is 46 samples or more."""
        return super().forward(signals).amax(dim=2)

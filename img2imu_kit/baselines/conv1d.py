"""A supervised 1-D convolutional network: what labels alone can teach, from scratch."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["Conv1d"]


class Conv1d(nn.Sequential):
    """Fully convolutional network: signals [N, 3, T] to features [N, 128].

    Three convolutions of 128, 256 and 128 filters with kernels of 8, 5 and 3 samples, each with
    batch norm and ReLU, then the mean over time.

    References
    ----------
    Wang, Yan and Oates, "Time series classification from scratch with deep neural networks: a
    strong baseline", IJCNN 2017.

    Examples
    --------
    >>> import torch
    >>> Conv1d()(torch.zeros(2, 3, 100)).shape
    torch.Size([2, 128])
    """

    features = 128

    def __init__(self) -> None:
        super().__init__(
            *(nn.Conv1d(3, 128, 8, padding=4), nn.BatchNorm1d(128), nn.ReLU()),
            *(nn.Conv1d(128, 256, 5, padding=2), nn.BatchNorm1d(256), nn.ReLU()),
            *(nn.Conv1d(256, 128, 3, padding=1), nn.BatchNorm1d(128), nn.ReLU()),
        )

    def forward(self, signals: Tensor) -> Tensor:
        """Mean over time of the last layer."""
        return super().forward(signals).mean(dim=2)

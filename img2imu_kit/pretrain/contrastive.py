"""MoCo v2 and SimCLR: two views of a picture attract each other, views of others repel.

Both are a page to be read beside their papers. They take float images that are already augmented
and return the loss with the two sets of unit vectors that it was made of.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import ParameterError
from .distributed import gather, share, split_batch_norm

__all__ = ["MoCo", "ProjectionEncoder", "SimCLR", "info_nce", "nt_xent"]


def info_nce(query: Tensor, positive: Tensor, queue: Tensor, temperature: float = 0.2) -> Tensor:
    """Loss of telling a query's positive from the negatives in a queue.

    ``-log( exp(q.k+ / T) / (exp(q.k+ / T) + sum_i exp(q.k_i / T)) )``, averaged over the batch;
    ``ln(1 + K)`` where the encoder tells nothing apart.

    Parameters
    ----------
    query, positive : float [N, D]
        Unit vectors of two views of the same N pictures.
    queue : float [K, D]
        Unit vectors of other pictures.
    temperature : float

    Returns
    -------
    float []

    References
    ----------
    He et al., "Momentum Contrast for Unsupervised Visual Representation Learning", CVPR 2020,
    equation 1.

    Examples
    --------
    >>> import torch
    >>> same = torch.nn.functional.normalize(torch.ones(4, 8), dim=1)
    >>> torch.allclose(info_nce(same, same, same[:3]), torch.tensor(4.0).log())
    True
    """
    query = query / temperature
    attract = (query * positive).sum(dim=1)
    repel = (query @ queue.T).logsumexp(dim=1)
    return (torch.logaddexp(attract, repel) - attract).mean()


def nt_xent(z1: Tensor, z2: Tensor, temperature: float = 0.2) -> Tensor:
    """Loss of finding each view's partner among all other views of the batch.

    Parameters
    ----------
    z1, z2 : float [N, D]
        Unit vectors of two views of the same N pictures.
    temperature : float

    Returns
    -------
    float []
        ``ln(2N - 1)`` where the encoder tells nothing apart.

    References
    ----------
    Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations",
    ICML 2020, equation 1.
    """
    z = torch.cat([z1, z2])
    logits = z @ z.T / temperature
    logits.fill_diagonal_(-torch.inf)  # a view is no candidate for itself
    partner = torch.arange(len(z), device=z.device).roll(len(z1))
    return F.cross_entropy(logits, partner)


class ProjectionEncoder(nn.Module):
    """A backbone with global pooling, and the head that only pre-training needs.

    Parameters
    ----------
    backbone : Module
        Images float [N, 3, H, W] to features [N, D], as ``timm.create_model(..., num_classes=0)``.
    features : int
        D.
    dim : int
        Length of the vectors that are compared.
    """

    def __init__(self, backbone: nn.Module, features: int, dim: int = 128) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Sequential(
            nn.Linear(features, features), nn.ReLU(), nn.Linear(features, dim)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Images float [N, 3, H, W] to unit vectors [N, dim]."""
        return F.normalize(self.head(self.backbone(images)).float(), dim=1)


class MoCo(nn.Module):
    """Momentum contrast, version 2.

    Parameters
    ----------
    encoder : Encoder
        Learns; a copy of it that follows slowly computes the keys.
    queue : int
        Number of past keys that serve as negatives.
    momentum : float
        How slowly the key encoder follows.
    temperature : float
    splits : int
        Into how many parts a batch is cut for its batch statistics; 1 for none.

    Notes
    -----
    Batch statistics would betray the positive: it is the one key normalised together with its
    query. So keys are computed in another order than queries, and both in `splits` parts with
    statistics of their own (shuffle-BN; the parts stand for the paper's eight devices).

    References
    ----------
    He et al., CVPR 2020 (algorithm 1, section 3.3); Chen et al., "Improved Baselines with Momentum
    Contrastive Learning", 2020 (MLP head, temperature 0.2).
    """

    def __init__(
        self,
        encoder: ProjectionEncoder,
        *,
        queue: int = 65536,
        momentum: float = 0.999,
        temperature: float = 0.2,
        splits: int = 8,
    ) -> None:
        super().__init__()
        if queue < 1 or not 0 <= momentum < 1 or temperature <= 0:
            raise ParameterError(
                f"queue={queue}, momentum={momentum}, temperature={temperature}, "
                "expected queue >= 1, 0 <= momentum < 1 and temperature > 0"
            )
        self.momentum, self.temperature = momentum, temperature
        self.encoder = split_batch_norm(encoder, splits)
        self.key_encoder = copy.deepcopy(encoder).requires_grad_(False)
        dim = encoder.head[-1].out_features
        self.register_buffer("queue", F.normalize(torch.randn(queue, dim), dim=1))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.long))  # next row to replace

    def forward(self, query_images: Tensor, key_images: Tensor, order: Tensor) -> tuple:
        """One step.

        Parameters
        ----------
        query_images, key_images : float [N, 3, H, W]
            Two views of the same pictures.
        order : int [N of all processes]
            A random permutation, the same on all processes.

        Returns
        -------
        loss : float []
        query, key : float [N, D]
        """
        query = self.encoder(query_images)
        with torch.no_grad():
            self._follow()
            shuffled = share(gather(key_images)[order])
            keys = gather(self.key_encoder(shuffled))[order.argsort()]
            key = share(keys)
        with torch.autocast(query.device.type, enabled=False):
            loss = info_nce(query, key, self.queue.clone(), self.temperature)
        self._enqueue(keys)  # after the loss: a positive is never among the negatives
        return loss, query, key

    def _follow(self) -> None:
        for slow, fast in zip(
            self.key_encoder.parameters(), self.encoder.parameters(), strict=True
        ):
            slow.lerp_(fast, 1 - self.momentum)

    def _enqueue(self, keys: Tensor) -> None:
        keys = keys[-len(self.queue) :]
        rows = (self.pointer + torch.arange(len(keys), device=keys.device)) % len(self.queue)
        self.queue[rows] = keys.to(self.queue.dtype)
        self.pointer.add_(len(keys)).remainder_(len(self.queue))


class SimCLR(nn.Module):
    """A simple framework for contrastive learning: negatives are the rest of the batch.

    Parameters
    ----------
    encoder : Encoder
    temperature : float

    References
    ----------
    Chen et al., ICML 2020, algorithm 1.
    """

    def __init__(self, encoder: ProjectionEncoder, *, temperature: float = 0.2) -> None:
        super().__init__()
        self.encoder, self.temperature = encoder, temperature

    def forward(self, images1: Tensor, images2: Tensor, order: Tensor | None = None) -> tuple:
        """One step; arguments and results as of `MoCo`, `order` is of no use here."""
        z1, z2 = self.encoder(torch.cat([images1, images2])).chunk(2)
        with torch.autocast(z1.device.type, enabled=False):
            loss = nt_xent(gather(z1), gather(z2), self.temperature)
        return loss, z1, z2

"""MoCo v2 and SimCLR: two views of a picture attract each other, views of others repel.

Both are a page to be read beside their papers. They take float images that are already augmented
and return the loss with the two sets of unit vectors that it was made of.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import ParameterError
from ..models.readout import read_layers
from .distributed import gather, share, split_batch_norm

__all__ = [
    "LayerEncoder",
    "MoCo",
    "ProjectionEncoder",
    "SimCLR",
    "by_layer",
    "info_nce",
    "nt_xent",
]


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
    positive = (query * positive).sum(dim=1)  # q.k+ / T: [N, D] * [N, D] -> [N]
    negatives = query @ queue.T  # q.k_i / T: [N, D] x [D, K] -> [N, K]
    # -log(e^p / (e^p + sum_i e^n_i)) = log(e^p + sum_i e^n_i) - p. Logarithms of sums, not sums of
    # exponentials: e^(1 / T) overflows float32 for T below 0.011.
    return (torch.logaddexp(positive, negatives.logsumexp(dim=1)) - positive).mean()


def nt_xent(z1: Tensor, z2: Tensor, temperature: float = 0.2) -> Tensor:
    """Loss of finding each view's partner among all other views of the batch.

    ``-log( exp(z_i.z_j / T) / sum_(k != i) exp(z_i.z_k / T) )``, averaged over all 2N views i, of
    which j is the partner; ``ln(2N - 1)`` where the encoder tells nothing apart.

    Parameters
    ----------
    z1, z2 : float [N, D]
        Unit vectors of two views of the same N pictures.
    temperature : float

    Returns
    -------
    float []

    References
    ----------
    Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations",
    ICML 2020, equation 1.

    Examples
    --------
    >>> z = torch.eye(4)
    >>> bool(nt_xent(z, z) < nt_xent(z, z.roll(1, 0)))  # each view beside its partner
    True
    """
    z = torch.cat([z1, z2])  # [2N, D]
    logits = z @ z.T / temperature  # [2N, 2N], all views against all
    logits.fill_diagonal_(-torch.inf)  # the sum leaves out k = i: a view is not its own candidate
    # view i of z1 has its partner in row N + i, and the other way round; then equation 1 is the
    # cross-entropy of choosing that row among 2N - 1
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

    Examples
    --------
    >>> from torch import nn
    >>> body = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten())  # 48 features
    >>> encoder = ProjectionEncoder(body, 48, dim=32)
    >>> encoder(torch.rand(4, 3, 32, 32)).shape
    torch.Size([4, 32])
    """

    def __init__(self, backbone: nn.Module, features: int, dim: int = 128) -> None:
        super().__init__()
        self.backbone, self.shape = backbone, (dim,)  # of what it gives for one picture
        # What the loss asks for, that all views of a picture be one, would cost the features their
        # detail. The head takes that loss upon itself and is thrown away (SimCLR, section 4.2).
        self.head = nn.Sequential(
            nn.Linear(features, features), nn.ReLU(), nn.Linear(features, dim)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Images float [N, 3, H, W] to unit vectors [N, dim]."""
        features = self.backbone(images)  # [N, D]
        return F.normalize(self.head(features).float(), dim=1)


class LayerEncoder(nn.Module):
    """A backbone read at several layers, and a head for each.

    The loss of a layer asks nothing of the layers above it: what is taught is what is read. Maps
    are averaged in at most 16 x 4 cells (frequency x time), as probes of pictures of motion do.

    Parameters
    ----------
    backbone : timm model
    layers : sequence of int
        L of them, counted from 0.
    features : sequence of int
        Length of the vector that each is read as.
    dim : int
        Length of the vectors that are compared.

    Examples
    --------
    >>> import timm
    >>> body, images = timm.create_model("resnet10t"), torch.rand(4, 3, 32, 32)
    >>> widths = [len(vector[0]) for vector in LayerEncoder(body, (2, 3), ()).read(images)]
    >>> LayerEncoder(body, (2, 3), widths, dim=32)(images).shape
    torch.Size([4, 2, 32])
    """

    ROWS, COLUMNS, HIDDEN = 16, 4, 256  # our choice

    def __init__(
        self, backbone: nn.Module, layers: Sequence[int], features: Sequence[int], dim: int = 128
    ) -> None:
        super().__init__()
        self.backbone, self.layers, self.shape = backbone, list(layers), (len(layers), dim)
        # Standardised first, as by a probe: a layer's loudest channels are not its best.
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm1d(width, affine=False),
                nn.Linear(width, self.HIDDEN),
                nn.BatchNorm1d(self.HIDDEN),
                nn.ReLU(),
                nn.Linear(self.HIDDEN, dim),
            )
            for width in features
        )

    def read(self, images: Tensor) -> list[Tensor]:
        """Images float [N, 3, H, W] to the features [N, D] of each layer."""
        return read_layers(self.backbone, images, self.layers, "grid", self.ROWS, self.COLUMNS)

    def forward(self, images: Tensor) -> Tensor:
        """Images float [N, 3, H, W] to unit vectors [N, L, dim]."""
        vectors = [
            head(features.float())
            for head, features in zip(self.heads, self.read(images), strict=True)
        ]
        return F.normalize(torch.stack(vectors, dim=1).float(), dim=2)


def by_layer(vectors: Tensor) -> tuple[Tensor, ...]:
    """Vectors [N, L, D] as L of [N, D], a loss for each; [N, D] as one."""
    return vectors.unbind(1) if vectors.ndim == 3 else (vectors,)


class MoCo(nn.Module):
    """Momentum contrast, version 2.

    Parameters
    ----------
    encoder : ProjectionEncoder or LayerEncoder
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

    Examples
    --------
    >>> from torch import nn
    >>> body = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten())  # 48 features
    >>> encoder = ProjectionEncoder(body, 48, dim=32)
    >>> views = torch.rand(2, 4, 3, 32, 32)
    >>> loss, *_ = MoCo(encoder, queue=64, splits=1)(*views, order=torch.arange(4))
    >>> loss.shape
    torch.Size([])
    """

    def __init__(
        self,
        encoder: ProjectionEncoder | LayerEncoder,
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
        # f_q and f_k of the paper: equal at first; no gradient ever reaches f_k
        self.encoder = split_batch_norm(encoder, splits)
        self.key_encoder = copy.deepcopy(encoder).requires_grad_(False)
        # Buffers are saved with the weights, so a resumed run has the same negatives.
        keys = torch.randn(queue, *encoder.shape)  # [K, D], or [K, L, D] for L layers
        self.register_buffer("queue", F.normalize(keys, dim=-1))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.long))  # next row to replace

    @torch.no_grad()
    def _update_key_encoder(self) -> None:
        """theta_k <- m theta_k + (1 - m) theta_q, equation 2."""
        for key, query in zip(
            self.key_encoder.parameters(), self.encoder.parameters(), strict=True
        ):
            key.lerp_(query, 1 - self.momentum)

    @torch.no_grad()
    def _keys(self, images: Tensor, order: Tensor) -> Tensor:
        """Keys of this process's images [N, 3, H, W] and of all others', [N of all, D].

        Shuffle-BN, section 3.3: each process gets a random part of all images and sends the keys
        back, so that the positive was not normalised in the company of its query.
        """
        shuffled = share(gather(images)[order])
        return gather(self.key_encoder(shuffled))[order.argsort()]

    @torch.no_grad()
    def _dequeue_and_enqueue(self, keys: Tensor) -> None:
        """Put the newest keys in place of the oldest: the queue is a ring."""
        keys = keys[-len(self.queue) :]  # a batch may exceed the queue
        rows = (self.pointer + torch.arange(len(keys), device=keys.device)) % len(self.queue)
        self.queue[rows] = keys.to(self.queue.dtype)
        self.pointer.add_(len(keys)).remainder_(len(self.queue))

    def forward(self, query_images: Tensor, key_images: Tensor, order: Tensor) -> tuple:
        """One step of algorithm 1, but for the optimiser's.

        Parameters
        ----------
        query_images, key_images : float [N, 3, H, W]
            Two views of the same pictures.
        order : int [N of all processes]
            A random permutation, the same on all processes.

        Returns
        -------
        loss : float []
        query, key : float [N, D], or [N, L, D] of L layers
        """
        query = self.encoder(query_images)  # [N, D]
        self._update_key_encoder()
        keys = self._keys(key_images, order)  # [N of all processes, D]
        key = share(keys)  # [N, D], row i of the same picture as the query's
        with torch.autocast(query.device.type, enabled=False):  # logits in full precision
            # a copy, for the queue changes before the gradient is computed
            layers = zip(*map(by_layer, (query, key, self.queue.clone())), strict=True)
            loss = sum(info_nce(*vectors, self.temperature) for vectors in layers)
        self._dequeue_and_enqueue(keys)  # after the loss: a positive is never among the negatives
        return loss, query, key


class SimCLR(nn.Module):
    """A simple framework for contrastive learning: negatives are the rest of the batch.

    Parameters
    ----------
    encoder : ProjectionEncoder or LayerEncoder
        The losses of its layers are added.
    temperature : float

    References
    ----------
    Chen et al., ICML 2020, algorithm 1.

    Examples
    --------
    >>> from torch import nn
    >>> body = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten())  # 48 features
    >>> encoder = ProjectionEncoder(body, 48, dim=32)
    >>> loss, z1, z2 = SimCLR(encoder)(torch.rand(4, 3, 32, 32), torch.rand(4, 3, 32, 32))
    >>> loss.shape, z1.shape
    (torch.Size([]), torch.Size([4, 32]))
    """

    def __init__(
        self, encoder: ProjectionEncoder | LayerEncoder, *, temperature: float = 0.2
    ) -> None:
        super().__init__()
        self.encoder, self.temperature = encoder, temperature

    def forward(self, images1: Tensor, images2: Tensor, order: Tensor | None = None) -> tuple:
        """One step; arguments and results as of `MoCo`, `order` is of no use here."""
        # both views in one pass, which share batch statistics: [2N, 3, H, W] -> two of [N, D]
        z1, z2 = self.encoder(torch.cat([images1, images2])).chunk(2)
        with torch.autocast(z1.device.type, enabled=False):  # logits in full precision
            layers = zip(*map(by_layer, (gather(z1), gather(z2))), strict=True)
            # negatives of all processes; each layer has a loss of its own
            loss = sum(nt_xent(*vectors, self.temperature) for vectors in layers)
        return loss, z1, z2

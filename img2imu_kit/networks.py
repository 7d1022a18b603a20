"""Build an untrained or a published network by its timm name, from a seed."""

from __future__ import annotations

import difflib
from functools import partial

import timm
import torch
from timm.models import efficientnet
from torch import nn

from .errors import ParameterError, WeightsError

__all__ = ["build"]

#: Networks that timm can build but has no name for.
_UNNAMED = {
    "mobilenetv1_025": partial(efficientnet._gen_mobilenet_v1, "mobilenetv1_100", 0.25),
}


def build(name: str, *, pretrained: bool = False, seed: int = 0, **settings) -> nn.Module:
    """Build a timm model that gives out its intermediate layers.

    Parameters
    ----------
    name : str
        timm architecture, or ``"mobilenetv1_025"`` (a quarter of the channels of MobileNet v1).
    pretrained : bool
        Whether timm fetches its published weights.
    seed : int
        Of the random weights. The global random state is neither used nor changed.
    **settings
        Further arguments of ``timm.create_model``; None means timm's default.

    Returns
    -------
    torch.nn.Module
        In training mode, convolutions in channels-last order (about twice as fast on a CPU).
        Transformers take any image size where timm can interpolate their positions.

    Raises
    ------
    ParameterError
        Unknown name, or a setting that the network does not have.
    WeightsError
        Published weights do not exist or cannot be fetched.

    Examples
    --------
    >>> model = build("resnet10t", num_classes=5)
    >>> model.num_classes
    5
    """
    if name not in _UNNAMED and not timm.is_model(name):
        close = difflib.get_close_matches(name, timm.list_models() + list(_UNNAMED), n=3)
        raise ParameterError(
            f"timm {timm.__version__} has no model {name!r}",
            remedy=f"Close to it: {', '.join(close)}." if close else "See timm.list_models().",
        )
    settings = {key: value for key, value in settings.items() if value not in (None, "")}
    variants = [settings]
    if name in _UNNAMED:
        if pretrained:
            raise WeightsError(f"timm publishes no weights for {name}", remedy="Give a file.")
        create = _UNNAMED[name]
    else:
        create = partial(timm.create_model, name, pretrained=pretrained)
        published = timm.get_pretrained_cfg(name)
        if published and published.fixed_input_size:
            any_size = {"dynamic_img_size": True, "dynamic_img_pad": True}
            variants = [settings | any_size, settings]
    for variant in variants:
        try:
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(seed)  # the CPU's alone
                model = create(**variant)
            break
        except TypeError as error:
            problem = error
        except Exception as error:  # the libraries that download have errors of their own
            if not pretrained:
                raise
            raise WeightsError(
                f"timm could not load its published weights ({str(error).splitlines()[0]})",
                where=name,
                remedy="Check the connection, or give a .safetensors file or folder.",
            ) from None
    else:
        raise ParameterError(f"{name} cannot be built with {settings}: {problem}")
    if not hasattr(model, "forward_intermediates"):
        raise ParameterError(f"timm's {name} does not give out its intermediate layers")
    return model.to(memory_format=torch.channels_last)

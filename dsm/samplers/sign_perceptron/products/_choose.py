"""Which products the field stage of a run uses: the setting `sampler.products`."""

from typing import Any

from dsm._errors import require
from dsm.samplers.sign_perceptron.moves import AbstractMove
from dsm.samplers.sign_perceptron.products._base import PRODUCTS, AbstractProducts

KEY = "sampler.products"
#: What "auto" tries on an NVIDIA GPU, in this order, the narrowest first; the last one runs everywhere.
AUTO = ("int8", "bf16", "plain")


def choose_products(name: str, move: AbstractMove, device: Any = None) -> tuple[AbstractProducts, str]:
    """The products called `name`; "auto" is the narrowest on a GPU that has the weights exactly, and "plain" elsewhere.

    Arguments:
        name: one of `PRODUCTS`, or "auto".
        move: of the weights, continuous or signs.
        device: a `jax.Device`; None: not known yet.

    Returns:
        the products, and a few words that say what was chosen.

    Raises:
        ConfigError: no such products, or they do not take these weights.
    """
    legal = [other for other in PRODUCTS.names if not move.continuous or PRODUCTS.get(other)().continuous]
    require(name in ("auto", *PRODUCTS.names), KEY, name, f"one of auto, {', '.join(PRODUCTS.names)}")
    require(name in ("auto", *legal), KEY, name, f"one of auto, {', '.join(legal)} with continuous weights")
    if name != "auto":
        return PRODUCTS.get(name)(), f"{name} ({KEY} = {name})"
    on_gpu = device is not None and device.platform == "gpu"
    chosen = next(other for other in AUTO if other in legal) if on_gpu else "plain"
    return PRODUCTS.get(chosen)(), f"{chosen} ({KEY} = auto)"

"""Which implementation of a stage a run gets: what it asks for, or what is fastest on its device."""

import logging

import jax

from dsm._errors import ConfigError, require
from dsm.samplers.sign_perceptron.chains import CHAINS, AbstractChain
from dsm.samplers.sign_perceptron.moves import AbstractMove
from dsm.samplers.sign_perceptron.products import PRODUCTS, AbstractProducts

#: What leaves the choice to dsm, and what runs everywhere.
AUTO, PLAIN = "auto", "plain"

logger = logging.getLogger("dsm")


def check_stages(move: AbstractMove, kernel: str, products: str) -> None:
    """Refuse what no machine can do.

    Raises:
        ConfigError: unknown names, a kernel that does not have the move, or products that do not take its weights.
    """
    for name, key, registry in ((kernel, "sampler.kernel", CHAINS), (products, "sampler.products", PRODUCTS)):
        require(name == AUTO or name in registry.names, key, name, f"one of {', '.join([AUTO, *registry.names])}")
    if kernel != AUTO:
        legal = [AUTO, *(name for name in CHAINS.names if CHAINS.get(name)().takes(move))]
        what = f"one of {', '.join(legal)} with the move {type(move).__name__}"
        require(kernel in legal, "sampler.kernel", kernel, what)
    if products != AUTO:
        legal = [AUTO, *(name for name in PRODUCTS.names if _fits(PRODUCTS.get(name)(), move))]
        require(products in legal, "sampler.products", products, f"one of {', '.join(legal)} with continuous weights")


def choose_chain(kernel: str, move: AbstractMove) -> AbstractChain:
    """The chain stage. Looks at the device; the log says why a kernel that is made for GPUs is not taken on one.

    Arguments:
        kernel: a name of `CHAINS`, or "auto": on a GPU the first that is made for it, has the move and runs there.

    Raises:
        ConfigError: this machine lacks what the stage needs.
    """
    if kernel != AUTO:
        chain = CHAINS.get(kernel)()
        missing = chain.missing(move)
        if missing:
            raise ConfigError(f"sampler.kernel = {kernel}: must be {AUTO} or {PLAIN} here: it needs {missing}")
        return chain
    for name in CHAINS.names if _on_gpu() else ():
        chain = CHAINS.get(name)()
        if chain.for_gpus and chain.takes(move):
            missing = chain.missing(move)
            if missing is None:
                return chain
            logger.warning("kernel %s is not used: it needs %s", name, missing)
    return CHAINS.get(PLAIN)()


def choose_products(products: str, move: AbstractMove) -> AbstractProducts:
    """The products of the field stage. Looks at the device.

    Arguments:
        products: a name of `PRODUCTS`, or "auto": on a GPU the narrowest that has the weights exactly.
        move: of the weights, continuous or signs.
    """
    if products != AUTO:
        return PRODUCTS.get(products)()
    parts = [PRODUCTS.get(name)() for name in PRODUCTS.names if _on_gpu()]
    fitting = [part for part in parts if part.for_gpus and _fits(part, move)]
    # Those that take signs alone are narrower.
    return min(fitting, key=lambda part: part.continuous, default=PRODUCTS.get(PLAIN)())


def _fits(products: AbstractProducts, move: AbstractMove) -> bool:
    return products.continuous or not move.continuous


def _on_gpu() -> bool:
    return jax.devices()[0].platform == "gpu"

"""Steps that are adapted to a wanted acceptance while a chain burns in, and then stay."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from dsm._variables import Variable
from dsm.training.dynamics._base import Landscape

#: What samplers with acceptance report.
REPORTED = {
    "acceptance": Variable((), "mean probability of acceptance", label="acceptance", figures=("curve",), draws=""),
    "step_size": Variable((), "step of the sampler, as a factor of what training.lr says", label="step", draws=""),
}


class Memory(eqx.Module):
    """What a sampler with acceptance keeps besides the weights.

    Attributes:
        log_density: -E / T.
        gradient: of the log-density by the weights.
        averaging: state of the dual averaging of log(step factor) (Hoffman and Gelman, arXiv:1111.4246).
    """

    log_density: Float[Array, ""]
    gradient: Float[Array, "K N"]
    averaging: PyTree


def begin_memory(weights: Float[Array, "K N"], landscape: Landscape) -> Memory:
    """The memory at t = 0; dual averaging begins at a factor of 1."""
    value, gradient = jax.value_and_grad(landscape.log_density)(weights)
    return Memory(value, gradient, typed(_averaging()[0](1.0)))


def factor_of(averaging: PyTree, t: Int[Array, ""], adapt: int) -> Float[Array, ""]:
    """Factor of the step at time t: explored for `adapt` steps, then the average of what was explored; 1 if `adapt` is 0."""
    if not adapt:
        return jnp.float32(1)
    return jnp.exp(jnp.where(t < adapt, averaging.log_x, averaging.log_x_avg))


def averaged(averaging: PyTree, t: Int[Array, ""], adapt: int, target: float, acceptance: Float[Array, ""]) -> PyTree:
    """The state of dual averaging after a step, which leaves it as it is from t = `adapt` on."""
    if not adapt:
        return averaging
    with jax.numpy_dtype_promotion("standard"):
        moved = typed(_averaging()[1](averaging, target - acceptance))
    return jax.tree.map(lambda new, old: jnp.where(t < adapt, new, old), moved, averaging)


def typed(tree: PyTree) -> PyTree:
    """Floats as float32 and counts as int32, whatever a library has made of them."""

    def one(leaf: Any) -> Array:
        array = jnp.asarray(leaf)
        return array.astype(jnp.float32 if jnp.issubdtype(array.dtype, jnp.floating) else jnp.int32)

    return jax.tree.map(one, tree)


def _averaging() -> Any:
    from blackjax.optimizers.dual_averaging import dual_averaging  # it takes its time to import

    return dual_averaging()

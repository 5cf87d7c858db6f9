"""Steps that are adapted to a wanted acceptance while a chain burns in, and then stay."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from dsm._variables import Variable
from dsm.training.dynamics._base import Landscape

#: Change of log(step) a step and unit of missing acceptance. Slow on purpose: a chain that begins at a high energy accepts
#: all, and should not leave the place where it was put.
GAIN = 0.2

#: What samplers with acceptance report.
REPORTED = {
    "acceptance": Variable((), "mean probability of acceptance", label="acceptance", figures=("curve",), draws=""),
    "step_factor": Variable((), "leapfrog step, as a factor of sqrt(2 T lr)", label="step", draws=""),
}


class Memory(eqx.Module):
    """What a sampler with acceptance keeps besides the weights.

    Attributes:
        log_density: -E / T.
        gradient: of the log-density by the weights.
        log_step: logarithm of the factor of the step, as it is tried.
        mean: of `log_step` over the second half of the adaptation.
    """

    log_density: Float[Array, ""]
    gradient: Float[Array, "K N"]
    log_step: Float[Array, ""]
    mean: Float[Array, ""]


def begin_memory(weights: Float[Array, "K N"], landscape: Landscape) -> Memory:
    """The memory at t = 0, with a factor of 1."""
    value, gradient = jax.value_and_grad(landscape.log_density)(weights)
    return Memory(value, gradient, jnp.float32(0), jnp.float32(0))


def factor_of(memory: Memory, t: Int[Array, ""], adapt: int) -> Float[Array, ""]:
    """Factor of the step at time t: tried for `adapt` steps, then the mean of what was tried; 1 if `adapt` is 0."""
    return jnp.exp(jnp.where(t < adapt, memory.log_step, memory.mean))


def adapted(
    memory: Memory, t: Int[Array, ""], adapt: int, target: float, acceptance: Float[Array, ""]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """`log_step` and `mean` after a step (Robbins and Monro, Ann. Math. Stat. 22, 400, 1951); both stay as they
    are from t = `adapt` on."""
    first = adapt // 2
    moved = memory.log_step + GAIN * (acceptance - target)
    number = jnp.maximum(t + 1 - first, 1).astype(jnp.float32)
    mean = jnp.where(t >= first, memory.mean + (moved - memory.mean) / number, memory.mean)
    adapting = t < adapt
    return jnp.where(adapting, moved, memory.log_step), jnp.where(adapting, mean, memory.mean)


def float32(tree: PyTree) -> PyTree:
    """Floats as float32, whatever a library has made of them."""

    def one(leaf: Any) -> Array:
        array = jnp.asarray(leaf)
        return array.astype(jnp.float32) if jnp.issubdtype(array.dtype, jnp.floating) else array

    return jax.tree.map(one, tree)

"""What a start provides, and weights that have the overlaps it asks for."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from dsm._registry import Registry

Overlaps = tuple[Float[np.ndarray, "K K"], Float[np.ndarray, "K M"], Float[np.ndarray, "M M"]]


class AbstractStart(eqx.Module):
    """A choice of Q, R and T at t = 0, the same for every sample of a run and for its theory."""

    def check(self, students: int, teachers: int) -> None:
        """Refuse a K or M that the start does not have, and impossible overlaps.

        Raises:
            ConfigError: naming the option, its value and what is legal.
        """

    @abc.abstractmethod
    def overlaps(self, key: Key[Array, ""], width: int, students: int, teachers: int) -> Overlaps:
        """Q, R, T in float64, for N = `width` inputs, K = `students` and M = `teachers` that have passed `check`."""


def weights_with_overlaps(
    key: Key[Array, ""], overlaps: Overlaps, width: int
) -> tuple[Float[Array, "K N"], Float[Array, "M N"]]:
    """Student and teacher weights in a random direction, whose overlaps are `overlaps` up to the rounding of float32.

    Needs `width` >= K + M. Computed in float64, wherever 64-bit types are enabled.
    """
    Q, R, T = overlaps
    joint = np.block([[Q, R], [R.T, T]])
    values, vectors = np.linalg.eigh(joint)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    directions, _ = jnp.linalg.qr(jax.random.normal(key, (width, joint.shape[0]), jnp.float64))
    weights = (width**0.5 * jnp.asarray(root) @ directions.T).astype(jnp.float32)
    return weights[: len(Q)], weights[len(Q) :]


STARTS: Registry[AbstractStart] = Registry("start")

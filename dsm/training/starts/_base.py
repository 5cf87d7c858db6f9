"""What a start provides, and weights that have the overlaps it asks for."""

import abc
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from dsm._errors import require
from dsm._registry import Registry


class StartOverlaps(NamedTuple):
    """Overlaps at t = 0.

    Attributes:
        Q: of student units.
        R: of student and teacher units.
        T: of teacher units.
    """

    Q: Float[np.ndarray, "K K"]
    R: Float[np.ndarray, "K M"]
    T: Float[np.ndarray, "M M"]


class AbstractOverlapStart(eqx.Module):
    """A choice of Q, R and T at t = 0, the same for every sample of a run and for its theory.

    Attributes:
        sets_outputs: whether it also chooses v at t = 0, so that nothing else may.
    """

    sets_outputs: ClassVar[bool] = False

    def check(self, students: int, teachers: int) -> None:
        """Refuse a K or M that the start does not have, and impossible overlaps.

        Raises:
            ConfigError: naming the option, its value and what is legal.
        """

    @abc.abstractmethod
    def overlaps(self, key: Key[Array, ""], width: int, students: int, teachers: int) -> StartOverlaps:
        """Q, R, T in float64, for N = `width` inputs, K = `students` and M = `teachers` that have passed `check`."""

    def outputs(
        self, outputs: Float[np.ndarray, " K"], teacher_outputs: Float[np.ndarray, " M"]
    ) -> Float[np.ndarray, " K"]:
        """v at t = 0: `outputs`, unless the start chooses (`sets_outputs`)."""
        return outputs


def refuse_fewer_units(name: str, students: int, teachers: int) -> None:
    """Refuse K < M, for a start that has every unit of the teacher in the student."""
    legal = f"another start where the student has fewer units ({students}) than the teacher ({teachers})"
    require(students >= teachers, "name", name, legal)


def weights_with_overlaps(
    key: Key[Array, ""], overlaps: StartOverlaps, width: int
) -> tuple[Float[Array, "K N"], Float[Array, "M N"]]:
    """Student and teacher weights in a random direction, whose overlaps are `overlaps` up to the rounding of float32.

    Needs `width` >= K + M. Computed in float64, wherever 64-bit types are enabled.
    """
    weights = weights_of_root(key, jnp.asarray(root_of(overlaps)), width)
    return weights[: len(overlaps.Q)], weights[len(overlaps.Q) :]


def root_of(overlaps: StartOverlaps) -> Float[np.ndarray, "P P"]:
    """The root of the overlaps of all P = K + M units, the student's first, as a symmetric matrix."""
    Q, R, T = overlaps
    values, vectors = np.linalg.eigh(np.block([[Q, R], [R.T, T]]))
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def weights_of_root(key: Key[Array, ""], root: Float[Array, "P P"], width: int) -> Float[Array, "P N"]:
    """Weights of all units in a random direction; see `weights_with_overlaps`."""
    directions, _ = jnp.linalg.qr(jax.random.normal(key, (width, len(root)), jnp.float64))
    return (width**0.5 * root @ directions.T).astype(jnp.float32)


OVERLAP_STARTS: Registry[AbstractOverlapStart] = Registry("start", AbstractOverlapStart)

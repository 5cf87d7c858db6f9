"""Order parameters of a two-layer student: what they mean, and how legal ones are told."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dsm._errors import ConfigError, require
from dsm.networks.activations import AbstractActivation

#: Eigenvalues and asymmetries of this size, relative to the largest entry, are rounding.
ROUNDING = 1e-9


class Overlaps(eqx.Module):
    """Overlaps of a student of K units with a teacher of M units, all fields being Gaussian (arXiv:1906.08632).

    Leading axes are for `jax.vmap`; properties and functions are those of one element.

    Attributes:
        student: Q = w w^T / N.
        cross: R = w wt^T / N.
        teacher: T = wt wt^T / N.
        outputs: v, second-layer weights of the student.
        teacher_outputs: vt, those of the teacher.
    """

    student: Float[Array, "*batch K K"]
    cross: Float[Array, "*batch K M"]
    teacher: Float[Array, "*batch M M"]
    outputs: Float[Array, "*batch K"]
    teacher_outputs: Float[Array, "*batch M"]

    @property
    def covariance(self) -> Float[Array, "P P"]:
        """Of all P = K + M fields, the student's first."""
        return jnp.block([[self.student, self.cross], [self.cross.T, self.teacher]])

    @property
    def signed_outputs(self) -> Float[Array, " P"]:
        """(v, -vt): the error is their sum over units with the values of the units."""
        return jnp.concatenate([self.outputs, -self.teacher_outputs])


def test_error(activation: AbstractActivation, overlaps: Overlaps) -> Float[Array, ""]:
    """eps = E (student - noiseless teacher)**2 / 2 on fresh inputs (arXiv:1906.08632), of one element: use `jax.vmap`."""
    signed = overlaps.signed_outputs
    return signed @ activation.value_value(overlaps.covariance) @ signed / 2


def checked_overlaps(Q0: Any, R0: Any, T: Any, v0: Any, vt: Any) -> tuple[np.ndarray, ...]:
    """The arguments as float64 arrays [*batch, ...], each with its own batch.

    Raises:
        ConfigError: K or M is 0, shapes do not match, a value is not finite, or the joint covariance of the fields is not
            symmetric and positive semidefinite.
    """
    Q0, R0, T, v0, vt = (as_numbers(name, value) for name, value in zip(("Q0", "R0", "T", "v0", "vt"),
                                                                      (Q0, R0, T, v0, vt), strict=True))  # fmt: skip
    require(R0.ndim >= 2, "R0", R0.shape, "of shape (..., K, M)")
    students, teachers = R0.shape[-2:]
    require(students >= 1, "K", students, "at least 1")
    require(teachers >= 1, "M", teachers, "at least 1")
    shapes = {"Q0": (students, students), "T": (teachers, teachers), "v0": (students,), "vt": (teachers,)}
    for (name, shape), value in zip(shapes.items(), (Q0, T, v0, vt), strict=True):
        fits = value.ndim >= len(shape) and value.shape[value.ndim - len(shape) :] == shape
        require(fits, name, f"an array of shape {value.shape}", f"of shape (..., {str(shape)[1:]}, as R0 is {R0.shape}")
    check_covariance(Q0, R0, T)
    return Q0, R0, T, v0, vt


def check_covariance(Q0: np.ndarray, R0: np.ndarray, T: np.ndarray) -> None:
    """Refuse overlaps that no weights have.

    Raises:
        ConfigError: the joint covariance of the fields of student and teacher is not symmetric or not positive semidefinite,
            beyond rounding, or batches do not fit together.
    """
    batch = common_batch({"Q0": Q0.shape[:-2], "R0": R0.shape[:-2], "T": T.shape[:-2]})
    blocks = [np.broadcast_to(block, batch + block.shape[-2:]) for block in (Q0, R0, np.swapaxes(R0, -1, -2), T)]
    joint = np.concatenate([np.concatenate(blocks[:2], -1), np.concatenate(blocks[2:], -1)], -2)
    scale = np.abs(joint).max()
    for name, block in (("Q0", Q0), ("T", T)):
        asymmetry = np.abs(block - np.swapaxes(block, -1, -2)).max()
        require(bool(asymmetry <= ROUNDING * scale), name, f"a matrix with asymmetry {asymmetry:.3g}", "symmetric")
    least = np.linalg.eigvalsh(joint).min()
    why = "positive semidefinite, as the covariance of the fields of student and teacher is"
    require(bool(least >= -ROUNDING * scale), "[[Q0, R0], [R0^T, T]]", f"a matrix with eigenvalue {least:.3g}", why)


def common_batch(shapes: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    """The shape to which the leading axes of all arguments broadcast.

    Raises:
        ConfigError: they do not.
    """
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        given = ", ".join(f"{name}: {shape}" for name, shape in shapes.items() if shape)
        raise ConfigError(f"leading axes = {given}: must broadcast to one shape") from None


def as_numbers(name: str, value: Any) -> np.ndarray:
    """`value` as a float64 array.

    Raises:
        ConfigError: it is none, or an entry is not finite.
    """
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        array = np.asarray(np.nan)
    require(bool(np.all(np.isfinite(array))), name, value, "finite numbers")
    return array

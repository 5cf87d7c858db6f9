"""Hyperplanes of the lowest layer: how far a student's are from the teacher's."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm._variables import Variable
from dsm.networks import DeepNetwork
from dsm.observables._base import AbstractPairObservable
from dsm.observables.deep_network._snapshot import OBSERVABLES, Snapshot


@OBSERVABLES.register("hyperplane")
class Hyperplane(AbstractPairObservable):
    """The student unit of the lowest layer whose weights make the smallest angle with those of teacher unit j: that angle,
    and the difference of the distances b / |w| of both hyperplanes from the origin. Theorem 2 of arXiv:1909.13458 bounds
    both where gradients are small."""

    variables: ClassVar[dict[str, Variable]] = {
        "hyperplane_angle": Variable(
            ("teacher",), "smallest angle of a teacher unit with a student unit, lowest layer", "rad", r"angle"
        ),
        "hyperplane_offset": Variable(
            ("teacher",), "difference of their hyperplanes' distances from the origin, lowest layer", label="offset"
        ),
    }

    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        (student, student_distance), (teacher, teacher_distance) = map(_planes, (a.network, b.network))
        cosines = jnp.matmul(teacher, student.T, precision="highest")
        nearest = cosines.argmax(1)
        # Of nearly parallel unit vectors the difference is accurate, the cosine is not.
        chord = jnp.sqrt(((student[nearest] - teacher) ** 2).sum(1))
        # The dimension has room for the widest layer of the teacher.
        missing = max(layer.weights.shape[0] for layer in b.network.layers[:-1]) - len(teacher)
        found = {
            "hyperplane_angle": 2 * jnp.arcsin(jnp.minimum(chord / 2, 1)),
            "hyperplane_offset": jnp.abs(student_distance[nearest] - teacher_distance),
        }
        return {name: jnp.pad(values, (0, missing), constant_values=jnp.nan) for name, values in found.items()}


def _planes(network: DeepNetwork) -> tuple[Float[Array, "K N"], Float[Array, " K"]]:
    lowest = network.layers[0]
    norms = jnp.sqrt((lowest.weights**2).sum(1))
    norms = jnp.where(norms > 0, norms, 1)
    return lowest.weights / norms[:, None], lowest.bias / norms

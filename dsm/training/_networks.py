"""Students and teachers at the start."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dsm._random import draw_flat
from dsm.networks import AbstractActivation, TwoLayerNetwork
from dsm.training.starts import StartOverlaps, root_of, weights_of_root


def networks_with_overlaps(
    key: Key[Array, ""],
    overlaps: StartOverlaps,
    width: int,
    outputs: Float[Any, " K"],
    teacher_outputs: Float[Any, " M"],
    activation: AbstractActivation,
) -> tuple[TwoLayerNetwork, TwoLayerNetwork]:
    """Student and teacher with given overlaps, in a random direction, and given second layers."""
    root = jnp.asarray(root_of(overlaps))
    return networks_of_root(key, root, width, outputs, teacher_outputs, activation)


def networks_of_root(
    key: Key[Array, ""],
    root: Float[Array, "P P"],
    width: int,
    outputs: Float[Any, " K"],
    teacher_outputs: Float[Any, " M"],
    activation: AbstractActivation,
) -> tuple[TwoLayerNetwork, TwoLayerNetwork]:
    """See `networks_with_overlaps`, of which `root` is the `root_of` the overlaps."""
    weights, students = weights_of_root(key, root, width), len(outputs)
    student, teacher = weights[:students], weights[students:]
    return _network(student, outputs, activation), _network(teacher, teacher_outputs, activation)


def random_networks(
    key: Key[Array, ""],
    student_shape: tuple[int, int],
    teacher_shape: tuple[int, int],
    scale: float,
    outputs: Float[Any, " K"],
    teacher_outputs: Float[Any, " M"],
    activation: AbstractActivation,
) -> tuple[TwoLayerNetwork, TwoLayerNetwork]:
    """Student and teacher with independent normal weights, the student's times `scale`."""
    student_key, teacher_key = jax.random.split(key)
    student = scale * draw_flat(jax.random.normal, student_key, student_shape, jnp.float32)
    teacher = draw_flat(jax.random.normal, teacher_key, teacher_shape, jnp.float32)
    return _network(student, outputs, activation), _network(teacher, teacher_outputs, activation)


def _network(weights: Array, outputs: Any, activation: AbstractActivation) -> TwoLayerNetwork:
    """A network of float32 parameters."""
    return TwoLayerNetwork(jnp.asarray(weights, jnp.float32), jnp.asarray(outputs, jnp.float32), activation)

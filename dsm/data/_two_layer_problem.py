"""Learning problems of two-layer networks: a teacher, a law of inputs, and the student at the start."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from dsm._random import stream
from dsm.data.laws import AbstractLaw
from dsm.networks import TwoLayerNetwork


class TwoLayerProblem(eqx.Module):
    """One disorder sample.

    Attributes:
        law: of the inputs.
        teacher: on what the law shows it.
        student: at t = 0.
        noise: standard deviation of the teacher's output noise; None if there is none.
        disorder: what the law has drawn once, such as the features of a hidden manifold.
        train_inputs: a finite training set; empty if every step has a fresh input.
        train_labels: the teacher's outputs on it, with noise.
        test_inputs: fresh inputs; empty if order parameters are computed from the weights.
        test_fields: the teacher's fields on them.
    """

    law: AbstractLaw
    teacher: TwoLayerNetwork
    student: TwoLayerNetwork
    noise: Float[Array, "*axes"] | None
    disorder: PyTree
    train_inputs: Float[Array, "*axes P N"]
    train_labels: Float[Array, "*axes P"]
    test_inputs: Float[Array, "*axes P_test N"]
    test_fields: Float[Array, "*axes P_test M"]


def two_layer_problem(
    key: Key[Array, ""],
    law: AbstractLaw,
    student: TwoLayerNetwork,
    teacher: TwoLayerNetwork,
    noise: float,
    train: int,
    test: int,
) -> TwoLayerProblem:
    """Draw the disorder and the patterns of a sample; `train` = 0 for fresh inputs always, `test` = 0 for none."""
    disorder = law.disorder(stream(key, "disorder"))

    train_inputs, seen = law.draw(stream(key, "train"), disorder, train)
    errors = noise * jax.random.normal(stream(key, "label noise"), (train,), jnp.float32)
    test_inputs, seen_in_test = law.draw(stream(key, "test"), disorder, test)
    return TwoLayerProblem(
        law=law,
        teacher=teacher,
        student=student,
        noise=jnp.float32(noise) if noise else None,
        disorder=disorder,
        train_inputs=train_inputs,
        train_labels=jax.vmap(teacher)(seen) + errors,
        test_inputs=test_inputs,
        test_fields=jax.vmap(teacher.fields)(seen_in_test),
    )

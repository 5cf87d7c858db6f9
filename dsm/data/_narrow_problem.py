"""Learning problems of narrow networks: a teacher of the student's own kind, and labels with noise (arXiv:2507.00629)."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from dsm._random import draw_flat, stream
from dsm.data.output_losses import AbstractOutputLoss
from dsm.networks import AbstractActivation, NarrowNetwork, mean_over, products_of, sign_pm

#: What is learnt: the output of the teacher, or its sign.
LABELS = ("regression", "classification")
#: How the weights of teachers are drawn: independent and normal, or orthogonal rows of norm sqrt N.
TEACHERS = ("normal", "orthonormal")


class NarrowLaw(eqx.Module):
    """How teachers are drawn, and what is fixed of all networks of a problem.

    Attributes:
        inputs: N.
        units: K.
        activation: g.
        second_layer: see `NarrowNetwork`.
        mean_subtraction: see `NarrowNetwork`.
        teacher: law of the weights, one of `TEACHERS`.
    """

    inputs: int = eqx.field(static=True)
    units: int = eqx.field(static=True)
    activation: AbstractActivation
    second_layer: str = eqx.field(static=True, default="equal")
    mean_subtraction: bool = eqx.field(static=True, default=False)
    teacher: str = eqx.field(static=True, default="normal")

    def network(self, weights: Float[Array, "K N"]) -> NarrowNetwork:
        """A network with these weights."""
        return NarrowNetwork(weights, self.activation, self.second_layer, self.mean_subtraction)

    def draw(self, key: Key[Array, ""]) -> NarrowNetwork:
        """A teacher."""
        weights = draw_flat(jax.random.normal, key, (self.units, self.inputs), jnp.float32)
        if self.teacher == "orthonormal":
            columns, triangle = jnp.linalg.qr(weights.T)  # with a positive diagonal the law is that of Haar
            weights = self.inputs**0.5 * (columns * sign_pm(jnp.diag(triangle))[None, :]).T
        return self.network(weights)


class NarrowProblem(eqx.Module):
    """One disorder sample at one number of patterns, temperature and weight decay.

    Attributes:
        teacher: the network that labels.
        stranger: another teacher of the same law, which students know nothing of: what is measured of it is the baseline.
        train_inputs: as many patterns as the largest number needs.
        train_columns: the same, transposed: see `networks.products_of`.
        train_labels: outputs of the teacher with noise, or their signs, float32.
        shown: mask of the patterns that are learnt, the first of all.
        test_inputs: fresh inputs.
        test_targets: outputs of the teacher without noise.
        temperature: T; students have the stationary law exp(-E / T).
        weight_decay: lambda of the energy.
        lr: learning rate.
        loss: of one pattern.
        classifies: labels are signs.
    """

    teacher: NarrowNetwork
    stranger: NarrowNetwork
    train_inputs: Float[Array, "*axes P N"]
    train_columns: Float[Array, "*axes N P"]
    train_labels: Float[Array, "*alphas P"]
    shown: Bool[Array, "*alphas P"]
    test_inputs: Float[Array, "*axes P_test N"]
    test_targets: Float[Array, "*axes P_test"]
    temperature: Any
    weight_decay: Any
    lr: Any
    loss: AbstractOutputLoss
    classifies: bool = eqx.field(static=True)

    def student(self, weights: Float[Array, "K N"]) -> NarrowNetwork:
        """A network like the teacher, with these weights."""
        teacher = self.teacher
        return NarrowNetwork(weights, teacher.activation, teacher.second_layer, teacher.mean_subtraction)

    def energy(self, weights: Float[Array, "K N"]) -> Float[Array, ""]:
        """E(w) = sum_mu l(y_mu, f(x_mu)) + lambda/2 sum_k |w_k|**2: the sum over the patterns that are shown."""
        products = products_of(weights, self.train_inputs, self.train_columns)
        outputs = self.student(weights).outputs(products, self.shown)
        losses = self.loss(outputs, self.train_labels, self.temperature)
        return jnp.where(self.shown, losses, 0).sum() + self.weight_decay / 2 * (weights**2).sum()


def pattern_number(alpha: float, inputs: int, units: int) -> int:
    """P = floor(alpha N K) + 1 (arXiv:2507.00629)."""
    return int(alpha * inputs * units) + 1


def narrow_problem(
    key: Key[Array, ""],
    law: NarrowLaw,
    alphas: Sequence[float],
    noise: float,
    loss: AbstractOutputLoss,
    test: int,
    classifies: bool = False,
) -> NarrowProblem:
    """Draw the inputs, teacher and labels of a sample; `shown` and labels get a leading axis of alphas.

    Patterns are nested: a smaller alpha has the first ones of a larger alpha, alone or beside it, with the same noise.
    Temperature, weight decay and learning rate are left out (None).

    Arguments:
        key: of the sample.
        law: of its teacher.
        alphas: patterns for each weight, P = floor(alpha N K) + 1.
        noise: D, the variance of the noise on the teacher's outputs before labels are taken.
        loss: of one pattern.
        test: number of test inputs.
        classifies: labels are signs.
    """
    numbers = [pattern_number(alpha, law.inputs, law.units) for alpha in alphas]
    most = max(numbers)

    def normal(name: str, *shape: int) -> Array:
        return draw_flat(jax.random.normal, stream(key, name), shape, jnp.float32)

    teacher, stranger = law.draw(stream(key, "teacher")), law.draw(stream(key, "stranger"))
    trained, tested = normal("train_inputs", most, law.inputs), normal("test_inputs", test, law.inputs)
    shown = jnp.arange(most, dtype=jnp.int32)[None, :] < jnp.asarray(numbers, jnp.int32)[:, None]
    plain = NarrowNetwork(teacher.weights, law.activation, law.second_layer)(trained)
    noisy = noise**0.5 * normal("noise", most)

    def labels(shown: Array) -> Array:
        clean = plain - mean_over(plain, shown) if law.mean_subtraction else plain
        return sign_pm(clean + noisy) if classifies else clean + noisy

    return NarrowProblem(
        teacher,
        stranger,
        trained,
        trained.T,
        jax.vmap(labels)(shown),
        shown,
        tested,
        teacher(tested),
        None,
        None,
        None,
        loss,
        classifies,
    )

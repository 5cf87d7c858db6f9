"""Learning problems of deep networks: a teacher with distinct units, and what its students see."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, Shaped

from dsm._random import stream
from dsm.data.datasets import AbstractDataset, Examples
from dsm.data.losses import AbstractLoss
from dsm.networks import AbstractActivation, Affine, DeepNetwork, activate, distinct_rows


class TeacherLaw(eqx.Module):
    """How teachers are drawn (arXiv:1909.13458): weights of each layer are distinct rows from a finite set of values, those
    of hidden units with norm 1; the weights out of unit i = 1, 2, ... of a layer are divided by i**decay.

    Attributes:
        widths: number of inputs, of units in each hidden layer, and of outputs.
        values: of the weights, before rows are normalised.
        activation: of the hidden units.
        batch_norm: see `DeepNetwork`.
        bias: of all units; None tunes those of hidden units so that each is active on half of the test inputs.
        standardised: shift and scale the outputs to mean 0 and variance 1 over the test inputs.
    """

    widths: tuple[int, ...] = eqx.field(static=True)
    values: tuple[float, ...] = eqx.field(static=True)
    activation: AbstractActivation
    batch_norm: str = eqx.field(static=True, default="none")
    bias: float | None = eqx.field(static=True, default=-0.1)
    standardised: bool = eqx.field(static=True, default=False)

    def draw(self, key: Key[Array, ""], decay: Float[Array, ""], inputs: Float[Array, "P N"]) -> DeepNetwork:
        """A teacher; biases and outputs are tuned to `inputs`. Teachers of one key differ in strengths only."""
        layers, below = [], inputs
        bias = 0.0 if self.bias is None else self.bias
        last = len(self.widths) - 2
        for level, (columns, rows) in enumerate(zip(self.widths, self.widths[1:], strict=False)):
            weights = distinct_rows(stream(key, "layer", level), rows, columns, self.values)
            if level:
                weights = weights * jnp.arange(1, columns + 1, dtype=jnp.float32)[None, :] ** -decay
            if level < last:
                weights = weights / jnp.sqrt((weights**2).sum(1, keepdims=True))
            layer = Affine(weights, jnp.full((rows,), bias, jnp.float32))
            field = layer(below)
            if level < last and self.bias is None:
                middle = jnp.median(field, axis=0)
                layer, field = Affine(weights, layer.bias - middle), field - middle[None, :]
            if level == last and self.standardised:
                mean, scale = field.mean(0), field.std(0)
                layer = Affine(weights / scale[:, None], (layer.bias - mean) / scale)
            layers.append(layer)
            if level < last:
                below = activate(field, self.activation, self.batch_norm)
        return DeepNetwork(tuple(layers), self.activation, self.batch_norm)


class DeepProblem(eqx.Module):
    """One disorder sample.

    Attributes:
        teacher: the network that labels, or that students are compared with.
        stranger: another teacher of the same law, which students know nothing of: overlaps with it are the baseline.
        train_inputs: the training set; empty if every batch is fresh.
        train_targets: outputs [P, C] or classes [P], after the axes of the inputs.
        test_inputs: fresh inputs.
        test_targets: theirs.
        lr: learning rate.
        dataset: where inputs come from.
        loss: what training minimises.
    """

    teacher: DeepNetwork
    stranger: DeepNetwork
    train_inputs: Float[Array, "*axes P N"]
    train_targets: Shaped[Array, "..."]
    test_inputs: Float[Array, "*axes P_test N"]
    test_targets: Shaped[Array, "..."]
    lr: Any
    dataset: AbstractDataset
    loss: AbstractLoss

    def fresh(self, key: Key[Array, ""], number: int) -> tuple[Float[Array, "P N"], Shaped[Array, "P *C"]]:
        """Fresh training inputs and their targets from the teacher."""
        inputs = self.dataset.train(key, number, self.teacher).inputs
        return inputs, targets_of(self.loss, self.teacher, Examples(inputs))


def targets_of(loss: AbstractLoss, teacher: DeepNetwork, examples: Examples, classes: bool = False) -> Array:
    """What a student should answer: true `classes`, or the outputs of the teacher, or the largest of them."""
    if classes:
        assert examples.classes is not None
        return examples.classes
    outputs = teacher(examples.inputs)
    return jnp.argmax(outputs, axis=1).astype(jnp.int32) if loss.classifies else outputs


def deep_problem(
    key: Key[Array, ""],
    law: TeacherLaw,
    decays: Sequence[float],
    dataset: AbstractDataset,
    loss: AbstractLoss,
    lr: Any,
    train: int,
    test: int,
    classes: bool = False,
) -> DeepProblem:
    """Draw the inputs and teachers of a sample, one for each of the strength decays.

    Teacher, stranger and targets get a leading axis of decays; inputs are the same for all.

    Arguments:
        key: of the sample.
        law: of its teachers.
        decays: p; unit i has strength i**-p.
        dataset: of its inputs.
        loss: what training minimises.
        lr: learning rates, kept as they are.
        train: size of the training set, 0 for fresh inputs in every batch.
        test: number of test inputs.
        classes: learn the true classes, not the teacher.
    """
    own = stream(key, "data")
    tested = dataset.test(own, test)
    listed = jnp.asarray(decays, jnp.float32)
    teachers, strangers = (
        jax.vmap(lambda decay, name=name: law.draw(stream(key, name), decay, tested.inputs))(listed)
        for name in ("teacher", "stranger")
    )
    # Decays change the weights out of the lowest layer, and no teacher-aware input knows of these.
    trained = dataset.train(own, train, jax.tree.map(lambda leaf: leaf[0], teachers))

    def targets(examples: Examples) -> Array:
        return jax.vmap(lambda teacher: targets_of(loss, teacher, examples, classes))(teachers)

    return DeepProblem(
        teachers,
        strangers,
        trained.inputs,
        targets(trained),
        tested.inputs,
        targets(tested),
        lr,
        dataset,
        loss,
    )

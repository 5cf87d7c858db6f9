"""Ensembles of two-layer students that learn online, by vmap over samples, sharded over devices.

As with Monte Carlo (`dsm.ensemble`), the host calls `advance` with a few segments at a time, and random numbers depend on
the absolute step only. Everything here runs where 64-bit types are enabled: weights and inputs are float32, order
parameters float64.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import PartitionSpec
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from dsm._layout import SHARDS, Layout
from dsm._random import stream
from dsm.data import AbstractLaw
from dsm.networks import AbstractActivation, TwoLayerNetwork
from dsm.theory import Overlaps, test_error
from dsm.training._online_sgd import OnlineSGD, mean_error
from dsm.training.starts import Overlaps as StartOverlaps
from dsm.training.starts import weights_with_overlaps

Record = dict[str, Array]


class TwoLayerProblem(eqx.Module):
    """One disorder sample: a teacher, the law of its inputs, and the student at t = 0.

    Attributes:
        teacher: on what the stream shows it.
        student: at t = 0.
        disorder: of the stream.
        train_inputs: a finite training set; empty if every step has a fresh input.
        train_labels: the teacher's outputs on it, with noise.
        test_inputs: fresh inputs; empty if order parameters are computed from the weights.
        test_fields: the teacher's fields on them.
    """

    teacher: TwoLayerNetwork
    student: TwoLayerNetwork
    disorder: PyTree
    train_inputs: Float[Array, "P N"]
    train_labels: Float[Array, " P"]
    test_inputs: Float[Array, "P_test N"]
    test_fields: Float[Array, "P_test M"]


class Learning(eqx.Module):
    """All that a simulation needs to go on; leading axis: samples.

    Attributes:
        step: examples seen.
        students: the networks.
        order: of the training patterns in the present epoch; empty if inputs are always fresh.
    """

    step: Int[Array, ""]
    students: TwoLayerNetwork
    order: Int[Array, "S P"]


def two_layer_problem(
    key: Key[Array, ""],
    source: AbstractLaw,
    student: TwoLayerNetwork,
    teacher: TwoLayerNetwork,
    noise: float,
    train: int,
    test: int,
) -> TwoLayerProblem:
    """Draw the disorder and the patterns of a sample; `train` = 0 for fresh inputs always, `test` = 0 for none."""
    disorder = source.disorder(stream(key, "disorder"))

    train_inputs, seen = source.draw(stream(key, "train"), disorder, train)
    errors = noise * jax.random.normal(stream(key, "label noise"), (train,), jnp.float32)
    test_inputs, seen_in_test = source.draw(stream(key, "test"), disorder, test)
    return TwoLayerProblem(
        teacher=teacher,
        student=student,
        disorder=disorder,
        train_inputs=train_inputs,
        train_labels=jax.vmap(teacher)(seen) + errors,
        test_inputs=test_inputs,
        test_fields=jax.vmap(teacher.fields)(seen_in_test),
    )


class OnlineSimulation(eqx.Module):
    """Students that learn from their teachers, one example a step.

    Attributes:
        problems: the samples, stacked along the leading axis S.
        source: law of the inputs.
        learner: the step.
        noise: standard deviation of the teacher's output noise; None if there is none.
        key: root of the random streams.
        layout: where samples are computed.
    """

    problems: TwoLayerProblem
    source: AbstractLaw
    learner: OnlineSGD
    noise: Float[Array, ""] | None
    key: Key[Array, ""]
    layout: Layout = eqx.field(static=True)

    def begin(self) -> Learning:
        """The students at t = 0."""
        samples, patterns = self.problems.train_labels.shape
        order = jnp.zeros((samples, patterns), jnp.int32)
        fresh = jax.tree.map(jnp.copy, (self.problems.student, order))
        students, order = jax.tree.map(lambda leaf: self.layout.shard(leaf, 0), fresh)
        return Learning(self.layout.copy_to_all(jnp.zeros((), jnp.int32)), students, order)

    @eqx.filter_jit(donate="all-except-first")
    def advance(
        self, progress: Learning, steps: Int[Array, " n"], recorded: Bool[Array, " n"]
    ) -> tuple[Learning, Record]:
        """Run segments of `steps` steps each; a record, {name: [n, S, ...]}, at the end of those that are `recorded`."""
        empty = jax.tree.map(
            lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(lambda p: self.observe(p), progress)
        )

        def segment(progress: Learning, what: tuple[Array, Array]) -> tuple[Learning, Record]:
            number, record = what
            progress = self._steps(progress, number)
            return progress, lax.cond(record, lambda p: self.observe(p), lambda p: empty, progress)

        return lax.scan(segment, progress, (steps, recorded))

    def _steps(self, progress: Learning, number: Int[Array, ""]) -> Learning:
        """`number` steps of every sample; each device has its own."""
        first, last = progress.step, progress.step + number

        def device(
            students: TwoLayerNetwork,
            order: Array,
            problems: TwoLayerProblem,
            samples: Array,
            first: Array,
            last: Array,
        ):
            def one(step: Array, carry: tuple[TwoLayerNetwork, Array]) -> tuple[TwoLayerNetwork, Array]:
                students, order = carry
                order = self._shuffled(step, order, samples)
                students = jax.vmap(lambda *one: self._learn(step, *one))(students, order, problems, samples)
                return students, order

            return lax.fori_loop(first, last, one, (students, order))

        split, whole = PartitionSpec(SHARDS), PartitionSpec()
        students, order = jax.shard_map(
            device,
            mesh=self.layout.mesh,
            in_specs=(split, split, split, split, whole, whole),
            out_specs=split,
            check_vma=False,
        )(progress.students, progress.order, self.problems, self._samples, first, last)
        return Learning(last, students, order)

    @property
    def _samples(self) -> Int[Array, " S"]:
        return jnp.arange(self.problems.train_labels.shape[0], dtype=jnp.int32)

    def _learn(
        self, step: Array, student: TwoLayerNetwork, order: Array, problem: TwoLayerProblem, sample: Array
    ) -> TwoLayerNetwork:
        """One step of one sample."""
        if order.size:
            chosen = order[step % order.size]
            return self.learner.step(student, problem.train_inputs[chosen], problem.train_labels[chosen])
        key = stream(self.key, "examples", sample, step)
        inputs, seen = self.source.draw(key, problem.disorder, 1)
        label = problem.teacher(seen[0])
        if self.noise is not None:
            label = label + self.noise * jax.random.normal(stream(key, "noise"), (), jnp.float32)
        return self.learner.step(student, inputs[0], label)

    def _shuffled(self, step: Array, order: Int[Array, "S P"], samples: Array) -> Int[Array, "S P"]:
        """The order of patterns: a new one at the beginning of each epoch."""
        patterns = order.shape[1]
        if not patterns:
            return order

        def draw(sample: Array) -> Int[Array, " P"]:
            key = stream(self.key, "epochs", sample, step // patterns)
            return jax.random.permutation(key, jnp.arange(patterns, dtype=jnp.int32))

        return lax.cond(step % patterns == 0, lambda: jax.vmap(draw)(samples), lambda: order)

    def observe(self, progress: Learning) -> Record:
        """Order parameters and errors of every sample."""
        return jax.vmap(lambda *one: self._observe_one(*one))(progress.students, self.problems)

    def _observe_one(self, student: TwoLayerNetwork, problem: TwoLayerProblem) -> Record:
        w, v = student.weights.astype(jnp.float64), student.outputs.astype(jnp.float64)
        wt, vt = problem.teacher.weights.astype(jnp.float64), problem.teacher.outputs.astype(jnp.float64)
        if self.source.gaussian_fields:
            width = w.shape[1]
            overlaps = Overlaps(w @ w.T / width, w @ wt.T / width, wt @ wt.T / width, v, vt)
            error = test_error(student.activation, overlaps)
            record = {"Q": overlaps.student, "R": overlaps.cross, "v": v, "test_error": error}
        else:
            seen = problem.test_fields
            number = seen.shape[0]
            fields = jax.vmap(student.fields)(problem.test_inputs)
            difference = jax.vmap(student.read)(fields) - jax.vmap(problem.teacher.read)(seen)
            error = jnp.mean(difference.astype(jnp.float64) ** 2) / 2
            own = fields.astype(jnp.float64)
            cross = own.T @ seen.astype(jnp.float64)
            record = {"Q": own.T @ own / number, "R": cross / number, "v": v, "test_error": error}
        if problem.train_labels.size:
            record["train_error"] = mean_error(student, problem.train_inputs, problem.train_labels)
        return record


def start_networks(
    key: Key[Array, ""],
    overlaps: StartOverlaps,
    width: int,
    outputs: Any,
    teacher_outputs: Any,
    activation: AbstractActivation,
) -> tuple[TwoLayerNetwork, TwoLayerNetwork]:
    """Student and teacher with given overlaps, in a random direction."""
    student, teacher = weights_with_overlaps(key, overlaps, width)
    return _network(student, outputs, activation), _network(teacher, teacher_outputs, activation)


def random_networks(
    key: Key[Array, ""],
    student_shape: tuple[int, int],
    teacher_shape: tuple[int, int],
    scale: float,
    outputs: Any,
    teacher_outputs: Any,
    activation: AbstractActivation,
) -> tuple[TwoLayerNetwork, TwoLayerNetwork]:
    """Student and teacher with independent normal weights, the student's times `scale`."""
    student_key, teacher_key = jax.random.split(key)
    student = scale * jax.random.normal(student_key, student_shape, jnp.float32)
    teacher = jax.random.normal(teacher_key, teacher_shape, jnp.float32)
    return _network(student, outputs, activation), _network(teacher, teacher_outputs, activation)


def _network(weights: Array, outputs: Any, activation: AbstractActivation) -> TwoLayerNetwork:
    """A network of float32 parameters."""
    return TwoLayerNetwork(jnp.asarray(weights, jnp.float32), jnp.asarray(outputs, jnp.float32), activation)

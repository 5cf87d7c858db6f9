r"""The unit-block sweep.

Fix all weights but those into unit (l, i), and let e_mu(s) be the number of wrong outputs on pattern mu with that unit
clamped to s. Then E = sum_mu e_mu(sgn h_mu), and the cost w_mu = e_mu(+1) - e_mu(-1) stays as it is while only weights
into this unit change. So a block has three stages:

    field   one forward pass above the unit with its spin turned over on every pattern gives e_mu and w_mu;
    chain   moves on the unit's c weights, O(M) each, know the network only through w;
    commit  patterns on which the unit's spin changed take over the turned-over errors and fields.

It is the chain that visits one weight after the other and evaluates the whole network each time, only faster. Outputs
do not interact: w_mu = -y_mu, and all N units of the last layer move at once.

Work per replica and sweep, in multiply-adds: field, for a hidden layer l, N units x (L - l - 1) matrix products of
N x N x M; chain, 10 M operations for each of the N c `inner` moves. Fields of layers l and l + 1 only are kept while
layer l is swept, and recomputed (exactly, `dsm.networks.spacing`) when the next one begins.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from dsm._errors import ConfigError, is_integer, require
from dsm._random import stream
from dsm.data import Problem
from dsm.networks import is_up, sign_pm
from dsm.samplers.sign_perceptron._base import AbstractSampler, Beta, Info, State
from dsm.samplers.sign_perceptron.moves import AbstractMove, Unit


class UnitBlock(AbstractSampler):
    """Sweeps layer by layer from the input, unit by unit, weight by weight.

    Attributes:
        move: the elementary move on a weight.
        inner: how often the weights of a unit are visited before the next unit.
    """

    move: AbstractMove
    inner: int = eqx.field(static=True, default=1)

    def __check_init__(self) -> None:
        require(is_integer(self.inner) and self.inner >= 1, "inner", self.inner, "an integer >= 1")

    def check(self, problem: Problem) -> None:
        if self.move.continuous != problem.teacher.prior.continuous:
            kind = "continuous weights" if self.move.continuous else "signs (ising weights)"
            raise ConfigError(
                f"move = {type(self.move).__name__}: moves {kind}, "
                f"and the network has {type(problem.teacher.prior).__name__.lower()} weights"
            )

    def step_bytes(self, problem: Problem) -> int:
        """6 arrays [N, M], the weights as matrices, a layer's random numbers."""
        wiring, patterns = problem.teacher.wiring, problem.inputs.shape[0]
        numbers = 3 * wiring.fan_in * self.inner + wiring.depth * wiring.width
        return 4 * wiring.width * (6 * patterns + numbers)

    def step(self, key: Key[Array, ""], state: State, problem: Problem, beta: Beta) -> tuple[State, Info]:
        wiring = problem.teacher.wiring
        depth = wiring.depth
        patterns = problem.inputs.T.astype(jnp.float32)
        labels = is_up(problem.labels.T)
        matrices = wiring.matrices(state.weights)

        def draw(layer: Int[Array, ""] | int) -> PyTree:
            moves = (wiring.width, self.inner * wiring.fan_in)
            return self.move.draw(stream(key, "layer", layer), jnp.asarray(beta, jnp.float32), moves)

        def neighbours(layer: Int[Array, ""] | int) -> Int[Array, "N c"] | None:
            return None if wiring.neighbours is None else wiring.neighbours[layer]

        def hidden(layer, carry):
            weights, below, errors, acceptance = carry
            rows, fields, errors, accepted = self._hidden_layer(
                draw(layer), layer, weights[layer], below, errors, matrices, labels, neighbours(layer)
            )
            weights = lax.dynamic_update_index_in_dim(weights, rows, layer, 0)
            acceptance = lax.dynamic_update_index_in_dim(acceptance, accepted, layer, 0)
            return weights, sign_pm(fields), errors, acceptance

        start = (
            state.weights,
            patterns,
            wrong_outputs(outputs(matrices, patterns), labels),
            jnp.zeros((depth,), jnp.float32),
        )
        weights, below, _, acceptance = lax.fori_loop(0, depth - 1, hidden, start)

        rows, fields, accepted = self._output_layer(
            draw(depth - 1), weights[-1], below, matrices[-1], labels, neighbours(depth - 1)
        )
        weights = lax.dynamic_update_index_in_dim(weights, rows, depth - 1, 0)
        acceptance = lax.dynamic_update_index_in_dim(acceptance, accepted, depth - 1, 0)
        energy = jnp.sum(wrong_outputs(fields, labels), dtype=jnp.int32)
        return State(weights, energy), Info(acceptance)

    def _hidden_layer(self, draws, layer, rows, below, errors, matrices, labels, neighbours):
        """Visit the units of a hidden layer in turn; `errors` [M] counts wrong outputs per pattern."""
        fields = propagate(matrices[layer], below)
        above = propagate(matrices[layer + 1], sign_pm(fields))
        twice_out = 2 * matrices[layer + 1].T

        def visit(unit, carry):
            rows, fields, above, errors, accepted = carry
            spin = sign_pm(fields[unit])
            turned_above = above - jnp.outer(twice_out[unit], spin)
            errors_turned = turned_over_errors(matrices, layer, turned_above, labels)
            cost = jnp.where(is_up(spin), errors - errors_turned, errors_turned - errors)
            sources = None if neighbours is None else neighbours[unit]
            row, field, moved = self._chain(at(draws, unit), rows[unit], fields[unit], below, cost, sources)
            turned = is_up(field) != is_up(spin)
            return (
                lax.dynamic_update_index_in_dim(rows, row, unit, 0),
                lax.dynamic_update_index_in_dim(fields, field, unit, 0),
                above - jnp.outer(twice_out[unit], jnp.where(turned, spin, 0)),
                jnp.where(turned, errors_turned, errors),
                accepted + moved,
            )

        start = (rows, fields, above, errors, jnp.zeros((), jnp.int32))
        rows, fields, _, errors, accepted = lax.fori_loop(0, rows.shape[0], visit, start)
        return rows, fields, errors, self._fraction(accepted, rows)

    def _output_layer(self, draws, rows, below, matrix, labels, neighbours):
        """Visit all output units at once: the cost of being up is -y."""
        fields = propagate(matrix, below)
        cost = jnp.where(labels, -1, 1).astype(jnp.int32)
        axes = (0, 0, 0, None, 0, None if neighbours is None else 0)
        rows, fields, accepted = jax.vmap(self._chain, axes)(draws, rows, fields, below, cost, neighbours)
        return rows, fields, self._fraction(jnp.sum(accepted, dtype=jnp.int32), rows)

    def _fraction(self, accepted: Int[Array, ""], rows: Float[Array, "N c"]) -> Float[Array, ""]:
        return accepted.astype(jnp.float32) / (rows.size * self.inner)

    def _chain(
        self,
        draws: PyTree,
        row: Float[Array, " c"],
        field: Float[Array, " M"],
        below: Float[Array, "N M"],
        cost: Int[Array, " M"],
        sources: Int[Array, " c"] | None,
    ) -> tuple[Float[Array, " c"], Float[Array, " M"], Int[Array, ""]]:
        """Moves on the weights of one unit, `inner` times each; returns row, field and the number of changes."""
        fan_in = row.shape[0]

        def visit(turn, carry):
            row, field, accepted = carry
            k = turn % fan_in
            spins = below[k if sources is None else sources[k]]
            weight = row[k]
            new = self.move.update(at(draws, turn), weight, Unit(field, spins, cost), fan_in)
            return (
                lax.dynamic_update_index_in_dim(row, new, k, 0),
                field + (new - weight) * spins,
                accepted + (new != weight).astype(jnp.int32),
            )

        return lax.fori_loop(0, fan_in * self.inner, visit, (row, field, jnp.zeros((), jnp.int32)))


def propagate(matrix: Float[Array, "N N"], spins: Float[Array, "N M"]) -> Float[Array, "N M"]:
    """sqrt(c) times the fields of a layer. Exact on the lattice, hence independent of summation order and device."""
    return jnp.matmul(matrix, spins, precision=lax.Precision.HIGHEST)


def outputs(matrices: Float[Array, "L N N"], patterns: Float[Array, "N M"]) -> Float[Array, "N M"]:
    """sqrt(c) times the fields of the output layer."""

    def layer(spins, matrix):
        return sign_pm(propagate(matrix, spins)), None

    spins, _ = lax.scan(layer, patterns, matrices[:-1])
    return propagate(matrices[-1], spins)


def turned_over_errors(
    matrices: Float[Array, "L N N"], layer: Int[Array, ""], above: Float[Array, "N M"], labels: Bool[Array, "N M"]
) -> Int[Array, " M"]:
    """Wrong outputs per pattern, from the fields of layer `layer` + 1 upwards."""

    def deeper(m, fields):
        return propagate(matrices[m], sign_pm(fields))

    return wrong_outputs(lax.fori_loop(layer + 2, matrices.shape[0], deeper, above), labels)


def wrong_outputs(fields: Float[Array, "N M"], labels: Bool[Array, "N M"]) -> Int[Array, " M"]:
    """Number of wrong output signs on each pattern."""
    return jnp.sum(is_up(fields) != labels, axis=0, dtype=jnp.int32)


def at(tree: PyTree, index: Int[Array, ""] | int) -> PyTree:
    """Entry `index` of the leading axis of every array."""
    return jax.tree.map(lambda array: array[index], tree)

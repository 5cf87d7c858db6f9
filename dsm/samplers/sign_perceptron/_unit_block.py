r"""The unit-block sweep.

Fix all weights but those into unit (l, i), and let e_mu(s) be the number of wrong outputs on pattern mu with that unit
clamped to s. Then E = sum_mu e_mu(sgn h_mu), and the cost w_mu = e_mu(+1) - e_mu(-1) stays as it is while only weights
into this unit change. So a block has three stages:

    field   one forward pass above the unit with its spin flipped on every pattern gives e_mu and w_mu;
    chain   moves on the unit's c weights, O(M) each, know the network only through w (`AbstractChain`);
    commit  patterns on which the unit's spin changed take the errors and fields of the flipped unit.

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
from jaxtyping import Array, Float, Int, Int8, Key, PyTree

from dsm._errors import ConfigError, is_integer, require
from dsm._random import stream
from dsm.data import Problem
from dsm.networks import is_up, sign_pm
from dsm.samplers.sign_perceptron._base import AbstractSampler, Beta, Info, State
from dsm.samplers.sign_perceptron.chains import AbstractChain, Workload, at
from dsm.samplers.sign_perceptron.chains.plain import PlainChain
from dsm.samplers.sign_perceptron.moves import AbstractMove
from dsm.samplers.sign_perceptron.moves._check import check_move
from dsm.samplers.sign_perceptron.products import AbstractProducts
from dsm.samplers.sign_perceptron.products.plain import PlainProducts


class UnitBlock(AbstractSampler):
    """Sweeps layer by layer from the input, unit by unit, weight by weight.

    Attributes:
        move: the elementary move on a weight.
        inner: how often the weights of a unit are visited before the next unit.
        chain: the chain stage; another one changes the speed and not the trajectory. `choose_chain` finds the fastest.
        products: the matrix products of the field stage; the same holds of them, and of `choose_products`.
    """

    move: AbstractMove
    inner: int = eqx.field(static=True, default=1)
    chain: AbstractChain = PlainChain()
    products: AbstractProducts = PlainProducts()

    def __check_init__(self) -> None:
        require(is_integer(self.inner) and self.inner >= 1, "inner", self.inner, "an integer >= 1")

    def check(self, problem: Problem) -> None:
        if self.move.continuous != problem.teacher.prior.continuous:
            kind = "continuous weights" if self.move.continuous else "signs (ising weights)"
            raise ConfigError(
                f"move = {type(self.move).__name__}: moves {kind}, "
                f"and the network has {type(problem.teacher.prior).__name__.lower()} weights"
            )
        if self.move.continuous and not self.products.continuous:
            raise ConfigError(
                f"products = {type(self.products).__name__}: take signs, and the move {type(self.move).__name__} does not"
            )
        check_move(self.move, problem.teacher.prior, problem.teacher.wiring.fan_in)
        reason = self.chain.refuses(Workload(self.move, problem.teacher.wiring.width, problem.inputs.shape[0]))
        require(reason is None, "chain", type(self.chain).__name__, f"another: it {reason}")

    def step_bytes(self, problem: Problem) -> int:
        """6 arrays [N, M], the weights as matrices, a layer's random numbers."""
        wiring, patterns = problem.teacher.wiring, problem.inputs.shape[0]
        numbers = 3 * wiring.fan_in * self.inner + wiring.depth * wiring.width
        return 4 * wiring.width * (6 * patterns + numbers)

    def step(self, key: Key[Array, ""], state: State, problem: Problem, beta: Beta) -> tuple[State, Info]:
        wiring = problem.teacher.wiring
        depth = wiring.depth
        patterns = problem.inputs.T.astype(jnp.float32)
        labels = problem.labels.T
        matrices = wiring.matrices(state.weights)
        factors = self.products.factors(matrices)

        def draw(layer: Int[Array, ""] | int) -> PyTree:
            moves = (wiring.width, self.inner * wiring.fan_in)
            return self.move.draw(stream(key, "layer", layer), jnp.asarray(beta, jnp.float32), moves)

        def neighbours(layer: Int[Array, ""] | int) -> Int[Array, "N c"] | None:
            return None if wiring.neighbours is None else wiring.neighbours[layer]

        def hidden(layer, carry):
            weights, below, errors, acceptance = carry
            rows, fields, errors, accepted = self._hidden_layer(
                draw(layer), layer, weights[layer], below, errors, matrices, factors, labels, neighbours(layer)
            )
            weights = lax.dynamic_update_index_in_dim(weights, rows, layer, 0)
            acceptance = lax.dynamic_update_index_in_dim(acceptance, accepted, layer, 0)
            return weights, sign_pm(fields), errors, acceptance

        start = (
            state.weights,
            patterns,
            wrong_outputs(outputs(self.products, factors, patterns), labels),
            jnp.zeros((depth,), jnp.float32),
        )
        weights, below, _, acceptance = lax.fori_loop(0, depth - 1, hidden, start)

        rows, fields, accepted = self._output_layer(
            draw(depth - 1), weights[-1], below, at(factors, -1), labels, neighbours(depth - 1)
        )
        weights = lax.dynamic_update_index_in_dim(weights, rows, depth - 1, 0)
        acceptance = lax.dynamic_update_index_in_dim(acceptance, accepted, depth - 1, 0)
        energy = jnp.sum(wrong_outputs(fields, labels), dtype=jnp.int32)
        return State(weights, energy), Info(acceptance)

    def _hidden_layer(
        self,
        draws: PyTree[Array],
        layer: Int[Array, ""] | int,
        rows: Float[Array, "N c"],
        below: Float[Array, "N M"],
        errors: Int[Array, " M"],
        matrices: Float[Array, "L N N"],
        factors: PyTree[Array],
        labels: Int8[Array, "N M"],
        neighbours: Int[Array, "N c"] | None,
    ) -> tuple[Float[Array, "N c"], Float[Array, "N M"], Int[Array, " M"], Float[Array, ""]]:
        """Visit the units of a hidden layer in turn.

        Arguments:
            draws: random numbers of the moves; leading axes N and `inner` c.
            layer: its number, from 0.
            rows: its weights J.
            below: spins of the layer below, +1 or -1.
            errors: wrong outputs on each pattern.
            matrices: weights of all layers as they were before the sweep of this one; those above are used.
            factors: the same, as products take them.
            labels: +1 or -1; 0 on patterns that are none.
            neighbours: the units that its weights read; None with dense wiring.

        Returns:
            weights, sqrt(c) times the fields, wrong outputs, and the fraction of moves that changed a weight.
        """
        fields = self.products.fields(at(factors, layer), below)
        above = self.products.fields(at(factors, layer + 1), sign_pm(fields))
        spins_below = self.chain.spins(below)

        def visit(carry, unit):
            above, errors = carry
            draws, row, field, twice_out, sources = unit
            spin = sign_pm(field)
            above_flipped = above - jnp.outer(twice_out, spin)
            errors_flipped = wrong_outputs_above(self.products, factors, layer, above_flipped, labels)
            cost = jnp.where(is_up(spin), errors - errors_flipped, errors_flipped - errors)
            row, field, changed = self.chain(self.move, self.inner, draws, row, field, spins_below, cost, sources)
            flipped = is_up(field) != is_up(spin)
            above = above - jnp.outer(twice_out, jnp.where(flipped, spin, 0))
            return (above, jnp.where(flipped, errors_flipped, errors)), (row, field, changed)

        units = (draws, rows, fields, 2 * matrices[layer + 1].T, neighbours)
        (_, errors), (rows, fields, changes) = lax.scan(visit, (above, errors), units)
        changes = jnp.sum(changes, dtype=jnp.int32)
        return rows, fields, errors, self._fraction(changes, rows)

    def _output_layer(
        self,
        draws: PyTree[Array],
        rows: Float[Array, "N c"],
        below: Float[Array, "N M"],
        factor: PyTree[Array],
        labels: Int8[Array, "N M"],
        neighbours: Int[Array, "N c"] | None,
    ) -> tuple[Float[Array, "N c"], Float[Array, "N M"], Float[Array, ""]]:
        """Visit all output units at once: the cost of being up is -y.

        Arguments are those of a hidden layer; returns weights, sqrt(c) times the fields, and the fraction of moves that
        changed a weight.
        """
        fields = self.products.fields(factor, below)
        cost = -labels.astype(jnp.int32)
        spins_below = self.chain.spins(below)

        def unit(draws, row, field, cost, sources):
            return self.chain(self.move, self.inner, draws, row, field, spins_below, cost, sources)

        axes = (0, 0, 0, 0, None if neighbours is None else 0)
        rows, fields, changes = jax.vmap(unit, axes)(draws, rows, fields, cost, neighbours)
        return rows, fields, self._fraction(jnp.sum(changes, dtype=jnp.int32), rows)

    def _fraction(self, changes: Int[Array, ""], rows: Float[Array, "N c"]) -> Float[Array, ""]:
        return changes.astype(jnp.float32) / (rows.size * self.inner)


def outputs(products: AbstractProducts, factors: PyTree[Array], patterns: Float[Array, "N M"]) -> Float[Array, "N M"]:
    """sqrt(c) times the fields of the output layer."""

    def layer(spins, factor):
        return sign_pm(products.fields(factor, spins)), None

    spins, _ = lax.scan(layer, patterns, jax.tree.map(lambda leaf: leaf[:-1], factors))
    return products.fields(at(factors, -1), spins)


def wrong_outputs_above(
    products: AbstractProducts,
    factors: PyTree[Array],
    layer: Int[Array, ""],
    above: Float[Array, "N M"],
    labels: Int8[Array, "N M"],
) -> Int[Array, " M"]:
    """Wrong outputs per pattern, from the fields of layer `layer` + 1 upwards."""
    depth = jax.tree.leaves(factors)[0].shape[0]

    def deeper(m, fields):
        return products.fields(at(factors, m), sign_pm(fields))

    return wrong_outputs(lax.fori_loop(layer + 2, depth, deeper, above), labels)


def wrong_outputs(fields: Float[Array, "N M"], labels: Int8[Array, "N M"]) -> Int[Array, " M"]:
    """Number of wrong output signs on each pattern; none where labels are 0."""
    wrong = jnp.sum(is_up(fields) != (labels > 0), axis=0, dtype=jnp.int32)
    return jnp.where(labels[0] == 0, 0, wrong)

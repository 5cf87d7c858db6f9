"""Steady states of online SGD: where the order parameters of a two-layer student come to rest."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from dsm._errors import is_integer, require
from dsm.networks.activations import AbstractActivation, make_activation
from dsm.theory._online_sgd_ode import Rates, batched, checked_rates, velocity
from dsm.theory._order_parameters import Overlaps, checked_overlaps, test_error
from dsm.theory._precision import in_float64
from dsm.theory._root import find_root
from dsm.theory._table import Tabulated

#: Largest time derivative of a steady state.
STEADY = 1e-12


class SteadyState(Tabulated):
    """A fixed point of the equations of motion, for each element of the batch.

    Attributes:
        Q: student-student overlaps.
        R: student-teacher overlaps.
        v: second-layer weights of the student.
        test_error: E (student - noiseless teacher)**2 / 2.
        residual: largest time derivative that is left.
        growth: largest real part of the eigenvalues of the Jacobian: negative if the state is stable; 0, to the square
            root of rounding, if it belongs to a continuum of them; positive if it is left in the end.
        result: a `Result`, as integers; see `find_root`.
    """

    columns = ("test_error", "Q", "R", "v", "growth", "result")

    Q: Float[np.ndarray, "*batch K K"]
    R: Float[np.ndarray, "*batch K M"]
    v: Float[np.ndarray, "*batch K"]
    test_error: Float[np.ndarray, "*batch"]
    residual: Float[np.ndarray, "*batch"]
    growth: Float[np.ndarray, "*batch"]
    result: Int[np.ndarray, "*batch"]


def steady_state(
    Q0: Any,
    R0: Any,
    T: Any,
    v0: Any,
    vt: Any,
    *,
    lr: Any,
    lr_second: Any = 0.0,
    noise: Any = 0.0,
    weight_decay: Any = 0.0,
    batch: Any = 1,
    activation: Any = "erf",
    max_steps: int = 1000,
) -> SteadyState:
    """The steady state near given order parameters, such as the last ones of `online_sgd`, by `find_root`.

    The equations of motion are those of arXiv:1901.09085 and arXiv:1906.08632. There may be no steady state (see `result`
    and `residual`), and there may be a continuum of them, on which the nearest one is found. Second-layer weights are free
    where `lr_second` is positive.

    Arguments:
        Q0, R0, T, v0, vt: where the search begins, of the shapes of `online_sgd`; leading axes broadcast.
        lr, lr_second, noise, weight_decay, batch, activation: as in `online_sgd`.
        max_steps: of the search.

    Raises:
        ConfigError: `max_steps` < 1, or as `online_sgd`.
    """
    require(is_integer(max_steps) and max_steps >= 1, "max_steps", max_steps, "an integer >= 1")
    model = make_activation(activation)
    given = checked_overlaps(Q0, R0, T, v0, vt)
    constants = checked_rates(lr, lr_second, noise, weight_decay, batch)
    both_layers = bool(np.any(constants[1] > 0))
    with in_float64():
        overlaps, rates, leading = batched(given, constants)
        found = _find_all(model, overlaps, rates, both_layers, max_steps)
        return SteadyState(*(np.asarray(leaf).reshape(leading + leaf.shape[1:]) for leaf in found))


@eqx.filter_jit
def _find_all(
    activation: AbstractActivation, overlaps: Overlaps, rates: Rates, both_layers: bool, max_steps: int
) -> tuple[Array, ...]:
    def one(overlaps: Overlaps, rates: Rates) -> tuple[Array, ...]:
        return _find(activation, overlaps, rates, both_layers, max_steps)

    return jax.vmap(one)(overlaps, rates)


def _find(
    activation: AbstractActivation, start: Overlaps, rates: Rates, both_layers: bool, max_steps: int
) -> tuple[Array, ...]:
    upper = np.triu_indices(start.outputs.size)
    sizes = np.cumsum([upper[0].size, start.cross.size])

    def pack(Q: Array, R: Array, v: Array) -> Float[Array, " n"]:
        """The independent components."""
        return jnp.concatenate([Q[upper], R.ravel()] + [v] * both_layers)

    def unpack(flat: Float[Array, " n"]) -> Overlaps:
        parts = jnp.split(flat, sizes)
        half = jnp.zeros_like(start.student).at[upper].set(parts[0])
        Q = half + half.T - jnp.diag(jnp.diag(half))
        v = parts[2] if both_layers else start.outputs
        return Overlaps(Q, parts[1].reshape(start.cross.shape), start.teacher, v, start.teacher_outputs)

    def motion(flat: Float[Array, " n"], _: None = None) -> Float[Array, " n"]:
        dQ, dR, dv = velocity(activation, unpack(flat), rates)
        # Where the second layer does not learn it stays where it is.
        held = start.outputs - unpack(flat).outputs
        return pack(dQ, dR, jnp.where(rates.lr_second > 0, dv, held))

    found = find_root(motion, pack(start.student, start.cross, start.outputs), tolerance=STEADY, max_steps=max_steps)
    there = unpack(found.point)
    error = test_error(activation, there)
    return there.student, there.cross, there.outputs, error, found.residual, found.growth, found.result

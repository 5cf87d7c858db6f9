r"""The final error of an overparameterised soft committee for small label noise (arXiv:1906.08632).

Student and teacher have erf units and second layers of ones, T = 1, and the student has S surplus units. Without noise there
is a steady state without error: M units are the teacher's, the others vanish. Noise shifts it. To the first order in sigma^2
the shift solves the linearised equations of motion. It has the symmetry of the state: all units that have specialised are
alike, and so are all surplus units.

    Q_aa = 1 + C, Q_ab = D, Q_sa = X, Q_st = q,      R_aa = 1 + r, R_ab = u, R_sa = y

for a, b <= M, s, t > M. For lr -> 0 the error is the paper's law eps* = lr sigma^2 (S + M / sqrt 3) / (2 pi). At a
finite lr it is larger, and beyond some lr it diverges.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from dsm._errors import require
from dsm.networks.activations import make_activation
from dsm.theory._online_sgd_ode import Rates, velocity
from dsm.theory._order_parameters import Overlaps, as_numbers, common_batch, test_error
from dsm.theory._precision import in_float64
from dsm.theory._result import Result
from dsm.theory._table import Tabulated

#: Order parameters of the symmetric state: C, D, r, u, of units that have specialised, X, q, y, of surplus ones.
NUMBER = 7


class SmallNoiseError(Tabulated):
    """Final errors for small noise; as an array, it is `error`.

    Attributes:
        surplus: S = K - M, number of student units beyond the teacher's.
        teachers: M, number of teacher units.
        lr: learning rate.
        error: eps* / (lr sigma^2) for sigma -> 0, inf where it diverges.
        growth: largest real part of the eigenvalues of the linearised equations of motion, over lr: negative if the steady
            state attracts.
        result: `Result.converged`, or `Result.diverged` where order parameters of any size grow, as integers.
    """

    columns = ("surplus", "teachers", "lr", "error", "growth", "result")

    surplus: Int[np.ndarray, "*batch"]
    teachers: Int[np.ndarray, "*batch"]
    lr: Float[np.ndarray, "*batch"]
    error: Float[np.ndarray, "*batch"]
    growth: Float[np.ndarray, "*batch"]
    result: Int[np.ndarray, "*batch"]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.error, dtype=dtype)


def small_noise_error(surplus: Any, teachers: Any, lr: Any) -> SmallNoiseError:
    """eps* / (lr sigma^2) of online SGD for small noise: first layer, erf units, second layers of ones, T = 1.

    Arguments broadcast. Where no pairs w_a = -w_b of surplus units form, this is where online SGD ends (`steady_state`);
    such pairs, for S >= 2, are a direction along which the symmetric state is marginal.

    Arguments:
        surplus: S >= 0, number of student units beyond the teacher's.
        teachers: M >= 1, number of teacher units.
        lr: learning rate of the first layer; 0 gives the limit, (S + M / sqrt 3) / (2 pi).

    Raises:
        ConfigError: a number of units that is no integer or too small, a negative or infinite lr, or shapes that do not
            broadcast.
    """
    given = {"surplus": surplus, "teachers": teachers, "lr": lr}
    arrays = {name: as_numbers(name, value) for name, value in given.items()}
    for name, least in (("surplus", 0), ("teachers", 1)):
        legal = bool(np.all((arrays[name] == np.floor(arrays[name])) & (arrays[name] >= least)))
        require(legal, name, given[name], f"integers >= {least}")
    require(bool(np.all(arrays["lr"] >= 0)), "lr", lr, "not negative")
    batch = common_batch({name: array.shape for name, array in arrays.items()})
    S, M, rate = (np.broadcast_to(array, batch).ravel() for array in arrays.values())
    S, M = S.astype(np.int64), M.astype(np.int64)
    with in_float64():
        found = _solve_all(
            jnp.asarray(S), jnp.asarray(M), jnp.asarray(rate), int(S.max(initial=0)), int(M.max(initial=1))
        )
        error, growth, result = (np.asarray(leaf).reshape(batch) for leaf in found)
    return SmallNoiseError(S.reshape(batch), M.reshape(batch), rate.reshape(batch), error, growth, result)


@eqx.filter_jit
def _solve_all(
    surplus: Int[Array, " n"], teachers: Int[Array, " n"], lr: Float[Array, " n"], most: int, most_teachers: int
) -> tuple[Array, Array, Array]:
    """Units that an element does not have are silent: their outputs are 0, and they stay where they are."""
    erf = make_activation("erf")

    def one(element: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        extra, number, rate = element
        special, beyond = jnp.arange(most_teachers) < number, jnp.arange(most) < extra
        outputs = jnp.concatenate([special, beyond]).astype(float)
        zero, unit = jnp.zeros(()), jnp.ones(())

        def overlaps(shift: Float[Array, " 7"]) -> Overlaps:
            Q, R = _symmetric(shift, special, beyond)
            return Overlaps(Q, R, jnp.eye(most_teachers), outputs, special.astype(float))

        def motion(shift: Float[Array, " 7"], variance: Float[Array, ""], lr: Float[Array, ""]) -> Float[Array, " 7"]:
            """Time derivatives over lr. They are lr V1 + lr^2 V2, so that the derivative by lr at lr/2 is what is wanted."""

            def at(rate: Float[Array, ""]) -> Float[Array, " 7"]:
                dQ, dR, _ = velocity(erf, overlaps(shift), Rates(rate, zero, jnp.sqrt(variance), zero, unit))
                return _components(dQ, dR, most_teachers)

            return jax.jvp(at, (lr / 2,), (unit,))[1]

        perfect = jnp.zeros(NUMBER)
        there = _present(extra, number)
        jacobian = jax.jacfwd(motion)(perfect, zero, rate)
        jacobian = jnp.where(there[:, None] & there[None, :], jacobian, -jnp.eye(NUMBER))
        source = motion(perfect, unit, unit)  # noise enters V2 alone, and linearly
        shift = jnp.linalg.solve(jacobian, -jnp.where(there, source, 0))
        slope = jax.grad(lambda shift: test_error(erf, overlaps(shift)))(perfect)
        growth = jnp.max(jnp.linalg.eigvals(jacobian).real)
        stable = growth < 0
        error = jnp.where(stable, slope @ shift, jnp.inf)
        return error, growth, jnp.where(stable, Result.converged.value, Result.diverged.value)

    return lax.map(one, (surplus, teachers, lr))


def _symmetric(
    shift: Float[Array, " 7"], special: Bool[Array, " M"], beyond: Bool[Array, " S"]
) -> tuple[Float[Array, "K K"], Float[Array, "K M"]]:
    """Q and R near the perfect state."""
    C, D, r, u, X, q, y = shift
    a, s, one = special.astype(float), beyond.astype(float), jnp.eye(special.size)
    both, mixed = jnp.outer(a, a), jnp.outer(s, a)
    Q = jnp.block([[one + both * (D + (C - D) * one), X * mixed.T], [X * mixed, q * jnp.outer(s, s)]])
    return Q, jnp.concatenate([one + both * (u + (r - u) * one), y * mixed])


def _components(Q: Float[Array, "K K"], R: Float[Array, "K M"], teachers: int) -> Float[Array, " 7"]:
    """C, D, r, u, X, q, y of matrices that have the symmetry; 0 where there are no such units at all."""
    first, other, extra = 0, min(1, teachers - 1), teachers
    own = [Q[first, first], Q[first, other], R[first, first], R[first, other]]
    surplus = [Q[extra, first], Q[extra, extra], R[extra, first]] if len(Q) > teachers else [jnp.zeros(())] * 3
    return jnp.stack(own + surplus)


def _present(surplus: Int[Array, ""], teachers: Int[Array, ""]) -> Bool[Array, " 7"]:
    """Which of C, D, r, u, X, q, y there are."""
    several, extra, always = teachers > 1, surplus > 0, jnp.asarray(True)
    return jnp.stack([always, several, always, several, extra, extra, extra])

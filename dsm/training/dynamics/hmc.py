"""Hamiltonian Monte Carlo; blackjax does the work."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, PyTree

from dsm._errors import require
from dsm._random import stream
from dsm._system import Record
from dsm._variables import Variable
from dsm.training.dynamics._adaptation import REPORTED, Memory, adapted, begin_memory, factor_of, float32
from dsm.training.dynamics._base import DYNAMICS, AbstractDynamics, Landscape


@DYNAMICS.register("hmc")
class HMC(AbstractDynamics):
    """Trajectories of so many leapfrog steps at the potential E / T with unit masses, accepted or rejected (Duane et al.,
    Phys. Lett. B 195, 216, 1987): samples exp(-E / T) without bias. A step of the run is one trajectory.

    A leapfrog step has the size sqrt(2 T lr) times a factor that is 1, or adapted. A trajectory of one leapfrog without
    jitter is a step of `mala` at the same lr.

    Attributes:
        leapfrogs: a trajectory.
        adapt: trajectories during which the factor is adapted to the acceptance: burn-in. In its first half they grow from
            one leapfrog to all: a long one from a start of high energy would turn the excess into speed, and run away.
        target: acceptance that is wanted then.
        jitter: the step of each trajectory is multiplied by a uniform number from 1 - jitter to 1 + jitter, lest a
            trajectory be a period of some direction.
    """

    leapfrogs: int = eqx.field(static=True, default=20)
    adapt: int = eqx.field(static=True, default=0)
    target: float = eqx.field(static=True, default=0.8)
    jitter: float = eqx.field(static=True, default=0.2)
    exact: ClassVar[bool] = True
    variables: ClassVar[dict[str, Variable]] = REPORTED

    def __check_init__(self) -> None:
        require(self.leapfrogs >= 1, "leapfrogs", self.leapfrogs, "at least 1")
        require(self.adapt >= 0, "adapt", self.adapt, "at least 0 steps")
        require(0 < self.target < 1, "target", self.target, "between 0 and 1")
        require(0 <= self.jitter < 1, "jitter", self.jitter, "at least 0 and below 1")

    @property
    def burn_in(self) -> int:
        return self.adapt

    def begin(self, weights: Float[Array, "K N"], landscape: Landscape) -> PyTree:
        return begin_memory(weights, landscape)

    def step(
        self,
        key: Key[Array, ""],
        t: Int[Array, ""],
        weights: Float[Array, "K N"],
        memory: PyTree,
        landscape: Landscape,
    ) -> tuple[Float[Array, "K N"], PyTree, Record]:
        from blackjax.mcmc import hmc  # it takes its time to import

        before = hmc.HMCState(weights, memory.log_density, memory.gradient)
        factor = factor_of(memory, t, self.adapt)
        wobble = jax.random.uniform(stream(key, "jitter"), (), jnp.float32, 1 - self.jitter, 1 + self.jitter)
        size = jnp.sqrt(2 * landscape.temperature * landscape.lr) * factor * wobble
        grown = -(-2 * self.leapfrogs * (t + 1) // max(self.adapt, 1))
        leapfrogs = jnp.clip(grown, 1, self.leapfrogs) if self.adapt else self.leapfrogs
        masses = jnp.ones((weights.size,), jnp.float32)
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            moved, info = hmc.build_kernel()(
                stream(key, "trajectory"), before, landscape.log_density, size, masses, leapfrogs
            )
        moved, acceptance = float32(moved), float32(info.acceptance_rate)
        log_step, mean = adapted(memory, t, self.adapt, self.target, acceptance)
        kept = Memory(moved.logdensity, moved.logdensity_grad, log_step, mean)
        return moved.position, kept, {"acceptance": acceptance, "step_factor": factor}

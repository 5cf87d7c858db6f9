"""The Metropolis-adjusted Langevin algorithm; blackjax does the work."""

from typing import ClassVar

import equinox as eqx
import jax
from jaxtyping import Array, Float, Int, Key, PyTree

from dsm._errors import require
from dsm._system import Record
from dsm._variables import Variable
from dsm.training.dynamics._adaptation import REPORTED, Memory, adapted, begin_memory, factor_of, float32
from dsm.training.dynamics._base import DYNAMICS, AbstractDynamics, Landscape


@DYNAMICS.register("mala")
class MALA(AbstractDynamics):
    """The step of `langevin` as a proposal that is accepted or rejected (Roberts and Tweedie, Bernoulli 2, 341, 1996):
    samples exp(-E / T) without bias.

    Attributes:
        adapt: steps during which lr is multiplied by a factor that is adapted to the acceptance: burn-in.
        target: acceptance that is wanted then.
    """

    adapt: int = eqx.field(static=True, default=0)
    target: float = eqx.field(static=True, default=0.57)
    exact: ClassVar[bool] = True
    variables: ClassVar[dict[str, Variable]] = REPORTED

    def __check_init__(self) -> None:
        require(self.adapt >= 0, "adapt", self.adapt, "at least 0 steps")
        require(0 < self.target < 1, "target", self.target, "between 0 and 1")

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
        from blackjax.mcmc import mala  # it takes its time to import

        before = mala.MALAState(weights, memory.log_density, memory.gradient)
        factor = factor_of(memory, t, self.adapt)
        size = landscape.temperature * landscape.lr * factor
        with jax.numpy_dtype_promotion("standard"):
            moved, info = mala.build_kernel()(key, before, landscape.log_density, size)
        moved, acceptance = float32(moved), float32(info.acceptance_rate)
        log_step, mean = adapted(memory, t, self.adapt, self.target, acceptance)
        kept = Memory(moved.logdensity, moved.logdensity_grad, log_step, mean)
        return moved.position, kept, {"acceptance": acceptance, "step_factor": factor}

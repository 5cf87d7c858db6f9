"""The Metropolis-adjusted Langevin algorithm: Hamiltonian Monte Carlo with one leapfrog."""

from typing import ClassVar

import equinox as eqx
from jaxtyping import Array, Float, Int, Key, PyTree

from dsm._errors import require
from dsm._system import Record
from dsm._variables import Variable
from dsm.training.dynamics._adaptation import REPORTED, begin_memory
from dsm.training.dynamics._base import DYNAMICS, AbstractDynamics, Landscape
from dsm.training.dynamics.hmc import HMC


@DYNAMICS.register("mala")
class MALA(AbstractDynamics):
    """The step of `langevin` as a proposal that is accepted or rejected (Roberts and Tweedie, Bernoulli 2, 341, 1996):
    samples exp(-E / T) without bias. It is `hmc` with trajectories of one leapfrog, which begins with the same proposal.

    Attributes:
        adapt: steps during which the leapfrog, hence the root of lr, is multiplied by a factor that is adapted to the
            acceptance: burn-in.
        target: acceptance that is wanted then.
    """

    adapt: int = eqx.field(static=True, default=0)
    target: float = eqx.field(static=True, default=0.57)
    exact: ClassVar[bool] = True
    variables: ClassVar[dict[str, Variable]] = REPORTED

    def __check_init__(self) -> None:
        require(self.adapt >= 0, "adapt", self.adapt, "at least 0 steps")
        require(0 < self.target < 1, "target", self.target, "between 0 and 1")

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
        return HMC(1, self.adapt, self.target, jitter=0.0).step(key, t, weights, memory, landscape)

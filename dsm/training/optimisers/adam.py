"""Adam."""

import equinox as eqx
import optax

from dsm._errors import require
from dsm.training.optimisers._base import OPTIMISERS, AbstractOptimiser


@OPTIMISERS.register("adam")
class Adam(AbstractOptimiser):
    """The mean gradient over the root of the mean square (Kingma and Ba, arXiv:1412.6980).

    Attributes:
        b1: decay of the mean gradient.
        b2: decay of its mean square.
        eps: added to the root.
    """

    b1: float = eqx.field(static=True, default=0.9)
    b2: float = eqx.field(static=True, default=0.999)
    eps: float = eqx.field(static=True, default=1e-8)

    def __check_init__(self) -> None:
        require(0 <= self.b1 < 1, "b1", self.b1, "at least 0 and below 1")
        require(0 <= self.b2 < 1, "b2", self.b2, "at least 0 and below 1")
        require(self.eps > 0, "eps", self.eps, "positive")

    def direction(self) -> optax.GradientTransformation:
        return optax.scale_by_adam(self.b1, self.b2, self.eps)

"""Binary weights."""

from jaxtyping import Array, Float

from dsm.theory._gaussian_channel import unbiased_free_entropy, unbiased_gap
from dsm.theory.weight_channels._base import WEIGHT_CHANNELS, AbstractWeightChannel


@WEIGHT_CHANNELS.register("ising")
class IsingChannel(AbstractWeightChannel):
    """J = +1 or -1 with equal probability: Q = int Dz tanh(sqrt(e) z + e) (Gyorgyi, Phys. Rev. A 41 (1990) 7097)."""

    def overlap_gap(self, field: Float[Array, ""]) -> Float[Array, ""]:
        return unbiased_gap(field)

    def free_entropy(self, field: Float[Array, ""]) -> Float[Array, ""]:
        return unbiased_free_entropy(field)

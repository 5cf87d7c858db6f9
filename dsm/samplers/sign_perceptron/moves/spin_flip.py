"""Single-weight flips."""

from typing import ClassVar

from jaxtyping import Array, Float, Key

from dsm.samplers.sign_perceptron.moves._base import MOVES, AbstractProposal


@MOVES.register("spin_flip")
class SpinFlip(AbstractProposal):
    """J -> -J: its own inverse, and the prior is uniform on the signs.

    At beta = 0 every flip is accepted, so that a sweep flips all weights: the measure is kept, but nothing mixes.
    """

    continuous: ClassVar[bool] = False

    def draw_proposal(self, key: Key[Array, ""], shape: tuple[int, ...]) -> None:
        return None

    def propose(self, draws: None, weight: Float[Array, ""], fan_in: int) -> Float[Array, ""]:
        return -weight

"""The teacher itself."""

from jaxtyping import Array, Float, Key

from dsm.training.narrow_starts._base import NARROW_STARTS, AbstractNarrowStart


@NARROW_STARTS.register("teacher")
class Teacher(AbstractNarrowStart):
    """w = w*."""

    def draw(self, key: Key[Array, ""], teacher: Float[Array, "K N"]) -> Float[Array, "K N"]:
        return teacher

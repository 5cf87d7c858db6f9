"""What a dataset provides."""

import abc
import math
from typing import ClassVar, NamedTuple

import equinox as eqx
from jaxtyping import Array, Float, Int, Key

from dsm._registry import Registry
from dsm.networks import DeepNetwork


class Examples(NamedTuple):
    """Inputs, and their classes where there are true ones.

    Attributes:
        inputs: float32.
        classes: int32, from 0; None without true classes.
    """

    inputs: Float[Array, "P N"]
    classes: Int[Array, " P"] | None = None


class AbstractDataset(eqx.Module):
    """Training and test inputs. A teacher is made after the test inputs, and training inputs may depend on it."""

    width: eqx.AbstractVar[int]

    #: The number of inputs, where the dataset prescribes it.
    fixed_width: ClassVar[int | None] = None
    #: How many examples there are.
    available: ClassVar[float] = math.inf
    #: How many true classes there are.
    classes: ClassVar[int] = 0
    #: True if the training inputs are made for the teacher: its hidden layers must then be known without them.
    teacher_aware: ClassVar[bool] = False

    @abc.abstractmethod
    def test(self, key: Key[Array, ""], number: int) -> Examples:
        """Test examples."""

    @abc.abstractmethod
    def train(self, key: Key[Array, ""], number: int, teacher: DeepNetwork) -> Examples:
        """Training examples: a set of them, or fresh ones. With the `key` of a finite dataset's test examples they are
        other examples than those."""


DATASETS: Registry[AbstractDataset] = Registry("dataset", AbstractDataset)

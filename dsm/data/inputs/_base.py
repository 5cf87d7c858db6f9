"""What an input ensemble provides."""

import abc
import math
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int8, Key

from dsm._errors import ConfigError
from dsm._parts import blamed, is_own, name_of
from dsm._registry import Registry


class AbstractInputs(eqx.Module):
    """A law of input patterns: vectors of `width` signs."""

    width: eqx.AbstractVar[int]

    #: The only possible width, if the inputs prescribe it: the network's then follows.
    fixed_width: ClassVar[int | None] = None
    #: Patterns there are, training and test together.
    available: ClassVar[float] = math.inf

    @abc.abstractmethod
    def sample(self, key: Key[Array, ""], train: int, test: int) -> tuple[Int8[Array, "M N"], Int8[Array, "M_test N"]]:
        """One disorder sample: `train` training and `test` fresh patterns of the same law.

        What the law itself draws at random (the features of a hidden manifold) is shared by both sets. The training
        set does not depend on `test`.

        Raises:
            ConfigError: the ensemble cannot give so many patterns.
        """


def check_inputs(inputs: AbstractInputs, train: int, test: int, room: int) -> None:
    """Draw one sample of an ensemble that is not dsm's own, and look at it.

    Arguments:
        inputs: the ensemble.
        train, test: numbers of patterns.
        room: number of training patterns that are drawn, of which the first `train` are used.

    Raises:
        ConfigError: it is not two arrays of signs of these numbers of patterns, more training patterns are not the same and
            others, or an error arises in the ensemble.
    """
    if is_own(type(inputs)):
        return
    who = f"data.inputs: {name_of(type(inputs))}"
    with blamed("data.inputs", type(inputs)):
        drawn = jax.jit(lambda key: inputs.sample(key, train, test))(jax.random.key(0))
    if not (isinstance(drawn, (tuple, list)) and len(drawn) == 2):
        raise ConfigError(f"{who}: sample must return training and test patterns, got {type(drawn).__name__}")
    for what, number, patterns in (("training", train, drawn[0]), ("test", test, drawn[1])):
        shape = (number, inputs.width)
        if patterns.shape != shape or patterns.dtype != jnp.int8:
            legal, got = f"int8{list(shape)}", f"{patterns.dtype}{list(patterns.shape)}"
            raise ConfigError(f"{who}: {what} patterns must be {legal}, got {got}")
        if (wrong := np.asarray(patterns)[abs(np.asarray(patterns)) != 1]).size:
            raise ConfigError(f"{who}: {what} patterns must be +1 or -1, got {wrong[0]}")
    if room > train:
        with blamed("data.inputs", type(inputs)):
            more = jax.jit(lambda key: inputs.sample(key, room, test))(jax.random.key(0))
        if not np.array_equal(more[0][:train], drawn[0]) or not np.array_equal(more[1], drawn[1]):
            raise ConfigError(f"{who}: with data.max_alpha, more training patterns must be the same ones and others")


INPUTS: Registry[AbstractInputs] = Registry("input ensemble", AbstractInputs)

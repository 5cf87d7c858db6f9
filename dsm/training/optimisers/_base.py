"""What an optimiser provides."""

import abc

import equinox as eqx
import optax

from dsm._registry import Registry


class AbstractOptimiser(eqx.Module):
    """How a gradient becomes a direction; the learning rate is applied to it afterwards."""

    @abc.abstractmethod
    def direction(self) -> optax.GradientTransformation:
        """From the gradient to the direction that is multiplied by minus the learning rate."""


OPTIMISERS: Registry[AbstractOptimiser] = Registry("optimiser", AbstractOptimiser)

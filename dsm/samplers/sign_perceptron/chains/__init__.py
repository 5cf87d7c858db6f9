"""The chain stage of a unit block, one file an implementation."""

from dsm._registry import import_folder
from dsm.samplers.sign_perceptron.chains._base import CHAINS as CHAINS
from dsm.samplers.sign_perceptron.chains._base import AbstractChain as AbstractChain
from dsm.samplers.sign_perceptron.chains._base import at as at

__all__ = ["CHAINS", "AbstractChain", "at"]

import_folder(__name__, __path__)

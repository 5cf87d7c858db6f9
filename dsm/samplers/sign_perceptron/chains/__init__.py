"""The chain stage of a unit block, one file an implementation."""

from dsm._registry import import_folder
from dsm.samplers.sign_perceptron.chains._base import CHAINS as CHAINS
from dsm.samplers.sign_perceptron.chains._base import AbstractChain as AbstractChain
from dsm.samplers.sign_perceptron.chains._base import Workload as Workload
from dsm.samplers.sign_perceptron.chains._base import at as at
from dsm.samplers.sign_perceptron.chains._choose import choose_chain as choose_chain

__all__ = ["CHAINS", "AbstractChain", "Workload", "at", "choose_chain"]

import_folder(__name__, __path__)

"""Activations and their Gaussian moments, one file each."""

from dsm._registry import import_folder
from dsm.networks.activations._base import ACTIVATIONS as ACTIVATIONS
from dsm.networks.activations._base import AbstractActivation as AbstractActivation
from dsm.networks.activations._base import make_activation as make_activation
from dsm.networks.activations._check import check_activation as check_activation

__all__ = ["ACTIVATIONS", "AbstractActivation", "check_activation", "make_activation"]

import_folder(__name__, __path__)

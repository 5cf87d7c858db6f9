"""Input ensembles, one file each."""

from dsm._registry import import_folder
from dsm.data.inputs._base import INPUTS as INPUTS
from dsm.data.inputs._base import AbstractInputs as AbstractInputs

__all__ = ["INPUTS", "AbstractInputs"]

import_folder(__name__, __path__)

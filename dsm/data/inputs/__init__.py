"""Input ensembles, one file each."""

from dsm._registry import import_folder
from dsm.data.inputs._base import INPUTS as INPUTS
from dsm.data.inputs._base import AbstractInputs as AbstractInputs
from dsm.data.inputs._base import check_inputs as check_inputs

__all__ = [
    "INPUTS",
    "AbstractInputs",
    "check_inputs",
]

import_folder(__name__, __path__)

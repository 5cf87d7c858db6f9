"""Learning rates as functions of the epoch, one file each."""

from dsm._registry import import_folder
from dsm.training.rates._base import RATES as RATES
from dsm.training.rates._base import AbstractRate as AbstractRate

__all__ = ["RATES", "AbstractRate"]

import_folder(__name__, __path__)

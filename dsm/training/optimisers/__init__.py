"""Optimisers, one file each; optax does the work."""

from dsm._registry import import_folder
from dsm.training.optimisers._base import OPTIMISERS as OPTIMISERS
from dsm.training.optimisers._base import AbstractOptimiser as AbstractOptimiser

__all__ = ["OPTIMISERS", "AbstractOptimiser"]

import_folder(__name__, __path__)

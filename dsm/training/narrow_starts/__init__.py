"""Narrow students at the start of learning, one file each (arXiv:2507.00629)."""

from dsm._registry import import_folder
from dsm.training.narrow_starts._base import NARROW_STARTS as NARROW_STARTS
from dsm.training.narrow_starts._base import AbstractNarrowStart as AbstractNarrowStart

__all__ = ["NARROW_STARTS", "AbstractNarrowStart"]

import_folder(__name__, __path__)

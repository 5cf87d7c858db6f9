"""Losses of one pattern, one file each."""

from dsm._registry import import_folder
from dsm.data.losses._base import LOSSES as LOSSES
from dsm.data.losses._base import AbstractLoss as AbstractLoss

__all__ = ["LOSSES", "AbstractLoss"]

import_folder(__name__, __path__)

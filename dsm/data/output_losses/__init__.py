"""Losses of networks with one real output, one file each (arXiv:2507.00629)."""

from dsm._registry import import_folder
from dsm.data.output_losses._base import OUTPUT_LOSSES as OUTPUT_LOSSES
from dsm.data.output_losses._base import AbstractOutputLoss as AbstractOutputLoss

__all__ = ["OUTPUT_LOSSES", "AbstractOutputLoss"]

import_folder(__name__, __path__)

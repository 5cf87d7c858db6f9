"""Deep networks at the start of training, one file each."""

from dsm._registry import import_folder
from dsm.training.network_starts._base import NETWORK_STARTS as NETWORK_STARTS
from dsm.training.network_starts._base import AbstractNetworkStart as AbstractNetworkStart

__all__ = ["NETWORK_STARTS", "AbstractNetworkStart"]

import_folder(__name__, __path__)

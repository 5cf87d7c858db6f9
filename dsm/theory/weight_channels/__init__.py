"""Gaussian channels of one weight, one file a prior, under the prior's name."""

from dsm._registry import import_folder
from dsm.theory.weight_channels._base import WEIGHT_CHANNELS as WEIGHT_CHANNELS
from dsm.theory.weight_channels._base import AbstractWeightChannel as AbstractWeightChannel
from dsm.theory.weight_channels._base import make_weight_channel as make_weight_channel

__all__ = ["WEIGHT_CHANNELS", "AbstractWeightChannel", "make_weight_channel"]

import_folder(__name__, __path__)

"""Losses of classification as the replica theory sees them, one file each."""

from dsm._registry import import_folder
from dsm.theory.output_channels._base import OUTPUT_CHANNELS as OUTPUT_CHANNELS
from dsm.theory.output_channels._base import AbstractOutputChannel as AbstractOutputChannel

__all__ = ["OUTPUT_CHANNELS", "AbstractOutputChannel"]

import_folder(__name__, __path__)

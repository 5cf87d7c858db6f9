"""Initial order parameters of online SGD, one file each."""

from dsm._registry import import_folder
from dsm.training.starts._base import STARTS as STARTS
from dsm.training.starts._base import AbstractStart as AbstractStart
from dsm.training.starts._base import Overlaps as Overlaps
from dsm.training.starts._base import weights_with_overlaps as weights_with_overlaps

import_folder(__name__, __path__)

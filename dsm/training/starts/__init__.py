"""Initial order parameters of online SGD, one file each."""

from dsm._registry import import_folder
from dsm.training.starts._base import OVERLAP_STARTS as OVERLAP_STARTS
from dsm.training.starts._base import AbstractOverlapStart as AbstractOverlapStart
from dsm.training.starts._base import StartOverlaps as StartOverlaps
from dsm.training.starts._base import root_of as root_of
from dsm.training.starts._base import weights_of_root as weights_of_root
from dsm.training.starts._base import weights_with_overlaps as weights_with_overlaps

__all__ = [
    "OVERLAP_STARTS",
    "AbstractOverlapStart",
    "StartOverlaps",
    "root_of",
    "weights_of_root",
    "weights_with_overlaps",
]

import_folder(__name__, __path__)

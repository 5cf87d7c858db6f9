"""Where a deep network's training and test inputs come from, one file each."""

from dsm._registry import import_folder
from dsm.data.datasets._base import DATASETS as DATASETS
from dsm.data.datasets._base import AbstractDataset as AbstractDataset
from dsm.data.datasets._base import Examples as Examples

__all__ = ["DATASETS", "AbstractDataset", "Examples"]

import_folder(__name__, __path__)

"""Laws of real inputs for gradient learning, one file each."""

from dsm._registry import import_folder
from dsm.data.laws._base import LAWS as LAWS
from dsm.data.laws._base import AbstractLaw as AbstractLaw

__all__ = ["LAWS", "AbstractLaw"]

import_folder(__name__, __path__)

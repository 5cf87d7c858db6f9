"""How the weights of a student move on all patterns at once, one file each."""

from dsm._registry import import_folder
from dsm.training.dynamics._base import DYNAMICS as DYNAMICS
from dsm.training.dynamics._base import AbstractDynamics as AbstractDynamics
from dsm.training.dynamics._base import Landscape as Landscape

__all__ = ["DYNAMICS", "AbstractDynamics", "Landscape"]

import_folder(__name__, __path__)

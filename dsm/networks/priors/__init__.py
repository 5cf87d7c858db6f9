"""Weight priors, one file each."""

from dsm._registry import import_folder
from dsm.networks.priors._base import PRIORS as PRIORS
from dsm.networks.priors._base import AbstractPrior as AbstractPrior

__all__ = ["PRIORS", "AbstractPrior"]

import_folder(__name__, __path__)

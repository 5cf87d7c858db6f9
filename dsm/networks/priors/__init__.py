"""Weight priors, one file each."""

from dsm._registry import import_folder
from dsm.networks.priors._base import PRIORS as PRIORS
from dsm.networks.priors._base import AbstractPrior as AbstractPrior
from dsm.networks.priors._base import make_prior as make_prior
from dsm.networks.priors._check import check_prior as check_prior

__all__ = ["PRIORS", "AbstractPrior", "check_prior", "make_prior"]

import_folder(__name__, __path__)

"""Observables of two-layer networks, one file each; in float64 where 64-bit types are enabled.

The symbols are those of arXiv:1906.08632: Q = w w^T / N, R = w wt^T / N and T = wt wt^T / N where fields are exactly
Gaussian; elsewhere covariances of the fields on test inputs.
"""

from dsm._registry import import_folder
from dsm.observables.two_layer._snapshot import OBSERVABLES as OBSERVABLES
from dsm.observables.two_layer._snapshot import Snapshot as Snapshot
from dsm.observables.two_layer._snapshot import take_snapshot as take_snapshot

__all__ = ["OBSERVABLES", "Snapshot", "take_snapshot"]

import_folder(__name__, __path__)

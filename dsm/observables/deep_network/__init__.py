"""Observables of deep networks of continuous units, one file each (arXiv:1909.13458).

Quantities of a pair compare the hidden units of a student with those of a teacher. Layers of different widths are padded
with NaN. Most are taken on test and on training inputs, the dimension `inputs`.
"""

from dsm._registry import import_folder
from dsm.observables.deep_network._correlation import correlations as correlations
from dsm.observables.deep_network._snapshot import INPUT_SETS as INPUT_SETS
from dsm.observables.deep_network._snapshot import OBSERVABLES as OBSERVABLES
from dsm.observables.deep_network._snapshot import Snapshot as Snapshot
from dsm.observables.deep_network._snapshot import take_snapshot as take_snapshot

__all__ = ["INPUT_SETS", "OBSERVABLES", "Snapshot", "correlations", "take_snapshot"]

import_folder(__name__, __path__)

"""Observables of deep sign networks, one file each.

Conventions: l runs over 1..L, so the trivial q(0) = 1 is left out; every overlap of a machine with itself is 1 (but the sum
over all pairs of units, which is larger).
"""

from dsm._registry import import_folder
from dsm.observables.sign_network._snapshot import OBSERVABLES as OBSERVABLES
from dsm.observables.sign_network._snapshot import Snapshot as Snapshot
from dsm.observables.sign_network._snapshot import take_snapshot as take_snapshot

__all__ = ["OBSERVABLES", "Snapshot", "take_snapshot"]

import_folder(__name__, __path__)

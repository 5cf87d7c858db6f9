"""Observables of narrow networks, one file each (arXiv:2507.00629).

Overlaps are w.w'/N. Where units are matched, they are so by the optimal assignment of `matched_overlaps`.
"""

from dsm._registry import import_folder
from dsm.observables.narrow._matching import matched_overlaps as matched_overlaps
from dsm.observables.narrow._snapshot import OBSERVABLES as OBSERVABLES
from dsm.observables.narrow._snapshot import Snapshot as Snapshot
from dsm.observables.narrow._snapshot import take_snapshot as take_snapshot

__all__ = ["OBSERVABLES", "Snapshot", "matched_overlaps", "take_snapshot"]

import_folder(__name__, __path__)

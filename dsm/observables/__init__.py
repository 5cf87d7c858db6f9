"""Observables: functions of two machines on the same inputs, one file each, and the statistics of their records."""

from dsm._registry import import_folder
from dsm.observables._base import OBSERVABLES as OBSERVABLES
from dsm.observables._base import AbstractObservable as AbstractObservable
from dsm.observables._base import Snapshot as Snapshot
from dsm.observables._base import Variable as Variable
from dsm.observables._base import take_snapshot as take_snapshot
from dsm.observables.gauge_invariant_overlap import gauge_invariant_overlap as gauge_invariant_overlap
from dsm.observables.gauge_invariant_weight_overlap import (
    gauge_invariant_weight_overlap as gauge_invariant_weight_overlap,
)
from dsm.observables.matched_overlap import matched_overlap as matched_overlap
from dsm.observables.same_layer_correlation import same_layer_correlation as same_layer_correlation
from dsm.observables.spin_overlap import spin_overlap as spin_overlap
from dsm.observables.test_error import test_error as test_error
from dsm.observables.weight_overlap import weight_overlap as weight_overlap

import_folder(__name__, __path__)

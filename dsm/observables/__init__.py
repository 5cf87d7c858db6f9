"""Observables: functions of one machine or of a pair of machines, one file each, and the statistics of their records.

`sign_network` and `two_layer` hold those of the two kinds of machines, each with its registry and its snapshot.
"""

from dsm._variables import Coordinate as Coordinate
from dsm._variables import Variable as Variable
from dsm.observables._base import AbstractMachineObservable as AbstractMachineObservable
from dsm.observables._base import AbstractObservable as AbstractObservable
from dsm.observables._base import AbstractPairObservable as AbstractPairObservable
from dsm.observables._base import Measures as Measures
from dsm.observables._base import check_quantities as check_quantities
from dsm.observables._base import choose_measures as choose_measures
from dsm.observables.sign_network.gauge_invariant_overlap import gauge_invariant_overlap as gauge_invariant_overlap
from dsm.observables.sign_network.gauge_invariant_weight_overlap import (
    gauge_invariant_weight_overlap as gauge_invariant_weight_overlap,
)
from dsm.observables.sign_network.matched_overlap import matched_overlap as matched_overlap
from dsm.observables.sign_network.same_layer_correlation import same_layer_correlation as same_layer_correlation
from dsm.observables.sign_network.spin_overlap import spin_overlap as spin_overlap
from dsm.observables.sign_network.test_error import test_error as test_error
from dsm.observables.sign_network.weight_overlap import weight_overlap as weight_overlap

__all__ = [
    "AbstractMachineObservable",
    "AbstractObservable",
    "AbstractPairObservable",
    "Coordinate",
    "Measures",
    "Variable",
    "check_quantities",
    "choose_measures",
    "gauge_invariant_overlap",
    "gauge_invariant_weight_overlap",
    "matched_overlap",
    "same_layer_correlation",
    "spin_overlap",
    "test_error",
    "weight_overlap",
]

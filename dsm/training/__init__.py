"""Gradient learning."""

from dsm.training._full_batch import FullBatchLearning as FullBatchLearning
from dsm.training._full_batch import FullBatchState as FullBatchState
from dsm.training._minibatch import DeepState as DeepState
from dsm.training._minibatch import MinibatchLearning as MinibatchLearning
from dsm.training._networks import networks_of_root as networks_of_root
from dsm.training._networks import networks_with_overlaps as networks_with_overlaps
from dsm.training._networks import random_networks as random_networks
from dsm.training._online_sgd import OnlineLearning as OnlineLearning
from dsm.training._online_sgd import OnlineSGD as OnlineSGD
from dsm.training.dynamics import DYNAMICS as DYNAMICS
from dsm.training.dynamics import AbstractDynamics as AbstractDynamics
from dsm.training.dynamics import Landscape as Landscape
from dsm.training.narrow_starts import NARROW_STARTS as NARROW_STARTS
from dsm.training.narrow_starts import AbstractNarrowStart as AbstractNarrowStart
from dsm.training.network_starts import NETWORK_STARTS as NETWORK_STARTS
from dsm.training.network_starts import AbstractNetworkStart as AbstractNetworkStart
from dsm.training.optimisers import OPTIMISERS as OPTIMISERS
from dsm.training.optimisers import AbstractOptimiser as AbstractOptimiser
from dsm.training.rates import RATES as RATES
from dsm.training.rates import AbstractRate as AbstractRate
from dsm.training.starts import OVERLAP_STARTS as OVERLAP_STARTS
from dsm.training.starts import AbstractOverlapStart as AbstractOverlapStart
from dsm.training.starts import StartOverlaps as StartOverlaps
from dsm.training.starts import root_of as root_of
from dsm.training.starts import weights_with_overlaps as weights_with_overlaps

__all__ = [
    "DYNAMICS",
    "NARROW_STARTS",
    "NETWORK_STARTS",
    "OPTIMISERS",
    "OVERLAP_STARTS",
    "RATES",
    "AbstractDynamics",
    "AbstractNarrowStart",
    "AbstractNetworkStart",
    "AbstractOptimiser",
    "AbstractOverlapStart",
    "AbstractRate",
    "DeepState",
    "FullBatchLearning",
    "FullBatchState",
    "Landscape",
    "MinibatchLearning",
    "OnlineLearning",
    "OnlineSGD",
    "StartOverlaps",
    "networks_of_root",
    "networks_with_overlaps",
    "random_networks",
    "root_of",
    "weights_with_overlaps",
]

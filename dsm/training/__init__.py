"""Gradient learning."""

from dsm.training._networks import networks_with_overlaps as networks_with_overlaps
from dsm.training._networks import random_networks as random_networks
from dsm.training._online_sgd import OnlineLearning as OnlineLearning
from dsm.training._online_sgd import OnlineSGD as OnlineSGD
from dsm.training.starts import OVERLAP_STARTS as OVERLAP_STARTS
from dsm.training.starts import AbstractOverlapStart as AbstractOverlapStart
from dsm.training.starts import StartOverlaps as StartOverlaps
from dsm.training.starts import weights_with_overlaps as weights_with_overlaps

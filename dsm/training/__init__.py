"""Gradient learning."""

from dsm.training._online_sgd import OnlineSGD as OnlineSGD
from dsm.training._simulation import OnlineSimulation as OnlineSimulation
from dsm.training._simulation import TwoLayerProblem as TwoLayerProblem
from dsm.training._simulation import random_networks as random_networks
from dsm.training._simulation import start_networks as start_networks
from dsm.training._simulation import two_layer_problem as two_layer_problem
from dsm.training.starts import STARTS as STARTS
from dsm.training.starts import AbstractStart as AbstractStart
from dsm.training.starts import weights_with_overlaps as weights_with_overlaps

"""Networks: pure equinox modules that act on one pattern."""

from dsm.networks._deep_network import BATCH_NORMS as BATCH_NORMS
from dsm.networks._deep_network import Affine as Affine
from dsm.networks._deep_network import DeepNetwork as DeepNetwork
from dsm.networks._deep_network import activate as activate
from dsm.networks._deep_network import available_rows as available_rows
from dsm.networks._deep_network import distinct_rows as distinct_rows
from dsm.networks._lattice import outside as outside
from dsm.networks._lattice import spacing as spacing
from dsm.networks._lattice import to_lattice as to_lattice
from dsm.networks._narrow_network import SECOND_LAYERS as SECOND_LAYERS
from dsm.networks._narrow_network import NarrowNetwork as NarrowNetwork
from dsm.networks._narrow_network import is_odd as is_odd
from dsm.networks._narrow_network import mean_of as mean_of
from dsm.networks._narrow_network import mean_over as mean_over
from dsm.networks._narrow_network import products_of as products_of
from dsm.networks._sign_network import SignNetwork as SignNetwork
from dsm.networks._sign_network import make_wiring as make_wiring
from dsm.networks._signs import is_up as is_up
from dsm.networks._signs import sign_pm as sign_pm
from dsm.networks._two_layer import TwoLayerNetwork as TwoLayerNetwork
from dsm.networks._wiring import Wiring as Wiring
from dsm.networks._wiring import dense_wiring as dense_wiring
from dsm.networks._wiring import random_wiring as random_wiring
from dsm.networks.activations import ACTIVATIONS as ACTIVATIONS
from dsm.networks.activations import AbstractActivation as AbstractActivation
from dsm.networks.activations import check_activation as check_activation
from dsm.networks.activations import make_activation as make_activation
from dsm.networks.priors import PRIORS as PRIORS
from dsm.networks.priors import AbstractPrior as AbstractPrior
from dsm.networks.priors import check_prior as check_prior
from dsm.networks.priors import make_prior as make_prior

__all__ = [
    "ACTIVATIONS",
    "BATCH_NORMS",
    "PRIORS",
    "SECOND_LAYERS",
    "AbstractActivation",
    "AbstractPrior",
    "Affine",
    "DeepNetwork",
    "NarrowNetwork",
    "SignNetwork",
    "TwoLayerNetwork",
    "Wiring",
    "activate",
    "available_rows",
    "check_activation",
    "check_prior",
    "dense_wiring",
    "distinct_rows",
    "is_odd",
    "is_up",
    "make_activation",
    "make_prior",
    "make_wiring",
    "mean_of",
    "mean_over",
    "outside",
    "products_of",
    "random_wiring",
    "sign_pm",
    "spacing",
    "to_lattice",
]

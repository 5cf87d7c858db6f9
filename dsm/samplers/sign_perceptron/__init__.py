"""Monte Carlo sampling of deep sign perceptrons: the unit-block sweep, its moves, and the system that they make."""

from dsm.samplers.sign_perceptron._base import AbstractSampler as AbstractSampler
from dsm.samplers.sign_perceptron._base import Info as Info
from dsm.samplers.sign_perceptron._base import State as State
from dsm.samplers.sign_perceptron._choose import check_stages as check_stages
from dsm.samplers.sign_perceptron._choose import choose_chain as choose_chain
from dsm.samplers.sign_perceptron._choose import choose_products as choose_products
from dsm.samplers.sign_perceptron._sampling import Sampling as Sampling
from dsm.samplers.sign_perceptron._unit_block import UnitBlock as UnitBlock
from dsm.samplers.sign_perceptron.chains import CHAINS as CHAINS
from dsm.samplers.sign_perceptron.chains import AbstractChain as AbstractChain
from dsm.samplers.sign_perceptron.moves import MOVES as MOVES
from dsm.samplers.sign_perceptron.moves import AbstractMove as AbstractMove
from dsm.samplers.sign_perceptron.moves import AbstractProposal as AbstractProposal
from dsm.samplers.sign_perceptron.moves.gaussian import GaussianMove as GaussianMove
from dsm.samplers.sign_perceptron.moves.heat_bath import HeatBath as HeatBath
from dsm.samplers.sign_perceptron.moves.spin_flip import SpinFlip as SpinFlip
from dsm.samplers.sign_perceptron.moves.version_space import VersionSpace as VersionSpace
from dsm.samplers.sign_perceptron.products import PRODUCTS as PRODUCTS
from dsm.samplers.sign_perceptron.products import AbstractProducts as AbstractProducts
from dsm.samplers.sign_perceptron.starts import STUDENT_STARTS as STUDENT_STARTS
from dsm.samplers.sign_perceptron.starts import state_of as state_of
from dsm.samplers.sign_perceptron.starts.planted import planted_start as planted_start
from dsm.samplers.sign_perceptron.starts.random import random_start as random_start

__all__ = [
    "CHAINS",
    "MOVES",
    "PRODUCTS",
    "STUDENT_STARTS",
    "AbstractChain",
    "AbstractMove",
    "AbstractProducts",
    "AbstractProposal",
    "AbstractSampler",
    "GaussianMove",
    "HeatBath",
    "Info",
    "Sampling",
    "SpinFlip",
    "State",
    "UnitBlock",
    "VersionSpace",
    "check_stages",
    "choose_chain",
    "choose_products",
    "planted_start",
    "random_start",
    "state_of",
]

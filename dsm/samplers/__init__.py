"""Monte Carlo: schedules and exchange for any system at a temperature, and the sampler of deep sign perceptrons."""

from dsm.samplers._accept import allowance as allowance
from dsm.samplers._exchange import Exchange as Exchange
from dsm.samplers._exchange import Ladder as Ladder
from dsm.samplers._exchange import chain_at as chain_at
from dsm.samplers._exchange import trade as trade
from dsm.samplers._ladder import tune_ladder as tune_ladder
from dsm.samplers._thermal import AbstractThermalSystem as AbstractThermalSystem
from dsm.samplers._thermal import AtBeta as AtBeta
from dsm.samplers.schedules import SCHEDULES as SCHEDULES
from dsm.samplers.schedules import AbstractSchedule as AbstractSchedule
from dsm.samplers.sign_perceptron import CHAINS as CHAINS
from dsm.samplers.sign_perceptron import MOVES as MOVES
from dsm.samplers.sign_perceptron import PRODUCTS as PRODUCTS
from dsm.samplers.sign_perceptron import STUDENT_STARTS as STUDENT_STARTS
from dsm.samplers.sign_perceptron import AbstractChain as AbstractChain
from dsm.samplers.sign_perceptron import AbstractMove as AbstractMove
from dsm.samplers.sign_perceptron import AbstractProducts as AbstractProducts
from dsm.samplers.sign_perceptron import AbstractProposal as AbstractProposal
from dsm.samplers.sign_perceptron import AbstractSampler as AbstractSampler
from dsm.samplers.sign_perceptron import GaussianMove as GaussianMove
from dsm.samplers.sign_perceptron import HeatBath as HeatBath
from dsm.samplers.sign_perceptron import Info as Info
from dsm.samplers.sign_perceptron import Sampling as Sampling
from dsm.samplers.sign_perceptron import SpinFlip as SpinFlip
from dsm.samplers.sign_perceptron import State as State
from dsm.samplers.sign_perceptron import UnitBlock as UnitBlock
from dsm.samplers.sign_perceptron import VersionSpace as VersionSpace
from dsm.samplers.sign_perceptron import check_stages as check_stages
from dsm.samplers.sign_perceptron import choose_chain as choose_chain
from dsm.samplers.sign_perceptron import choose_products as choose_products
from dsm.samplers.sign_perceptron import planted_start as planted_start
from dsm.samplers.sign_perceptron import random_start as random_start
from dsm.samplers.sign_perceptron import state_of as state_of

__all__ = [
    "CHAINS",
    "MOVES",
    "PRODUCTS",
    "SCHEDULES",
    "STUDENT_STARTS",
    "AbstractChain",
    "AbstractMove",
    "AbstractProducts",
    "AbstractProposal",
    "AbstractSampler",
    "AbstractSchedule",
    "AbstractThermalSystem",
    "AtBeta",
    "Exchange",
    "GaussianMove",
    "HeatBath",
    "Info",
    "Ladder",
    "Sampling",
    "SpinFlip",
    "State",
    "UnitBlock",
    "VersionSpace",
    "allowance",
    "chain_at",
    "check_stages",
    "choose_chain",
    "choose_products",
    "planted_start",
    "random_start",
    "state_of",
    "trade",
    "tune_ladder",
]

"""Monte Carlo sampling of students."""

from dsm.samplers._accept import allowance as allowance
from dsm.samplers._base import AbstractSampler as AbstractSampler
from dsm.samplers._base import Info as Info
from dsm.samplers._base import State as State
from dsm.samplers._exchange import Exchange as Exchange
from dsm.samplers._exchange import Ladder as Ladder
from dsm.samplers._exchange import chain_at as chain_at
from dsm.samplers._exchange import trade as trade
from dsm.samplers._ladder import tune_ladder as tune_ladder
from dsm.samplers._unit_block import UnitBlock as UnitBlock
from dsm.samplers.chains import CHAINS as CHAINS
from dsm.samplers.chains import AbstractChain as AbstractChain
from dsm.samplers.moves import MOVES as MOVES
from dsm.samplers.moves import AbstractMove as AbstractMove
from dsm.samplers.moves.gaussian import GaussianMove as GaussianMove
from dsm.samplers.moves.heat_bath import HeatBath as HeatBath
from dsm.samplers.moves.spin_flip import SpinFlip as SpinFlip
from dsm.samplers.moves.version_space import VersionSpace as VersionSpace
from dsm.samplers.schedules import SCHEDULES as SCHEDULES
from dsm.samplers.schedules import AbstractSchedule as AbstractSchedule
from dsm.samplers.starts import STUDENT_STARTS as STUDENT_STARTS
from dsm.samplers.starts import state_of as state_of
from dsm.samplers.starts.planted import planted_start as planted_start
from dsm.samplers.starts.random import random_start as random_start

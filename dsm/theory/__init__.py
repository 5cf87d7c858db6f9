"""Theory: saddle points and equations of motion, in float64."""

from dsm.theory._branch import Branch as Branch
from dsm.theory._branch import follow_branch as follow_branch
from dsm.theory._deep_student_machine import Solution as Solution
from dsm.theory._deep_student_machine import continuation as continuation
from dsm.theory._deep_student_machine import deep_student_machine as deep_student_machine
from dsm.theory._hidden_manifold_ode import hidden_manifold_sgd as hidden_manifold_sgd
from dsm.theory._online_sgd_ode import Trajectory as Trajectory
from dsm.theory._online_sgd_ode import online_sgd as online_sgd
from dsm.theory._order_parameters import Overlaps as Overlaps
from dsm.theory._order_parameters import check_covariance as check_covariance
from dsm.theory._order_parameters import test_error as test_error
from dsm.theory._result import Result as Result
from dsm.theory._root import Root as Root
from dsm.theory._root import find_root as find_root
from dsm.theory._root import fixed_point_residual as fixed_point_residual
from dsm.theory._small_noise import SmallNoiseError as SmallNoiseError
from dsm.theory._small_noise import small_noise_error as small_noise_error
from dsm.theory._steady_state import SteadyState as SteadyState
from dsm.theory._steady_state import steady_state as steady_state
from dsm.theory._transitions import Coexistence as Coexistence
from dsm.theory._transitions import coexistences as coexistences
from dsm.theory._transitions import critical_alpha as critical_alpha
from dsm.theory._unit_correlations import unit_correlations as unit_correlations
from dsm.theory.closures import CLOSURES as CLOSURES
from dsm.theory.closures import AbstractClosure as AbstractClosure
from dsm.theory.narrow import NarrowSolution as NarrowSolution
from dsm.theory.narrow import NarrowTransitions as NarrowTransitions
from dsm.theory.narrow import narrow_branch as narrow_branch
from dsm.theory.narrow import narrow_network as narrow_network
from dsm.theory.narrow import narrow_transitions as narrow_transitions
from dsm.theory.weight_channels import WEIGHT_CHANNELS as WEIGHT_CHANNELS
from dsm.theory.weight_channels import AbstractWeightChannel as AbstractWeightChannel

__all__ = [
    "CLOSURES",
    "WEIGHT_CHANNELS",
    "AbstractClosure",
    "AbstractWeightChannel",
    "Branch",
    "Coexistence",
    "NarrowSolution",
    "NarrowTransitions",
    "Overlaps",
    "Result",
    "Root",
    "SmallNoiseError",
    "Solution",
    "SteadyState",
    "Trajectory",
    "check_covariance",
    "coexistences",
    "continuation",
    "critical_alpha",
    "deep_student_machine",
    "find_root",
    "fixed_point_residual",
    "follow_branch",
    "hidden_manifold_sgd",
    "narrow_branch",
    "narrow_network",
    "narrow_transitions",
    "online_sgd",
    "small_noise_error",
    "steady_state",
    "test_error",
    "unit_correlations",
]

"""Data: input ensembles and the problems that a teacher makes of them."""

from dsm.data._problem import Problem as Problem
from dsm.data._problem import teacher_problem as teacher_problem
from dsm.data._problem import training_patterns as training_patterns
from dsm.data._two_layer_problem import TwoLayerProblem as TwoLayerProblem
from dsm.data._two_layer_problem import two_layer_problem as two_layer_problem
from dsm.data.inputs import INPUTS as INPUTS
from dsm.data.inputs import AbstractInputs as AbstractInputs
from dsm.data.inputs.digits import Digits as digits
from dsm.data.inputs.hidden_manifold import HiddenManifold as hidden_manifold
from dsm.data.inputs.iid import IIDSigns as iid_signs
from dsm.data.laws import LAWS as LAWS
from dsm.data.laws import AbstractLaw as AbstractLaw

__all__ = [
    "INPUTS",
    "LAWS",
    "AbstractInputs",
    "AbstractLaw",
    "Problem",
    "TwoLayerProblem",
    "digits",
    "hidden_manifold",
    "iid_signs",
    "teacher_problem",
    "training_patterns",
    "two_layer_problem",
]

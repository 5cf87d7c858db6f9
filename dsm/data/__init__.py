"""Data: input ensembles and the problems that a teacher makes of them."""

from dsm.data._deep_problem import DeepProblem as DeepProblem
from dsm.data._deep_problem import TeacherLaw as TeacherLaw
from dsm.data._deep_problem import deep_problem as deep_problem
from dsm.data._narrow_problem import NarrowLaw as NarrowLaw
from dsm.data._narrow_problem import NarrowProblem as NarrowProblem
from dsm.data._narrow_problem import narrow_problem as narrow_problem
from dsm.data._narrow_problem import pattern_number as pattern_number
from dsm.data._problem import Problem as Problem
from dsm.data._problem import first_patterns as first_patterns
from dsm.data._problem import teacher_problem as teacher_problem
from dsm.data._problem import training_patterns as training_patterns
from dsm.data._two_layer_problem import TwoLayerProblem as TwoLayerProblem
from dsm.data._two_layer_problem import two_layer_problem as two_layer_problem
from dsm.data.datasets import DATASETS as DATASETS
from dsm.data.datasets import AbstractDataset as AbstractDataset
from dsm.data.inputs import INPUTS as INPUTS
from dsm.data.inputs import AbstractInputs as AbstractInputs
from dsm.data.inputs import check_inputs as check_inputs
from dsm.data.inputs.digits import Digits as digits
from dsm.data.inputs.hidden_manifold import HiddenManifold as hidden_manifold
from dsm.data.inputs.iid import IIDSigns as iid_signs
from dsm.data.laws import LAWS as LAWS
from dsm.data.laws import AbstractLaw as AbstractLaw
from dsm.data.losses import LOSSES as LOSSES
from dsm.data.losses import AbstractLoss as AbstractLoss
from dsm.data.output_losses import OUTPUT_LOSSES as OUTPUT_LOSSES
from dsm.data.output_losses import AbstractOutputLoss as AbstractOutputLoss

__all__ = [
    "DATASETS",
    "INPUTS",
    "LAWS",
    "LOSSES",
    "OUTPUT_LOSSES",
    "AbstractDataset",
    "AbstractInputs",
    "AbstractLaw",
    "AbstractLoss",
    "AbstractOutputLoss",
    "DeepProblem",
    "NarrowLaw",
    "NarrowProblem",
    "Problem",
    "TeacherLaw",
    "TwoLayerProblem",
    "check_inputs",
    "deep_problem",
    "digits",
    "first_patterns",
    "hidden_manifold",
    "iid_signs",
    "narrow_problem",
    "pattern_number",
    "teacher_problem",
    "training_patterns",
    "two_layer_problem",
]

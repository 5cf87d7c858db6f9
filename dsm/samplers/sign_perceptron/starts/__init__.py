"""Starts of students, one file each."""

from dsm._registry import import_folder
from dsm.samplers.sign_perceptron.starts._base import STUDENT_STARTS as STUDENT_STARTS
from dsm.samplers.sign_perceptron.starts._base import state_of as state_of

__all__ = ["STUDENT_STARTS", "state_of"]

import_folder(__name__, __path__)

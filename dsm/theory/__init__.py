"""Theory: saddle points and equations of motion, in float64."""

from dsm.theory._deep_student_machine import Solution as Solution
from dsm.theory._deep_student_machine import continuation as continuation
from dsm.theory._deep_student_machine import deep_student_machine as deep_student_machine
from dsm.theory._saddle_point import Result as Result
from dsm.theory._transitions import Coexistence as Coexistence
from dsm.theory._transitions import coexistences as coexistences
from dsm.theory._transitions import critical_alpha as critical_alpha
from dsm.theory.closures import CLOSURES as CLOSURES
from dsm.theory.closures import AbstractClosure as AbstractClosure

"""Elementary moves on one weight, one file each."""

from dsm._registry import import_folder
from dsm.samplers.sign_perceptron.moves._base import MOVES as MOVES
from dsm.samplers.sign_perceptron.moves._base import AbstractMove as AbstractMove
from dsm.samplers.sign_perceptron.moves._base import AbstractProposal as AbstractProposal
from dsm.samplers.sign_perceptron.moves._base import Unit as Unit

__all__ = [
    "MOVES",
    "AbstractMove",
    "AbstractProposal",
    "Unit",
]

import_folder(__name__, __path__)

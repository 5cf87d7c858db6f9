"""Closures of the hidden spin, one file each."""

from dsm._registry import import_folder
from dsm.theory._hidden_unit import output_free_entropy as output_free_entropy
from dsm.theory._hidden_unit import output_gain as output_gain
from dsm.theory.closures._base import CLOSURES as CLOSURES
from dsm.theory.closures._base import AbstractClosure as AbstractClosure
from dsm.theory.closures._base import Order as Order
from dsm.theory.closures._base import Response as Response
from dsm.theory.closures._base import product_gap as product_gap

__all__ = [
    "CLOSURES",
    "AbstractClosure",
    "Order",
    "Response",
    "output_free_entropy",
    "output_gain",
    "product_gap",
]

import_folder(__name__, __path__)

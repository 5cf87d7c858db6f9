"""Closures of the hidden spin, one file each."""

from dsm._registry import import_folder
from dsm.theory.closures._base import CLOSURES as CLOSURES
from dsm.theory.closures._base import AbstractClosure as AbstractClosure
from dsm.theory.closures._base import Order as Order
from dsm.theory.closures._base import Response as Response

__all__ = ["CLOSURES", "AbstractClosure", "Order", "Response"]

import_folder(__name__, __path__)

"""The matrix products of the field stage, one file an implementation."""

from dsm._registry import import_folder
from dsm.samplers.sign_perceptron.products._base import PRODUCTS as PRODUCTS
from dsm.samplers.sign_perceptron.products._base import AbstractProducts as AbstractProducts

__all__ = ["PRODUCTS", "AbstractProducts"]

import_folder(__name__, __path__)

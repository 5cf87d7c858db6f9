"""The matrix products of the field stage, one file an implementation."""

from dsm._registry import import_folder
from dsm.samplers.sign_perceptron.products._base import PRODUCTS as PRODUCTS
from dsm.samplers.sign_perceptron.products._base import AbstractProducts as AbstractProducts
from dsm.samplers.sign_perceptron.products._choose import choose_products as choose_products

__all__ = ["PRODUCTS", "AbstractProducts", "choose_products"]

import_folder(__name__, __path__)

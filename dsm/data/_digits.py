"""Scikit-learn's bundled digits: 1797 images of 8x8 grey values from 0 to 16, and which digit each shows."""

import numpy as np

from dsm._errors import ConfigError

PIXELS = 64
IMAGES = 1797
GREYS = 16
CLASSES = 10


def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """Images [1797, 64] and digits [1797].

    Raises:
        ConfigError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ConfigError('inputs = digits: must be installed first, pip install "dsm[digits]"') from None
    found = load_digits()
    return found.data, found.target

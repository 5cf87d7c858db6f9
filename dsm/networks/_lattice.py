r"""Weights on a lattice, so that fields are exact.

The sign of a field decides everything here, and a float sum near zero depends on the order of its terms. We therefore
keep weights on the multiples of a power of two, fine enough to be continuous for all purposes and coarse enough that
every partial sum of the c terms of a field is a float32 without rounding:

    spacing(c) = 2**(ceil(log2(2c + 16)) - 24),        e.g. 2**-18 at c = 20, 2**-16 at c = 100, 2**-13 at c = 1000.

A row's sum of |J| stays below 2c + 16 (its mean is 0.80 c with standard deviation 0.60 sqrt(c)). Then fields do not
depend on the order of summation, incremental updates equal recomputation bitwise, and so do one and many devices.
The lattice point x carries the Gaussian mass of its cell (x - spacing/2, x + spacing/2). For a Gaussian move of
standard deviation d, detailed balance holds up to (spacing/d)**2: 2e-10 at c = 20 and 3e-9 at c = 100 for d = 0.3.
"""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def spacing(fan_in: int) -> float:
    """Lattice spacing for units with `fan_in` inputs, 2**(ceil(log2(2 fan_in + 16)) - 24): the finest power of two at which
    every partial sum of a field is a float32 without rounding."""
    return 2.0 ** (math.ceil(math.log2(2 * fan_in + 16)) - 24)


def to_lattice(weights: Float[Array, "..."], fan_in: int) -> Float[Array, "..."]:
    """Round to the nearest lattice point (exact: the spacing is a power of two)."""
    step = spacing(fan_in)
    return _to_even(weights * (1 / step)) * step


def outside(weights: np.ndarray, continuous: bool, fan_in: int) -> tuple[np.ndarray, str]:
    """Those of float32 weights that are not what weights may be, and this in words."""
    if not continuous:
        return weights[abs(weights) != 1], "+1 or -1"
    step, most = spacing(fan_in), 2 * fan_in + 16
    off = (weights / np.float32(step)) % 1 != 0
    legal = f"a multiple of {step:g} (dsm.networks.to_lattice rounds to them) and smaller than {most}"
    return weights[off | ~(abs(weights) < most)], legal


def _to_even(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """`jnp.round`, in terms that GPU kernels have too: from 2**23 on float32 has no fractions, and sums round to even."""
    large = jnp.where(x < 0, jnp.float32(-(2.0**23)), jnp.float32(2.0**23))
    return jnp.where(jnp.abs(x) < 2.0**23, (x + large) - large, x)

"""The only sign function of the project."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Num


def is_up(field: Num[Array, "..."]) -> Bool[Array, "..."]:
    """Whether a spin in this field points up; a field of exactly zero counts as up."""
    return field >= 0


def sign_pm(field: Float[Array, "..."]) -> Float[Array, "..."]:
    """Sign with values +1 and -1 only, sgn(0) = +1, in the dtype of `field`."""
    one = jnp.ones((), field.dtype)
    return jnp.where(is_up(field), one, -one)

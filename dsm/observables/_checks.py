"""What an observable says of itself, held against the rules and against what it gives: all that can be known from shapes."""

from collections.abc import Collection
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from dsm._errors import ConfigError
from dsm._parts import blamed, name_of
from dsm._system import Record
from dsm._variables import FIGURES, Coordinate, Variable

KEY = "observe.quantities"


def refuse(observable: Any, reason: str) -> ConfigError:
    """The error that names an observable."""
    return ConfigError(f"{KEY}: {name_of(type(observable))}: {reason}")


def check_description(observable: Any, what: str, known: Collection[str]) -> None:
    """Refuse an observable whose description cannot be stored.

    Arguments:
        observable: the observable.
        what: of which it is taken, "machines" or "pairs".
        known: those that there are.

    Raises:
        ConfigError: a name or a dimension is no identifier or comes twice, or a word is unknown.
    """
    variables = observable.variables
    if not (isinstance(variables, dict) and variables and all(isinstance(v, Variable) for v in variables.values())):
        raise refuse(observable, f"variables must be a dictionary of Variable by name, got {variables}")
    for name, variable in variables.items():
        if not str(name).isidentifier():
            raise refuse(observable, f"the variable {name!r} must be named by letters, digits and underscores")
        dims = variable.dims
        listed = isinstance(dims, (tuple, list)) and all(isinstance(dim, str) and dim.isidentifier() for dim in dims)
        if not listed or len(set(dims)) != len(dims):
            raise refuse(observable, f"dims of {name} must be different names, as in ('layer',), got {dims!r}")
        if not _chosen(variable.figures, FIGURES):
            legal = f"a tuple, as in ('profile',), of {', '.join(FIGURES)}"
            raise refuse(observable, f"figures of {name} must be {legal}, got {variable.figures!r}")
    for dim, coordinate in observable.coordinates.items():
        if not isinstance(coordinate, Coordinate):
            raise refuse(
                observable, f"coordinates must be a dictionary of Coordinate by dimension, got {dim}: {coordinate}"
            )
    kinds = getattr(observable, what)
    if not _chosen(kinds, known):
        raise refuse(observable, f"{what} must be a tuple, as in ('student',), of {', '.join(known)}, got {kinds!r}")


def _chosen(words: Any, known: Collection[str]) -> bool:
    return isinstance(words, (tuple, list)) and all(word in known for word in words)


def taken(observable: Any, *machines: Any) -> Record:
    """An observable of one machine or of a pair, its values as arrays.

    Raises:
        ConfigError: they are not those that it says, by name and number of dimensions, or an error arose in somebody's.
    """
    with blamed(KEY, type(observable)):
        values = observable(*machines)
    wanted = observable.variables
    if not isinstance(values, dict) or set(values) != set(wanted):
        one = "an array" if isinstance(values, jax.Array) else type(values).__name__
        got = ", ".join(map(str, values)) if isinstance(values, dict) else one
        raise refuse(observable, f"must return a dictionary of {', '.join(wanted)}, got {got}")
    arrays = {}
    for name, value in values.items():
        with blamed(KEY, type(observable)):
            array = jnp.asarray(value)
        if array.ndim != len(wanted[name].dims):
            dims = f"({', '.join(wanted[name].dims)})"
            raise refuse(observable, f"{name} must have the dimensions {dims}, got an array of shape {array.shape}")
        if not (jnp.issubdtype(array.dtype, jnp.number) or array.dtype == bool) or jnp.iscomplexobj(array):
            raise refuse(observable, f"{name} must be real numbers, got {array.dtype}")
        arrays[name] = lax.convert_element_type(array, array.dtype)  # not weakly typed, as Python's numbers are
    return arrays

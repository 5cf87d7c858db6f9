"""Errors that a user can cause, told apart from bugs: the CLI prints them as one line and no traceback."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class DsmError(Exception):
    """Base of every error that `dsm` raises on purpose.

    Attributes:
        agreed: whether all processes of the run raise it; the first tells the user.
    """

    agreed = False


class ConfigError(DsmError, ValueError):
    """A setting is illegal. The message names the key, the value and what is legal."""

    __module__ = "dsm"  # where users find it


class StoreError(DsmError, RuntimeError):
    """A run directory cannot be read or written as asked."""

    __module__ = "dsm"


class InUseError(StoreError):
    """Another process holds the run directory."""


class HostsError(DsmError, RuntimeError):
    """The processes of a run on several hosts do not come together."""


class CapacityError(DsmError, MemoryError):
    """The run cannot fit in memory. The message says what would."""


def require(condition: bool, key: str, value: object, legal: str) -> None:
    """Raise `ConfigError` unless `condition` holds: `key = value: must be legal`."""
    if not condition:
        quoted = isinstance(value, str) and _is_a_number(value) and legal.startswith(("a number", "an integer"))
        # Settings name their section; arguments in Python do not, and are None there.
        shown = as_written(value) if "." in key else value
        raise ConfigError(f"{key} = {shown}: must be {legal}{'; quotes make it a word' if quoted else ''}")


def as_written(value: object) -> object:
    """A value as messages show it: what is None in Python is null in settings."""
    return "null" if value is None else value


def _is_a_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def shortly(function: Callable[P, R]) -> Callable[P, R]:
    """A public function whose errors that a user can cause come without the way that they took through dsm: in a notebook
    the line that says what is wrong stands below the line that was wrong. What caused an error is still told."""

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        __tracebackhide__ = True  # in IPython
        try:
            return function(*args, **kwargs)
        except DsmError as error:
            raise error.with_traceback(None) from error.__cause__

    return called


def is_integer(value: object) -> bool:
    """True for a whole number that is not a truth value (in Python `True` is an `int`)."""
    return isinstance(value, int) and not isinstance(value, bool)

"""Errors that a user can cause, told apart from bugs: the CLI prints them as one line and no traceback."""


class DsmError(Exception):
    """Base of every error that `dsm` raises on purpose.

    Attributes:
        agreed: whether all processes of the run raise it; the first tells the user.
    """

    agreed = False


class ConfigError(DsmError, ValueError):
    """A setting is illegal. The message names the key, the value and what is legal."""


class StoreError(DsmError, RuntimeError):
    """A run directory cannot be read or written as asked."""


class InUseError(StoreError):
    """Another process holds the run directory."""


class HostsError(DsmError, RuntimeError):
    """The processes of a run on several hosts do not come together."""


class CapacityError(DsmError, MemoryError):
    """The run cannot fit in memory. The message says what would."""


def require(condition: bool, key: str, value: object, legal: str) -> None:
    """Raise `ConfigError` unless `condition` holds: `key = value: must be legal`."""
    if not condition:
        raise ConfigError(f"{key} = {value}: must be {legal}")


def is_integer(value: object) -> bool:
    """True for a whole number that is not a truth value (in Python `True` is an `int`)."""
    return isinstance(value, int) and not isinstance(value, bool)

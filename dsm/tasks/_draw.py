"""Drawing problems: compiled once for all runs of a process whose problems have the same settings."""

import copy
import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

import equinox as eqx
from jaxtyping import Array, Key, PyTree

from dsm._registry import Registry
from dsm.config import Config

C = TypeVar("C", bound=Config)


def draw_with(draw: Callable[..., PyTree], config: C, keys: tuple[str, ...], key: Key[Array, ""], *arrays: Any) -> Any:
    """`draw(config, key, *arrays)`, where all settings but those of `keys` are None.

    Runs that differ in other settings, such as the seed, share the compiled program.

    Arguments:
        draw: a function of a module, not one that is made for the run.
        keys: sections of the settings ("data"), or settings of a section ("training.loss").
        arrays: what else differs from run to run.
    """
    return _drawn(draw, _Settings(_only(config, keys), Registry.registrations), key, arrays)


@eqx.filter_jit
def _drawn(draw: Callable[..., PyTree], settings: "_Settings", key: Key[Array, ""], arrays: tuple) -> PyTree:
    return draw(settings.config, key, *arrays)


class _Settings:
    """Settings as a constant of a compiled program; others of the same spelling are equal, while no part is replaced."""

    def __init__(self, config: Config, registrations: int) -> None:
        self.config = config
        self._identity = type(config), repr(config), registrations

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Settings) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)


def _only(settings: Any, keys: tuple[str, ...]) -> Any:
    """A copy in which every field is None that is neither one of `keys` nor has one below."""
    seen = copy.copy(settings)
    for field in dataclasses.fields(settings):
        below = tuple(key.removeprefix(f"{field.name}.") for key in keys if key.startswith(f"{field.name}."))
        if field.name not in keys:
            setattr(seen, field.name, _only(getattr(settings, field.name), below) if below else None)
    return seen

"""Types of settings: whole numbers however they are written, and what is said about a value of the wrong type."""

import copy
import dataclasses
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import (
    ConfigKeyError,
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)

from dsm._errors import ConfigError, as_written
from dsm._near import did_you_mean
from dsm._registry import whole
from dsm.config._base import SOURCES
from dsm.config._presets import preset_files


def with_whole_numbers(settings: DictConfig, schema: type) -> DictConfig:
    """`settings` with integers for whole floats, such as 1e3, wherever `schema` wants integers, and in all options of parts:
    what those are converts itself, and 1 and 1.0 are one run."""
    settings = copy.deepcopy(settings)
    _whole_options(settings)
    for key in _integers(schema):
        value = OmegaConf.select(settings, key)
        if isinstance(value, float):
            OmegaConf.update(settings, key, whole(value))
        elif isinstance(value, ListConfig):
            OmegaConf.update(settings, key, [whole(entry) for entry in value])
    return settings


def _whole_options(node: Any) -> None:
    if isinstance(node, DictConfig) and not node._is_none() and not node._is_interpolation():
        for key in list(node):
            child = node._get_node(key)
            if isinstance(child, DictConfig):
                _whole_options(child)
            elif "name" in node and child is not None and isinstance(value := child._value(), float):
                node[key] = whole(value)


def _integers(schema: type, prefix: str = "") -> Iterator[str]:
    """Dotted keys of the integers and lists of integers of a schema."""
    for name, kind in typing.get_type_hints(schema).items():
        if dataclasses.is_dataclass(kind):
            yield from _integers(typing.cast(type, kind), f"{prefix}{name}.")
        elif kind in (int, int | None, list[int]):
            yield f"{prefix}{name}"


def explain(
    error: OmegaConfBaseException, composed: DictConfig, schema: type, presets: Path, chosen: Mapping[str, str | None]
) -> ConfigError:
    """What is wrong with `composed`, that does not fit `schema`, and what would be legal.

    Arguments:
        presets: folder conf/, where each group of settings is a folder of files.
        chosen: the preset that was chosen in each group.
    """
    if not error.full_key:
        return ConfigError(str(error).splitlines()[0])
    key, reason = error.full_key, str(error).splitlines()[0]
    group = key.split(".")[0]
    section = typing.get_type_hints(schema).get(group)
    if dataclasses.is_dataclass(section) and group in chosen:
        fitting = [path.stem for path in sorted((presets / group).glob("*.yaml")) if _fits(path, section)]
        own = presets / group / f"{chosen[group]}.yaml"
        if own.exists() and own.stem not in fitting:
            legal = f"must be one of {', '.join(fitting)}"
            return ConfigError(f"{group}={own.stem} does not fit task={composed.task}: {legal}")
    if isinstance(error, MissingMandatoryValue):
        file = preset_files(group, composed.run.searchpath).get(str(chosen.get(group)))
        if file is not None and file.read_text(encoding="utf-8").lstrip().startswith("# @package"):
            wrong = f"{file} must not begin with a line # @package: its settings are those of {group}"
            return ConfigError(f"{group} = {file.stem}: {wrong}")
        return ConfigError(f"{key} is missing: task={composed.task} needs it")
    if isinstance(error, InterpolationResolutionError):
        return ConfigError(f"{key}: {reason[:1].lower()}{reason[1:]}")
    value = OmegaConf.select(composed, key, default="?")
    if isinstance(error, ConfigKeyError):
        hints = typing.get_type_hints(error.ref_type if dataclasses.is_dataclass(error.ref_type) else schema)
        known = [name for name in hints if name != SOURCES]  # which nobody chooses
        close = did_you_mean(key.rsplit(".", 1)[-1], known)
        return ConfigError(f"{key} = {value}: there is no such setting, must be one of {', '.join(known)}{close}")
    return ConfigError(f"{key} = {as_written(value)}: must be {_wanted(key, value, reason)}")


def _fits(preset: Path, section: Any) -> bool:
    try:
        OmegaConf.merge(OmegaConf.structured(section), OmegaConf.load(preset))
    except OmegaConfBaseException:
        return False
    return True


def _wanted(key: str, value: Any, reason: str) -> str:
    """What is legal, in words, from the first line of an error of OmegaConf."""
    kinds = {
        "to Integer": "an integer",
        "to Float": "a number",
        "bool": "true or false",
        "is not a ListConfig": f"a list, as in {key}=[{value}]",
        "'DictConfig' to string": "a word",
        "to Dict": f"a part by name, as in {key}.name={value}",
    }
    return next((kind for word, kind in kinds.items() if word in reason), f"of another type ({reason})")

"""What sets a run apart from its experiment."""

import functools
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from dsm._errors import ConfigError
from dsm._registry import Registry
from dsm.config import SOURCES, Config, flatten, folder, preset_files
from dsm.config._searchpath import place_of
from dsm.tasks._compose import compose
from dsm.tasks._task import task_of


def changes(config: Config) -> dict[str, Any]:
    """What sets `config` apart from its experiment, in the fewest words: presets by group, and settings by dotted key. A
    function of the configuration alone, however it was spelt on the command line. The seed is left out, and so are the
    sources of plugins."""
    task, name = task_of(config.task), config.experiment
    own_home = name == (task.home or task.name)
    words = [f"task={task.name}"] if own_home else [f"experiment={name}"]
    found: dict[str, Any] = {}
    different = _differences(config, words)
    for group in sorted({key.split(".")[0] for key in different if "." in key}):
        files = preset_files(group, config.run.searchpath).items()
        names = [preset for preset, file in files if _may_serve(group, file, different)]
        if not names:
            continue
        rest, preset = min((_number(config, [*words, f"{group}={name}"]), name) for name in names)
        if rest + 1 < len(different):
            words.append(f"{group}={preset}")
            found[group] = preset
            different = _differences(config, words)
    return dict(sorted((found | different).items()))


def _differences(config: Config, words: Sequence[str]) -> dict[str, Any]:
    """Settings in which `config` differs from what the words of a command lead to."""
    base, own = composed(words, config.run.searchpath).identity(), config.identity()
    named = [key for key in sorted(own | base) if key != "seed" and not key.startswith(f"{SOURCES}.")]
    different = {key: own.get(key) for key in named if own.get(key) != base.get(key)}
    # Another part lacks options of the one before: its name tells.
    return {
        key: value
        for key, value in different.items()
        if key in own or f"{key.rpartition('.')[0]}.name" not in different
    }


def composed(words: Sequence[str], searchpath: Sequence[str]) -> Config:
    """Compose the words of a command, or return what they led to before: the jobs of a sweep share it. Not to be changed."""
    places = (folder(), *map(place_of, searchpath))
    files = sorted(file for place in places for pattern in ("*.yaml", "*/*.yaml") for file in place.glob(pattern))
    presets = tuple((file, file.stat().st_mtime_ns) for file in files)
    state = presets, Registry.registrations, os.environ.get("DSM_LOCAL")
    return _composed(tuple(words), tuple(searchpath), state)


@functools.lru_cache(maxsize=64)
def _composed(words: tuple[str, ...], searchpath: tuple[str, ...], state: tuple[Any, ...]) -> Config:
    """Compose the words. `state` is what else composing depends on: files of presets, registered parts, this machine."""
    return compose(words, searchpath)


def _may_serve(group: str, file: Path, different: dict[str, Any]) -> bool:
    """Whether a preset may explain two differences or more, from its file alone: composing each one would take seconds."""
    try:
        settings = OmegaConf.to_container(OmegaConf.load(file))
    except (OSError, yaml.YAMLError):
        return True  # composing it says what is wrong
    there = flatten({group: settings}) if isinstance(settings, dict) else {}
    inside = [key for key in different if key.startswith(f"{group}.")]
    return sum(there.get(key) == different[key] for key in inside) > 1


def _number(config: Config, words: Sequence[str]) -> int | float:
    try:
        return len(_differences(config, words))
    except ConfigError:  # a preset for other tasks
        return math.inf

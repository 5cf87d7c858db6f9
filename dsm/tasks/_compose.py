"""Composing a configuration, and checking it once, before anything is compiled or written.

Replaceable parts (input ensemble, move, schedule, stream, start) are nodes with a `name`; their other entries are the fields
of the part, checked by the part itself.
"""

import importlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dsm._errors import ConfigError
from dsm.config import Config, folder, presets
from dsm.config._hydra_errors import UNCOMPOSABLE, explain_hydra
from dsm.config._types import explain, with_whole_numbers
from dsm.tasks._task import task_of


def load(composed: DictConfig, runtime: Any) -> Config:
    """Turn what Hydra composed into a checked `Config`; `runtime` is Hydra's own account, with the preset of each group and
    the folders that were searched. Without an experiment the run goes where those of its task go.

    Raises:
        ConfigError: a wrong type, an unknown key or an illegal value.
    """
    for module in composed.get("plugins", []):
        importlib.import_module(module)  # may register parts, before their names are looked up
    task = task_of(composed.task)
    chosen = runtime.choices
    settings = OmegaConf.create(
        {
            "experiment": chosen.get("experiment") or task.home or task.name,
            "run": {"searchpath": _searched(runtime)},
        }
    )
    try:
        merged = OmegaConf.merge(OmegaConf.structured(task.schema), with_whole_numbers(composed, task.schema), settings)
        config = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        raise explain(error, composed, task.schema, folder(), chosen) from None
    assert isinstance(config, Config)
    config = config.completed()
    config.check()
    return config


def _searched(runtime: Any) -> list[str]:
    """Where else than in dsm's own folder presets were looked for."""
    own = ("hydra", "main", "schema", "")
    return [f"{source.schema}://{source.path}" for source in runtime.config_sources if source.provider not in own]


def compose(overrides: Sequence[str] = (), searchpath: Sequence[str] = ()) -> Config:
    """Compose and check a configuration as the command line does, e.g. `compose(["experiment=quickstart", "seed=1"])`.

    Arguments:
        overrides: words of the command line.
        searchpath: folders with more presets and experiments, as in `hydra.searchpath`.

    Raises:
        ConfigError: an illegal override or value.
    """
    # Inside `dsm` Hydra is at work already; composing needs a moment of its own.
    running = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    if searchpath:
        overrides = [*overrides, f"hydra.searchpath={list(searchpath)}"]
    try:
        with initialize_config_dir(str(folder()), version_base="1.3"):
            composed = hydra_compose("config", overrides=list(overrides), return_hydra_config=True)
    except UNCOMPOSABLE as error:
        raise ConfigError(explain_hydra(error, overrides)) from None
    finally:
        GlobalHydra.instance().hydra = running
    runtime = composed.hydra.runtime
    OmegaConf.set_struct(composed, False)
    del composed["hydra"]
    return load(composed, runtime)


def changes(config: Config) -> dict[str, Any]:
    """What sets `config` apart from its experiment, in the fewest words: presets by group, and settings by dotted key. A
    function of the configuration alone, however it was spelt on the command line. The seed is left out."""
    task, name = task_of(config.task), config.experiment
    own_home = name == (task.home or task.name)
    words = [f"task={task.name}"] if own_home else [f"experiment={name}"]
    found: dict[str, Any] = {}
    different = _differences(config, words)
    for group, names in _presets(config).items():
        if sum(key.startswith(f"{group}.") for key in different) > 1:
            rest, preset = min(((_number(config, [*words, f"{group}={own}"]), own) for own in names), default=(0, None))
            if preset is not None and rest + 1 < len(different):
                words.append(f"{group}={preset}")
                found[group] = preset
                different = _differences(config, words)
    return dict(sorted((found | different).items()))


def _differences(config: Config, words: Sequence[str]) -> dict[str, Any]:
    """Settings in which `config` differs from what the words of a command lead to."""
    base, own = compose(words, config.run.searchpath).identity(), config.identity()
    return {key: own.get(key) for key in sorted(own | base) if own.get(key) != base.get(key) and key != "seed"}


def _number(config: Config, words: Sequence[str]) -> int | float:
    try:
        return len(_differences(config, words))
    except ConfigError:  # a preset for other tasks
        return math.inf


def _presets(config: Config) -> dict[str, list[str]]:
    """Presets of the sections that `config` has, those of one's own among them."""
    found = {group: set(names) for group, names in presets().items() if hasattr(config, group) and group != "run"}
    for place in config.run.searchpath:
        for group in found:
            found[group] |= {path.stem for path in Path(place.removeprefix("file://"), group).glob("*.yaml")}
    return {group: sorted(names) for group, names in found.items() if group not in ("task", "experiment")}

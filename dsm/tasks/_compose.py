"""Composing a configuration, and checking it once, before anything is compiled or written.

Replaceable parts (input ensemble, move, schedule, stream, start) are nodes with a `name`; their other entries are the fields
of the part, checked by the part itself.
"""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dsm._errors import ConfigError
from dsm.config import Config
from dsm.config._hydra_errors import explain_hydra
from dsm.config._types import explain, with_whole_numbers
from dsm.tasks._task import task_of


def folder() -> Path:
    """The folder conf/: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def load(composed: DictConfig, chosen: Mapping[str, str]) -> Config:
    """Turn what Hydra composed into a checked `Config`; `chosen` is the preset of each group, Hydra's `runtime.choices`.
    Without an experiment the run goes where those of its task go.

    Raises:
        ConfigError: a wrong type, an unknown key or an illegal value.
    """
    for module in composed.get("plugins", []):
        importlib.import_module(module)  # may register parts, before their names are looked up
    task = task_of(composed.task)
    settings = OmegaConf.create({"experiment": chosen.get("experiment") or task.home or task.name})
    try:
        merged = OmegaConf.merge(OmegaConf.structured(task.schema), with_whole_numbers(composed, task.schema), settings)
        config = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        raise explain(error, composed, task.schema, folder(), chosen) from None
    assert isinstance(config, Config)
    config = config.completed()
    config.check()
    return config


def compose(overrides: Sequence[str] = ()) -> Config:
    """Compose and check a configuration as the command line does, e.g. `compose(["experiment=quickstart", "seed=1"])`.

    Raises:
        ConfigError: an illegal override or value.
    """
    # Inside `dsm` Hydra is at work already; composing needs a moment of its own.
    running = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(folder()), version_base="1.3"):
            composed = hydra_compose("config", overrides=list(overrides), return_hydra_config=True)
    except (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError) as error:
        raise ConfigError(explain_hydra(error, overrides)) from None
    finally:
        GlobalHydra.instance().hydra = running
    chosen = composed.hydra.runtime.choices
    OmegaConf.set_struct(composed, False)
    del composed["hydra"]
    return load(composed, chosen)


def changes(config: Config) -> dict[str, Any]:
    """Settings in which `config` differs from its experiment's own, by dotted key; a function of the configuration
    alone, however it was spelt on the command line. The seed is left out."""
    task, name = task_of(config.task), config.experiment
    own_home = name == (task.home or task.name)
    base = compose([f"task={task.name}"] if own_home else [f"experiment={name}"]).identity()
    own = config.identity()
    different = {key: own.get(key) for key in sorted(own | base) if own.get(key) != base.get(key)}
    different.pop("seed", None)
    return different

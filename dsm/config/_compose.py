"""Composing a configuration, and checking it once, before anything is compiled or written.

Replaceable parts (input ensemble, move, schedule, stream, start) are nodes with a `name`; their other entries are the fields
of the part, checked by the part itself.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dsm._errors import ConfigError, require
from dsm.config._base import Config
from dsm.config._online_sgd import OnlineSGDConfig
from dsm.config._sample import SampleConfig

#: The settings of each task.
SCHEMAS: dict[str, type[Config]] = {"sample": SampleConfig, "online_sgd": OnlineSGDConfig}


def folder() -> Path:
    """The folder conf/: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def load(composed: DictConfig, experiment: str) -> Config:
    """Turn what Hydra composed into a checked `Config`.

    Raises:
        ConfigError: a wrong type, an unknown key or an illegal value.
    """
    for module in composed.get("plugins", []):
        importlib.import_module(module)  # may register parts, before their names are looked up
    require(composed.task in SCHEMAS, "task", composed.task, f"one of {', '.join(SCHEMAS)}")
    # Without an experiment, runs of other tasks than the main job go under the task's name.
    experiment = composed.task if experiment == "custom" and composed.task != "sample" else experiment
    settings = OmegaConf.create({"experiment": experiment})
    schema = SCHEMAS[composed.task]
    try:
        merged = OmegaConf.merge(OmegaConf.structured(schema), composed, settings)
        config = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        key = error.full_key or "configuration"
        value = OmegaConf.select(composed, error.full_key, default="?") if error.full_key else "?"
        wanted = getattr(error.ref_type, "__name__", None) or "the type of conf/"
        reason = str(error).splitlines()[0]
        kind = {"int": "an integer", "float": "a number", "bool": "true or false"}.get(_wanted(reason), wanted)
        raise ConfigError(f"{key} = {value}: must be {kind} ({reason})") from None
    assert isinstance(config, Config)
    config = config.completed()
    config.check()
    return config


def _wanted(reason: str) -> str:
    words = {"Integer": "int", "Float": "float", "boolean": "bool", "Boolean": "bool"}
    return next((kind for word, kind in words.items() if word in reason), "")


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
    except HydraException as error:
        raise ConfigError(str(error)) from None
    finally:
        GlobalHydra.instance().hydra = running
    experiment = composed.hydra.runtime.choices.get("experiment") or "custom"
    OmegaConf.set_struct(composed, False)
    del composed["hydra"]
    return load(composed, experiment)


def changes(config: Config) -> dict[str, Any]:
    """Settings in which `config` differs from its experiment's own, by dotted key; a function of the configuration
    alone, however it was spelt on the command line. The seed is left out."""
    name = config.experiment
    base = compose([f"task={config.task}"] if name in ("custom", config.task) else [f"experiment={name}"]).identity()
    own = config.identity()
    different = {key: own.get(key) for key in sorted(own | base) if own.get(key) != base.get(key)}
    different.pop("seed", None)
    return different

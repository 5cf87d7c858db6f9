"""Composing a configuration, and checking it once, before anything is compiled or written.

Replaceable parts (input ensemble, move, schedule, stream, start) are nodes with a `name`; their other entries are the fields
of the part, checked by the part itself.
"""

import copy
import dataclasses
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dsm._errors import ConfigError, require
from dsm._registry import UnknownOption, foreign
from dsm.config import SOURCES, Config, flatten, folder, preset_files
from dsm.config._hydra_errors import SEVERAL, UNCOMPOSABLE, explain_hydra
from dsm.config._searchpath import searched
from dsm.config._types import explain, with_whole_numbers
from dsm.tasks._options import left_over, words_of
from dsm.tasks._plugins import import_plugins, sources_of
from dsm.tasks._task import task_of

logger = logging.getLogger("dsm")


def load(composed: DictConfig, runtime: Any, overrides: Any = ()) -> Config:
    """Turn what Hydra composed into a checked `Config`. `runtime` is Hydra's own account, with the preset of each group and
    the folders that were searched; `overrides` is what was asked for, Hydra's `overrides.task`. Without an experiment the
    run goes where those of its task go.

    An option that a preset has for its part, and that the part which an override or a later preset names instead does not
    have, is left out; the first with a note.

    Raises:
        ConfigError: a wrong type, an unknown key or an illegal value, or a plugin that cannot be imported.
    """
    sources = import_plugins(composed.get("plugins", []))  # may register parts, before their names are looked up
    task = task_of(composed.task)
    composed, chosen = copy.deepcopy(composed), runtime.choices
    if OmegaConf.is_dict(composed.get("experiment")):  # where Hydra puts what says nothing else
        needed = "a file that begins with the line # @package _global_, for its settings to be those of the run"
        raise ConfigError(f"experiment = {chosen.get('experiment')}: must be {needed}")
    OmegaConf.set_struct(composed, False)
    composed["experiment"] = chosen.get("experiment") or task.home or task.name
    composed["run"]["searchpath"] = _searched(runtime)
    composed["plugins"], composed[SOURCES] = list(sources), sources
    meant_for_others = left_over(composed, overrides)
    while True:
        foreign.clear()
        try:
            config = _checked(composed, task.schema, chosen, words_of(overrides))
            config.sources |= sources_of(foreign, sources)
            return config
        except ConfigError as error:
            if not isinstance(error, UnknownOption) or error.setting not in meant_for_others:
                _of_its_task(task.name, chosen.get("experiment"), words_of(overrides), composed.run.searchpath)
                raise ConfigError(*error.args) from error.__cause__  # in the class that is public
            if meant_for_others[error.setting]:
                logger.info("%s is left out: %s has no such option", error.setting, error.part)
            part, _, option = error.setting.rpartition(".")
            del OmegaConf.select(composed, part)[option]


def _of_its_task(task: str, experiment: str | None, words: Sequence[str], searchpath: Sequence[str]) -> None:
    """Of a task that was asked for beside an experiment of another, this says so: what else is wrong comes of it."""
    if experiment and any(word.startswith("task=") for word in words):
        own = compose([f"experiment={experiment}"], searchpath).task
        require(own == task, "task", task, f"{own} with experiment={experiment}")


def _checked(
    composed: DictConfig, schema: type[Config], chosen: Mapping[str, str | None], words: Sequence[str]
) -> Config:
    try:
        merged = OmegaConf.merge(OmegaConf.structured(schema), with_whole_numbers(composed, schema))
        config = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        raise explain(error, composed, schema, folder(), chosen) from None
    assert isinstance(config, Config)
    completed = config.completed()
    completed.check()
    _tell_prescribed(config, completed, words)
    return completed


def _tell_prescribed(config: Config, completed: Config, words: Sequence[str]) -> None:
    """Of settings that were asked for and do not count, as others prescribe them."""
    asked, there = (flatten(dataclasses.asdict(one)) for one in (config, completed))
    for key in (word.partition("=")[0].lstrip("+") for word in words):
        if key in asked and repr(asked[key]) != repr(there[key]):
            logger.warning("%s = %s does not count: with these data it is %s", key, asked[key], there[key])


def _searched(runtime: Any) -> list[str]:
    """Where else than in dsm's own folder presets were looked for."""
    own = ("hydra", "main", "schema", "")
    return [f"{source.schema}://{source.path}" for source in runtime.config_sources if source.provider not in own]


def explain_words(error: Exception, words: Sequence[str]) -> str:
    """See `explain_hydra`. Of several values, which are a sweep, this says how they are written as a list where they may be
    one: composing tells."""
    message, several = explain_hydra(error, words), re.search(SEVERAL, " ".join(str(error).split()))
    if several is None or "/" in several[1] or preset_files(several[1], searched(words)):
        return message
    as_list = f"{several[1]}=[{several[2]}]"
    parsed = OverridesParser.create().parse_overrides(list(words))
    others = [str(override.input_line) for override in parsed if not override.is_sweep_override()]
    try:
        compose([*others, as_list])
    except ConfigError:
        return message
    return f"{message}; a list is {as_list}"


def compose(overrides: Sequence[str] = (), searchpath: Sequence[str] = ()) -> Config:
    """Compose and check a configuration as the command line does, e.g. `compose(["experiment=quickstart", "seed=1"])`.

    Arguments:
        overrides: words of the command line.
        searchpath: folders with more presets and experiments, as in `hydra.searchpath`.

    Raises:
        ConfigError: an illegal override or value.
    """
    for word in overrides:
        require(isinstance(word, str), "a setting", word, 'a string, as in "network.depth=3"')
    searched(overrides)
    # Inside `dsm` Hydra is at work already; composing needs a moment of its own.
    running = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    if searchpath:
        overrides = [*overrides, f"hydra.searchpath={list(searchpath)}"]
    try:
        with initialize_config_dir(str(folder()), version_base="1.3"):
            composed = hydra_compose("config", overrides=list(overrides), return_hydra_config=True)
    except UNCOMPOSABLE as error:
        raise ConfigError(explain_words(error, overrides)) from None
    finally:
        GlobalHydra.instance().hydra = running
    runtime, asked = composed.hydra.runtime, composed.hydra.overrides.task
    OmegaConf.set_struct(composed, False)
    del composed["hydra"]
    return load(composed, runtime, asked)

"""Options of parts on the command line: a part is a node with a `name`, and its other entries are its options.

Hydra composes presets and then refuses overrides of keys that they do not have. Which options a part has its own fields say,
so nodes of parts are open: `sampler.move.refresh=2` and `training.start={name:planted,distance:0.7}` need no plus.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import hydra._internal.hydra
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, ListConfig, OmegaConf

from dsm.config import flatten

#: Flag of an option that was meant for another part than the files of settings have chosen in the end.
OUTLIVED = "dsm_outlived"


class OpenParts(ConfigLoaderImpl):
    """Hydra's loader of configurations, that leaves the nodes of parts open in those of dsm, and marks options that a file
    gave to another part than a later file has chosen."""

    def _compose_config_from_defaults_list(self, *defaults: Any, **more: Any) -> DictConfig:
        self._files: list[Any] = []
        composed = super()._compose_config_from_defaults_list(*defaults, **more)
        if "plugins" in composed:  # a configuration of dsm: others in this process are none of its business
            outlived = _outlived(self._files)
            for section in map(str, composed):
                if section != "hydra":
                    _open(composed._get_node(section), section, outlived)
        return composed

    def _load_single_config(self, *default: Any, **more: Any) -> Any:
        loaded = super()._load_single_config(*default, **more)
        self._files.append(OmegaConf.to_container(loaded.config, resolve=False))  # merging changes it
        return loaded


def _outlived(files: Sequence[Any]) -> set[str]:
    """Options, by dotted key, that no file has given since one has chosen another part for them, by its name."""
    given: dict[str, int] = {}  # the number of the last file that has a key
    names: dict[str, Any] = {}
    since: dict[str, int] = {}  # the number of the file that has chosen another part
    for number, file in enumerate(files):
        for key, value in _entries(file):
            given[key] = number
            if key.endswith(".name") and names.setdefault(key, value) != value:
                names[key] = value
                since[key.removesuffix(".name")] = number
    return {key for key, number in given.items() if number < since.get(key.rpartition(".")[0], 0)}


def _entries(tree: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys of all settings and sections of a file, with what they are."""
    for key, value in tree.items() if isinstance(tree, dict) else ():
        yield f"{prefix}{key}", value
        yield from _entries(value, f"{prefix}{key}.")


def _open(node: Any, path: str, outlived: Collection[str]) -> None:
    if isinstance(node, DictConfig) and not node._is_none() and not node._is_interpolation():
        if "name" in node:
            OmegaConf.set_struct(node, False)
        for key in map(str, node):
            child: Any = node._get_node(key)
            own = f"{path}.{key}"
            if own in outlived:
                child._set_flag(OUTLIVED, True)
            _open(child, own, outlived)


# There is no official place for this. The loader is looked up here by `hydra.main`, by `initialize` and by launchers.
hydra._internal.hydra.ConfigLoaderImpl = OpenParts  # type: ignore[misc]


def words_of(overrides: Any) -> list[str]:
    """What was asked for, as it was spelt."""
    # Hydra's own list would resolve interpolations, which are for the configuration.
    spelt: Any = OmegaConf.to_container(overrides, resolve=False) if isinstance(overrides, ListConfig) else overrides
    return list(spelt)


def left_over(composed: DictConfig, overrides: Any) -> dict[str, bool]:
    """Options, by dotted key, that no override has spelt and that were perhaps meant for another part: those of parts whose
    name an override has chosen, True, and those that the files of settings gave to another, False."""
    spelt: set[str] = set()
    for override in OverridesParser.create().parse_overrides(words_of(overrides)):
        if not override.is_delete():
            spelt |= set(flatten({override.key_or_group: override.value()}))
    parts = [key.removesuffix(".name") for key in spelt if key.endswith(".name")]
    nodes = {key: OmegaConf.select(composed, key) for key in parts}
    found = dict.fromkeys(_marked(composed), False)
    found |= {f"{key}.{option}": True for key, node in nodes.items() if node for option in node}
    return {option: asked for option, asked in found.items() if option not in spelt}


def _marked(node: Any, prefix: str = "") -> Iterator[str]:
    if isinstance(node, DictConfig) and not node._is_none() and not node._is_interpolation():
        for key in map(str, node):
            child: Any = node._get_node(key)
            if child._metadata.flags and child._metadata.flags.get(OUTLIVED):  # not what it has from nodes above
                yield f"{prefix}{key}"
            yield from _marked(child, f"{prefix}{key}.")

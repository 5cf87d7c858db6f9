"""Options of parts on the command line: a part is a node with a `name`, and its other entries are its options.

Hydra composes presets and then refuses overrides of keys that they do not have. Which options a part has its own fields say,
so nodes of parts are open: `sampler.move.refresh=2` and `training.start={name:planted,distance:0.7}` need no plus.
"""

from typing import Any

import hydra._internal.hydra
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, ListConfig, OmegaConf

from dsm.config import flatten


class OpenParts(ConfigLoaderImpl):
    """Hydra's loader of configurations, that leaves the nodes of parts open in those of dsm."""

    def _compose_config_from_defaults_list(self, *defaults: Any, **more: Any) -> DictConfig:
        composed = super()._compose_config_from_defaults_list(*defaults, **more)
        if "plugins" in composed:  # a configuration of dsm: others in this process are none of its business
            for section in composed:
                if section != "hydra":
                    _open(composed._get_node(section))
        return composed


def _open(node: Any) -> None:
    if isinstance(node, DictConfig) and not node._is_none() and not node._is_interpolation():
        if "name" in node:
            OmegaConf.set_struct(node, False)
        for key in node:
            _open(node._get_node(key))


# There is no official place for this. The loader is looked up here by `hydra.main`, by `initialize` and by launchers.
hydra._internal.hydra.ConfigLoaderImpl = OpenParts  # type: ignore[misc]


def left_over(composed: DictConfig, overrides: Any) -> set[str]:
    """Options, by dotted key, of parts whose name an override has chosen, that no override has spelt: a preset meant them,
    perhaps for another part."""
    spelt: set[str] = set()
    # Hydra's own list would resolve interpolations, which are for the configuration.
    words: Any = (
        OmegaConf.to_container(overrides, resolve=False) if isinstance(overrides, ListConfig) else list(overrides)
    )
    for override in OverridesParser.create().parse_overrides(words):
        if not override.is_delete():
            spelt |= set(flatten({override.key_or_group: override.value()}))
    parts = [key.removesuffix(".name") for key in spelt if key.endswith(".name")]
    nodes = {key: OmegaConf.select(composed, key) for key in parts}
    return {f"{key}.{option}" for key, node in nodes.items() if node for option in node} - spelt

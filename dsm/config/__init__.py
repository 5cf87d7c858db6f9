"""What the settings of every task have in common; each task adds its own (`dsm.tasks`)."""

from dsm._errors import ConfigError as ConfigError
from dsm.config._base import SOURCES as SOURCES
from dsm.config._base import Config as Config
from dsm.config._base import HostsConfig as HostsConfig
from dsm.config._base import RunConfig as RunConfig
from dsm.config._base import flatten as flatten
from dsm.config._base import lasting as lasting
from dsm.config._presets import folder as folder
from dsm.config._presets import preset_files as preset_files
from dsm.config._presets import presets as presets

__all__ = [
    "SOURCES",
    "Config",
    "ConfigError",
    "HostsConfig",
    "RunConfig",
    "flatten",
    "folder",
    "lasting",
    "preset_files",
    "presets",
]

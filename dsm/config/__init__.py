"""What the settings of every task have in common; each task adds its own (`dsm.tasks`)."""

from dsm.config._base import Config as Config
from dsm.config._base import RunConfig as RunConfig
from dsm.config._base import flatten as flatten

__all__ = ["Config", "RunConfig", "flatten"]

"""The configuration: schemas of the tasks, their ranges, and how they are composed."""

from dsm.config._base import Config as Config
from dsm.config._base import RunConfig as RunConfig
from dsm.config._base import flatten as flatten
from dsm.config._compose import SCHEMAS as SCHEMAS
from dsm.config._compose import changes as changes
from dsm.config._compose import compose as compose
from dsm.config._compose import folder as folder
from dsm.config._compose import load as load
from dsm.config._online_sgd import OnlineSGDConfig as OnlineSGDConfig
from dsm.config._sample import SampleConfig as SampleConfig

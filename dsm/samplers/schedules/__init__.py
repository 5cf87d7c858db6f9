"""Annealing schedules in beta, one file each."""

from dsm._registry import import_folder
from dsm.samplers.schedules._base import SCHEDULES as SCHEDULES
from dsm.samplers.schedules._base import AbstractSchedule as AbstractSchedule

__all__ = ["SCHEDULES", "AbstractSchedule"]

import_folder(__name__, __path__)

"""Telling a service for experiment tracking of a run, where a team has one. A tracker is one file of this folder."""

from dsm._registry import import_folder
from dsm.tracking._base import TRACKERS as TRACKERS
from dsm.tracking._base import AbstractTracker as AbstractTracker

__all__ = ["TRACKERS", "AbstractTracker"]

import_folder(__name__, __path__)

"""Kinds of work, one file or folder each, and what they share: composing a configuration, and the life of a run."""

from dsm._registry import import_folder
from dsm.config import folder as folder
from dsm.tasks._changes import changes as changes
from dsm.tasks._compose import compose as compose
from dsm.tasks._compose import load as load
from dsm.tasks._path import path_of as path_of
from dsm.tasks._report import Report as Report
from dsm.tasks._run import run as run
from dsm.tasks._task import TASKS as TASKS
from dsm.tasks._task import History as History
from dsm.tasks._task import Job as Job
from dsm.tasks._task import Task as Task
from dsm.tasks._task import register_task as register_task

__all__ = [
    "TASKS",
    "History",
    "Job",
    "Report",
    "Task",
    "changes",
    "compose",
    "folder",
    "load",
    "path_of",
    "register_task",
    "run",
]

import_folder(__name__, __path__)

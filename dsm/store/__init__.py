"""Run directories, checkpoints and results on disk."""

from dsm.store._checkpoint import Checkpoints as Checkpoints
from dsm.store._dataset import attributes as attributes
from dsm.store._dataset import describe as describe
from dsm.store._dataset import load as load
from dsm.store._dataset import load_some as load_some
from dsm.store._dataset import write as write
from dsm.store._manifest import manifest as manifest
from dsm.store._run_directory import RunDirectory as RunDirectory
from dsm.store._run_directory import afresh as afresh
from dsm.store._run_directory import newest as newest
from dsm.store._run_directory import open_run as open_run
from dsm.store._run_directory import replace_file as replace_file
from dsm.store._sweep import load_sweep as load_sweep

__all__ = [
    "Checkpoints",
    "RunDirectory",
    "afresh",
    "attributes",
    "describe",
    "load",
    "load_some",
    "load_sweep",
    "manifest",
    "newest",
    "open_run",
    "replace_file",
    "write",
]

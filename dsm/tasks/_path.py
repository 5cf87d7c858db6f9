"""Where a run goes."""

import hashlib
import os
import re
from pathlib import Path
from typing import Any

from dsm.config import Config
from dsm.tasks._changes import changes

NAME_LIMIT = 100


def path_of(config: Config) -> Path:
    """The run directory of a configuration: <root>/<experiment>/<changes>/seed=<s>, or `run.dir` if given.

    <changes> lists the settings in which the run differs from its experiment, "default" if there are none; an over-long
    list is cut and ends in a hash of the whole.
    """
    if config.run.dir is not None:
        return _absolute(config.run.dir)
    name = ",".join(f"{key}={_spell(value)}" for key, value in changes(config).items()) or "default"
    name = re.sub(r"[^\w.,=+-]+", "_", name)
    if len(name) > NAME_LIMIT:
        name = f"{name[:NAME_LIMIT]}-{hashlib.sha256(name.encode()).hexdigest()[:10]}"
    return _absolute(config.run.root) / config.experiment / name / f"seed={config.seed}"


def _absolute(path: str) -> Path:
    """Without `..`, which would be in all that is printed."""
    return Path(os.path.abspath(Path(path).expanduser()))


def _spell(value: Any) -> str:
    return "+".join(map(_spell, value)) if isinstance(value, (list, tuple)) else str(value)

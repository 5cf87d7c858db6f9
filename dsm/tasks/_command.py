"""The command that makes a run again."""

import shlex
from typing import Any

from dsm._errors import ConfigError
from dsm.config import Config
from dsm.tasks._changes import changes, composed
from dsm.tasks._task import task_of

#: Letters that a word of the command line has without quotes of Hydra.
PLAIN = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/+-")


def command_of(config: Config) -> str | None:
    """The shortest command line that leads to a configuration, for a shell in the folder where its plugins are. None where
    there is none: for a task without a preset."""
    task = task_of(config.task)
    own_home = config.experiment == (task.home or task.name)
    words = [f"task={task.name}" if own_home else f"experiment={config.experiment}"]
    try:
        found = changes(config)
        base = composed(words, config.run.searchpath)
    except ConfigError:
        return None
    if config.run.searchpath:
        words.insert(0, f"hydra.searchpath={_spell(config.run.searchpath)}")
    if config.plugins != base.plugins:
        words.append(f"plugins={_spell(config.plugins)}")
    # Presets first: they would undo what is set before them.
    words += [f"{key}={_spell(value)}" for key, value in sorted(found.items(), key=lambda item: "." in item[0])]
    if config.seed != base.seed:
        words.append(f"seed={config.seed}")
    return shlex.join(["dsm", *words])


def _spell(value: Any) -> str:
    """A value as Hydra reads it."""
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_spell, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    text = str(value)
    return text if not isinstance(value, str) or set(text) <= PLAIN else "'" + text.replace("'", "\\'") + "'"

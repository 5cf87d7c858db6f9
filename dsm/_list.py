"""The command `dsm list`: what can be chosen by name, with a line each."""

import argparse
import os
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import yaml

from dsm._arguments import parse
from dsm._errors import ConfigError, require
from dsm._kinds import KINDS, summary_of
from dsm._near import did_you_mean
from dsm.config import folder, preset_files
from dsm.config._searchpath import KEY, place_of, searched
from dsm.tasks import TASKS
from dsm.tasks._plugins import import_plugins

#: Groups of presets, with what they are; conf/local is nobody else's business.
GROUPS = {
    "experiments": "questions, each with its settings",
    "tasks": "kinds of work",
    "network": "presets of networks",
    "data": "presets of data",
    "sampler": "presets of Monte Carlo",
    "training": "presets of training",
    "observe": "presets of what is recorded, and when",
    "run": "presets of how a run is carried out",
}

ABOUT = "Say what can be chosen by name: with a KIND its members, without one the kinds."

Rows = list[tuple[str, str, list[str]]]


def main(arguments: Sequence[str]) -> int:
    """Print what can be chosen; returns the exit status.

    Raises:
        ConfigError: there is no such option, no such kind, or a module cannot be imported.
    """
    parser = argparse.ArgumentParser("dsm list", description=ABOUT)
    parser.add_argument("kind", nargs="?", metavar="KIND", help="one of the kinds that `dsm list` prints")
    parser.add_argument(
        "words",
        nargs="*",
        metavar="plugins=[MODULE]",
        help="modules that register parts of their own; or presets and experiments of one's own, "
        "hydra.searchpath=[file://DIR] or [pkg://PACKAGE.conf]",
    )
    parser.add_argument("--config-dir", "-cd", metavar="DIR", help="a folder with presets and experiments of one's own")
    parsed = parse(parser, arguments)
    words = [word for word in (parsed.kind, *parsed.words) if word is not None]
    kind = None if not words or "=" in words[0] else words.pop(0)
    folders = [folder(), *map(place_of, searched(words))]
    _import_plugins(word for word in words if word.partition("=")[0] != KEY)
    if parsed.config_dir is not None:
        require(os.path.isdir(parsed.config_dir), "--config-dir", parsed.config_dir, "a folder")
        folders.append(Path(parsed.config_dir))
    print("\n".join(_kinds(folders) if kind is None else _members(kind, folders)))
    return 0


def _import_plugins(words: Iterable[str]) -> None:
    for word in words:
        key, _, value = word.partition("=")
        if key != "plugins":
            close = did_you_mean(key, ["plugins", KEY, *KINDS, *GROUPS])
            raise ConfigError(f"{word}: must be plugins=[MODULE] or {KEY}=[file://FOLDER]{close}")
        try:
            import_plugins(yaml.safe_load(value))
        except yaml.YAMLError:
            raise ConfigError(f"plugins = {value}: must be a list of Python modules, as in plugins=[mymove]") from None


def _kinds(folders: Sequence[Path]) -> list[str]:
    """A line a kind: its word, what it is, what chooses one."""
    own = {group: f"presets in {', '.join(map(str, folders[1:]))}" for group in _groups(folders) if group not in GROUPS}
    rows = [(group, about, f"{_setting(group)}=NAME") for group, about in (GROUPS | own).items()]
    rows += [(word, kind.about, kind.places[0].how.split(" with ")[0]) for word, kind in KINDS.items()]
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    lines = [f"{word:<{first}}  {about:<{second}}  {how}" for word, about, how in rows]
    return [*lines, "", "dsm list KIND says more, as in: dsm list experiments"]


def _members(kind: str, folders: Sequence[Path]) -> list[str]:
    """What can be chosen of a kind.

    Raises:
        ConfigError: there is no such kind.
    """
    groups = dict.fromkeys([*GROUPS, *_groups(folders)])
    if kind in groups:
        return [f"{_setting(kind)}=NAME", *_table(_presets(_setting(kind), folders))]
    if kind not in KINDS:
        known = [*groups, *KINDS]
        raise ConfigError(f"{kind}: must be one of {', '.join(known)}{did_you_mean(kind, known)}")
    lines = []
    for place in KINDS[kind].places:
        parts = place.parts()
        found: Rows = [(name, summary_of(parts.get(name)), place.options(parts.get(name))) for name in parts.names]
        lines += ["", place.how, *_table(found)]
    return lines[1:]


def _setting(group: str) -> str:
    return {"experiments": "experiment", "tasks": "task"}.get(group, group)


def _groups(folders: Sequence[Path]) -> list[str]:
    """Groups of presets that a folder of one's own adds."""
    known = {_setting(group) for group in GROUPS}
    found = {entry.name for own in folders[1:] for entry in own.iterdir() if entry.is_dir()}
    return sorted(name for name in found - known - {"local", "hydra"} if not name.startswith((".", "_")))


def _presets(group: str, folders: Sequence[Path]) -> Rows:
    """The presets of a group, and what the head of their file says; of the same name the first counts, as for Hydra."""
    files = preset_files(group, [str(own) for own in folders[1:]])
    rows: Rows = [(name, _head(path), []) for name, path in files.items()]
    if group == "task":  # plugins may have brought some
        rows += [(name, summary_of(task.schema), []) for name, task in TASKS.items() if name not in files]
    return sorted(rows)


def _head(path: Path) -> str:
    """The first comment before the settings of a file that is neither a directive nor a command."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    for line in lines:
        if not line.startswith("#"):
            break
        if (said := line.strip("# ")) and not said.startswith(("@package", "dsm ")):
            return said
    return ""


def _table(rows: Rows) -> Iterator[str]:
    """Names, with what is said of each beside them; options on a line of their own."""
    width = max((len(name) for name, _, _ in rows), default=0)
    space = " " * (width + 4)
    columns = max(60, shutil.get_terminal_size((120, 0)).columns)
    for name, about, own in rows:
        said = textwrap.wrap(about, columns - len(space)) or [""]
        said += textwrap.wrap(" ".join(own), columns - len(space), break_on_hyphens=False) if own else []
        yield f"  {name:<{width}}  {said[0]}".rstrip()
        yield from (space + line for line in said[1:])

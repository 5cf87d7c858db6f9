"""The presets of settings, one file each, in a folder for each group."""

import importlib.resources
from collections.abc import Sequence
from pathlib import Path


def folder() -> Path:
    """The folder conf/: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def place_of(place: str) -> Path:
    """The folder of presets that an entry of `hydra.searchpath` names: a path, with file:// or without, or a package, as in
    pkg://mypackage.conf.

    Raises:
        ImportError: there is no such package. What else importing it raises is raised, too.
    """
    scheme, _, name = place.rpartition("://")
    return Path(str(importlib.resources.files(name))) if scheme == "pkg" else Path(name)


def preset_files(group: str, searchpath: Sequence[str] = ()) -> dict[str, Path]:
    """Files of the presets of a group by name, sorted; those in other folders, as `hydra.searchpath` names them, among them.
    Of the same name the first counts, as for Hydra."""
    places = [folder(), *map(place_of, searchpath)]
    found = {path.stem: path for place in reversed(places) for path in (place / group).glob("*.yaml")}
    return dict(sorted(found.items()))


def presets() -> dict[str, list[str]]:
    """Names of the presets of each group of settings; conf/local is nobody else's business."""
    groups = (entry.name for entry in sorted(folder().iterdir()) if entry.is_dir() and entry.name != "local")
    return {group: names for group in groups if (names := list(preset_files(group)))}

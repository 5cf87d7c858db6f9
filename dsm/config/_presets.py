"""The presets of settings, one file each, in a folder for each group."""

from collections.abc import Sequence
from pathlib import Path

from dsm.config._searchpath import place_of


def folder() -> Path:
    """The folder conf/: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


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

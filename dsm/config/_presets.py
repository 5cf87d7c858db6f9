"""The presets of settings, one file each, in a folder for each group."""

from pathlib import Path


def folder() -> Path:
    """The folder conf/: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def presets() -> dict[str, list[str]]:
    """Names of the presets of each group of settings; conf/local is nobody else's business."""
    groups = (entry for entry in sorted(folder().iterdir()) if entry.is_dir() and entry.name != "local")
    return {group.name: sorted(path.stem for path in group.glob("*.yaml")) for group in groups}

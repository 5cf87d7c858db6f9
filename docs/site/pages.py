"""Pages that lie outside docs/, and links to them.

Markdown files link to one another by their places in the repository, so that they can be read there as well. The site has
docs/ at its root, and some files from elsewhere below it; links are rewritten to where a file is on the site. A link to a
file that the site does not have is left as text.
"""

import os
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(!?)\[([^\[\]]*)\]\(([^()\s]+)\)")

#: Names of groups of experiments in the menu, by a word of the folder's name; all others are of the deep student machine.
GROUPS = {"sgd": "Online SGD", "specialisation": "Specialisation", "narrow": "Narrow networks"}
OTHERS = "Deep student machine"

EXPERIMENTS = sorted(path.parent for path in ROOT.glob("experiments/*/README.md"))


def place_of(path: Path) -> str | None:
    """Where on the site a file or folder of the repository is, if it is there."""
    place = path.relative_to(ROOT).as_posix()
    if place.startswith("docs/"):
        return place.removeprefix("docs/")
    if path in EXPERIMENTS:
        return f"{place}/README.md"
    if place.startswith("experiments/") and path.suffix in (".md", ".png"):
        return place
    if place.startswith("notebooks/") and path.suffix == ".ipynb":
        return f"{place.removesuffix('.ipynb')}.md"
    return {"README.md": "readme.md", "ARCHITECTURE.md": "architecture.md", "experiments": "gallery.md"}.get(place)


def in_repository(place: str) -> Path:
    """The file of the repository of which a page is made."""
    if place.startswith("experiments/"):
        return ROOT / place
    if place.startswith("notebooks/"):
        return ROOT / f"{place.removesuffix('.md')}.ipynb"
    return {"readme.md": ROOT / "README.md", "architecture.md": ROOT / "ARCHITECTURE.md"}.get(
        place, ROOT / "docs" / place
    )


def group_of(experiment: Path) -> str:
    """The group in the menu to which an experiment belongs."""
    return next((title for word, title in GROUPS.items() if word in experiment.name.split("_")), OTHERS)


def on_config(config: MkDocsConfig) -> None:
    groups: dict[str, list[dict[str, str]]] = {title: [] for title in (OTHERS, *GROUPS.values())}
    for experiment in EXPERIMENTS:
        title = (experiment / "README.md").read_text().splitlines()[0].removeprefix("# ")
        page = {title.partition(":")[0]: f"experiments/{experiment.name}/README.md"}
        groups[group_of(experiment)].append(page)
    menu = next(entry["Experiments"] for entry in config.nav or [] if "Experiments" in entry)
    menu.extend({title: pages} for title, pages in groups.items())


def on_files(files: Files, config: MkDocsConfig) -> None:
    for path in (ROOT / "README.md", ROOT / "ARCHITECTURE.md", *ROOT.glob("experiments/*/*.png")):
        files.append(File.generated(config, str(place_of(path)), abs_src_path=str(path)))
    for experiment in EXPERIMENTS:
        readme = experiment / "README.md"
        files.append(File.generated(config, str(place_of(readme)), abs_src_path=str(readme)))


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    source = in_repository(page.file.src_uri)
    if page.file.src_uri.startswith("api/"):
        page.meta["search"] = {"boost": 0.001}  # what is explained comes before what is listed

    def rewritten(found: re.Match[str]) -> str:
        target, hash_, anchor = found[3].partition("#")
        path = Path(os.path.normpath(source.parent / target))
        if not target or "://" in target or not path.exists() or not path.is_relative_to(ROOT):
            return found[0]  # what is broken is reported by MkDocs
        if (place := place_of(path)) is None:
            return found[2]
        relative = posixpath.relpath(place, posixpath.dirname(page.file.src_uri) or ".")
        return f"{found[1]}[{found[2]}]({relative}{hash_}{anchor})"

    return LINK.sub(rewritten, markdown)

"""What tests of pages need: the data on a page, and copies of runs."""

import json
import re
import shutil
from pathlib import Path

import yaml


def content(page: Path) -> dict:
    """The data on a page."""
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page.read_text(), re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def copied(run: Path, folder: Path, **settings) -> None:
    """A copy of a run that says it was made with other settings, with __ for a dot in their keys; None takes one out."""
    shutil.copytree(run, folder)
    stored = yaml.safe_load((folder / "config.yaml").read_text())
    for key, value in settings.items():
        *above, last = key.split("__")
        place = stored
        for name in above:
            place = place[name]
        if value is None:
            del place[last]
        else:
            place[last] = value
    (folder / "config.yaml").write_text(yaml.safe_dump(stored))

"""Version, licence, checks and extras are the same wherever the project names them."""

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.quick

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_version_is_the_same_everywhere():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    released = re.search(r"^## (\S+), (\d{4}-\d\d-\d\d)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released is not None
    assert PROJECT["version"] == cited["version"] == released[1]
    assert str(cited["date-released"]) == released[2]


def test_licence_is_the_named_one():
    assert PROJECT["license"] == "MIT" == yaml.safe_load((ROOT / "CITATION.cff").read_text())["license"]
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")


def test_commit_hooks_are_the_checks_of_make_lint():
    """Both call the same tools of .venv, in the same order."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    before = [shlex.split(hook["entry"]) for hook in hooks]
    dry = subprocess.run(["make", "-n", "lint"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lint = [shlex.split(line) for line in dry.splitlines() if line.startswith(".venv/bin/") and "pip" not in line]
    assert [words[0] for words in before] == [words[0] for words in lint]
    assert [[word for word in words if word != "--force-exclude"] for words in before] == [
        [word for word in words if word != "."] for words in lint
    ]


def test_extras_named_in_documents_exist():
    extras = set(PROJECT["optional-dependencies"])
    texts = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    for text in texts:
        for named in re.findall(r"\.\[([\w,]+)\]", text.read_text()):
            assert set(named.split(",")) <= extras, f"{text.name}: {named}"

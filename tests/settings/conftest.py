"""Working folders with plugins."""

import re
import sys

import pytest

from dsm._registry import REGISTRIES
from dsm.tasks import _plugins
from own_parts import blocks


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder, and a process that has imported nothing from it, before and after."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.setattr(_plugins, "imported", {})
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
            for registry in REGISTRIES:
                registry.forget(name)


@pytest.fixture
def page(folder):
    """The working folder with the files of the page."""
    for block in blocks("python") + blocks("yaml"):
        if found := re.match(r"(?:# @package _global_\n)?# (\S+\.(?:py|yaml))\n", block):
            file = folder / found[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block)
    return folder

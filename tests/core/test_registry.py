"""Registered parts: types of their options, and parts that are defined twice."""

import sys
import types
from collections.abc import Callable
from pathlib import Path, PosixPath, PurePath

import pytest

from dsm._errors import ConfigError
from dsm._registry import Registry

pytestmark = pytest.mark.quick

PART = """
from __future__ import annotations
import dataclasses
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from nowhere import Something

@PARTS.register("part")
@dataclasses.dataclass
class Part:
    scale: float = 1.0
    number: int = 1
    word: str = "a"
    {more}
"""


@pytest.fixture
def define(monkeypatch) -> Callable[..., None]:
    """Run a plugin's source as an import or a notebook cell does; its module is gone after the test."""

    def define(registry: Registry, more: str = "", module: str = "plugin_of_a_test") -> None:
        monkeypatch.setitem(sys.modules, module, types.ModuleType(module))
        vars(sys.modules[module])["PARTS"] = registry
        exec(PART.format(more=more), vars(sys.modules[module]))

    return define


@pytest.mark.parametrize("more", ["", "other: Something = None"], ids=["resolved", "unresolved"])
def test_build_checks_types_given_as_strings(define, more):
    parts = Registry("part")
    define(parts, more)
    for option, value, legal in (("scale", "far", "a number"), ("number", 2.5, "an integer"), ("word", 3, "a word")):
        with pytest.raises(ConfigError, match=f"part.{option} = {value}: must be {legal}"):
            parts.build({"name": "part", option: value}, "part")
    built = parts.build({"name": "part", "scale": 2, "number": 1e3}, "part")
    assert (built.scale, built.number) == (2.0, 1000)
    assert isinstance(built.scale, float) and isinstance(built.number, int)


def test_last_definition_of_a_part_wins(define, caplog):
    parts = Registry("part")
    with caplog.at_level("INFO", "dsm"):
        define(parts)
        assert not caplog.messages
        define(parts, "size: int = 3")
        assert parts.build({"name": "part"}, "part").size == 3
        define(parts, "size: int = 4", module="another_plugin_of_a_test")
    assert parts.build({"name": "part"}, "part").size == 4
    again, other = caplog.messages
    assert "plugin_of_a_test.Part" in again and "another" not in again
    assert "another_plugin_of_a_test.Part" in other


def test_register_refuses_parts_of_another_kind():
    parts = Registry("part", Path)
    with pytest.raises(TypeError, match=r"register\('mine'\)"):
        parts.register(PurePath)
    for wrong in (str, lambda: Path()):
        with pytest.raises(TypeError, match="part 'mine' .* Path"):
            parts.register("mine")(wrong)
    assert parts.names == [] and parts.register("mine")(PosixPath) is PosixPath


def test_register_refuses_names_of_dsm(define):
    parts = Registry("part")
    define(parts, module="dsm.a_module_of_a_test")
    with pytest.raises(ValueError, match="part 'part' is dsm.a_module_of_a_test.Part"):
        define(parts)
    define(parts, "size: int = 3", module="dsm.a_module_of_a_test")  # its own module, loaded again
    assert parts.build({"name": "part"}, "part").size == 3

"""Plugins for tests: the blocks of docs/own_parts.md, modules in a working folder, an observable to fill in."""

import re
import shlex
from pathlib import Path

from commands import ROOT

PAGE = ROOT / "docs" / "own_parts.md"
GUIDE = PAGE.with_name("guide_package.md")
TINY = (
    "network.width=4",
    "network.depth=2",
    "data.samples=2",
    "data.test_patterns=10",
    "sampler.replicas=2",
    "sampler.sweeps=4",
    "observe.theory=false",
)
#: The installed command does not have the working folder on its path.
AS_INSTALLED = "import sys; sys.path = [folder for folder in sys.path if folder]"
OBSERVABLE = """
import jax.numpy as jnp
from dsm.observables import AbstractMachineObservable, AbstractPairObservable, Coordinate, Variable
from dsm.observables.{kind} import OBSERVABLES
@OBSERVABLES.register("mine")
class Mine({base}):
    variables = {{{variables}}}
    {more}
    def __call__(self, *machines):
        return {result}
"""
#: What a good observable fills in.
GOOD = {
    "kind": "sign_network",
    "base": "AbstractMachineObservable",
    "variables": "'mine': Variable(('layer',), 'mine')",
    "more": "pass",
    "result": "{'mine': jnp.zeros(2, 'float32')}",
}


def blocks(language: str, page: Path = PAGE) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


def commands() -> list[list[str]]:
    return [shlex.split(line) for block in blocks("sh") for line in block.splitlines()]


def write(folder: Path, name: str, *lines: str) -> None:
    (folder / f"{name}.py").write_text("\n".join(lines) + "\n")

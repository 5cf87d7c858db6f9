"""Names of the package that its users may rely on."""

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

import dsm

pytestmark = pytest.mark.quick

SUBPACKAGES = ["dsm"] + [
    module.name for module in pkgutil.walk_packages(dsm.__path__, "dsm.") if module.ispkg and module.name != "dsm.conf"
]
#: Names that stay, whatever becomes of the modules behind them.
PROMISED = {
    "dsm": ["load", "load_sweep", "run", "compose"],
    "dsm.networks": ["SignNetwork"],
    "dsm.data": ["iid_signs", "hidden_manifold", "digits", "teacher_problem"],
    "dsm.samplers": ["UnitBlock", "SpinFlip", "GaussianMove", "HeatBath", "Exchange", "random_start", "planted_start"],
    "dsm.observables": ["weight_overlap", "spin_overlap", "gauge_invariant_overlap", "matched_overlap", "test_error"],
    "dsm.theory": ["deep_student_machine", "online_sgd"],
}


@pytest.mark.parametrize("name", PROMISED)
def test_promised_names_exist(name):
    module = importlib.import_module(name)
    assert all(callable(getattr(module, promised)) for promised in PROMISED[name])


@pytest.mark.parametrize("name", SUBPACKAGES)
def test_all_lists_the_public_names(name):
    """Public is what is defined or imported `as` itself."""
    package = importlib.import_module(name)
    names: dict = {}
    exec(f"from {name} import *", names)
    del names["__builtins__"]
    assert sorted(names) == sorted(package.__all__) and len(set(package.__all__)) == len(package.__all__)
    if name != "dsm":
        assert set(names) == _public(Path(package.__file__))


def _public(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ImportFrom):
            found |= {alias.asname for alias in node.names if alias.asname}
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in found if not name.startswith("_")}

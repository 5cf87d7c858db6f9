"""How the package is built: the order of its imports, where programs loop, and where its parts are registered.

A unit is a file or a folder at the top of the package. All rules follow from the code; a new file needs no entry here.
"""

import ast
import functools
import graphlib
import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from jax.extend.core import ClosedJaxpr, Jaxpr

import dsm
from dsm import tasks
from dsm._random import root_key
from dsm._registry import Registry
from dsm.observables import deep_network, narrow, sign_network, two_layer

PACKAGE = Path(dsm.__file__).parent
#: The longest file, in lines.
LONGEST = 350

#: Folders of what is simulated and computed.
PHYSICS = frozenset({"networks", "data", "theory", "observables", "samplers", "training"})
#: The command line, which nothing else imports.
COMMAND = frozenset({"__main__", "cli", "_jobs", "_multirun"})
#: Folders, and folders that they reach by no chain of imports.
APART = (
    (PHYSICS, {"config", "driver", "store", "plotting", "tasks", "reporting", "tracking"}),
    ({"config", "driver", "store", "tracking"}, PHYSICS | {"plotting", "tasks", "reporting"}),
    ({"plotting"}, {"config", "driver", "store", "tasks", "reporting", "tracking"}),
    ({"reporting"}, {"driver", "tasks"}),
)
#: Imports inside functions that close a circle.
CIRCULAR = frozenset({("_jobs", "_multirun"), ("cli", "__main__")})

#: What makes a loop in a compiled program.
LOOPS = frozenset({"scan", "map", "fori_loop", "while_loop", "associative_scan"})

Graph = dict[str, dict[str, set[str]]]


@functools.cache
def sources() -> dict[Path, ast.Module]:
    """All files of the package, by their paths in it."""
    return {path.relative_to(PACKAGE): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


def unit_of(path: Path) -> str:
    return path.parts[0].removesuffix(".py")


@functools.cache
def folders() -> frozenset[str]:
    return frozenset(path.parts[0] for path in sources() if len(path.parts) > 1)


# Imports


def imported(node: ast.AST) -> list[str]:
    """The modules of dsm that a statement imports, without the leading `dsm.`; `__init__` for dsm itself."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module == "dsm":
        names = [f"dsm.{alias.name}" for alias in node.names]
    else:
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    return [name.partition(".")[2] or "__init__" for name in names if name.split(".")[0] == "dsm"]


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below one that run when the module is imported."""
    for child in ast.iter_child_nodes(node):
        checked_only = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        if not checked_only and not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield child
            yield from at_import(child)


@functools.cache
def imports(everywhere: bool) -> Graph:
    """For each unit those that it imports, with the files that do: when it is imported, or `everywhere`."""
    units = {unit_of(path) for path in sources()}
    graph: Graph = {unit: defaultdict(set) for unit in units}
    for path, tree in sources().items():
        for node in ast.walk(tree) if everywhere else at_import(tree):
            for name in imported(node):
                other = name.split(".")[0] if name.split(".")[0] in units else "__init__"
                if other != unit_of(path):
                    graph[unit_of(path)][other].add(str(path))
    return graph


def floors(graph: Graph) -> list[list[str]]:
    """The units in an order in which each imports from floors below alone.

    Raises:
        graphlib.CycleError: there is none.
    """
    order = graphlib.TopologicalSorter(graph)
    order.prepare()
    found = []
    while order.is_active():
        found.append(sorted(order.get_ready()))
        order.done(*found[-1])
    return found


def assert_ordered(graph: Graph) -> None:
    try:
        floors(graph)
    except graphlib.CycleError as error:
        circle = error.args[1][::-1]
        steps = [f"{a} imports {b} in {sorted(graph[a][b])}" for a, b in zip(circle, circle[1:], strict=False)]
        pytest.fail("units import each other in a circle:\n" + "\n".join(steps))


def reached(unit: str) -> set[str]:
    """All units that one imports, directly or through others."""
    found, left = set(), [unit]
    while left:
        new = set(imports(everywhere=True)[left.pop()]) - found
        found |= new
        left += new
    return found


def drawing() -> str:
    """The floors as text, for messages."""
    return "\n".join(f"floor {number}: {', '.join(units)}" for number, units in enumerate(floors(imports(False))))


@pytest.mark.quick
def test_imports_of_units_have_an_order():
    assert_ordered(imports(everywhere=False))


@pytest.mark.quick
def test_imports_inside_functions_keep_an_order():
    graph = imports(everywhere=True)
    assert all(b in graph[a] for a, b in CIRCULAR), "a circle is gone: take it off CIRCULAR"
    assert_ordered({a: {b: files for b, files in graph[a].items() if (a, b) not in CIRCULAR} for a in graph})


@pytest.mark.quick
def test_folders_that_do_not_reach_each_other():
    for group, others in APART:
        assert group | others <= folders(), "a folder is gone: take it off the rules"
        for unit in group:
            assert not reached(unit) & others, f"{unit} reaches {sorted(reached(unit) & others)}\n{drawing()}"


@pytest.mark.quick
def test_files_that_tasks_need_stand_on_no_folder():
    """Errors, random streams, registries, processes, signals: what is used everywhere knows of no physics and no runs."""
    for unit in reached("tasks") - folders():
        assert not reached(unit) & folders(), f"{unit} reaches {sorted(reached(unit) & folders())}\n{drawing()}"


@pytest.mark.quick
def test_only_physics_plotting_and_tasks_import_physics():
    users = {unit for unit, others in imports(everywhere=True).items() if PHYSICS & set(others)}
    assert users - PHYSICS <= {"plotting", "tasks", "__init__"}, drawing()


@pytest.mark.quick
def test_nothing_imports_the_command_line():
    for unit, others in imports(everywhere=True).items():
        assert unit in COMMAND or not COMMAND & set(others), f"{unit} imports {sorted(COMMAND & set(others))}"


# Loops in compiled programs


@pytest.mark.quick
def test_loops_are_in_physics_the_driver_and_builders_of_tasks():
    for path, tree in sources().items():
        if unit_of(path) in PHYSICS | {"driver"} or (unit_of(path) == "tasks" and path.name == "_build.py"):
            continue
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and is_lax(node.value)}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module in ("jax.lax", "jax._src.lax"):
                used |= {alias.name for alias in node.names}
            if isinstance(node, ast.ImportFrom) and node.module == "jax":
                renamed = [alias.asname for alias in node.names if alias.name == "lax" and alias.asname]
                assert not renamed, f"{path} gives lax another name, in which loops are not seen: {renamed}"
        assert not used & LOOPS, f"{path} loops in a compiled program: {sorted(used & LOOPS)}"


def is_lax(node: ast.AST) -> bool:
    return ast.unparse(node) in ("lax", "jax.lax")


@pytest.mark.quick
def test_only_the_driver_repeats_the_step_of_a_system():
    """Elsewhere a step calls the step of the system that it wraps."""
    for path, tree in sources().items():
        wrapped = {
            id(node)
            for method in ast.walk(tree)
            if isinstance(method, ast.FunctionDef) and method.name == "step"
            for node in ast.walk(method)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-2:] == ["system", "step"]:
                assert unit_of(path) == "driver" or id(node) in wrapped, f"{path}:{node.lineno} makes steps"


#: Sizes of a small and of a larger run, for each task and for variants of it.
SIZES = {
    "sample": {"network.width": (6, 8), "network.depth": (2, 4), "data.alpha": (2, 3), "data.test_patterns": (20, 30)}
    | {"data.samples": (2, 4), "sampler.replicas": (2, 4), "sampler.sweeps": (8, 16)},
    "sample network=random": {"network.width": (6, 8), "network.fan_in": (3, 4), "network.depth": (2, 4)}
    | {"data.samples": (2, 4), "sampler.sweeps": (8, 16)},
    "sample sampler=exchange": {"network.width": (6, 8), "network.depth": (2, 4), "sampler.beta": ("[0,1]", "[0,1,2]")}
    | {"data.samples": (2, 4), "sampler.sweeps": (8, 16)},
    "online_sgd": {"network.width": (10, 12), "network.students": (2, 3), "network.teachers": (2, 3)}
    | {"data.samples": (2, 4), "training.time": (4, 8)},
    "specialisation": {"network.width": (8, 10), "network.teachers": ("[6]", "[8]"), "data.patterns": (40, 60)}
    | {"network.decay": ("[0,1]", "[0,1,2]"), "data.samples": (2, 4), "training.epochs": (4, 8)},
    "narrow": {"network.width": (6, 8), "network.units": (4, 6), "data.alpha": ("[1]", "[1,2]")}
    | {"data.samples": (2, 4), "training.steps": (10, 20)},
}


@pytest.mark.parametrize(
    "run", [pytest.param(run, marks=() if run == "online_sgd" else pytest.mark.slow) for run in SIZES]
)
def test_programs_do_not_grow_with_sizes(run):
    """Time to compile depends on no size: what is repeated, over layers, units, samples or steps, is a loop."""
    words = f"task={run}".split()
    small, large = ([*words, *(f"{key}={values[which]}" for key, values in SIZES[run].items())] for which in range(2))
    assert operations(small) == operations(large)


def operations(words: list[str]) -> dict[str, int]:
    """How often each operation stands in the program of a run: problems drawn, chains begun, a call of the driver."""
    config = dsm.compose(*words)
    parts = importlib.import_module(f"dsm.tasks.{config.task}._build")
    key = root_key(0)
    start = (parts.start_overlaps(config, key),) if config.task == "online_sgd" else ()
    plan = parts.plan(config, key, *start)

    def run(steps, recorded):
        driver = parts.make_driver(config, key, *start, *plan)
        return driver.advance(driver.begin(), steps, recorded)

    counts: dict[str, int] = defaultdict(int)
    left = [jax.make_jaxpr(run)(jnp.zeros(3, jnp.int32), jnp.zeros(3, bool)).jaxpr]
    while left:
        for equation in left.pop().eqns:
            counts[equation.primitive.name] += 1
            left += programs_in(list(equation.params.values()))
    assert counts["scan"] and counts["while"] and sum(counts.values()) > 100
    return dict(counts)


def programs_in(value: object) -> list[Jaxpr]:
    if isinstance(value, (list, tuple)):
        return [program for entry in value for program in programs_in(entry)]
    if isinstance(value, ClosedJaxpr):
        return [value.jaxpr]
    return [value] if isinstance(value, Jaxpr) else []


# Registered parts


@functools.cache
def registries() -> list[Registry]:
    """All registries of the package that have parts."""
    names = [module.name for module in pkgutil.walk_packages(dsm.__path__, "dsm.")]
    values = [value for name in names for value in vars(importlib.import_module(name)).values()]
    found = {id(value): value for value in values if isinstance(value, Registry)}
    return [registry for registry in found.values() if registry.parts_of_dsm]


@pytest.mark.quick
def test_every_part_is_registered_by_the_file_of_its_name():
    """A registry has a folder, in which each file without a leading underscore registers its own name."""
    assert len(registries()) > 20
    homes: dict[str, Registry] = {}
    for registry in registries():
        modules = {name: registry.get(name).__module__ for name in registry.names}
        modules = {name: module for name, module in modules.items() if module.startswith("dsm.")}
        (home,) = {module.rpartition(".")[0] for module in modules.values()}
        assert homes.setdefault(home, registry) is registry, f"two registries have parts in {home}"
        files = {path.stem for path in PACKAGE.parent.joinpath(*home.split(".")).glob("[a-zA-Z]*.py")}
        assert modules == {name: f"{home}.{name}" for name in files}, registry.kind


@pytest.mark.quick
def test_every_task_has_a_folder_and_a_preset():
    folders = {path.parent.name for path in (PACKAGE / "tasks").glob("*/__init__.py")}
    assert folders <= set(tasks.TASKS)
    assert {path.stem for path in (tasks.folder() / "task").glob("*")} == folders


@pytest.mark.quick
def test_quantity_and_stored_variable_have_the_same_name():
    for registry in (sign_network.OBSERVABLES, two_layer.OBSERVABLES, deep_network.OBSERVABLES, narrow.OBSERVABLES):
        for name in registry.names:
            first = next(iter(registry.get(name).variables))
            assert first == name or first.startswith(f"{name}_")


# Small rules


@pytest.mark.quick
def test_one_file_draws_the_thresholds_of_acceptance():
    users = [str(path) for path in sources() if "random.exponential" in (PACKAGE / path).read_text()]
    assert users == ["samplers/_accept.py"]


@pytest.mark.quick
def test_files_are_short():
    lengths = {str(path): len((PACKAGE / path).read_text().splitlines()) for path in sources()}
    assert not {path: number for path, number in lengths.items() if number > LONGEST}

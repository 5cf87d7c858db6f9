"""What the parts promise one another, and what keeps the house in order."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dsm
from dsm import data, networks, observables, samplers, theory, training
from dsm._random import stream
from helpers import MOVES, small_problem
from runs import environment

PACKAGE = Path(dsm.__file__).parent

#: Floors of the house; a module imports from its own floor or from below.
FLOORS = {
    "_errors": 0, "_random": 0, "_results": 0, "_registry": 0,
    "networks": 1, "data": 2, "samplers": 3, "observables": 3, "theory": 3,
    "_layout": 4, "ensemble": 4, "training": 4, "config": 5, "_capacity": 5, "_signals": 5, "_progress": 5,
    "store": 6, "plotting": 6, "tasks": 7, "cli": 8, "__init__": 9,
}  # fmt: skip

#: Files that may loop inside compiled code, and over what.
LOOPS = {
    "networks/_sign_network.py": "layers",
    "samplers/_unit_block.py": "layers, units, weights",
    "ensemble.py": "segments, sweeps, swaps, samples",
    "_layout.py": "blocks of chains",
    "theory/_monotone_saddle_point.py": "steps of the solver",
    "theory/_branch.py": "parameters, steps in them, Newton steps",
    "theory/_deep_student_machine.py": "layers, alphas",
    "theory/closures/layered.py": "layers",
    "theory/_online_sgd_ode.py": "curves",
    "tasks/sample.py": "samples, when problems are drawn",
    "training/_simulation.py": "segments, steps",
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("name", list(MOVES))
def test_step_is_a_pure_function_that_jits_and_vmaps(name):
    weights, move = MOVES[name]
    sampler = samplers.UnitBlock(move)
    assert list(inspect.signature(sampler.step).parameters) == ["key", "state", "problem", "beta"]
    problem = small_problem("dense", weights, width=4, depth=2)
    sampler.check(problem)
    keys = jax.random.split(jax.random.key(1), 3)
    states = jax.vmap(lambda key: samplers.random_start(key, problem))(keys)
    step = jax.jit(lambda key, state: sampler.step(key, state, problem, 0.5))
    together, info = jax.jit(jax.vmap(step))(keys, states)
    for index, key in enumerate(keys):
        alone, own = step(key, jax.tree.map(lambda leaf: leaf[index], states))  # noqa: B023
        np.testing.assert_array_equal(alone.weights, together.weights[index])
        assert alone.energy == together.energy[index]
        np.testing.assert_array_equal(own.acceptance, info.acceptance[index])
    assert {field for field in vars(states)} == {"weights", "energy"}
    assert states.weights.dtype == jnp.float32 and states.energy.dtype == jnp.int32


def test_move_for_other_weights_is_refused():
    with pytest.raises(ValueError, match="GaussianMove: moves continuous weights, and the network has ising weights"):
        samplers.UnitBlock(samplers.GaussianMove()).check(small_problem("dense", "ising"))


def test_every_part_is_registered_by_one_file():
    folders = {
        "networks/priors": networks.PRIORS,
        "data/inputs": data.INPUTS,
        "samplers/moves": samplers.MOVES,
        "samplers/schedules": samplers.SCHEDULES,
        "observables": observables.OBSERVABLES,
        "theory/closures": theory.CLOSURES,
        "theory/weight_channels": theory.WEIGHT_CHANNELS,
        "networks/activations": networks.ACTIVATIONS,
        "data/laws": data.LAWS,
        "training/starts": training.STARTS,
    }
    for folder, registry in folders.items():
        files = {path.stem for path in (PACKAGE / folder).glob("[a-z]*.py")} - {"statistics"}
        assert files == set(registry.names)


def test_a_new_observable_is_one_file(tmp_path):
    """A plug-in outside the package registers a quantity, and a run records it."""
    (tmp_path / "my_observable.py").write_text(
        "import jax.numpy as jnp\n"
        "from dsm.observables import OBSERVABLES, AbstractObservable, Variable\n"
        "@OBSERVABLES.register('magnetisation')\n"
        "class Magnetisation(AbstractObservable):\n"
        "    pairs = ('teacher',)\n"
        "    variables = {'magnetisation': Variable('mean output')}\n"
        "    def __call__(self, a, b):\n"
        "        return {'magnetisation': jnp.mean(a.test.astype(jnp.float32), axis=(1, 2))}\n"
    )
    words = [
        "experiment=quickstart",
        "plugins=[my_observable]",
        "observe.quantities=[magnetisation]",
        "run.figures=false",
    ]
    words += ["network.width=4", "data.samples=2", "sampler.replicas=2", "sampler.sweeps=2"]
    program = [sys.executable, "-m", "dsm.cli", *words]
    subprocess.run(program, cwd=tmp_path, env=environment(PYTHONPATH=str(tmp_path)), check=True, capture_output=True)
    (done,) = tmp_path.rglob("DONE")
    assert dsm.load(done.parent).magnetisation.dims == ("sample", "beta", "replica", "layer", "sweep")


def test_imports_point_down_the_house():
    for path in modules():
        floor = FLOORS[path.relative_to(PACKAGE).parts[0].removesuffix(".py")]
        for node in ast.walk(ast.parse(path.read_text())):
            for name in _imported(node):
                if name.startswith("dsm."):
                    part = name.split(".")[1]
                    if part in FLOORS:
                        assert FLOORS[part] <= floor, f"{path} imports {name}, a floor above"


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module == "dsm":
        return [f"dsm.{alias.name}" for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


def test_loops_are_where_they_should_be():
    words = ("lax.scan", "fori_loop", "while_loop", "lax.map")
    found = {str(p.relative_to(PACKAGE)) for p in modules() if any(word in p.read_text() for word in words)}
    assert found == set(LOOPS)


def test_one_acceptance_rule():
    users = [str(p.relative_to(PACKAGE)) for p in modules() if "random.exponential" in p.read_text()]
    assert users == ["samplers/_accept.py"]


def test_files_are_short():
    long = {str(p.relative_to(PACKAGE)): n for p in modules() if (n := len(p.read_text().splitlines())) > 350}
    assert not long


def test_import_sets_no_state_and_is_quick():
    program = (
        "import time, jax, sys\n"
        "before = dict(jax.config.values)\n"
        "began = time.process_time()\n"
        "import dsm\n"
        "assert jax.config.values == before\n"
        "assert not {'hydra', 'xarray', 'matplotlib', 'orbax', 'sklearn'} & set(sys.modules)\n"
        "print(time.process_time() - began)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 6  # 1 to 2 s on an idle core


def test_streams_are_independent_of_one_another():
    key = jax.random.key(0)
    data_of = lambda *words: tuple(jax.random.key_data(stream(key, *words)).tolist())  # noqa: E731
    different = [
        data_of("moves", 0, 0, 1),
        data_of("moves", 0, 1, 0),
        data_of("moves", 1, 0, 0),
        data_of("data", 0, 0, 1),
    ]
    different += [data_of("moves"), data_of("data"), data_of("moves", 0)]
    assert len(set(different)) == len(different)
    assert data_of("moves", 3) == data_of("moves", 3)


def test_public_names():
    for name in ("SignNetwork",):
        assert hasattr(dsm.networks, name)
    for name in ("iid_signs", "hidden_manifold", "digits", "teacher_problem"):
        assert hasattr(dsm.data, name)
    for name in ("UnitBlock", "SpinFlip", "GaussianMove", "HeatBath", "Exchange", "random_start", "planted_start"):
        assert hasattr(dsm.samplers, name)
    for name in ("weight_overlap", "spin_overlap", "gauge_invariant_overlap", "matched_overlap", "test_error"):
        assert hasattr(dsm.observables, name)
    for name in ("deep_student_machine", "online_sgd"):
        assert hasattr(dsm.theory, name)
    for name in ("load", "load_sweep", "run", "compose"):
        assert callable(getattr(dsm, name))

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
from commands import environment
from dsm import data, networks, samplers, tasks, theory, training
from dsm._random import stream
from dsm.networks import spacing
from dsm.observables import deep_network, narrow, sign_network, two_layer
from dsm.tasks import folder as folder_of_settings
from helpers import MOVES, PROPOSALS, small_problem

PACKAGE = Path(dsm.__file__).parent

#: Floors of the house; a module imports from its own floor or from below.
FLOORS = {
    "_errors": 0, "_arguments": 0, "_parts": 0, "_random": 0, "_results": 0, "_registry": 0, "_signals": 0,
    "_variables": 0, "_logging": 0, "_progress": 0, "_programs": 0, "_runs": 0, "_near": 0, "_slurm": 0,
    "_cluster": 0, "_hosts": 0, "_relay": 0, "_meeting": 0,
    "_system": 1, "tracking": 1, "networks": 1, "data": 2, "theory": 3, "observables": 3, "samplers": 4, "training": 4,
    "config": 5, "driver": 6, "store": 7, "plotting": 7, "tasks": 8, "reporting": 8,
    "_status": 8, "_report": 8, "_kinds": 8, "_list": 8,
    "_jobs": 9, "_multirun": 9, "cli": 9, "__main__": 9, "__init__": 10,
}  # fmt: skip

#: Files that may loop inside compiled code, and over what.
LOOPS = {
    "networks/_sign_network.py": "layers",
    "networks/_deep_network.py": "draws of rows, until all are distinct",
    "observables/deep_network/strength.py": "outputs",
    "samplers/sign_perceptron/_unit_block.py": "layers, units",
    "samplers/sign_perceptron/chains/plain.py": "weights",
    "samplers/sign_perceptron/chains/pallas.py": "weights",
    "samplers/sign_perceptron/_sampling.py": "samples, for what is observed once",
    "driver/_driver.py": "segments, steps",
    "driver/_axes.py": "blocks of chains",
    "theory/_monotone_saddle_point.py": "steps of the solver",
    "theory/_branch.py": "values of the parameter, steps along the branch",
    "theory/_deep_student_machine.py": "layers, alphas",
    "theory/closures/layered.py": "layers",
    "theory/_online_sgd_ode.py": "curves",
    "theory/_small_noise.py": "elements of a batch, one after the other",
    "theory/narrow/_network.py": "steps of the solver",
    "theory/narrow/_transitions.py": "points of a branch",
    "theory/output_channels/_base.py": "steps of the search for the proximal point",
    "tasks/sample/_build.py": "samples, when problems are drawn",
    "tasks/specialisation/_build.py": "samples, when problems are drawn",
    "tasks/narrow/_build.py": "samples, when problems are drawn",
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
        # Heat baths invert the distribution function, which rounds otherwise alone and side by side.
        inexact = 0 if name in PROPOSALS else 2 * spacing(4)
        np.testing.assert_allclose(alone.weights, together.weights[index], rtol=0, atol=inexact)
        assert alone.energy == together.energy[index]
        np.testing.assert_array_equal(own.acceptance, info.acceptance[index])
    assert {field for field in vars(states)} == {"weights", "energy"}
    assert states.weights.dtype == jnp.float32 and states.energy.dtype == jnp.int32


def test_move_for_other_weights_is_refused():
    with pytest.raises(ValueError, match="GaussianMove: moves continuous weights, and the network has ising weights"):
        samplers.UnitBlock(samplers.GaussianMove()).check(small_problem("dense", "ising"))


def test_every_part_is_registered_by_one_file():
    folders = {
        "networks/priors": networks.PRIORS.names,
        "data/inputs": data.INPUTS.names,
        "samplers/sign_perceptron/moves": samplers.MOVES.names,
        "samplers/sign_perceptron/chains": samplers.CHAINS.names,
        "samplers/sign_perceptron/starts": samplers.STUDENT_STARTS.names,
        "samplers/schedules": samplers.SCHEDULES.names,
        "observables/sign_network": sign_network.OBSERVABLES.names,
        "observables/two_layer": two_layer.OBSERVABLES.names,
        "theory/closures": theory.CLOSURES.names,
        "theory/weight_channels": theory.WEIGHT_CHANNELS.names,
        "networks/activations": networks.ACTIVATIONS.names,
        "data/laws": data.LAWS.names,
        "training/starts": training.OVERLAP_STARTS.names,
        "data/datasets": data.DATASETS.names,
        "data/losses": data.LOSSES.names,
        "training/network_starts": training.NETWORK_STARTS.names,
        "training/optimisers": training.OPTIMISERS.names,
        "training/rates": training.RATES.names,
        "observables/deep_network": deep_network.OBSERVABLES.names,
        "data/output_losses": data.OUTPUT_LOSSES.names,
        "training/dynamics": training.DYNAMICS.names,
        "training/narrow_starts": training.NARROW_STARTS.names,
        "observables/narrow": narrow.OBSERVABLES.names,
    }
    for folder, names in folders.items():
        files = {path.stem for path in (PACKAGE / folder).glob("[a-zA-Z]*.py")}
        assert files == set(names), folder
    files = {path.parent.name for path in (PACKAGE / "tasks").glob("*/__init__.py")}
    assert files <= set(tasks.TASKS) and {path.stem for path in (folder_of_settings() / "task").glob("*")} == files


def test_quantity_and_stored_variable_have_the_same_name():
    for registry in (sign_network.OBSERVABLES, two_layer.OBSERVABLES, deep_network.OBSERVABLES, narrow.OBSERVABLES):
        for name in registry.names:
            first = next(iter(registry.get(name).variables))
            assert first == name or first.startswith(f"{name}_")


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
        "from dsm import data, networks, observables, samplers, theory, training\n"
        "assert jax.config.values == before\n"
        "assert not {'hydra', 'xarray', 'matplotlib', 'orbax', 'sklearn', 'blackjax'} & set(sys.modules)\n"
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

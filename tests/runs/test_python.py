"""The package as its users in Python meet it: imports, names, `dsm.run` in a process of theirs, what results print."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

import dsm
from commands import Forked, environment
from dsm import data, samplers, tasks, theory
from dsm._progress import duration
from dsm._random import root_key
from dsm.tasks.sample._build import draw_problems

#: `import dsm` takes no time and imports nothing large; what it names is imported when used, and leaves JAX as it is.
IMPORT = """
import sys, time
began = time.perf_counter()
import dsm
assert time.perf_counter() - began < 0.5
assert not {"jax", "numpy", "xarray", "hydra"} & set(sys.modules)
public = [name for name in dir(dsm) if not name.startswith("_")]
assert public == dsm.__all__, public
assert "jax" not in sys.modules
assert not hasattr(dsm, "nothing")
assert dsm.__version__

import jax
settings, began = dict(jax.config.values), time.process_time()
from dsm import data, networks, observables, samplers, theory, training
assert time.process_time() - began < 6  # 1 to 2 s on an idle core
assert jax.config.values == settings
assert not {'hydra', 'xarray', 'matplotlib', 'orbax', 'sklearn', 'blackjax'} & set(sys.modules)
assert dsm.theory is theory and dsm.data.INPUTS.names
"""


def test_import_is_quick_and_lazy(tmp_path):
    words = [sys.executable, "-c", IMPORT]
    done = subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.quick
@pytest.mark.parametrize("call", [lambda: dsm.run("network.depth=x"), lambda: dsm.load("nowhere")])
def test_errors_of_users_hide_the_frames_of_dsm(call):
    with pytest.raises((dsm.ConfigError, dsm.StoreError)) as caught:
        call()
    inside = {
        str(entry.path) for entry in caught.traceback if Path(entry.path).is_relative_to(Path(dsm.__file__).parent)
    }
    assert {Path(path).name for path in inside} == {"_errors.py"}
    assert caught.type.__module__ == "dsm"


#: One process of a user: runs one after the other, what each printed and compiled, and what they left behind.
USE = """
import io, json, logging, os, pathlib, signal, sys, threading, time
import jax, jax.numpy as jnp
jax.jit(jnp.cos)(1.0)  # something is compiled before: the cache must serve all the same
import dsm
from dsm import _programs, _progress

compiled, events = [], []
jax.monitoring.register_event_listener(lambda name, **_: events.append(name.split("/")[-1]))
jax.monitoring.register_event_duration_secs_listener(
    lambda name, seconds, **_: compiled.append(name) if name.endswith("backend_compile_duration") else None)
TINY = ("task=online_sgd", "network.width=6", "data.samples=2", "training.time=2",
        "observe.theory=false", "run.figures=false")
real, facts = sys.stderr, {}

def use(name, *settings):
    sys.stderr, before = io.StringIO(), len(compiled)
    try:
        path = dsm.run(*TINY, *settings)
    finally:
        facts[name] = {"printed": sys.stderr.getvalue().splitlines(), "compiled": len(compiled) - before}
        sys.stderr = real
    facts[name]["done"] = (path / "DONE").exists()
    facts[name]["value"] = float(dsm.load(path).test_error_mean[..., -1].mean())

use("first", "run.compilation_cache=cache")
facts["cached"] = len(list(pathlib.Path("cache").glob("*")))
facts["settings"] = [jax.config.jax_compilation_cache_dir, jax.config.jax_persistent_cache_min_compile_time_secs]
facts["handlers"] = [len(logging.root.handlers), len(logging.getLogger("dsm").handlers)]
use("seed", "seed=1", "run.compilation_cache=null")
use("rate", "training.lr=0.5", "run.compilation_cache=null")

def interrupt():
    while "at this rate" not in sys.stderr.getvalue():
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)

_progress.KNOWN_AFTER = 0.1
threading.Timer(0.5, interrupt).start()
use("long", "training.time=100000000", "run.chunk_seconds=0.05", "run.compilation_cache=null")

events.clear()
_programs.SHARE = 0.0
jax.config.update("jax_compilation_cache_dir", os.path.abspath("cache"))
use("dropped", "seed=2", "run.compilation_cache=unused")
facts["hits"], facts["unused"] = events.count("cache_hits"), os.path.exists("unused")

_programs.SHARE = 0.5
logging.basicConfig(format="mine: %(message)s", level=logging.INFO, stream=sys.stdout)
sys.stdout.flush()
use("handled", "seed=2", "run.compilation_cache=unused")
print(json.dumps(facts))
"""


@pytest.fixture(scope="module")
def used(tmp_path_factory):
    with tempfile.TemporaryFile("w+") as output:
        status = Forked(USE, (), tmp_path_factory.mktemp("user"), environment(), output, output).wait()
        output.seek(0)
        text = output.read()
    assert status == 0, text
    *printed, facts = text.splitlines()
    return {"printed": printed, **json.loads(facts)}


def test_run_prints_as_the_command_does(used):
    first = used["first"]["printed"]
    assert first[:2] == ["drawing teachers and data", "compiling"] and first[2].startswith("compiled in ")
    assert any(line.startswith("step 12/12 ") for line in first)
    assert first[-1].endswith("seed=0: finished") and used["first"]["done"]
    assert used["handlers"] == [0, 0]


def test_run_leaves_logging_of_the_user_alone(used):
    assert used["handled"]["printed"] == []
    assert len(used["printed"]) == 1 and used["printed"][0].startswith("mine: ")
    assert "already finished" in used["printed"][0]


def test_run_uses_the_compilation_cache_of_the_user_first(used):
    assert used["cached"] > 0 and used["settings"] == [None, 1.0]
    assert used["hits"] > 0 and not used["unused"]


def test_runs_of_other_values_share_programs(used):
    assert used["first"]["compiled"] > 2 and used["seed"]["compiled"] == used["rate"]["compiled"] == 0
    assert len({used[name]["value"] for name in ("first", "seed", "rate")}) == 3


def test_interrupted_run_says_how_to_continue(used):
    long = used["long"]
    assert any(line.startswith("about ") and line.endswith(" at this rate") for line in long["printed"])
    assert not long["done"] and "run the same command again to continue" in long["printed"][-1]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="memory maps are counted on Linux only")
def test_programs_are_dropped_before_memory_maps_run_out(used):
    assert used["dropped"]["printed"][0].startswith("compiled programs are dropped: ")
    assert used["dropped"]["compiled"] > 2 and used["dropped"]["done"]


def test_problems_follow_the_last_definition_of_a_part():
    """As a cell of a notebook does that is edited and run again."""
    config = tasks.compose(["experiment=quickstart", "network.width=4", "data.samples=1", "data.test_patterns=2"])
    config.data.inputs = {"name": "constant_of_a_test"}

    def define(value: int) -> None:
        class Constant(data.INPUTS.get("iid")):
            def sample(self, key, train, test):
                return tuple(jnp.full((number, self.width), value, jnp.int8) for number in (train, test))

        Constant.__qualname__ = "Constant"
        data.INPUTS.register("constant_of_a_test")(Constant)

    try:
        for value in (1, -1, 1):
            define(value)
            assert np.unique(draw_problems(config, root_key(0)).inputs) == value
    finally:
        del data.INPUTS._parts["constant_of_a_test"]


@pytest.mark.quick
def test_registry_prints_its_names():
    assert repr(samplers.MOVES).startswith("move: gaussian, heat_bath, ")
    assert repr(samplers.SCHEDULES).startswith("schedule: ")


def test_solutions_print_their_numbers():
    text = repr(theory.narrow_network("erf", [0.5, 2.0]))
    title, names, first, second = text.splitlines()
    assert title == "NarrowSolution: 2 rows" and names.split()[:2] == ["alpha", "teacher_overlap"]
    assert first.split()[0] == "0.5" and second.split()[0] == "2" and second.endswith("converged")


def trajectory(*batch: int, times: int = 30) -> theory.Trajectory:
    errors = np.zeros((*batch, times)) + 1 / np.arange(1, times + 1)
    ones = np.ones((*batch, times, 2, 2))
    state = np.zeros(batch, int)
    return theory.Trajectory(np.arange(float(times)), ones, ones, ones[..., 0], errors, state, state)


@pytest.mark.quick
def test_long_results_are_shortened():
    lines = repr(trajectory()).splitlines()
    assert lines[0] == "Trajectory: 30 rows" and len(lines) == 13 and lines[7] == "... 20 more"
    assert lines[2].split()[:2] == ["0", "1"] and lines[-1].split()[:2] == ["29", "0.033333"]
    assert lines[2].endswith("1 1 1 ...  1 1 1 ...  1 1")
    assert "(1, 29)  29  " in repr(trajectory(2)).splitlines()[-1]
    lone = theory.SteadyState(np.eye(2), np.eye(2), np.ones(2), *map(np.asarray, (0.25, 0.0, -1.0, 0)))
    assert repr(lone).splitlines()[0] == "SteadyState: 1 row" and repr(lone).endswith("converged")


@pytest.mark.quick
def test_compose_refuses_several_settings_in_one_string():
    with pytest.raises(dsm.ConfigError, match="experiment=quickstart network.depth=2: is several settings"):
        dsm.compose("experiment=quickstart network.depth=2")


def test_results_in_compiled_code_print_their_shapes():
    seen = []
    root = theory.Root(jnp.ones(2), *map(jnp.asarray, (0.0, [1j], 3, 0)))
    eqx.filter_jit(lambda root: seen.append(repr(root)))(root)
    assert "Root(" in seen[0] and "converged" not in seen[0] and "converged" in repr(root)


@pytest.mark.quick
@pytest.mark.parametrize(
    "seconds, text", [(44.6, "45 s"), (2400.0, "40 min"), (3.2 * 3600, "3.2 h"), (440640.0, "5.1 days")]
)
def test_duration_has_a_fitting_unit(seconds, text):
    assert duration(seconds) == text

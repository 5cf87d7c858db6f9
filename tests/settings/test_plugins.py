"""Parts of one's own: every file and command of docs/own_parts.md, plugins that are edited, parts that are wrong."""

import importlib
import json
import linecache
import pickle
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

import dsm
from commands import ROOT, command, environment
from commands import dsm as run_dsm
from dsm import cli
from dsm._errors import ConfigError, StoreError
from dsm._registry import REGISTRIES
from dsm.networks import ACTIVATIONS, PRIORS, check_prior, make_activation, make_prior
from dsm.observables.sign_network import OBSERVABLES
from dsm.samplers import MOVES, AbstractProposal
from dsm.samplers.sign_perceptron.moves._check import check_move
from dsm.tasks import _plugins
from dsm.tasks._command import command_of
from dsm.tasks._options import left_over

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


def blocks(language: str, page: Path = PAGE) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


def commands() -> list[list[str]]:
    return [shlex.split(line) for block in blocks("sh") for line in block.splitlines()]


@pytest.fixture
def page(folder):
    """The working folder with the files of the page."""
    for block in blocks("python") + blocks("yaml"):
        if found := re.match(r"(?:# @package _global_\n)?# (\S+\.(?:py|yaml))\n", block):
            file = folder / found[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block)
    return folder


def write(folder: Path, name: str, *lines: str) -> None:
    (folder / f"{name}.py").write_text("\n".join(lines) + "\n")


# ------------------------------------------------------------------------------------------------------------ the page


def test_parts_of_the_page_together_as_a_command_and_after_an_edit(page, caplog):
    (words,) = [words for words in commands() if "plugins=[mymove,myobservables,myinputs]" in words]
    assert words[0] == "dsm"
    run_dsm(*words[1:], *TINY, "run.dir=here", cwd=page, program=AS_INSTALLED)
    found = dsm.load("here")
    assert found.magnetisation.dims == ("sample", "beta", "replica", "layer", "sweep")
    assert found.magnetisation_of_half.sel(half="left").dims == ("sample", "beta", "replica", "sweep")
    assert found.baseline_magnetisation.dims == ("sample", "machine", "layer")
    assert {"teacher_agreement_mean", "student_agreement_error", "past_agreement_mean"} <= set(found.data_vars)
    figures = {file.name for file in (page / "here" / "figures").iterdir()}
    assert figures == {"overlap_profile.png", "learning_curves.png"}
    again = (*words[1:], *TINY, "run.dir=here")
    assert dsm.run(*again) == page / "here"  # finished already
    with (page / "mymove.py").open("a") as file:
        file.write("# an edit\n")
    with (
        caplog.at_level("INFO", "dsm"),
        pytest.raises(StoreError, match="  the source of mymove has changed since"),
    ):
        dsm.run(*again)
    assert "plugins=[mymove]: its source has changed, and is imported again" in caplog.messages


def test_commands_of_the_page_are_legal(page):
    told = [words for words in commands() if words[0] == "dsm" and "--config-dir" not in words]
    assert len(told) == 10
    for words in told:
        dsm.compose(*words[1:], *(TINY if "experiment=quickstart" in words else ()))
    move = dsm.compose(*told[0][1:]).sampler.move
    assert move == dsm.compose(*told[1][1:]).sampler.move == {"name": "mirror", "refresh": 0.3}


def test_the_test_of_the_page_tells_a_wrong_move(page):
    test = lambda: runpy.run_path("test_mymove.py")["test_it_samples_the_same_law"](page / "runs")  # noqa: E731
    test()
    file = page / "mymove.py"
    file.write_text(file.read_text().replace("fresh, -weight", "fresh, weight + 0.5"))
    shutil.rmtree(page / "runs")
    with pytest.raises(AssertionError):
        test()


def test_the_test_of_the_page_tells_a_move_of_another_prior(page, caplog):
    runpy.run_path("test_myprior.py")["test_move_and_prior_fit"](page / "runs")
    told = [text for text in caplog.messages if "nobody knows whether it samples network.weights = " in text]
    assert [text.split()[2] for text in told] == ["gaussian"]  # not of the move that comes with the prior


def test_activation_of_the_page(page):
    """As a command, with the theory of the run beside it, and its closed average against quadrature."""
    (words,) = [words for words in commands() if "network.activation=sine" in words]
    path = dsm.run(*words[1:], "network.width=200", "data.samples=4", "run.figures=false", f"run.root={page}")
    found = dsm.load(path)
    apart = found.test_error_mean - found.theory_test_error
    assert abs(float(apart[0])) < 1e-6 and abs(float(apart[-1])) < 0.05 * float(found.theory_test_error[0])
    chosen = {
        words[1]: dsm.compose(*words[1:]).network.activation
        for words in commands()
        if "plugins=[myactivation]" in words
    }
    assert chosen["task=narrow"] == chosen["task=specialisation"] == {"name": "sine", "frequency": 0.5}
    covariance = jnp.array([[1.0, 0.3, 0.2], [0.3, 0.8, -0.4], [0.2, -0.4, 1.2]])
    closed, plain = ACTIVATIONS.get("sine")(0.5), make_activation(lambda x: jnp.sin(0.5 * x))
    np.testing.assert_allclose(closed.value_value(covariance), plain.value_value(covariance), atol=1e-6)
    with pytest.raises(ConfigError, match="network.activation has no options with task=online_sgd"):
        dsm.compose(*words[1:], "network.activation.frequency=0.5")


def test_observable_of_two_layers_of_the_page(page):
    (words,) = [words for words in commands() if "plugins=[myangles]" in words]
    small = ("network.width=100", "data.samples=2", "training.time=1")
    found = dsm.load(dsm.run(*words[1:], *small, f"run.root={page}"))
    assert found.cosine.dims == ("sample", "t", "student", "teacher")
    lengths = np.sqrt(found.Q.values.diagonal(axis1=2, axis2=3)[..., None] * np.ones(found.sizes["teacher"]))
    np.testing.assert_allclose(found.cosine, found.R / lengths, atol=1e-6)  # units of the teacher have T = 1


def test_closure_of_the_page(page):
    assert ["python", "shown.py"] in commands()
    found = runpy.run_path("shown.py")["found"]
    alone = dsm.theory.deep_student_machine(1, [2.0, 4.0]).weight_overlap
    np.testing.assert_allclose(found.weight_overlap, np.repeat(alone, 3, axis=1), rtol=1e-6)


def test_task_of_the_page(page):
    (words,) = [words for words in commands() if "--config-dir" in words]
    run_dsm(*words[1:], cwd=page, program=AS_INSTALLED)
    found = dsm.load(page / "runs" / "mywalk" / "default" / "seed=0")
    assert found.x.dims == ("sample", "decay", "t") and found.sizes["t"] == 21
    assert found.plugins == ["mywalk"]


def test_cell_of_the_page_and_the_cell_run_again(folder, monkeypatch, caplog):
    (cell,) = [block for block in blocks("python") if block.startswith("# in a cell")]
    run = dsm.run
    monkeypatch.setattr(dsm, "run", lambda *words: run(*words, *TINY, "run.figures=false", "run.dir=run"))
    notebook = {"__name__": "__main__"}
    exec(cell, notebook)
    before = dsm.load(notebook["path"]).up
    edited = cell.replace("(machine.test[-1] > 0).mean()", "(machine.test[-1] > 0).mean() + 1")
    edited = edited.replace("class Up(", "class Upper(").replace('"observe', '"run.resume=never", "observe')
    assert edited.count("Upper") == 1
    with caplog.at_level("INFO", "dsm"):
        exec(edited, notebook)
    after = dsm.load(notebook["path"]).up
    np.testing.assert_allclose(after, before + 1, rtol=1e-6)
    assert any("'up', __main__.Up, is now __main__.Upper: the last definition counts" in m for m in caplog.messages)
    OBSERVABLES.forget("__main__")


# --------------------------------------------------------------------------------------------------- importing plugins


def test_the_command_tells_of_plugins_in_one_line(folder):
    write(folder, "broken", "x = 1", "x = = 2")
    write(folder, "needy", "import nowhere_to_be_found")
    write(folder, "wrong", "def f():", "    return undefined", "f()")
    write(folder, "clash", "from dsm.samplers import MOVES", "MOVES.register('gaussian')(type('Mine', (), {}))")
    write(folder, "task", "from dsm.tasks import register_task, Task", "from dsm.config import Config",
          "class Mine(Config): pass", "register_task(Task('narrow', Mine, print, print, {}))")  # fmt: skip
    write(folder, "test", "")
    for plugins, message in {
        "[missing]": f"plugins=[missing]: no module missing in {folder} or on the Python path",
        "nothing": f"plugins=[nothing]: no module nothing in {folder} or on the Python path",
        "[missing.py]": "plugins=[missing.py]: must be the name of a module, plugins=[missing]",
        "[broken]": "plugins=[broken]: broken.py, line 2: SyntaxError: invalid syntax",
        "[needy]": "plugins=[needy]: needy.py, line 1: ModuleNotFoundError: No module named 'nowhere_to_be_found'",
        "[wrong]": "plugins=[wrong]: wrong.py, line 2: NameError: name 'undefined' is not defined",
        "[clash]": "plugins=[clash]: clash.py, line 2: ValueError: move 'gaussian' is dsm.samplers.sign_perceptron.",
        "[task]": "plugins=[task]: task.py, line 4: ValueError: task 'narrow' is one of dsm: choose another name",
        "3": "plugins = 3: must be a list of Python modules, as in plugins=[mymove]",
    }.items():
        with pytest.raises(ConfigError) as caught:
            dsm.compose("experiment=quickstart", f"plugins={plugins}")
        assert str(caught.value).startswith(message)
    with pytest.raises(
        ConfigError, match=r"plugins=\[test\]: Python has another module of this name, .*: rename yours"
    ):
        dsm.compose("plugins=[test]")
    done = subprocess.run(command("plugins=[wrong]", program=AS_INSTALLED), capture_output=True, text=True, cwd=folder,
                          env=environment())  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "dsm: plugins=[wrong]: wrong.py, line 2: NameError: name 'undefined' is not defined\n"


def test_an_edited_plugin_is_imported_again_in_the_same_process(folder):
    part = "from dsm.samplers import MOVES, SpinFlip", "@MOVES.register('{0}')", "class {0}(SpinFlip): number = {1}"
    (folder / "mypack").mkdir()
    write(folder, "mypack/__init__", "from mypack import moves")
    write(folder, "mypack/moves", *(line.format("First", 1) for line in part))
    first = dsm.compose("plugins=mypack")
    assert MOVES.get("First").number == 1 and first.plugins == ["mypack"]
    assert dsm.compose("plugins=[mypack]") == first
    write(folder, "mypack/moves", *(line.format("First", 2) for line in part))
    assert dsm.compose("plugins=[mypack]").sources != first.sources
    assert MOVES.get("First").number == 2
    write(folder, "mypack/moves", *(line.format("Second", 3) for line in part))
    dsm.compose("plugins=[mypack]")
    assert "First" not in MOVES.names and MOVES.get("Second").number == 3


def test_sources_of_parts_of_a_script_or_a_cell_are_known(folder):
    source = OBSERVABLE.format(**GOOD)

    def sources(*words: str) -> dict[str, str]:
        return dsm.compose("experiment=quickstart", *words).sources

    def define(text: str, cell: str) -> None:
        linecache.cache[cell] = len(text), None, text.splitlines(keepends=True), cell  # as ipykernel does
        exec(compile(text, cell, "exec"), {"__name__": "notebook"})

    used = "observe.quantities=[mine]"
    define(source, "/tmp/cell_1.py")
    first = sources(used)
    assert first.keys() == {"notebook.Mine"}
    assert sources() == {} and sources(used) == first
    define("x = 1\n" + source, "/tmp/cell_2.py")  # the same class in an edited cell
    assert sources(used) == first
    define(source.replace("jnp.zeros(2", "jnp.ones(2"), "/tmp/cell_3.py")
    assert sources(used).keys() == first.keys() and sources(used) != first
    OBSERVABLES.forget("notebook")
    write(folder, "script", source)
    importlib.import_module("script")
    assert sources(used).keys() == {"script.Mine"}


def test_what_a_part_uses_of_its_script_is_part_of_a_run(folder):
    """Globals, helpers and what they use; not what has the name of an attribute, nor what is imported."""
    beside = {
        "values": "TABLE = np.arange(2.0)\nNAMES = {'a', 'b'}\nOPTIONS = {'up': (1, [2])}\nunused = 1\nzeros = 1",
        "helper": "@jax.jit\ndef helper(x):\n    return deeper(x) + OPTIONS['up'][0]",
        "deeper": "deeper = functools.partial(lambda x, y: x + y, 2)",
        "kind": "@dataclass\nclass Kind:\n    a: int = 1\n    def __call__(self, x):\n        return helper(x)",
        "bare": "class Bare:\n    LEVEL = 3",
        "instance": "instance = Kind(7)",
    }
    result = "{'mine': jnp.zeros(2) + helper(1) + instance(TABLE) + len(NAMES) + Bare.LEVEL}"
    head = "import functools\nimport jax\nimport numpy as np\nfrom dataclasses import dataclass"
    notebook = {"__name__": "notebook"}
    cells = 0

    def sources(name: str = "", old: str = "", new: str = "") -> dict[str, str]:
        nonlocal cells
        changed = beside | ({name: beside[name].replace(old, new)} if name else {})
        assert not name or changed != beside
        for text in (head, *changed.values(), OBSERVABLE.format(**GOOD | {"result": result})):
            cell, cells = f"/tmp/cell_{cells}.py", cells + 1
            linecache.cache[cell] = len(text), None, text.splitlines(keepends=True), cell
            exec(compile(text, cell, "exec"), notebook)
        return dsm.compose("experiment=quickstart", "observe.quantities=[mine]").sources

    first = sources()
    assert first.keys() == {"notebook.Mine"} and sources() == first
    for change in (("values", "unused = 1", "unused = 2"), ("values", "zeros = 1", "zeros = 2")):
        assert sources(*change) == first
    for change in (
        ("values", "2.0", "3.0"),
        ("values", "'b'", "'c'"),
        ("values", "[2]", "[3]"),
        ("values", "(1, [2])", "(1, [], 2)"),
        ("helper", "deeper(x)", "2 * deeper(x)"),
        ("deeper", "2)", "3)"),
        ("deeper", "x + y", "x - y"),
        ("kind", "helper(x)", "helper(x) + 1"),
        ("bare", "3", "4"),
        ("instance", "7", "8"),
    ):
        assert sources(*change) != first, change
    assert sources() == first
    OBSERVABLES.forget("notebook")


def test_a_global_that_has_changed_is_not_left_in_compiled_programs(folder):
    """The cell with `level` is run again, the one with the class is not."""
    text = OBSERVABLE.format(**GOOD | {"result": "{'mine': jnp.full(2, level)}"})
    linecache.cache["/tmp/level.py"] = len(text), None, text.splitlines(keepends=True), "/tmp/level.py"
    notebook = {"__name__": "notebook", "level": 1.0}
    exec(compile(text, "/tmp/level.py", "exec"), notebook)
    words = ("experiment=quickstart", *TINY, "observe.quantities=[mine]", "run.figures=false", "run.dir=run")
    assert (dsm.load(dsm.run(*words)).mine == 1).all()
    notebook["level"] = 2.0
    with pytest.raises(dsm.StoreError, match=r"  the source of notebook\.Mine has changed since"):
        dsm.run(*words)
    assert (dsm.load(dsm.run(*words, "run.resume=never")).mine == 2).all()
    OBSERVABLES.forget("notebook")


def test_sources_are_no_axis_of_a_sweep(folder, caplog):
    for number, source in enumerate(("a", "b", "c")):
        path = folder / "runs" / str(number)
        path.mkdir(parents=True)
        (path / "config.yaml").write_text(
            f"task: sample\nseed: {min(number, 1)}\nplugins: [p]\nsources: {{p: {source}}}\n"
        )
        dsm.store.write(dsm.store._sweep.xr.Dataset({"x": float(number)}), path / "results.nc")
        (path / "DONE").write_text(json.dumps({"value": None}))
    joined = dsm.load_sweep("runs")
    assert joined.x.dims == ("seed",) and joined.x.values.tolist() == [0.0, 2.0]
    assert "the source of p is not the same for all runs: it was changed between them" in caplog.messages
    assert "1 is left out: 2 has the same settings and is newer, with another source of p" in caplog.messages


def test_what_is_no_part_is_told_where_it_is_registered(folder, caplog):
    for name, line, said in (
        ("bare", "@MOVES.register\nclass Mine(AbstractMove): ...", "2: TypeError: a move is registered under a name"),
        (
            "alone",
            "@MOVES.register('mine')\nclass Mine: ...",
            "2: TypeError: move 'mine' must be a class with the base",
        ),
    ):
        write(folder, name, "from dsm.samplers import MOVES, AbstractMove", line)
        with pytest.raises(ConfigError, match=rf"plugins=\[{name}\]: {name}.py, line {said}"):
            dsm.compose(f"plugins=[{name}]")
    write(folder, "forgotten", "from dsm.samplers import AbstractMove", "class Mine(AbstractMove): ...")
    dsm.compose("plugins=[forgotten]")
    assert "plugins=[forgotten]: it registers nothing, as a part does with @MOVES.register('mine')" in caplog.messages
    with pytest.raises(ConfigError, match="observe.quantities = {'name': 'energy'}: must be a name alone: energy, "):
        OBSERVABLES.get({"name": "energy"}, "observe.quantities")


SLASH = "sampler: in a file of experiment/ must be written with a slash, as in override /sampler: "
NO_GROUP = "override /samplr: there is no such group of presets, in experiment/mine; did you mean sampler?"


@pytest.mark.parametrize(
    "line, said",
    {
        "sampler: ising": f"{SLASH}ising",
        "override sampler: ising": f"{SLASH}NAME",
        "override /samplr: ising": NO_GROUP,
    }.items(),
)
def test_presets_in_an_experiment_that_are_written_otherwise(folder, line, said):
    (folder / "experiment").mkdir()
    (folder / "experiment" / "mine.yaml").write_text(f"# @package _global_\ndefaults:\n  - {line}\n")
    with pytest.raises(ConfigError) as caught:
        dsm.compose("experiment=mine", f"hydra.searchpath=[{folder}]")
    assert str(caught.value) == said


def test_a_preset_with_the_first_line_of_an_experiment_is_told(folder):
    (folder / "network").mkdir()
    (folder / "network" / "mine.yaml").write_text("# @package _global_\nnetwork: {width: 5}\n")
    with pytest.raises(ConfigError, match=r"network = mine: \S+mine.yaml must not begin with a line # @package"):
        dsm.compose("network=mine", f"hydra.searchpath=[{folder}]")


def test_a_place_one_level_too_high_is_told(folder):
    (folder / "conf" / "experiment").mkdir(parents=True)
    with pytest.raises(ConfigError, match=f"{folder} has no folder experiment; did you mean {folder}/conf"):
        dsm.compose("experiment=mine", f"hydra.searchpath=[{folder}]")


def test_a_place_without_experiments_is_named(folder):
    with pytest.raises(
        ConfigError, match=rf"experiment = mine: is none of the \d+ there are; {folder} has no folder exp"
    ):
        dsm.compose("experiment=mine", f"hydra.searchpath=[{folder}]")


def test_an_experiment_without_its_first_line_is_refused(folder):
    (folder / "experiment").mkdir()
    (folder / "experiment" / "mine.yaml").write_text("network: { width: 7 }\n")
    with pytest.raises(
        ConfigError, match="experiment = mine: must be a file that begins with the line # @package _glo"
    ):
        dsm.compose("experiment=mine", f"hydra.searchpath=[{folder}]")


# ------------------------------------------------------------------------------------------------------ options of parts


def test_options_of_parts_need_no_plus(caplog):
    narrow = ("experiment=narrow_temperature",)
    planted = dsm.compose(*narrow).training.start
    assert planted == {"name": "planted", "distance": 0.7}
    with caplog.at_level("INFO", "dsm"):
        assert dsm.compose(*narrow, "training.start.name=random").training.start == {"name": "random"}
    assert caplog.messages == ["training.start.distance is left out: random has no such option"]
    assert dsm.compose(*narrow, "training.start={name:random}").training.start == {"name": "random"}
    chosen = dsm.compose("task=narrow", "training.start={name:planted,distance:0.5}").training.start
    assert chosen == {"name": "planted", "distance": 0.5}
    assert (
        dsm.compose("task=narrow", "training.start.name=planted", "training.start.distance=0.5").training.start
        == chosen
    )
    assert (
        dsm.compose(*narrow, "training.start.name=random", "~training.start.distance").training.start["name"]
        == "random"
    )
    for words in (
        ("training.start.name=random", "training.start.distance=0.5"),
        ("training.start={name:random,distance:0.5}",),
    ):
        with pytest.raises(ConfigError, match="training.start.distance = 0.5: random has no such option"):
            dsm.compose(*narrow, *words)
    shared = dsm.compose("experiment=specialisation_teacher_aware", "data.dataset.name=gaussian")
    assert shared.data.dataset == {"name": "gaussian", "std": 1.5}  # an option that both have is kept


def test_a_part_says_itself_which_options_are_legal(page):
    part = (page / "mymove.py").read_text()
    check = "    def __check_init__(self):\n        if self.refresh > 1:\n            raise {}\n\n    def draw_proposal"
    words = ("plugins=[mymove]", "sampler.move={name:mirror,refresh:2}")
    error = 'dsm.ConfigError(f"refresh = {self.refresh:g}: must be at most 1")'
    (page / "mymove.py").write_text("import dsm\n" + part.replace("    def draw_proposal", check.format(error)))
    with pytest.raises(dsm.ConfigError) as caught:
        dsm.compose(*words)
    assert str(caught.value) == "sampler.move.refresh = 2: must be at most 1"


def test_a_file_that_chooses_a_part_leaves_options_of_another(folder, caplog):
    """Options that a preset beneath gave are not those of the part that an experiment chooses; its own are."""
    (folder / "experiment").mkdir()

    def move(file: str, *words: str) -> dict:
        (folder / "experiment" / "mine.yaml").write_text(f"# @package _global_\nsampler: {{ move: {file} }}\n")
        config = dsm.compose("experiment=mine", f"hydra.searchpath=[file://{folder}]", *words)
        dsm.tasks.path_of(config)  # which composes the experiment alone
        return config.sampler.move

    chosen = "{ name: heat_bath }"
    with caplog.at_level("INFO", "dsm"):
        assert move(chosen) == move(chosen, "sampler=metropolis") == {"name": "heat_bath"}
        assert not caplog.messages  # the file says so each time
        assert move(chosen, "~sampler.move.step_std") == move(chosen, "sampler.move.name=heat_bath") == move(chosen)
    assert move(chosen, "sampler.move.name=gaussian") == {"name": "gaussian", "step_std": 0.3}
    assert move("{ name: gaussian }") == move("{}") == {"name": "gaussian", "step_std": 0.3}
    for file, *words in (
        ("{ name: heat_bath, step_std: 0.3 }",),
        (chosen, "sampler.move.step_std=0.3"),
        (chosen, "sampler.move={name:heat_bath,step_std:0.3}"),
    ):
        with pytest.raises(ConfigError, match=r"sampler\.move\.step_std = 0\.3: heat_bath has no such option"):
            move(file, *words)
    with pytest.raises(ConfigError, match=r"sampler\.move\.steps = 0\.3: gaussian has no such option"):
        move("{ name: gaussian, steps: 0.3 }")


def test_options_that_were_left_behind_are_known_in_other_processes(folder):
    """Launchers send what was composed."""
    (folder / "experiment").mkdir()
    (folder / "experiment" / "mine.yaml").write_text("# @package _global_\nsampler: { move: { name: heat_bath } }\n")
    GlobalHydra.instance().clear()  # of a command that ran in this process
    with initialize_config_dir(str(dsm.tasks.folder()), version_base="1.3"):
        composed = compose("config", overrides=["experiment=mine", f"hydra.searchpath=[file://{folder}]"])
    sent = pickle.loads(pickle.dumps(composed))
    assert left_over(sent, []) == {"sampler.move.step_std": False}
    assert left_over(sent, ["sampler.move.step_std=0.3"]) == {}
    assert left_over(sent, ["sampler.move.name=heat_bath"]) == {"sampler.move.step_std": True}


@pytest.fixture
def package(folder):
    """The package of the guide, with the move of the page."""
    own = folder / "mypackage"
    (own / "conf" / "experiment").mkdir(parents=True)
    (own / "conf" / "__init__.py").touch()
    (own / "__init__.py").write_text("from mypackage import moves\n")
    (own / "moves.py").write_text(next(block for block in blocks("python") if block.startswith("# mymove.py")))
    (file,) = [block for block in blocks("yaml", GUIDE) if "experiment=mine" in block]
    (own / "conf" / "experiment" / "mine.yaml").write_text(file)
    return own


def test_experiment_of_the_guide(package):
    config = dsm.compose("experiment=mine", "hydra.searchpath=[pkg://mypackage.conf]")
    assert config.sampler.move == {"name": "mirror", "refresh": 0.3} and config.plugins == ["mypackage"]


def test_parts_and_experiments_of_a_package_are_listed(package, capsys):
    where = "hydra.searchpath=[pkg://mypackage.conf]"
    assert cli.carry_out(["list", "experiments", where]) == 0
    assert re.search(r"^  mine +Do students learn with a move", capsys.readouterr().out, re.MULTILINE)
    assert cli.carry_out(["list", "moves", where]) == 0  # which is imported
    assert re.search(r"^  mirror ", capsys.readouterr().out, re.MULTILINE)


def test_the_command_of_a_run_is_short_and_leads_to_it(package):
    """What an experiment sets is not said again; presets are found in packages and folders."""
    (package / "conf" / "sampler").mkdir()
    greedy = (dsm.tasks.folder() / "sampler" / "greedy.yaml").read_text()
    wide = greedy.replace("inner: 1", "inner: 2").replace("sweeps: 1024", "sweeps: 512")
    (package / "conf" / "sampler" / "wide.yaml").write_text(wide)
    shutil.copytree(package / "conf", package.parent / "my conf")
    mine, in_package = "experiment=mine", "hydra.searchpath=[pkg://mypackage.conf]"
    for places, words, place, expected in (
        (in_package, mine, in_package, mine),
        (in_package, f"{mine} seed=3", in_package, f"{mine} seed=3"),
        ("hydra.searchpath=['my conf']", mine, "hydra.searchpath=['file://my conf']", mine),
        (in_package, "sampler=wide seed=0", in_package, "task=sample sampler=wide"),
        (in_package, "plugins=[mypackage]", in_package, "task=sample plugins=[mypackage]"),
    ):
        config = dsm.compose(places, *words.split())
        command = command_of(config)
        assert command is not None and shlex.split(command) == ["dsm", place, *expected.split()]
        assert dsm.compose(place, *expected.split()).identity() == config.identity()


def test_places_that_cannot_be_looked_into_are_told_in_one_line(folder, capsys):
    write(folder, "plain", "")
    for name, source in {"broken": "x = = 2", "needy": "import nowhere_to_be_found", "wrong": "undefined"}.items():
        (folder / name / "conf").mkdir(parents=True)
        write(folder, f"{name}/__init__", source)
    (folder / "bare" / "conf").mkdir(parents=True)
    before = sorted(folder.rglob("*"))
    for place, message in {
        "pkg://broken.conf": "__init__.py, line 1: SyntaxError: invalid syntax",
        "pkg://needy.conf": "__init__.py, line 1: ModuleNotFoundError: No module named 'nowhere_to_be_found'",
        "pkg://wrong.conf": "__init__.py, line 1: NameError: name 'undefined' is not defined",
        "pkg://missing.conf": "no package missing on the Python path",
        "pkg://plain": "must be a package: a folder with a file __init__.py",
        "pkg://bare.conf": "must be a package: a folder with a file __init__.py",
        "file://nowhere": "must be a folder",
        "nowhere": "must be a folder",
        "http://nowhere": "must be a folder, as in file://FOLDER, or a package, as in pkg://mypackage.conf",
    }.items():
        words = [f"hydra.searchpath=[{place}]", "experiment=mine"]
        with pytest.raises(ConfigError) as caught:
            dsm.run(*words)
        assert str(caught.value) == f"hydra.searchpath = {place}: {message}"
        assert cli.carry_out(words) == 2
        assert capsys.readouterr().err == f"dsm: hydra.searchpath = {place}: {message}\n"
    for value in ("pkg://wrong.conf", "[3]", "a,b"):
        with pytest.raises(ConfigError) as caught:
            dsm.compose(f"hydra.searchpath={value}")
        legal = "a list of folders and packages, as in hydra.searchpath=[file://FOLDER]"
        assert str(caught.value) == f"hydra.searchpath = {value}: must be {legal}"
    assert sorted(path for path in folder.rglob("*") if "__pycache__" not in path.parts) == before


# ---------------------------------------------------------------------------------------------- parts that do it wrong

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
#: What is wrong with an observable: what differs from a good one, and what is said.
BAD_OBSERVABLES = {
    "shape": (
        {"result": "{'mine': jnp.zeros((2, 3), 'float32')}"},
        "bad.Mine: mine must have the dimensions (layer), got an array of shape (2, 3)",
    ),
    "entries": (
        {"result": "{'mine': jnp.zeros(3, 'float32')}"},
        "mine must have 2 entries along layer, got 3",
    ),
    "entries of its own dimension": (
        {
            "variables": "'mine': Variable(('half',), 'mine')",
            "more": "coordinates = {'half': Coordinate(['left', 'right'], 'half')}",
            "result": "{'mine': jnp.zeros(3, 'float32')}",
        },
        "mine must have 2 entries along half, got 3",
    ),
    "of a pair": (
        {"base": "AbstractPairObservable", "result": "{'mine': jnp.zeros((), 'float32')}"},
        "bad.Mine: mine must have the dimensions (layer), got an array of shape ()",
    ),
    "of the teacher": (
        {"more": "machines = ('teacher',)", "result": "{'mine': jnp.zeros(3, 'float32')}"},
        "teacher_mine must have 2 entries along layer, got 3",
    ),
    "variables": (
        {"result": "{'yours': jnp.zeros(2, 'float32')}"},
        "bad.Mine: must return a dictionary of mine, got yours",
    ),
    "no dictionary": ({"result": "jnp.zeros(2)"}, "bad.Mine: must return a dictionary of mine, got an array"),
    "complex": (
        {"result": "{'mine': jnp.zeros(2, 'complex64')}"},
        "bad.Mine: mine must be real numbers, got complex64",
    ),
    "code": (
        {"result": "{'mine': machines[0].colour}"},
        "bad.Mine: bad.py, line 10: AttributeError: 'Snapshot' object has no attribute 'colour'",
    ),
    "name": (
        {"variables": "'my own': Variable((), 'mine')"},
        "bad.Mine: the variable 'my own' must be named by letters, digits and underscores",
    ),
    "name of a dimension": (
        {"variables": "'sweep': Variable((), 'mine')", "result": "{'sweep': 0.5}"},
        "the variable sweep must have another name: it is that of a dimension",
    ),
    "name of a statistic": (
        {"variables": "'m': Variable((), 'm'), 'm_mean': Variable((), 'm')", "result": "{'m': 0.5, 'm_mean': 0.5}"},
        "the variable m_mean must have another name: statistics are called so",
    ),
    "name of a quantity": (
        {"variables": "'test_error': Variable((), 'mine')"},
        "test_error is the name of a variable of",
    ),
    "name of a quantity that is not chosen": (
        {"variables": "'energy': Variable((), 'mine')"},
        "bad.Mine: energy is the name of a variable of dsm.observables.sign_network.energy.Energy",
    ),
    "name of a record": (
        {"variables": "'acceptance': Variable((), 'mine')", "result": "{'acceptance': 0.5}"},
        "the variable acceptance must have another name: there is one in the results",
    ),
    "dimension": (
        {"variables": "'mine': Variable(('replica',), 'mine')", "result": "{'mine': jnp.zeros(2, 'float32')}"},
        "mine: the dimension replica must have another name: all quantities have it",
    ),
    "dimensions": (
        {"variables": "'mine': Variable('layer', 'mine')"},
        "bad.Mine: dims of mine must be different names, as in ('layer',), got 'layer'",
    ),
    "machine": (
        {"more": "machines = ('students',)"},
        "bad.Mine: machines must be a tuple, as in ('student',), of student, teacher, baseline, got ('students',)",
    ),
    "machines": ({"more": "machines = 'student'"}, "baseline, got 'student'"),
    "pairs": (
        {"base": "AbstractPairObservable", "more": "pairs = 'past'"},
        "bad.Mine: pairs must be a tuple, as in ('student',), of teacher, student, past, baseline, got 'past'",
    ),
    "figure": (
        {"variables": "'mine': Variable(('layer',), 'mine', figures=('profil',))"},
        "bad.Mine: figures of mine must be a tuple, as in ('profile',), of profile, curve, two_time, error, overlap, ",
    ),
    "figures": (
        {"variables": "'mine': Variable(('layer',), 'mine', figures='profile')"},
        "from_input, none, got 'profile'",
    ),
}
GOOD = {
    "kind": "sign_network",
    "base": "AbstractMachineObservable",
    "variables": "'mine': Variable(('layer',), 'mine')",
    "more": "pass",
    "result": "{'mine': jnp.zeros(2, 'float32')}",
}


def refusal(folder: Path, source: str, *words: str) -> str:
    """What is said of a plugin, before anything is written."""
    write(folder, "bad", source)
    with pytest.raises(ConfigError) as caught:
        dsm.run("plugins=[bad]", "run.dir=run", *words)
    assert [path.name for path in folder.iterdir()] == ["bad.py"]
    return str(caught.value)


@pytest.mark.parametrize("case", BAD_OBSERVABLES)
def test_a_wrong_observable_is_refused_before_anything_is_written(case, folder):
    different, message = BAD_OBSERVABLES[case]
    source = OBSERVABLE.format(**GOOD | different)
    told = refusal(folder, source, "experiment=quickstart", *TINY, "observe.quantities=[test_error,mine]")
    assert told.startswith("observe.quantities: ") and message in told


@pytest.mark.parametrize(
    ("kind", "dim", "size", "words"),
    [
        ("narrow", "unit", 3, ("task=narrow", "network.width=8", "network.units=3", "data.alpha=1")),
        ("two_layer", "teacher", 2, ("task=online_sgd", "network.width=8", "data.samples=2")),
        (
            "deep_network",
            "layer",
            1,
            ("task=specialisation", "network.width=8", "network.outputs=3", "data.patterns=20"),
        ),
    ],
)
def test_wrong_observables_of_other_systems(kind, dim, size, words, folder):
    source = OBSERVABLE.format(**GOOD | {"kind": kind, "variables": f"'mine': Variable(('{dim}',), 'mine')",
                                         "result": "{'mine': jnp.zeros(5, 'float32')}"})  # fmt: skip
    told = refusal(folder, source, *words, "observe.quantities=[mine]")
    assert told == f"observe.quantities: mine must have {size} entries along {dim}, got 5"


def test_an_observable_that_is_nan_all_along_is_named_in_the_log(folder, caplog):
    zeros = "{'mine': jnp.zeros(2, 'float32'), 'yours': jnp.zeros((), 'float32') / 0}"
    variables = "'mine': Variable(('layer',), 'mine'), 'yours': Variable((), 'yours')"
    write(folder, "nothing", OBSERVABLE.format(**GOOD | {"variables": variables, "result": zeros}))
    words = ("experiment=quickstart", *TINY, "observe.quantities=[energy,mine]", "run.figures=false", "run.dir=run")
    with caplog.at_level("WARNING", "dsm"):
        dsm.run("plugins=[nothing]", *words)
    assert [text for text in caplog.messages if "NaN" in text] == ["yours is NaN in all records after the first"]


PRIOR = """
import equinox as eqx
import jax
import jax.numpy as jnp
from dsm.networks import PRIORS, AbstractPrior
@PRIORS.register("mine")
class Mine(AbstractPrior):
    continuous = {continuous}
    {more}
    def sample(self, key, shape):
        return {sample}
    {normalise}
"""
GOOD_PRIOR = {
    "continuous": "False",
    "more": "pass",
    "sample": "jax.random.rademacher(key, shape, 'float32')",
    "normalise": "def normalise(self, weights): return weights",
}
NORMAL = "jax.random.normal(key, shape, 'float32')"
SPHERE = "def normalise(self, weights): return weights * jnp.mean(weights**2, axis=-1, keepdims=True)**-0.5"


@pytest.mark.parametrize(
    ("different", "message"),
    [
        ({"sample": "jnp.abss(key)"}, "bad.py, line 11: AttributeError: module 'jax.numpy' has no attribute 'abss'"),
        ({"sample": "jnp.ones(shape[-1], 'float32')"}, "sample must give float32[2, 16, 4] where this is asked for, got "),
        ({"sample": "jnp.ones(shape, 'float64')"}, "asked for, got float64[2, 16, 4]"),
        ({"sample": "jnp.full(shape, 0.5, 'float32')"}, "a weight must be +1 or -1, got 0.5"),
        ({"continuous": "True", "sample": NORMAL, "normalise": SPHERE}, "a weight must be a multiple of "),
        (
            {"normalise": "def normalise(self, weights): return 7 * jnp.abs(weights) / weights"},
            "normalise must give the same directions with sum_k J_k**2 = 4, got 7 instead of",
        ),
        ({"normalise": "def normalise(self, weights): return -weights"}, "= 4, got "),
        ({"normalise": "def normalise(self, weights): return weights.mean()"}, "normalise must give float32[2, 16, 4]"),
        ({"normalise": "def normalise(self, weights): return scale * weights"}, "bad.py, line 12: NameError: name 'scale'"),
        ({"normalise": ""}, "bad.py, line 6: TypeError: Can't instantiate abstract class Mine with abstract method"),
        ({"more": "up: float"}, "bad.py, line 6: TypeError: "),
    ],
)  # fmt: skip
def test_a_wrong_prior_is_refused_before_anything_is_written(different, message, folder):
    source = PRIOR.format(**GOOD_PRIOR | different)
    move = "metropolis" if "continuous" in different else "ising"
    told = refusal(folder, source, "experiment=quickstart", *TINY, f"sampler={move}", "network.weights=mine")
    assert told.startswith("network.weights: bad.Mine: ") and message in told and "\n" not in told


@pytest.mark.parametrize(
    "different", [{}, {"continuous": "True", "sample": f"to_lattice({NORMAL}, shape[-1])", "normalise": SPHERE}]
)
def test_good_priors_pass(different, folder):
    write(folder, "good", "from dsm.networks import to_lattice", PRIOR.format(**GOOD_PRIOR | different))
    importlib.import_module("good")
    for fan_in in (1, 7, 1000):
        check_prior(make_prior("mine"), fan_in)


ACTIVATION = """
import jax
import jax.numpy as jnp
from dsm.networks import ACTIVATIONS, AbstractActivation
@ACTIVATIONS.register("mine")
class Mine(AbstractActivation):
    {more}
    def __call__(self, x):
        return {result}
"""


@pytest.mark.parametrize(
    "words",
    [
        ("task=narrow", "network.width=8", "network.units=3", "data.alpha=1", "network.activation.name=mine"),
        ("task=online_sgd", "network.width=8", "data.samples=2", "network.activation=mine"),
        ("task=online_sgd", "data.samples=0", "network.activation=mine"),
        ("task=specialisation", "network.width=8", "data.patterns=20", "network.activation.name=mine"),
    ],
)
def test_a_wrong_activation_is_refused_before_anything_is_written(words, folder):
    number = "must give one real number for each entry, got float32[] of an array [2, 3]"
    for different, message in {
        ("jnp.sinn(x)", "pass"): "bad.py, line 9: AttributeError: module 'jax.numpy' has no attribute 'sinn'",
        ("x.mean()", "pass"): f"__call__ {number}",
        ("x > 0", "pass"): "__call__ must give one real number for each entry, got bool[2, 3] of an array [2, 3]",
        ("x", "def slope(self, x): return jnp.float32(1)"): f"slope {number}",
        ("x", "up: float"): "bad.py, line 5: TypeError: ",
    }.items():
        if different[1] == "up: float" and "name=mine" in words[-1]:
            continue  # activations have options there
        told = refusal(folder, ACTIVATION.format(result=different[0], more=different[1]), *words)
        assert told.startswith(f"network.activation: bad.Mine: {message}") and "\n" not in told


MOVE = """
import jax.numpy as jnp
from dsm.samplers import MOVES, AbstractMove
@MOVES.register("mine")
class Mine(AbstractMove):
    continuous = {continuous}
    def draw(self, key, beta, shape):
        return jnp.zeros(shape, "float32")
    def update(self, draws, weight, unit, fan_in):
        return {result}
"""


@pytest.mark.parametrize(
    ("continuous", "result", "message"),
    [
        (
            True,
            "weight + jnp.float32(0.1)",
            "a weight after a move must be a multiple of 1.90735e-06 (dsm.networks.to_lattice",
        ),
        (True, "weight * jnp.float32('nan')", "smaller than 24, got nan"),
        (True, "jnp.float64(weight)", "a weight after a move must be one float32, got float64[]"),
        (True, "jnp.stack([weight, weight])", "a weight after a move must be one float32, got float32[2]"),
        (True, "weight + draw", "bad.Mine: bad.py, line 10: NameError: name 'draw' is not defined"),
        (False, "weight / 2", "a weight after a move must be +1 or -1, got"),
    ],
)
def test_a_wrong_move_is_refused_before_anything_is_written(continuous, result, message, folder):
    prior = "spherical" if continuous else "ising"
    words = ("experiment=quickstart", *TINY, "sampler.move.name=mine", f"network.weights={prior}")
    told = refusal(folder, MOVE.format(continuous=continuous, result=result), *words)
    assert told.startswith("sampler.move: bad.Mine: ") and message in told


PROPOSAL = """
import jax
import jax.numpy as jnp
from dsm.samplers import MOVES, AbstractProposal
@MOVES.register("mine")
class Mine(AbstractProposal):
    continuous = True
    def draw_proposal(self, key, shape):
        return {result}
    def propose(self, draws, weight, fan_in):
        return weight
"""


@pytest.mark.parametrize("result", ["jnp.zeros(())", "jnp.zeros(shape[0])", "(jnp.zeros(shape), key)"])
def test_too_few_random_numbers_of_a_move_are_told(result, folder):
    words = ("experiment=quickstart", *TINY, "sampler.move.name=mine")
    for source, method in (
        (PROPOSAL, "draw_proposal"),
        (MOVE.replace('jnp.zeros(shape, "float32")', "{result}"), "draw"),
    ):
        source = source.replace("return {result}", f"return {result}", 1).format(continuous=True, result="weight")
        told = refusal(folder, source, *words)
        legal = "arrays whose first axes are its argument shape, (4, 8) here, got an array of shape ("
        assert told.startswith(f"sampler.move: bad.Mine: {method} must give {legal}") and "\n" not in told


def test_proposals_are_put_on_the_lattice():
    class Mine(AbstractProposal):
        continuous = True

        def draw_proposal(self, key, shape):
            return jax.random.normal(key, shape, jnp.float32)

        def propose(self, draws, weight, fan_in):
            return draws

    check_move(Mine(), PRIORS.get("spherical")(), 7)


INPUTS = """
import equinox as eqx
import jax.numpy as jnp
from dsm.data import INPUTS, AbstractInputs
@INPUTS.register("mine")
class Mine(AbstractInputs):
    width: int = eqx.field(static=True)
    def sample(self, key, train, test):
        return {result}
"""


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ("jnp.ones((train, 4), 'int8')", "sample must return training and test patterns, got ArrayImpl"),
        ("jnp.ones((train, 4)), jnp.ones((test, 4))", "training patterns must be int8[16, 4], got float64[16, 4]"),
        (
            "jnp.ones((train, 4), 'int8'), jnp.ones((4, test), 'int8')",
            "test patterns must be int8[10, 4], got int8[4, 10]",
        ),
        ("jnp.ones((train, 4), 'int8'), jnp.zeros((test, 4), 'int8')", "test patterns must be +1 or -1, got 0"),
        ("jnp.ones((training, 4), 'int8')", "bad.py, line 9: NameError: name 'training' is not defined"),
    ],
)
def test_wrong_inputs_are_refused_before_anything_is_written(result, message, folder):
    told = refusal(folder, INPUTS.format(result=result), "experiment=quickstart", *TINY, "data.inputs.name=mine")
    assert told == f"data.inputs: bad.Mine: {message}"


def test_parts_that_do_not_fit_into_room_for_more_patterns_are_refused(folder):
    words = ("experiment=quickstart", *TINY, "data.max_alpha=5")
    given = INPUTS.format(result="jnp.full((train, 4), 1 - 2 * (train % 3 // 2), 'int8'), jnp.ones((test, 4), 'int8')")
    told = refusal(folder, given, *words, "data.inputs.name=mine")
    assert told == "data.inputs: bad.Mine: with data.max_alpha, more training patterns must be the same ones and others"
    observable = OBSERVABLE.format(**(GOOD | {"kind": "sign_network"}))
    told = refusal(folder, observable, *words, "observe.quantities=[mine]")
    assert told.startswith("data.max_alpha = 5.0: must be null with quantities that are not dsm's own")

"""Plugins are imported and imported again; options and experiments of plugins are found."""

import importlib
import json
import linecache
import pickle
import re
import shlex
import shutil

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

import dsm
from dsm import cli
from dsm._errors import ConfigError
from dsm.observables.sign_network import OBSERVABLES
from dsm.samplers import MOVES
from dsm.tasks._command import command_of
from dsm.tasks._options import left_over
from own_parts import GOOD, GUIDE, OBSERVABLE, TINY, blocks, write


def test_plugin_that_cannot_be_imported_is_refused_in_one_line(folder, capsys):
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
    assert cli.carry_out(["plugins=[wrong]"]) == 2
    assert (
        capsys.readouterr().err
        == "dsm: plugins=[wrong]: wrong.py, line 2: NameError: name 'undefined' is not defined\n"
    )


def test_edited_plugin_is_imported_again(folder):
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


def test_sources_of_components_in_a_script_or_a_cell_are_recorded(folder):
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


def test_source_of_a_component_includes_what_it_uses(folder):
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


@pytest.mark.slow
def test_changed_global_reaches_compiled_programs(folder):
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


@pytest.mark.quick
def test_sweep_has_no_axis_of_sources(folder, caplog):
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


def test_registration_of_what_is_no_component_is_refused_with_its_line(folder, caplog):
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
def test_experiment_with_miswritten_defaults_is_refused(folder, line, said):
    (folder / "experiment").mkdir()
    (folder / "experiment" / "mine.yaml").write_text(f"# @package _global_\ndefaults:\n  - {line}\n")
    with pytest.raises(ConfigError) as caught:
        dsm.compose("experiment=mine", f"hydra.searchpath=[{folder}]")
    assert str(caught.value) == said


def test_preset_with_the_first_line_of_an_experiment_is_refused(folder):
    (folder / "network").mkdir()
    (folder / "network" / "mine.yaml").write_text("# @package _global_\nnetwork: {width: 5}\n")
    with pytest.raises(ConfigError, match=r"network = mine: \S+mine.yaml must not begin with a line # @package"):
        dsm.compose("network=mine", f"hydra.searchpath=[{folder}]")


@pytest.mark.quick
def test_searchpath_one_level_too_high_is_refused_with_the_right_folder(folder):
    (folder / "conf" / "experiment").mkdir(parents=True)
    with pytest.raises(ConfigError, match=f"{folder} has no folder experiment; did you mean {folder}/conf"):
        dsm.compose("experiment=mine", f"hydra.searchpath=[{folder}]")


def test_searchpath_without_experiments_is_named(folder):
    with pytest.raises(
        ConfigError, match=rf"experiment = mine: is none of the \d+ there are; {folder} has no folder exp"
    ):
        dsm.compose("experiment=mine", f"hydra.searchpath=[{folder}]")


def test_experiment_without_its_first_line_is_refused(folder):
    (folder / "experiment").mkdir()
    (folder / "experiment" / "mine.yaml").write_text("network: { width: 7 }\n")
    with pytest.raises(
        ConfigError, match="experiment = mine: must be a file that begins with the line # @package _glo"
    ):
        dsm.compose("experiment=mine", f"hydra.searchpath=[{folder}]")


# Options of parts


def test_options_of_components_need_no_plus(caplog):
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


def test_component_checks_its_own_options(page):
    part = (page / "mymove.py").read_text()
    check = "    def __check_init__(self):\n        if self.refresh > 1:\n            raise {}\n\n    def draw_proposal"
    words = ("plugins=[mymove]", "sampler.move={name:mirror,refresh:2}")
    error = 'dsm.ConfigError(f"refresh = {self.refresh:g}: must be at most 1")'
    (page / "mymove.py").write_text("import dsm\n" + part.replace("    def draw_proposal", check.format(error)))
    with pytest.raises(dsm.ConfigError) as caught:
        dsm.compose(*words)
    assert str(caught.value) == "sampler.move.refresh = 2: must be at most 1"


@pytest.mark.slow
def test_experiment_that_chooses_a_component_drops_options_of_another(folder, caplog):
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


def test_dropped_options_survive_pickling(folder):
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


@pytest.mark.quick
def test_components_and_experiments_of_a_package_are_listed(package, capsys):
    where = "hydra.searchpath=[pkg://mypackage.conf]"
    assert cli.carry_out(["list", "experiments", where]) == 0
    assert re.search(r"^  mine +Do students learn with a move", capsys.readouterr().out, re.MULTILINE)
    assert cli.carry_out(["list", "moves", where]) == 0  # which is imported
    assert re.search(r"^  mirror ", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.slow
def test_command_of_a_run_is_short_and_leads_to_it(package):
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


def test_searchpath_that_cannot_be_read_is_refused_in_one_line(folder, capsys):
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

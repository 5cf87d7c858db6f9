"""What the command line tells: how runs stand, what can be chosen, what is wrong with settings."""

import fcntl
import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hydra.errors import ConfigCompositionException
from omegaconf.errors import OmegaConfBaseException

import dsm
from commands import environment
from dsm import _kinds, _list, _runs, _status, cli, store, tasks
from dsm._errors import ConfigError, StoreError
from dsm._near import near
from dsm._registry import Registry
from dsm._results import EXIT_ERROR, EXIT_INTERRUPTED
from dsm.config._hydra_errors import explain_hydra
from dsm.reporting._points import read_points
from dsm.samplers import SCHEDULES
from dsm.store import open_run
from dsm.tasks._report import ProgressNote, log_to

CONFIG = "task: sample\nexperiment: e\nseed: 0\n"


def made(path: Path, config: str | None = CONFIG, **files: str) -> Path:
    """A run directory by hand; checkpoints are named by their numbers in `files`, `x_y` stands for x.y."""
    path.mkdir(parents=True)
    (path / ".lock").touch()
    if config is not None:
        (path / "config.yaml").write_text(config)
    for name, text in files.items():
        if name == "checkpoints":
            for number in text.split():
                (path / name / number).mkdir(parents=True)
        else:
            (path / name.replace("_", ".")).write_text(text)
    return path


def status(capsys, *arguments: object) -> tuple[int, list[str]]:
    """Exit status and lines of the command."""
    code = _status.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert err == ""
    return code, out.splitlines()


def test_states_of_runs(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    noted = json.dumps({"unit": "sweeps", "total": 1024, "done": 400, "per_second": 4.0})
    made(Path("runs/a/seed=0"), DONE='{"value": 1.0}', progress_json=noted, log_txt="2026-01-01 00:00:00,0 ERROR old")
    running = made(Path("runs/b/seed=0"), progress_json=noted, checkpoints="128 256")
    made(Path("runs/c/seed=0"), progress_json=noted, checkpoints="128 300.orbax-checkpoint-tmp 64", log_txt="")
    made(Path("runs/d"), log_txt="2026-01-01 00:00:00,0 INFO resumed at sweep 8")
    log = "2026-01-01 00:00:00,0 INFO begins\n2026-01-01 00:00:00,0 ERROR no space left\nsecond line of it\n"
    made(Path("runs/e"), log_txt=log, checkpoints="12")
    starting = made(Path("runs/f"))
    with (running / ".lock").open() as lock, (starting / ".lock").open() as other:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fcntl.flock(other, fcntl.LOCK_EX)
        code, lines = status(capsys)
        assert code == EXIT_ERROR
        assert [" ".join(line.split()) for line in lines] == [
            "done runs/a/seed=0",
            "running sweep 400/1024, 39 %, 3 min left runs/b/seed=0",
            "interrupted sweep 128/1024, 12 % runs/c/seed=0",
            "interrupted runs/d before its first checkpoint",
            "failed step 12 runs/e no space left",
            "running runs/f starting",
            "1 done, 2 running, 2 interrupted, 1 failed",
        ]
        assert len({line.index(" runs/") for line in lines[:-1]}) == 1
        code, lines = status(capsys, "runs/a", "runs/b", "runs/a/seed=0", "--json")
        assert code == EXIT_INTERRUPTED
        found = json.loads("\n".join(lines))
        assert found["counts"] == {"done": 1, "running": 1}
        assert found["runs"][1] == {
            "path": "runs/b/seed=0", "state": "running", "now": 400, "total": 1024, "unit": "sweeps", "left": 156.0,
            "message": "",
        }  # fmt: skip
    assert status(capsys, "runs/a") == (0, ["done  runs/a/seed=0", "1 done"])


def test_runs_are_sorted_by_numbers(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ordered = ["depth=2,alpha=-1", "depth=2,alpha=0.25", "depth=2,alpha=0.5", "depth=2,alpha=10", "depth=10,alpha=1e-3"]
    ordered += ["sweeps=100/seed=2", "sweeps=100/seed=10", "sweeps=30000/seed=0", "sweeps=100000", "sweeps=1e+06", "x"]
    for name in sorted(ordered):
        made(Path("runs") / name, DONE="")
    assert [line.split("runs/")[1] for line in status(capsys)[1][:-1]] == ordered


def test_what_is_missing_or_no_run_is_said(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert status(capsys) == (EXIT_ERROR, ["missing  runs  there is no such folder", "1 missing"])
    Path("runs").mkdir()
    Path("runs/.lock").touch()  # of somebody else, or of a run that was killed before its configuration was written
    assert status(capsys) == (EXIT_ERROR, ["missing  runs  there is no run in it", "1 missing"])
    Path("file").touch()
    assert status(capsys, "file") == (EXIT_ERROR, ["missing  file  Not a directory", "1 missing"])


@pytest.mark.parametrize("bad", ["", "{", "[1, 2]", '{"done": "x", "total": null, "unit": 3}', "\x00\xff"])
def test_damaged_directories_give_a_line(tmp_path, capsys, bad):
    files = {name: bad for name in ("config_yaml", "progress_json", "log_txt", "manifest_json", "results_nc")}
    made(tmp_path / "run", None, **files, checkpoints="7")
    path = tmp_path / "run"
    assert status(capsys, path) == (EXIT_INTERRUPTED, [f"interrupted  step 7  {path}", "1 interrupted"])
    (path / "config.yaml").unlink()
    code, lines = status(capsys, path)
    assert code == EXIT_ERROR and lines[0] == f"failed  step 7  {path}  its config.yaml is missing"
    (path / "DONE").write_text(bad)
    assert status(capsys, path)[0] == 0


def test_a_file_system_without_locks_leaves_it_open(tmp_path, capsys, monkeypatch):
    def refuse(*arguments):
        raise OSError(38, os.strerror(38))

    monkeypatch.setattr(fcntl, "flock", refuse)
    path = made(tmp_path / "run", checkpoints="7")
    _, lines = status(capsys, path)
    assert lines[0] == f"interrupted  step 7  {path}  or still running: its lock cannot be tested"


def test_looking_at_a_lock_is_no_obstacle_to_a_run(tmp_path, monkeypatch):
    """A run that opens its directory while `dsm status` holds the lock tries again."""
    config = dsm.compose("experiment=quickstart")
    with open_run(tmp_path, config):
        assert _runs.is_held(tmp_path)
    assert not _runs.is_held(tmp_path)
    looking = (tmp_path / ".lock").open()
    fcntl.flock(looking, fcntl.LOCK_SH)
    from dsm.store import _run_directory

    monkeypatch.setattr(_run_directory.time, "sleep", lambda seconds: looking.close())
    with open_run(tmp_path, config):
        pass


def test_a_failure_is_the_last_message_of_the_log(tmp_path):
    directory = store.RunDirectory(tmp_path)
    logger = logging.getLogger("dsm")
    for error, message in (
        (StoreError("the disk is\nfull"), "the disk is"),
        (ZeroDivisionError("x"), "ZeroDivisionError: x"),
    ):
        with pytest.raises(type(error)), log_to(directory):
            logger.warning("on the way")
            raise error
        assert _runs.last_message(directory.log) == ("ERROR", message)
    assert "Traceback" in directory.log.read_text()
    with pytest.raises(KeyboardInterrupt), log_to(directory):
        logger.warning("stopped")
        raise KeyboardInterrupt
    assert _runs.last_message(directory.log) == ("WARNING", "stopped")
    directory.log.write_text("2026-01-01 00:00:00,0 ERROR first\n" + "x" * 2 * _runs.TAIL)
    assert _runs.last_message(directory.log) == ("", "")


def test_progress_is_noted_now_and_then(tmp_path, monkeypatch):
    from dsm.tasks import _report

    clock = iter([0.0, 3.0, 12.0, 13.0])
    monkeypatch.setattr(_report.time, "monotonic", lambda: next(clock))
    note, seen = ProgressNote(store.RunDirectory(tmp_path), "epochs", 100), []
    for done in (20, 30, 44, 100):
        note.update(done)
        seen.append(json.loads((tmp_path / _runs.PROGRESS).read_text()))
    assert [entry["done"] for entry in seen] == [20, 20, 44, 100]
    assert [entry["per_second"] for entry in seen] == [0, 0, 2, 56]
    assert {(entry["unit"], entry["total"]) for entry in seen} == {("epochs", 100)}
    note = ProgressNote(store.RunDirectory(tmp_path / "nowhere"), "epochs", 100)
    clock = iter([0.0])
    note.update(1)  # a disk that refuses ends no run


def test_a_real_run_from_its_failure_to_its_end(tmp_path, capsys, monkeypatch):
    """A tiny run fails while it writes its results, then is completed."""
    words = ["task=online_sgd", f"run.dir={tmp_path / 'run'}", "network.width=8", "data.samples=2", "training.time=2"]
    words += ["observe.theory=false", "run.figures=false"]

    def refuse(dataset, path):
        raise StoreError(f"cannot write {path}: no space")

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", refuse)
        with pytest.raises(StoreError):
            dsm.run(*words)
    code, lines = status(capsys, tmp_path)
    assert code == EXIT_ERROR
    assert (
        lines[0]
        == f"failed  step 16/16, 100 %  {tmp_path / 'run'}  cannot write {tmp_path / 'run/results.nc'}: no space"
    )
    dsm.run(*words)
    assert status(capsys, tmp_path) == (0, [f"done  {tmp_path / 'run'}", "1 done"])


#: Wrong words, and what is said; data/bad_settings.yaml has more, by key and value alone.
WRONG = {
    "depth=3": "depth = 3: there is no such setting with task=sample; did you mean network.depth?",
    "task=narrow sampler.sweeps=5": "sampler.sweeps = 5: there is no such setting with task=narrow, whose sections are "
    "data, network, observe, run, training",
    "experiment=narow_decay": "experiment = narow_decay: is none of the N there are; did you mean narrow_decay? One of your "
    'own is found with --config-dir FOLDER or "hydra.searchpath=[pkg://PACKAGE.conf]", in Python "hydra.searchpath=[file://FOLDER]"',
    "network/depth=3": "network/depth = 3: has no presets; write network.depth=3",
    "network.weights.name=ising": "network.weights.name = ising: network.weights has no options with task=sample; "
    "write network.weights=ising",
    "~network.depth=7": "~network.depth=7: network.depth is 3",
    "sampler.beta=1,2 seed=0,1": "sampler.beta = 1,2: is a sweep, which needs -m; a list is sampler.beta=[1,2]",
    "statsu": "statsu: must be written as setting=value; did you mean dsm status?",
    "-m": "-m: is an option of the command line, not a setting; in Python, call dsm.run in a loop",
    "task=narrow data.alpha=[1, 2]": "data.alpha = [1,: [ and ] must come in pairs; what holds a blank needs quotes, as in "
    '"data.alpha=[1, 2]"',
    "experiment = quickstart": "experiment: must be written as setting=value, without blanks around =",
    "run.dir=a=b": "run.dir = a=b: must be quoted twice, for the shell and for Hydra: \"run.dir='a=b'\"",
}


@pytest.mark.parametrize("words", WRONG)
def test_what_is_wrong_with_settings_is_said_in_one_line(words):
    with pytest.raises(ConfigError) as caught:
        dsm.compose(*words.split())
    assert re.sub(r"the \d+ there are", "the N there are", str(caught.value)) == WRONG[words]


def test_names_near_those_in_a_file_of_points_are_told(tmp_path):
    legal = {"quantity": ["test_error", "energy"], "axis": ["alpha"], "setting": {"network.depth"}}
    (tmp_path / "a.csv").write_text("quantity,axis,x,y\ntest_eror,alpha,1,2\n")
    with pytest.raises(StoreError, match=r"quantity = test_eror: must be one of .*; did you mean test_error\?$"):
        read_points(tmp_path / "a.csv").checked(legal)
    (tmp_path / "b.csv").write_text("quantity,axis,x,y,network.dpth\nenergy,alpha,1,2,3\n")
    with pytest.raises(StoreError, match=r"column = network.dpth: must be .*; did you mean network.depth\?$"):
        read_points(tmp_path / "b.csv").checked(legal)


def test_of_many_names_the_hint_comes_first():
    with pytest.raises(ConfigError) as caught:
        dsm.compose("experiment=nonsense")
    first, *names = str(caught.value).splitlines()
    hint = 'one of your own is found with --config-dir FOLDER or "hydra.searchpath=[pkg://PACKAGE.conf]", in Python "hydra.searchpath=[file://FOLDER]"'
    assert re.sub(r"\d+", "N", first) == f"experiment = nonsense: is none of the N there are; {hint}"
    assert len(names) > 3 and max(map(len, names)) <= 106
    assert " ".join(names).split()[-1] == "width" and "quickstart" in " ".join(names)


def test_errors_of_hydra_after_a_journey_between_processes():
    error = ConfigCompositionException(
        "Could not override 'network.dpth'.\nTo append to your config use +network.dpth=3"
    )
    assert explain_hydra(error, ["network.dpth=3,4"]) == "network.dpth = 3: there is no such setting"
    try:
        raise ConfigCompositionException() from OmegaConfBaseException(
            "first line\n    full_key: a.b\n    object_type=dict"
        )
    except ConfigCompositionException as bare:
        assert explain_hydra(bare, []) == "first line"
    assert explain_hydra(ConfigCompositionException(), []) == "ConfigCompositionException"
    with pytest.raises(yaml.YAMLError) as caught:
        yaml.safe_load("a: 1\nb: [1")
    line = explain_hydra(caught.value, [])
    assert line == "<unicode string>, line 2: expected ',' or ']', but got '<stream end>'"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("dpth", ["depth"]),
        ("Depth", ["depth"]),
        ("spin", ["spin_overlap"]),
        ("weight_overlpa", ["weight_overlap"]),
        ("colour", []),
        ("", []),
    ],
)
def test_near_names(name, found):
    assert near(name, ["depth", "width", "spin_overlap", "weight_overlap"]) == found
    assert near(name, []) == []


def listed(capsys, *arguments: object) -> list[str]:
    """What the command prints, its lines without their layout."""
    assert _list.main([str(argument) for argument in arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return [" ".join(line.split()) for line in out.splitlines()]


def test_every_kind_is_listed(capsys):
    lines = listed(capsys)
    words = [line.split()[0] for line in lines[: lines.index("")]]
    presets = {path.name for path in tasks.folder().iterdir() if path.is_dir()} - {
        "local",
        "hydra",
        "experiment",
        "task",
    }
    assert set(words) == {"experiments", "tasks", *presets, *_kinds.KINDS}
    for word in words:
        assert len(listed(capsys, word)) > 1, word
    ours = [module for name, module in list(sys.modules.items()) if name.startswith("dsm.")]
    known = {id(own): own for module in ours for own in vars(module).values() if isinstance(own, Registry)}
    listed_there = {id(place.parts()) for kind in _kinds.KINDS.values() for place in kind.places}
    missing = [f"{own.kind} ({own})" for number, own in known.items() if number not in listed_there]
    assert not missing, "registries that no kind lists"
    for registry in known.values():
        for name in registry.names:
            part = registry.get(name)
            assert not part.__module__.startswith("dsm.") or _kinds.summary_of(part), f"{registry.kind} {name}"


def test_experiments_and_parts_say_what_they_are(capsys):
    assert "depth Does a very deep machine still generalise?" in listed(capsys, "experiments")
    assert "iid independent signs" in listed(capsys, "data")
    moves = listed(capsys, "moves")
    assert moves[0] == "sampler.move.name=NAME"
    told = "gaussian J -> sqrt(1 - d**2) J + d xi with xi ~ N(0, 1): an autoregression, reversible with respect to N(0, 1)."
    assert " ".join(moves[1:]).startswith(f"{told} step_std=0.3")
    assert listed(capsys, "rates")[-1] == "epochs=... factors=..."
    assert "optimiser=sgd" in listed(capsys, "dynamics")
    assert "width=" not in " ".join(listed(capsys, "inputs"))  # follows from network.width
    starts = listed(capsys, "starts")
    assert starts[0] == "sampler.start=NAME with task=sample" and starts.count("") == 3


PLUGIN = """
import dataclasses
from dsm.samplers import SCHEDULES, AbstractSchedule

@SCHEDULES.register("mine")
class Mine(AbstractSchedule):
    '''As it likes to: up and down.

    More.'''
    steps: list = dataclasses.field(default_factory=lambda: [1, None, True])

@SCHEDULES.register("bare")
class Bare(AbstractSchedule):
    up: bool = True
"""


@pytest.fixture
def own_parts(tmp_path, monkeypatch):
    """A folder with presets, experiments and plugins of one's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(SCHEDULES, "_parts", dict(SCHEDULES._parts))
    Path("plugin_of_the_list.py").write_text(PLUGIN)
    Path("broken_plugin_of_the_list.py").write_text("1 / 0")
    for path, text in {
        "experiment/mine": "# @package _global_\n# dsm experiment=mine\n# What do I ask?\nseed: 1\n# no\n",
        "experiment/silent": "seed: 1\n# no\n",
        "flavour/sweet": "# sugar\n",
    }.items():
        file = Path("conf", f"{path}.yaml")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def test_parts_and_experiments_of_ones_own_are_listed(own_parts, capsys):
    lines = listed(capsys, "schedules", "plugins=[plugin_of_the_list]")
    assert lines[lines.index("mine As it likes to: up and down.") + 1] == "steps=[1,null,true]"
    assert lines[lines.index("bare") + 1] == "up=true"
    lines = listed(capsys, "experiments", "--config-dir", "conf")
    assert {"mine What do I ask?", "silent", "depth Does a very deep machine still generalise?"} <= set(lines)
    assert "flavour presets in conf flavour=NAME" in listed(capsys, "-cd", "conf")
    assert listed(capsys, "flavour", "-cd", "conf") == ["flavour=NAME", "sweet sugar"]
    for place in ("file://conf", "conf"):
        assert listed(capsys, "flavour", f"hydra.searchpath=[{place}]") == ["flavour=NAME", "sweet sugar"]
    assert "flavour presets in conf flavour=NAME" in listed(capsys, "hydra.searchpath=[conf]", "plugins=[]")
    assert cli.carry_out(["--config-dir", "conf", "list", "flavour"]) == 0  # where the option stands for runs
    assert "sweet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("move", "move: must be one of experiments, tasks"),
        ("experiment", "did you mean experiments?"),
        ("flavour", "flavour: must be one of"),
        ("moves plugins=[no_such_module]", "plugins=[no_such_module]: "),
        ("plugins=[broken_plugin_of_the_list]", "plugins=[broken_plugin_of_the_list]: "),
        ("moves plugins=[", "plugins = [: must be a list"),
        ("moves plugins=3", "plugins = 3: must be a list"),
        (
            "moves plugn=[x]",
            "plugn=[x]: must be plugins=[MODULE] or hydra.searchpath=[file://FOLDER]; did you mean plug",
        ),
        ("moves searchpath=[x]", "did you mean hydra.searchpath?"),
        ("moves hydra.searchpath=[nowhere]", "hydra.searchpath = nowhere: must be a folder"),
        ("moves hydra.searchpath=[nowhere", "hydra.searchpath = [nowhere: must be a list of folders and packages"),
        ("moves -cd nowhere", "--config-dir = nowhere: must be a folder"),
    ],
)
def test_what_cannot_be_listed_is_said_in_one_line(own_parts, capsys, words, message):
    assert cli.carry_out(["list", *words.split()]) == EXIT_ERROR
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("dsm list: ") and message in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (None, ""),
        ("One.\n\nTwo.", "One."),
        ("One two\n    three. Four.", "One two three."),
        ("The step (Duane et al., Phys. Lett.): all of it. More", "The step (Duane et al., Phys. Lett.): all of it."),
        ("no end", "no end"),
    ],
)
def test_first_sentences(text, first):
    assert _kinds.summary(text) == first


def test_the_command_has_both(tmp_path):
    """`dsm status` and `dsm list` as they are typed, in one process."""
    program = "import sys\nfrom dsm import cli\nprint(cli.carry_out(['status']), cli.carry_out(['list', 'moves']))\n"
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert "there is no such folder" in done.stdout and "spin_flip" in done.stdout
    assert done.stdout.splitlines()[-1] == f"{EXIT_ERROR} 0" and done.stderr == ""

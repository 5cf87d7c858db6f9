"""`dsm list`: what can be chosen by name, of the package and of users."""

import sys
from pathlib import Path

import pytest

from dsm import _kinds, _list, cli, tasks
from dsm._registry import Registry
from dsm._results import EXIT_ERROR
from dsm.samplers import SCHEDULES


def listed(capsys, *arguments: object) -> list[str]:
    """Run the command; returns its lines without their layout."""
    assert _list.main([str(argument) for argument in arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return [" ".join(line.split()) for line in out.splitlines()]


def test_list_shows_every_kind_and_registry(capsys):
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


def test_list_describes_experiments_and_parts(capsys):
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
def user_parts(tmp_path, monkeypatch):
    """A folder with presets, experiments and plugins of a user."""
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


def test_list_shows_parts_and_experiments_of_users(user_parts, capsys):
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
        ("move", "move: "),
        ("experiment", "did you mean experiments?"),
        ("flavour", "flavour: "),
        ("moves plugins=[no_such_module]", "plugins=[no_such_module]: "),
        ("plugins=[broken_plugin_of_the_list]", "plugins=[broken_plugin_of_the_list]: "),
        ("moves plugins=[", "plugins = [: "),
        ("moves plugins=3", "plugins = 3: "),
        ("moves plugn=[x]", "did you mean plugins"),
        ("moves searchpath=[x]", "did you mean hydra.searchpath?"),
        ("moves hydra.searchpath=[nowhere]", "hydra.searchpath = nowhere: "),
        ("moves hydra.searchpath=[nowhere", "hydra.searchpath = [nowhere: "),
        ("moves -cd nowhere", "--config-dir = nowhere: "),
    ],
)
def test_list_refuses_in_one_line(user_parts, capsys, words, message):
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
def test_summary_is_the_first_sentence(text, first):
    assert _kinds.summary(text) == first


@pytest.mark.quick
def test_command_has_status_and_list(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.carry_out(["status"]) == EXIT_ERROR
    assert "there is no such folder" in capsys.readouterr().out
    assert cli.carry_out(["list", "moves"]) == 0
    out, err = capsys.readouterr()
    assert "spin_flip" in out and err == ""

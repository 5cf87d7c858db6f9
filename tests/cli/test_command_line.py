"""The command line as its users meet it: help, sweeps with jobs that fail, settings of one's own, Ctrl-C at any moment."""

import fcntl
import json
import shlex
import signal
import subprocess
import sys
import time

import pytest

import dsm as package
from commands import TINY, dsm, environment, start
from dsm import cli
from dsm._jobs import _options
from dsm._multirun import brief, to_workers
from dsm._results import AGAIN, AGAIN_AFRESH, EXIT_ERROR, EXIT_INTERRUPTED
from dsm._signals import TWICE, StopRequest
from dsm.tasks import path_of

#: One small run after the other, of which a test can predict the end.
SMALL = (*TINY, "sampler.sweeps=4", "observe.references=[0]", "data.test_patterns=5")


def test_help_and_version_are_the_projects_own(capsys):
    assert cli.carry_out(["--help"]) == 0
    said = capsys.readouterr().out
    assert "dsm -m experiment=quickstart" in said and "sampler" in said and "version_space" in said
    assert max(map(len, said.splitlines())) < 115  # fits a terminal
    assert cli.carry_out(["--version"]) == 0
    assert capsys.readouterr().out.startswith("dsm ")


@pytest.mark.parametrize(
    "words, said",
    {
        "--verson": "dsm: --verson: there is no such option; did you mean --version?",
        "-multirun seed=1,2": "dsm: -multirun: there is no such option; did you mean --multirun?",
        "-trace": "dsm: -trace: there is no such option; did you mean --trace?",
        "-config-dir x": "dsm: -config-dir: there is no such option; did you mean --config-dir?",
        "--report": "dsm: --report: there is no such option; did you mean dsm report?",
        "help": "dsm: help: must be written as setting=value; did you mean dsm --help?",
        "run experiment=quickstart": "dsm: run: must be written as setting=value; did you mean dsm experiment=quickstart?",
        "sweep seed=1,2": "dsm: sweep: must be written as setting=value; did you mean dsm -m?",
        "-m experiment=quickstart -c job": "dsm: -m: what is shown is of one job, without -m",
        "--xyz": "dsm: --xyz: there is no such option; dsm --help tells which there are",
        "experiment=quickstart --config-dir": (
            "dsm: --config-dir: must be followed by a value, as in --config-dir CONFIG_DIR"
        ),
        "--cfg jb": "dsm: --cfg: invalid choice: 'jb' (choose from ",
        "report a --output X": "dsm report: --output: there is no such option; did you mean --out?",
        "report a --output=X": "dsm report: --output = X: there is no such option; did you mean --out?",
        "report a --points": "dsm report: --points: must be followed by a value, as in --points CSV",
        "status --jason": "dsm status: --jason: there is no such option; did you mean --json?",
        "status --json=3": "dsm status: --json = 3: takes no value",
        "status -j": "dsm status: -j: there is no such option; dsm status --help tells which there are",
        "list moves --plugins x": "dsm list: --plugins: there is no such option; did you mean plugins=[MODULE]?",
    }.items(),
)
def test_a_wrong_option_is_told_in_one_line(words, said, capsys):
    assert cli.carry_out(words.split()) == EXIT_ERROR
    err = capsys.readouterr().err
    assert err.startswith(said) and err.count("\n") == 1


def test_words_come_in_any_order(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.carry_out(["status", "a", "--json", "b"]) == EXIT_ERROR
    assert [run["path"] for run in json.loads(capsys.readouterr().out)["runs"]] == ["a", "b"]
    assert _options(["task=sample", "-m", "seed=7,8"]).overrides == ["task=sample", "seed=7,8"]
    monkeypatch.setattr(sys, "argv", ["dsm"])
    assert cli.carry_out(["task=sample", "-c", "job", "seed=7"]) == 0
    assert "seed: 7" in capsys.readouterr().out


@pytest.mark.parametrize("words", ["experiment=quikstart", "network.dpth=3", "network", "network.depth=three"])
def test_settings_that_a_run_refuses_are_not_shown(words, capsys):
    assert cli.carry_out(["experiment=quickstart", words]) == EXIT_ERROR
    said = capsys.readouterr().err
    for show in (["-c", "job"], ["-c", "hydra"], ["--info", "config"]):
        assert cli.carry_out(["experiment=quickstart", words, *show]) == EXIT_ERROR
        assert capsys.readouterr() == ("", said)
    assert said.count("\n") == 1 + words.startswith("experiment=")  # which is given twice, and that is told too


@pytest.mark.parametrize(
    "words, said",
    {
        "-c job -p network": "width: 30\n",
        "-c job -p network.width": "30",
        "-c job -p _global_": "task: sample\n",
        "-c all": "seed: 0\n",
        "-c hydra -p hydra.job": "chdir: false\n",
    }.items(),
)
def test_settings_are_shown(words, said, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["dsm"])
    assert cli.carry_out([*words.split(), "network.width=30"]) == 0
    assert said in capsys.readouterr().out


def test_what_is_shown_is_there(own, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["dsm"])
    assert cli.carry_out(["-c", "job", "-p", "netwrk"]) == EXIT_ERROR
    assert capsys.readouterr().err == "dsm: -p netwrk: there is no such section; did you mean network?\n"
    assert cli.carry_out(["-c", "job", "-p", "sampler.exchange"]) == EXIT_ERROR
    assert capsys.readouterr().err == "dsm: -p sampler.exchange: it is null, and there is nothing to show\n"
    assert cli.carry_out(["-c", "job", "--config-dir", str(own / "myconf"), "experiment=mine", "-p", "network"]) == 0
    assert "depth: 2\n" in capsys.readouterr().out
    found = dsm("--info", "searchpath", "--config-dir", "myconf", cwd=own)  # it changes what the process logs
    assert "myconf" in found.stdout and not found.stderr


def test_module_is_the_command(tmp_path):
    asked = [sys.executable, "-m", "dsm", "experiment=quickstrat"]
    done = subprocess.run(asked, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert done.returncode == EXIT_ERROR and done.stderr.startswith("dsm: ") and done.stderr.count("\n") == 1
    asked[-1] = "data.alpha=-1"  # found out by the job itself
    done = subprocess.run([*asked, "--trace"], cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert done.returncode == EXIT_ERROR and "Traceback" in done.stderr


def test_jobs_side_by_side_share_cores_and_outlive_one_that_fails(tmp_path):
    """The bad one is refused when it starts: how much memory it needs is not known before."""
    words = ("-m", *SMALL, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "sampler.replicas=2,100000000,3")
    done = dsm(*words, cwd=tmp_path, check=False)
    assert done.returncode == EXIT_ERROR, done.stderr
    assert len(list(tmp_path.rglob("DONE"))) == 2
    assert "3 jobs: 2 done, 1 failed" in done.stderr and "failed: sampler.replicas=100000000: " in done.stderr
    places = [line.split("]")[0] for line in done.stderr.splitlines() if "sweep 4/4" in line]
    assert set(places) == {"[sampler.replicas=2", "[sampler.replicas=3"}


def test_a_sweep_started_twice_does_what_the_first_leaves(tmp_path):
    words = (*SMALL, f"run.root={tmp_path}")
    held = path_of(package.compose(*words, "seed=0"))
    held.mkdir(parents=True)
    with (held / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = dsm("-m", *words, "seed=0,1", cwd=tmp_path, check=False)
    assert done.returncode == EXIT_INTERRUPTED
    assert "2 jobs: 1 done, 1 held" in done.stderr and "held: seed=0" in done.stderr
    assert [path.parent.name for path in tmp_path.rglob("DONE")] == ["seed=1"]
    dsm("-m", *words, "seed=0,1", cwd=tmp_path)
    assert len(list(tmp_path.rglob("DONE"))) == 2


@pytest.fixture
def own(tmp_path):
    """A folder with an experiment and a preset of one's own."""
    (tmp_path / "myconf/experiment").mkdir(parents=True)
    (tmp_path / "myconf/sampler").mkdir()
    lines = ["# @package _global_", "defaults:", "  - override /task: sample", "network: { width: 4, depth: 2 }"]
    lines += ["data: { samples: 2, test_patterns: 5 }", "sampler: { sweeps: 4, replicas: 2 }"]
    (tmp_path / "myconf/experiment/mine.yaml").write_text("\n".join(lines))
    greedy = (
        "move: { name: gaussian, step_std: 0.7 }\ninner: 2\nbeta: .inf\nexchange: null\nschedule: { name: constant }\n"
    )
    (tmp_path / "myconf/sampler/wide.yaml").write_text(greedy + "start: random\nsweeps: 4\nreplicas: 2\n")
    return tmp_path


def test_own_experiments_from_the_command_line(own):
    done = dsm("--config-dir", "myconf", "-m", "experiment=mine", "sampler=greedy,wide", "run.figures=false", cwd=own)
    assert done.stderr.endswith("2 jobs: 2 done\none page about them: dsm report runs/mine\n")
    assert {path.parents[1].name for path in own.rglob("DONE")} == {"default", "sampler=wide"}


def test_own_experiments_from_python(own):
    config = package.compose("experiment=mine", f"hydra.searchpath=[file://{own / 'myconf'}]", f"run.root={own}")
    assert path_of(config) == own / "mine/default/seed=0"
    missing = package.compose("experiment=quickstart")
    assert missing.run.searchpath == []
    done = cli.carry_out(["--config-dir", str(own / "nowhere"), "experiment=mine"])
    assert done == EXIT_ERROR


#: A call that stays inside a library, where Python runs no handlers, for longer than any test waits.
HOLD = """
import hashlib, dsm.tasks._loop as loop
def hold(*arguments, **options):
    print("now", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
"""


def press(process: subprocess.Popen, until: str = "now") -> float:
    """Ctrl-C once a process has said `until`; returns when."""
    assert process.stdout is not None
    for line in process.stdout:
        if until in line:
            break
    process.send_signal(signal.SIGINT)
    return time.monotonic()


def test_ctrl_c_during_imports_ends_in_one_line(tmp_path):
    words = [sys.executable, "-X", "importtime", "-m", "dsm", "experiment=quickstart"]
    process = subprocess.Popen(
        words, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    pressed = press(process, until="jax")
    rest = process.communicate()[0].splitlines()
    assert process.returncode == EXIT_INTERRUPTED and time.monotonic() - pressed < 5
    assert [line for line in rest if not line.startswith("import time:")] == [
        "dsm: ended by SIGINT: run the same command again to continue"
    ]


def test_ctrl_c_while_compiling_ends_at_once(tmp_path):
    process = start(*SMALL, cwd=tmp_path, program=f"{HOLD}\nloop._restore = hold")
    pressed = press(process)
    rest = process.communicate()[0]
    assert process.returncode == EXIT_INTERRUPTED and time.monotonic() - pressed < 1
    assert rest == "dsm: ended by SIGINT: run the same command again to continue\n"
    assert dsm(*SMALL, cwd=tmp_path).returncode == 0


def test_ctrl_c_in_the_loop_is_acknowledged_and_a_second_one_ends_at_once(tmp_path):
    """Two signals at once are one: `timeout` sends them so."""
    process = start(*SMALL, cwd=tmp_path, program=f"{HOLD}\nloop.ProgressMeter.update = hold")
    pressed = press(process)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("dsm: SIGINT: what is done is saved, then the run ends")
    process.send_signal(signal.SIGINT)
    time.sleep(TWICE + 0.2)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    rest = process.communicate()[0]
    assert process.returncode == EXIT_INTERRUPTED and time.monotonic() - pressed < TWICE + 1
    assert rest == "dsm: ended by SIGINT: run the same command again to continue\n"


@pytest.mark.parametrize(
    "resume, advice",
    {
        "auto": [AGAIN],
        "never": ["those not started: run these commands", f"those interrupted: {AGAIN_AFRESH}"],
    }.items(),
)
def test_a_sweep_that_a_signal_ends_at_once_says_how_its_jobs_stand(resume, advice, tmp_path):
    words = ("-m", *SMALL, "data.alpha=-1,2,3,4", f"run.resume={resume}")
    hold = (
        f"{HOLD}\nrestore = loop._restore\nloop._restore = lambda *a: hold() if list(loop.turns) == [] else restore(*a)"
    )
    process = start(*words, cwd=tmp_path, program=f"{hold}\nloop.turns = iter([1])")
    press(process)
    rest = process.communicate()[0]
    assert process.returncode == EXIT_INTERRUPTED
    assert "4 jobs: 1 done, 1 not started, 1 interrupted, 1 failed" in rest and "interrupted: data.alpha=3" in rest
    told = [line for line in rest.splitlines() if line.endswith((" commands", " to continue"))]
    assert told == [f"dsm: ended by SIGINT: {AGAIN if resume == 'auto' else AGAIN_AFRESH}", *advice]
    (waiting,) = (line.strip() for line in rest.splitlines() if line.startswith("  not started: "))
    if resume == "auto":
        assert waiting == "not started: data.alpha=4"
    else:
        assert waiting.startswith("not started: dsm experiment=quickstart network.width=6 ")
        assert {"data.alpha=4", "observe.references=[0]", "run.resume=never"} <= set(shlex.split(waiting))


def test_workers_of_a_sweep_get_what_only_their_parent_got():
    """Ctrl-C they have from the terminal already."""
    program = "import time; print('now', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as sleeper:
        assert sleeper.stdout is not None and sleeper.stdout.readline() == b"now\n"
        to_workers(signal.SIGINT)
        assert sleeper.poll() is None
        to_workers(signal.SIGTERM)
        assert sleeper.wait(10) == -signal.SIGTERM


def test_a_signal_that_comes_twice_at_once_is_one(monkeypatch):
    told = []
    request = StopRequest(told.append)
    assert request.take(signal.SIGTERM) and request.take(signal.SIGTERM) and told == [signal.SIGTERM]
    later = time.monotonic() + 2
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert not request.take(signal.SIGTERM)


def test_a_reason_is_told_with_what_its_colon_announces():
    assert (
        brief("a holds another run:\n  depth: 3 there, 5 now\nChoose.") == "a holds another run: depth: 3 there, 5 now"
    )
    assert brief("one line:") == "one line:" and brief("one\ntwo") == "one"


def test_settings_that_are_given_twice_are_told(capsys):
    assert cli.carry_out(["network.depth=2", "seed=1", "network.depth=three"]) == EXIT_ERROR
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "dsm: network.depth is given 2 times: the last one counts" and "three" in told[1]

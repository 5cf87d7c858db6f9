"""The command line: help, options, sweeps with jobs that fail, settings of users, Ctrl-C at any moment."""

import fcntl
import json
import shlex
import signal
import subprocess
import sys
import time

import pytest

import dsm as package
from commands import TINY, Forked, dsm, environment, start
from dsm import cli
from dsm._jobs import _options
from dsm._multirun import brief
from dsm._results import AGAIN, AGAIN_AFRESH, EXIT_ERROR, EXIT_INTERRUPTED
from dsm._signals import TWICE, StopRequest
from dsm.tasks import path_of

#: A run whose programs are small: two-layer networks learn online.
SMALL = ("task=online_sgd", "network.width=6", "data.samples=2", "training.time=2", "run.figures=false")
SMALL += ("observe.theory=false", "observe.quantities=[test_error]")
#: Students are sampled, for four sweeps.
SAMPLING = (*TINY, "sampler.sweeps=4", "observe.references=[0]", "data.test_patterns=5")


@pytest.mark.quick
def test_help_and_version(capsys):
    assert cli.carry_out(["--help"]) == 0
    said = capsys.readouterr().out
    assert "dsm -m experiment=quickstart" in said and "sampler" in said and "version_space" in said
    assert max(map(len, said.splitlines())) < 115  # fits a terminal
    assert cli.carry_out(["--version"]) == 0
    assert capsys.readouterr().out.startswith("dsm ")


@pytest.mark.quick
@pytest.mark.parametrize(
    "words, said",
    {
        "--verson": "--verson: ... --version?",
        "-multirun seed=1,2": "-multirun: ... --multirun?",
        "-trace": "-trace: ... --trace?",
        "-config-dir x": "-config-dir: ... --config-dir?",
        "--report": "--report: ... dsm report?",
        "help": "help: ... dsm --help?",
        "run experiment=quickstart": "run: ... dsm experiment=quickstart?",
        "sweep seed=1,2": "sweep: ... dsm -m?",
        "-m experiment=quickstart -c job": "-m: ... without -m",
        "--xyz": "--xyz: ... dsm --help",
        "experiment=quickstart --config-dir": "--config-dir: ... --config-dir CONFIG_DIR",
        "--cfg jb": "--cfg: ... 'jb' (choose from ",
        "report a --output X": "report: --output: ... --out?",
        "report a --output=X": "report: --output = X: ... --out?",
        "report a --points": "report: --points: ... --points CSV",
        "status --jason": "status: --jason: ... --json?",
        "status --json=3": "status: --json = 3: ... no value",
        "status -j": "status: -j: ... dsm status --help",
        "list moves --plugins x": "list: --plugins: ... plugins=[MODULE]?",
    }.items(),
)
def test_wrong_option_is_an_error_of_one_line(words, said, capsys):
    """It names the word and its value, and what was meant."""
    assert cli.carry_out(words.split()) == EXIT_ERROR
    err = capsys.readouterr().err
    begins, hint = said.split("...")
    command = "dsm " if words.startswith(("report", "status", "list")) else "dsm: "
    assert err.startswith(command + begins) and hint.strip() in err and err.count("\n") == 1


@pytest.mark.quick
def test_options_and_settings_come_in_any_order(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.carry_out(["status", "a", "--json", "b"]) == EXIT_ERROR
    assert [run["path"] for run in json.loads(capsys.readouterr().out)["runs"]] == ["a", "b"]
    assert _options(["task=sample", "-m", "seed=7,8"]).overrides == ["task=sample", "seed=7,8"]
    monkeypatch.setattr(sys, "argv", ["dsm"])
    assert cli.carry_out(["task=sample", "-c", "job", "seed=7"]) == 0
    assert "seed: 7" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        "experiment=quikstart",
        "network.depth=three",
        pytest.param("network.dpth=3", marks=pytest.mark.slow),
        pytest.param("network", marks=pytest.mark.slow),
    ],
)
def test_show_refuses_what_a_run_refuses(words, capsys):
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
def test_show_prints_settings(words, said, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["dsm"])
    assert cli.carry_out([*words.split(), "network.width=30"]) == 0
    assert said in capsys.readouterr().out


def test_show_refuses_sections_that_do_not_exist(user, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["dsm"])
    assert cli.carry_out(["-c", "job", "-p", "netwrk"]) == EXIT_ERROR
    err = capsys.readouterr().err
    assert err.startswith("dsm: -p netwrk: ") and err.endswith("did you mean network?\n")
    assert cli.carry_out(["-c", "job", "-p", "sampler.exchange"]) == EXIT_ERROR
    err = capsys.readouterr().err
    assert err.startswith("dsm: -p sampler.exchange: ") and "null" in err and err.count("\n") == 1
    assert cli.carry_out(["-c", "job", "--config-dir", str(user / "myconf"), "experiment=mine", "-p", "network"]) == 0
    assert "students: 2\n" in capsys.readouterr().out
    found = dsm("--info", "searchpath", "--config-dir", "myconf", cwd=user)  # it changes what the process logs
    assert "myconf" in found.stdout and not found.stderr


def test_module_is_the_command(tmp_path):
    words = [sys.executable, "-m", "dsm", "experiment=quickstrat"]
    done = subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert done.returncode == EXIT_ERROR and done.stderr.startswith("dsm: ") and done.stderr.count("\n") == 1


def test_trace_prints_where_an_error_came_from(tmp_path):
    """Of an error that the job itself finds."""
    done = dsm("experiment=quickstart", "data.alpha=-1", "--trace", cwd=tmp_path, check=False)
    assert done.returncode == EXIT_ERROR and "Traceback" in done.stderr


@pytest.mark.slow
def test_joblib_sweep_shares_cores_and_survives_a_failing_job(tmp_path):
    """The bad one is refused when it starts: how much memory it needs is not known before."""
    words = ("-m", *SAMPLING, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "sampler.replicas=2,100000000,3")
    done = dsm(*words, cwd=tmp_path, check=False, fresh=True)  # workers are started from it
    assert done.returncode == EXIT_ERROR, done.stderr
    assert len(list(tmp_path.rglob("DONE"))) == 2
    assert "3 jobs: 2 done, 1 failed" in done.stderr and "failed: sampler.replicas=100000000: " in done.stderr
    places = [line.split("]")[0] for line in done.stderr.splitlines() if "sweep 4/4" in line]
    assert done.stderr.count("code for the moves: ") == 2
    assert set(places) == {"[sampler.replicas=2", "[sampler.replicas=3"}


@pytest.mark.slow
def test_sweep_leaves_out_a_run_that_another_process_holds(tmp_path):
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
def user(tmp_path):
    """A folder with an experiment and a preset of a user."""
    (tmp_path / "myconf/experiment").mkdir(parents=True)
    (tmp_path / "myconf/training").mkdir()
    lines = ["# @package _global_", "defaults:", "  - override /task: online_sgd", "network: { width: 6, students: 2 }"]
    lines += ["data: { samples: 2 }", "training: { time: 2 }", "observe: { theory: false }"]
    (tmp_path / "myconf/experiment/mine.yaml").write_text("\n".join(lines))
    fast = "lr: 0.7\nlr_second: 0.1\nweight_decay: 0.1\nbatch: 2\ntime: 3.0\nstart: { name: random }\n"
    (tmp_path / "myconf/training/fast.yaml").write_text(fast)
    return tmp_path


@pytest.mark.slow
def test_command_finds_experiments_of_users(user):
    done = dsm("--config-dir", "myconf", "-m", "experiment=mine", "training=sgd,fast", "run.figures=false", cwd=user)
    assert done.stderr.endswith("2 jobs: 2 done\none page about them: dsm report runs/mine\n")
    assert {path.parents[1].name for path in user.rglob("DONE")} == {"default", "training=fast"}


def test_compose_finds_experiments_of_users(user):
    config = package.compose("experiment=mine", f"hydra.searchpath=[file://{user / 'myconf'}]", f"run.root={user}")
    assert path_of(config) == user / "mine/default/seed=0"
    missing = package.compose("experiment=quickstart")
    assert missing.run.searchpath == []
    done = cli.carry_out(["--config-dir", str(user / "nowhere"), "experiment=mine"])
    assert done == EXIT_ERROR


#: A call that stays inside a library, where Python runs no handlers, for longer than any test waits.
HOLD = """
import hashlib, dsm.tasks._loop as loop
def hold(*arguments, **options):
    print("now", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
"""


def press(process: subprocess.Popen | Forked, until: str = "now") -> float:
    """Ctrl-C once a process has said `until`; returns when."""
    assert process.stdout is not None
    for line in process.stdout:
        if until in line:
            break
    process.send_signal(signal.SIGINT)
    return time.monotonic()


def rest_of(process: subprocess.Popen | Forked) -> str:
    """What a process prints until it ends."""
    assert process.stdout is not None
    with process.stdout:
        return process.communicate()[0]


def test_ctrl_c_during_imports_ends_in_one_line(tmp_path):
    words = [sys.executable, "-X", "importtime", "-m", "dsm", "experiment=quickstart"]
    process = subprocess.Popen(
        words, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    pressed = press(process, until="jax")
    rest = rest_of(process).splitlines()
    assert process.returncode == EXIT_INTERRUPTED and time.monotonic() - pressed < 5
    assert [line for line in rest if not line.startswith("import time:")] == [
        "dsm: ended by SIGINT: run the same command again to continue"
    ]


def test_ctrl_c_while_compiling_ends_at_once(tmp_path):
    process = start(*SMALL, cwd=tmp_path, program=f"{HOLD}\nloop._restore = hold")
    pressed = press(process)
    rest = rest_of(process)
    assert process.returncode == EXIT_INTERRUPTED and time.monotonic() - pressed < 1
    assert rest == "dsm: ended by SIGINT: run the same command again to continue\n"
    assert "step 12/12 " in dsm(*SMALL, cwd=tmp_path).stderr


def test_ctrl_c_in_the_loop_is_acknowledged_and_a_second_ends_at_once(tmp_path):
    """Two signals at once are one: `timeout` sends them so."""
    process = start(*SMALL, cwd=tmp_path, program=f"{HOLD}\nloop.ProgressMeter.update = hold")
    pressed = press(process)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("dsm: SIGINT: what is done is saved, then the run ends")
    process.send_signal(signal.SIGINT)
    time.sleep(TWICE + 0.2)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    rest = rest_of(process)
    assert process.returncode == EXIT_INTERRUPTED and time.monotonic() - pressed < TWICE + 1
    assert rest == "dsm: ended by SIGINT: run the same command again to continue\n"


@pytest.mark.parametrize(
    "resume, advice",
    [
        ("auto", [AGAIN]),
        pytest.param(
            *("never", ["those not started: run these commands", f"those interrupted: {AGAIN_AFRESH}"]),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_sweep_ended_by_a_signal_says_how_its_jobs_ended(resume, advice, tmp_path):
    words = ("-m", *SMALL, "training.lr=-1,2,3,4", f"run.resume={resume}")
    hold = (
        f"{HOLD}\nrestore = loop._restore\nloop._restore = lambda *a: hold() if list(loop.turns) == [] else restore(*a)"
    )
    process = start(*words, cwd=tmp_path, program=f"{hold}\nloop.turns = iter([1])")
    press(process)
    rest = rest_of(process)
    assert process.returncode == EXIT_INTERRUPTED
    assert "4 jobs: 1 done, 1 not started, 1 interrupted, 1 failed" in rest and "interrupted: training.lr=3" in rest
    told = [line for line in rest.splitlines() if line.endswith((" commands", " to continue"))]
    assert told == [f"dsm: ended by SIGINT: {AGAIN if resume == 'auto' else AGAIN_AFRESH}", *advice]
    (waiting,) = (line.strip() for line in rest.splitlines() if line.startswith("  not started: "))
    if resume == "auto":
        assert waiting == "not started: training.lr=4"
    else:
        assert waiting.startswith("not started: dsm task=online_sgd network.width=6 ")
        assert {"training.lr=4", "observe.quantities=[test_error]", "run.resume=never"} <= set(shlex.split(waiting))


#: Forward SIGINT, then SIGTERM to a child that sleeps; print whether it survives the first, and how it ends.
FORWARD = """
import signal, subprocess, sys
from dsm._multirun import to_workers
sleep = "import time; print('now', flush=True); time.sleep(60)"
with subprocess.Popen([sys.executable, "-c", sleep], stdout=subprocess.PIPE) as child:
    child.stdout.readline()
    to_workers(signal.SIGINT)
    print(child.poll())
    to_workers(signal.SIGTERM)
    print(child.wait(10))
"""


def test_sweep_forwards_signals_but_ctrl_c_to_workers(tmp_path):
    """Ctrl-C they have from the terminal already. In a process without other children."""
    assert rest_of(Forked(FORWARD, (), tmp_path, environment())) == f"None\n{-signal.SIGTERM}\n"


@pytest.mark.quick
def test_two_signals_at_once_count_as_one(monkeypatch):
    told = []
    request = StopRequest(told.append)
    assert request.take(signal.SIGTERM) and request.take(signal.SIGTERM) and told == [signal.SIGTERM]
    later = time.monotonic() + 2
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert not request.take(signal.SIGTERM)


@pytest.mark.quick
def test_brief_keeps_what_a_colon_announces():
    assert (
        brief("a holds another run:\n  depth: 3 there, 5 now\nChoose.") == "a holds another run: depth: 3 there, 5 now"
    )
    assert brief("one line:") == "one line:" and brief("one\ntwo") == "one"


def test_settings_given_twice_give_a_warning(capsys):
    assert cli.carry_out(["network.depth=2", "seed=1", "network.depth=three"]) == EXIT_ERROR
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "dsm: network.depth is given 2 times: the last one counts" and "three" in told[1]

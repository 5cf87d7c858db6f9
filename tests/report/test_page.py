"""What a page of `dsm report` holds, who writes it, and what it says of damaged runs and bad input."""

import json
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest
import xarray as xr

import dsm
import tiny
from commands import SIGNAL_AFTER
from commands import dsm as command_line
from dsm import cli
from dsm._errors import StoreError
from dsm._results import EXIT_ERROR, EXIT_INTERRUPTED
from dsm.config import preset_files
from dsm.reporting import _write, report
from dsm.tasks._command import command_of
from experiment_runs import REPORTED, assert_alike, reported_runs
from report.pages import content, copied

#: The tiny run, with its page.
ONE = (*tiny.RUNS["sample"], *tiny.QUIET, "run.figures=false", "run.report=true")


def test_page_holds_what_was_measured(made, page):
    check_page(made, page)


@pytest.mark.slow
def test_page_of_new_runs_holds_what_was_measured(made, tmp_path, monkeypatch):
    """Runs of today, which have all that those of the archive have."""
    monkeypatch.chdir(tmp_path)
    for words in reported_runs():
        path = dsm.run(*words, "run.root=runs", "run.figures=false", "run.progress=none")
        assert_alike(path, made / path.relative_to(tmp_path / "runs"))
        assert json.loads((path / "manifest.json").read_text())["command"].startswith("dsm ")
    check_page(tmp_path / "runs", report("runs"))


def check_page(made: Path, page: Path) -> None:
    """All runs are on the page with their results, files and theory."""
    told = content(page)
    assert {run["task"] for run in told["runs"]} == set(REPORTED) and not told["notices"]
    assert set(told["swept"]["sample"]) == {"data.alpha", "network.depth"}
    for run in told["runs"]:
        results = dsm.load(made / run["name"])
        time = run["data"]["time"]
        assert run["data"]["records"] == [results.sizes[time]] * 2 and not run["data"]["left_out"]
        name = "test_loss" if run["task"] == "specialisation" else "test_error"
        array = run["data"]["quantities"][name]["mean"]
        expected = results[f"{name}_mean"]
        assert tuple(array["dims"]) == expected.dims
        assert array["values"] == pytest.approx(expected.values.ravel().tolist(), rel=5e-4)
        assert {file["name"] for file in run["files"]} >= {"results.nc", "config.yaml", "manifest.json"}
        assert all((page.parent / file["link"]).is_file() for file in run["files"])
    of = {run["task"]: run["data"] for run in told["runs"]}
    assert "theory" in of["sample"]["quantities"]["test_error"] and "theory" in of["narrow"]["quantities"]["test_error"]
    assert "theory" in of["online_sgd"]["quantities"]["R"]
    assert len(of["specialisation"]["scatter"]["groups"]) == 2  # of two decays
    assert len(of["specialisation"]["scatter"]["groups"][0]["x"]) == 3 * 2 * 3  # samples, students


def test_page_needs_no_network(page):
    """Plotly's own text names hosts; nothing of the page is loaded from one."""
    rest = page.read_text().replace(_write.get_plotlyjs(), "")
    assert "http://" not in rest and "https://" not in rest
    assert page.stat().st_size < 15e6


@pytest.mark.slow
def test_page_thins_out_what_does_not_fit(made, tmp_path, monkeypatch):
    monkeypatch.setattr(_write, "LETTERS", 60_000)
    shutil.copytree(made / "quickstart", tmp_path / "runs")
    told = content(report(tmp_path / "runs", tmp_path / "small.html"))
    data = [run["data"] for run in told["runs"] if run["task"] == "sample"]
    for one in data:
        assert one["records"][0] < one["records"][1] or one["left_out"]
        times = one["coordinates"][one["time"]]["values"]
        assert times[0] == 0 and times[-1] == 32
        assert "test_error" in one["quantities"]
    assert sum(len(json.dumps(one, separators=(",", ":"))) for one in data) < 60_000


@pytest.mark.slow
def test_command_of_a_run_leads_to_it():
    """Read back as a shell and Hydra do, for runs of every task and all experiments."""
    configs = [dsm.compose(*words) for words in REPORTED.values()]
    configs += [dsm.compose(f"experiment={name}", "seed=3") for name in preset_files("experiment", [])]
    configs.append(dsm.compose("sampler.beta=[0.5,inf]", "sampler.move={name:spin_flip}", "network.weights=ising"))
    for config in configs:
        command = command_of(config)
        assert command is not None
        program, *words = shlex.split(command)
        assert program == "dsm" and dsm.compose(*words).identity() == config.identity(), command


@pytest.mark.slow
def test_run_writes_its_page(tmp_path, monkeypatch, caplog):
    """No page that fails is worth a run; of a finished run it is written when it is asked for again."""

    def refuse(path):
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("dsm.reporting.report", refuse)
        path = dsm.run(*ONE, f"run.root={tmp_path}")
    assert (path / "DONE").exists() and "no page: the disk is full" in caplog.text
    page = path / "report.html"
    assert not page.exists()
    assert dsm.run(*ONE, f"run.root={tmp_path}") == path and page.exists()
    other = dsm.run(*ONE, "seed=1", f"run.root={tmp_path}")
    (run,) = content(other / "report.html")["runs"]
    assert (run["name"], run["state"]) == ("seed=1", "done")
    assert json.loads((other / "manifest.json").read_text())["command"].startswith("dsm ")


@pytest.mark.slow
def test_page_of_an_interrupted_run_says_so(tmp_path):
    words = (*ONE, "run.dir=run", "run.checkpoint_minutes=0", "run.chunk_seconds=1e-9")
    done = command_line(*words, cwd=tmp_path, program=SIGNAL_AFTER.format(sweep=8, name="SIGTERM"), check=False)
    assert done.returncode == EXIT_INTERRUPTED, done.stderr
    told = content(tmp_path / "run/report.html")
    assert told["runs"][0]["state"] == "interrupted" and told["runs"][0]["data"]
    assert "1 of 1 runs are not finished, 0 of these are running" in told["notices"][0]


def test_command_line_names_the_page(one, tmp_path, capsys):
    assert cli.carry_out(["report", str(one), "--out", str(tmp_path / "page.html")]) == 0
    assert capsys.readouterr().out.startswith(str(tmp_path / "page.html"))
    assert dsm.report(one, tmp_path / "again.html") == tmp_path / "again.html"


def test_page_holds_several_folders(made, tmp_path, monkeypatch, capsys):
    runs = [path.parent for path in made.rglob("DONE") if "alpha" in str(path)][:2]
    for run, name in zip(runs, ("one", "other"), strict=True):
        shutil.copytree(run, tmp_path / "runs" / name)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert cli.carry_out(["report", "../runs/one", "../runs/other", "../runs/one"]) == 0
    page = tmp_path / "runs/report.html"  # in the folder above both
    assert capsys.readouterr().out.startswith(str(page))
    assert [run["name"] for run in content(page)["runs"]] == ["one", "other"]


@pytest.mark.parametrize(
    "words, said",
    [
        (["nowhere"], "nowhere: there is no such folder"),
        (["empty"], "empty: there is no run"),
        (["file"], "file is not a folder"),
        (["{made}", "--out", "nowhere/page.html"], "there is no folder"),
        (["{made}", "--points", "quantity.csv"], "quantity.csv, line 2: quantity = typo"),
        (["{made}", "--points", "axis.csv"], "axis.csv, line 3: axis = typo"),
        (["{made}", "--points", "setting.csv"], "setting.csv: column = network.dpth"),
    ],
)
def test_page_is_refused_for_bad_input(words, said, made, tmp_path, monkeypatch, capsys):
    """Status 2, and no file."""
    made = next((made / "quickstart").rglob("DONE")).parent  # one run is read sooner than all
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("file").touch()
    head = "quantity,axis,x,y,error,label\n"
    Path("quantity.csv").write_text(f"{head}typo,sweep,1,2,,\n")
    Path("axis.csv").write_text(f"{head}test_error,sweep,1,2,,\ntest_error,typo,1,2,,\n")
    Path("setting.csv").write_text("quantity,axis,x,y,network.dpth\ntest_error,sweep,1,2,3\n")
    assert cli.carry_out(["report", *(word.format(made=made) for word in words)]) == EXIT_ERROR
    assert said in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.html"))


def test_page_names_damaged_runs_and_shows_the_others(made, tmp_path):
    """Half-finished, unreadable, of another version, without results, without settings."""
    root = tmp_path / "runs"
    first = next(path.parent for path in made.rglob("DONE") if "alpha" in str(path))
    names = ("good", "half", "unreadable", "broken", "other", "gone", "unknown", "text")
    for seed, name in enumerate(names):
        copied(first, root / name, seed=seed)
    (root / "half/DONE").unlink()
    (root / "half/.lock").touch()
    (root / "unreadable/results.nc").write_bytes(b"no dataset")
    broken = bytearray((root / "broken/results.nc").read_bytes())
    for place in range(48, len(broken), 500):  # behind the head of the file
        broken[place] ^= 255
    (root / "broken/results.nc").write_bytes(broken)
    manifest = json.loads((root / "other/manifest.json").read_text())
    manifest["versions"]["jax"] = "0.1"
    (root / "other/manifest.json").write_text(json.dumps(manifest))
    (root / "gone/results.nc").unlink()
    (root / "unknown/config.yaml").unlink()
    (root / "text/manifest.json").write_text("{")
    told = content(report(root))
    runs = {run["name"]: run for run in told["runs"]}
    assert set(runs) == set(names)
    assert not runs["good"]["trouble"] and runs["good"]["data"]
    assert runs["half"]["state"] == "interrupted" and runs["half"]["data"]
    assert "cannot read" in runs["unreadable"]["trouble"][0] and runs["unreadable"]["data"] is None
    assert "cannot read" in runs["broken"]["trouble"][0] and runs["broken"]["data"] is None
    assert "results.nc is gone" in runs["gone"]["trouble"][0]
    assert "config.yaml" in runs["unknown"]["trouble"][0]
    assert "manifest.json" in runs["text"]["trouble"][0] and runs["text"]["data"]
    said = " ".join(told["notices"])
    assert (
        "several versions of jax: 0.1" in said and "1 of 8 runs are not finished" in said and "cannot be shown" in said
    )
    for name in ("good", "half", "other", "text"):
        shutil.rmtree(root / name)
    assert report(root).exists()  # a page without any plot


def test_page_names_older_runs_and_changed_sources(one, tmp_path):
    """Runs with the same settings, of which the newest counts, and other sources of a plugin."""
    for name, digest in (("older", "1"), ("newer", "2"), ("third", "2")):
        copied(one, tmp_path / name, seed={"older": 0, "newer": 0, "third": 1}[name], sources={"mine": digest})
        (tmp_path / name / "DONE").touch()
    os.utime(tmp_path / "older/DONE", (1, 1))
    told = content(report(tmp_path))
    troubles = {run["name"]: run["trouble"] for run in told["runs"]}
    assert troubles["older"] == ["newer has the same settings and is newer: it is the one in the plots"]
    assert not troubles["newer"] and not troubles["third"]
    assert [run["name"] for run in told["runs"] if run["data"] is None] == ["older"]
    assert told["notices"] == ["The source of mine is not the same for all runs: it was changed between them."]


def test_page_describes_its_theory(page):
    told = {run["task"]: run["data"] for run in content(page)["runs"]}
    equilibrium = "replica theory of equilibrium for N >> c >> 1"
    assert told["sample"]["quantities"]["teacher_weight_overlap"]["theory"]["about"] == equilibrium
    assert told["online_sgd"]["quantities"]["R"]["theory"]["about"] == "from the equations of motion"
    assert told["narrow"]["quantities"]["test_error"]["theory"]["about"].startswith("replica theory of equilibrium")
    assert "from a random start need not reach" in told["sample"]["caveats"][0] and not told["online_sgd"]["caveats"]
    past = [name for name in told["sample"]["quantities"] if name.startswith("past_")]
    assert past and not any("theory" in told["sample"]["quantities"][name] for name in past)


def test_main_settings_of_a_page_are_settings():
    page = (Path(_write.__file__).parent / "page.js").read_text()
    (listed,) = re.findall(r"const MAIN = \[(.*?)\];", page, re.DOTALL)
    settings = set().union(*(dsm.compose(*words).identity() for words in REPORTED.values()))
    assert set(re.findall(r'"([\w.]+)"', listed)) <= settings


def test_page_shows_units_without_a_baseline(made, page, tmp_path):
    """A correlation with a constant unit may be no number."""
    run = next(made / run["name"] for run in content(page)["runs"] if run["task"] == "specialisation")
    shutil.copytree(run, tmp_path / "run")
    with xr.open_dataset(run / "results.nc", engine="h5netcdf") as results:
        empty = results.assign(baseline_specialisation=results.baseline_specialisation * float("nan"))
        empty.to_netcdf(tmp_path / "run/results.nc", engine="h5netcdf")
    (told,) = content(report(tmp_path))["runs"]
    assert [group["baseline"] for group in told["data"]["scatter"]["groups"]] == [None, None]

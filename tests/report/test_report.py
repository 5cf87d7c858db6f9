"""Pages about runs: what they hold, bad input, and what a browser makes of them."""

import csv
import json
import os
import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import xarray as xr
import yaml
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

import dsm as package
from browser.chromium import needs_browser, open_browser
from commands import CACHE, SIGNAL_AFTER, TINY
from commands import dsm as command_line
from dsm import cli, tasks
from dsm._errors import StoreError
from dsm._results import EXIT_ERROR, EXIT_INTERRUPTED
from dsm.config import preset_files
from dsm.observables.narrow import OBSERVABLES
from dsm.reporting import _points, _write, report
from dsm.reporting._points import as_text, published
from dsm.tasks._command import command_of

#: One small run of each task.
SMALL = {
    "sample": (*TINY, "observe.theory=true", "data.samples=3"),
    "online_sgd": ("task=online_sgd", "network.width=20", "training.time=5", "data.samples=3", "data.test_patterns=20"),
    "specialisation": (
        *("task=specialisation", "network.width=8", "network.teachers=3", "network.multi=2", "training.epochs=2"),
        *("training.iterations=5", "data.samples=3", "data.test_patterns=20", "network.decay=[0.5,1]"),
    ),
    "narrow": ("task=narrow", "network.width=8", "training.steps=20", "data.samples=3", "data.alpha=[1,2]"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a run of each task, and a grid of alpha and depth of the main one."""
    root = tmp_path_factory.mktemp("report") / "runs"
    common = (f"run.root={root}", "run.figures=false", "run.progress=none", CACHE)
    for task, words in SMALL.items():
        grid = [(depth, alpha) for depth in (2, 3) for alpha in (2, 4)] if task == "sample" else []
        for depth, alpha in grid:
            package.run(*words, f"network.depth={depth}", f"data.alpha={alpha}", "data.max_alpha=4", *common)
        if not grid:
            package.run(*words, *common)
    return root


@pytest.fixture(scope="module")
def page(made):
    return report(made)


def content(page: Path) -> dict:
    """The data on a page."""
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page.read_text(), re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def copied(run: Path, folder: Path, **settings) -> None:
    """A copy of a run that says it was made with other settings, with __ for a dot in their keys; None takes one out."""
    shutil.copytree(run, folder, ignore=shutil.ignore_patterns("checkpoints"))
    stored = yaml.safe_load((folder / "config.yaml").read_text())
    for key, value in settings.items():
        *above, last = key.split("__")
        place = stored
        for name in above:
            place = place[name]
        if value is None:
            del place[last]
        else:
            place[last] = value
    (folder / "config.yaml").write_text(yaml.safe_dump(stored))


@pytest.fixture(scope="module")
def one(made, page):
    """A run of three layers."""
    return next(made / run["name"] for run in content(page)["runs"] if run["settings"].get("network.depth") == "3")


def test_a_page_holds_what_was_measured(made, page):
    told = content(page)
    assert {run["task"] for run in told["runs"]} == set(SMALL) and not told["notices"]
    assert set(told["swept"]["sample"]) == {"data.alpha", "network.depth"}
    for run in told["runs"]:
        results = package.load(made / run["name"])
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


def test_a_page_needs_no_network(page):
    """Plotly's own text names hosts; nothing of the page is loaded from one."""
    rest = page.read_text().replace(_write.get_plotlyjs(), "")
    assert "http://" not in rest and "https://" not in rest
    assert page.stat().st_size < 15e6


def test_what_does_not_fit_is_thinned_out(made, tmp_path, monkeypatch):
    monkeypatch.setattr(_write, "LETTERS", 60_000)
    told = content(report(made, tmp_path / "small.html"))
    data = [run["data"] for run in told["runs"] if run["task"] == "sample"]
    for one in data:
        assert one["records"][0] < one["records"][1] or one["left_out"]
        times = one["coordinates"][one["time"]]["values"]
        assert times[0] == 0 and times[-1] == 32
        assert "test_error" in one["quantities"]
    assert sum(len(json.dumps(one, separators=(",", ":"))) for one in data) < 60_000


def test_the_command_of_a_run_leads_to_it(made):
    """Read back as a shell and Hydra do, for every run and every experiment."""
    import shlex

    configs = [package.compose(*words) for words in SMALL.values()]
    configs += [package.compose(f"experiment={name}", "seed=3") for name in preset_files("experiment", [])]
    configs.append(package.compose("sampler.beta=[0.5,inf]", "sampler.move={name:spin_flip}", "network.weights=ising"))
    for config in configs:
        command = command_of(config)
        assert command is not None
        program, *words = shlex.split(command)
        assert program == "dsm" and package.compose(*words).identity() == config.identity(), command
    stored = [json.loads(path.read_text())["command"] for path in made.rglob("manifest.json")]
    assert all(command.startswith("dsm ") for command in stored)


def test_a_run_writes_its_page_itself(tmp_path):
    path = package.run(*TINY, f"run.root={tmp_path}", "run.report=true", "run.progress=none", CACHE)
    told = content(path / "report.html")
    assert [run["name"] for run in told["runs"]] == ["seed=0"]
    assert told["runs"][0]["state"] == "done"
    (path / "report.html").unlink()
    package.run(*TINY, f"run.root={tmp_path}", "run.report=true", "run.progress=none", CACHE)
    assert (path / "report.html").exists()  # of a finished run it is written as well


def test_the_page_of_an_interrupted_run_says_so(tmp_path):
    words = (
        *TINY,
        f"run.root={tmp_path}",
        "run.dir=run",
        "run.report=true",
        "run.checkpoint_minutes=0",
        "run.chunk_seconds=1e-9",
    )
    done = command_line(*words, cwd=tmp_path, program=SIGNAL_AFTER.format(sweep=8, name="SIGTERM"), check=False)
    assert done.returncode == EXIT_INTERRUPTED, done.stderr
    told = content(tmp_path / "run/report.html")
    assert told["runs"][0]["state"] == "interrupted" and told["runs"][0]["data"]
    assert "1 of 1 runs are not finished, 0 of these are running" in told["notices"][0]


def test_the_command_line(made, tmp_path, capsys):
    assert cli.carry_out(["report", str(made), "--out", str(tmp_path / "page.html")]) == 0
    assert capsys.readouterr().out.startswith(str(tmp_path / "page.html"))
    assert package.report(made, tmp_path / "again.html") == tmp_path / "again.html"


def test_several_folders_are_on_one_page(made, tmp_path, monkeypatch, capsys):
    runs = [path.parent for path in made.rglob("DONE") if "alpha" in str(path)][:2]
    for run, name in zip(runs, ("one", "other"), strict=True):
        shutil.copytree(run, tmp_path / "runs" / name, ignore=shutil.ignore_patterns("checkpoints"))
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
        (["empty"], "empty: there is no run in it, finished or not"),
        (["file"], "file is not a folder"),
        (["{made}", "--out", "nowhere/page.html"], "there is no folder"),
        (["{made}", "--points", "nowhere.csv"], "cannot read nowhere.csv: No such file or directory"),
        (["{made}", "--points", "columns.csv"], "columns.csv: lacks the column axis"),
        (["{made}", "--points", "quantity.csv"], "quantity.csv, line 2: quantity = typo: must be one of"),
        (["{made}", "--points", "axis.csv"], "axis.csv, line 3: axis = typo: must be one of"),
        (
            ["{made}", "--points", "setting.csv"],
            "setting.csv: column = network.dpth: must be one of quantity, axis",
        ),
        (["{made}", "--points", "number.csv"], "number.csv, line 2: y = much: must be a number"),
        (["{made}", "--points", "lacking.csv"], "lacking.csv, line 2: x must be a number"),
    ],
)
def test_bad_input_is_told_in_one_line(words, said, made, tmp_path, monkeypatch, capsys):
    made = next((made / "quickstart").rglob("DONE")).parent  # one run is read sooner than all
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("file").touch()
    head = "quantity,axis,x,y,error,label\n"
    Path("columns.csv").write_text("quantity,x,y\ntest_error,1,2\n")
    Path("quantity.csv").write_text(f"{head}typo,sweep,1,2,,\n")
    Path("axis.csv").write_text(f"{head}test_error,sweep,1,2,,\ntest_error,typo,1,2,,\n")
    Path("setting.csv").write_text("quantity,axis,x,y,network.dpth\ntest_error,sweep,1,2,3\n")
    Path("number.csv").write_text(f"{head}test_error,sweep,1,much,,\n")
    Path("lacking.csv").write_text(f"{head}test_error,sweep,,2,,\n")
    assert cli.carry_out(["report", *(word.format(made=made) for word in words)]) == EXIT_ERROR
    assert said in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.html"))


@pytest.mark.parametrize(
    "text, said",
    [
        (None, "cannot read paper.csv: No such file or directory"),
        ("quantity,x,y\n", "paper.csv: lacks the column axis"),
        ("quantity,axis,x,y\ntest_error,sweep,1,much\n", "paper.csv, line 2: y = much: must be a number"),
    ],
)
def test_a_file_of_points_is_read_before_the_runs(text, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_write, "collect", lambda root: pytest.fail("a run was read"))
    if text is not None:
        Path("paper.csv").write_text(text)
    with pytest.raises(StoreError, match=said):
        report(tmp_path, points="paper.csv")


def test_damaged_runs_are_named_and_the_others_shown(made, tmp_path):
    """Half-finished, unreadable, of another version, without results, without settings."""
    root = tmp_path / "runs"
    first = next(path.parent for path in made.rglob("DONE") if "alpha" in str(path))
    names = ("good", "half", "unreadable", "broken", "other", "gone", "unknown", "text")
    for seed, name in enumerate(names):
        copied(first, root / name, seed=seed)
    (root / "half/DONE").unlink()
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


@pytest.fixture(scope="module")
def browser():
    with open_browser(1280, 900) as opened:
        yield opened


def drawn(browser, plot: str) -> list:
    """The finite points of the traces of a plot."""
    program = """
    return document.getElementById(arguments[0]).data.map(trace =>
      [trace.name || "", (trace.z ? trace.z.flat() : trace.y).filter(value => value !== null)]);"""
    return browser.execute_script(program, plot)


def chosen(browser, plot: str, label: str) -> Select:
    card = browser.find_element(By.ID, plot).find_element(By.XPATH, "..")
    return Select(card.find_element(By.CSS_SELECTOR, f'select[aria-label^="{label}"]'))


def errors(browser) -> list[str]:
    return [line["message"] for line in browser.get_log("browser") if line["level"] in ("SEVERE", "WARNING")]


PLOTS = {
    "sample": ("time", "profile", "setting", "layers-time", "layers-setting", "phases"),
    "online_sgd": ("time", "setting"),
    "specialisation": ("time", "setting", "phases", "l-shape"),
    "narrow": ("time", "setting"),
}
#: What is drawn against an axis before the reader chooses.
FIRST = {"online_sgd": "R", "specialisation": "test_loss"}


@needs_browser
def test_every_plot_of_every_task_has_data(browser, page):
    browser.get(page.as_uri())
    tasks_there = Select(browser.find_element(By.CSS_SELECTOR, 'select[aria-label="task"]'))
    for task in tasks.TASKS if set(tasks.TASKS) <= set(SMALL) else SMALL:
        tasks_there.select_by_value(task)
        for plot in PLOTS[task]:
            assert sum(len(values) for _, values in drawn(browser, plot)) > 0, f"{task}: {plot}"
        if task in FIRST:
            assert chosen(browser, "setting", "quantity").first_selected_option.get_attribute("value") == FIRST[task]
        rows = browser.find_elements(By.CSS_SELECTOR, "#runs tbody tr")
        assert len(rows) == (4 if task == "sample" else 1)
        assert browser.find_element(By.CSS_SELECTOR, "#again pre").text.startswith("dsm ")
    assert not errors(browser)


@needs_browser
def test_drop_downs_change_plots_to_what_was_measured(browser, made, page):
    browser.get(page.as_uri())
    Select(browser.find_element(By.CSS_SELECTOR, 'select[aria-label="task"]')).select_by_value("sample")
    sweep = package.load_sweep(made, task="sample")
    for depth in ("2", "3"):
        chosen(browser, "time", "one curve for each").select_by_value("data.alpha")
        chosen(browser, "time", "network.depth").select_by_value(depth)
        curves = {name: values for name, values in drawn(browser, "time") if name.startswith("alpha = ")}
        for alpha in (2.0, 4.0):
            expected = sweep.test_error_mean.sel(depth=int(depth), alpha=alpha).isel(beta=0)
            (values,) = (own for name, own in curves.items() if float(name.removeprefix("alpha = ")) == alpha)
            assert values == pytest.approx(expected.values.tolist(), rel=5e-4)
    profiles = chosen(browser, "profile", "quantity")
    assert "gauge_invariant" in profiles.first_selected_option.get_attribute("value")  # students begin at random
    profiles.select_by_value("teacher_spin_overlap_test")
    chosen(browser, "profile", "one curve for each").select_by_value("nothing")
    names = [name for name, _ in drawn(browser, "profile")]
    assert any(name.startswith("theory, layered") for name in names) and "baseline: independent machines" in names
    assert drawn(browser, "profile")[0][1][0] == 1  # two machines see the same input
    assert not errors(browser)


@needs_browser
def test_drop_downs_lead_to_runs_that_are_there(browser, made, tmp_path):
    """Three corners of a grid: at the fourth there is no run, so that the other setting follows the one that is set."""
    for path in sorted(path.parent for path in made.rglob("DONE")):
        settings = yaml.safe_load((path / "config.yaml").read_text())
        corner = settings["task"] == "sample" and (settings["network"]["depth"], settings["data"]["alpha"])
        if corner and corner != (3, 4.0):
            shutil.copytree(path, tmp_path / f"{corner}", ignore=shutil.ignore_patterns("checkpoints"))
    browser.get(report(tmp_path).as_uri())
    chosen(browser, "time", "one curve for each").select_by_value("nothing")
    for axis, value, depth, alpha in (
        ("data.alpha", "4", "2", "4"),
        ("network.depth", "3", "3", "2"),
        ("data.alpha", "4", "2", "4"),
    ):
        chosen(browser, "time", axis).select_by_value(value)
        assert browser.switch_to.active_element.accessible_name.startswith(axis)  # for those who use the keyboard
        assert chosen(browser, "time", "network.depth").first_selected_option.text == depth
        assert chosen(browser, "time", "data.alpha").first_selected_option.text == alpha
        assert drawn(browser, "time")[0][1]
    assert not errors(browser)


@needs_browser
def test_points_of_others_are_grey(browser, made, tmp_path):
    with (tmp_path / "paper.csv").open("w", newline="") as file:
        rows = [["quantity", "axis", "x", "y", "error", "label", "network.depth", "seed"]]
        rows += [["test_error", "sweep", 10, 0.25, 0.01, "a paper", depth, "0.0"] for depth in ("2.0", "")]
        rows += [
            ["test_error", "sweep", 10, 0.25, 0.01, "another", 3, 0],
            ["test_error", "sweep", 10, 0.25, "", "", 2, 1],
        ]
        csv.writer(file).writerows(rows)
    browser.get(report(made, tmp_path / "page.html", tmp_path / "paper.csv").as_uri())
    Select(browser.find_element(By.CSS_SELECTOR, 'select[aria-label="task"]')).select_by_value("sample")
    chosen(browser, "time", "one curve for each").select_by_value("data.alpha")
    for depth, grey in (("2", [["a paper", [0.25, 0.25]]]), ("3", [["a paper", [0.25]], ["another", [0.25]]])):
        chosen(browser, "time", "network.depth").select_by_value(depth)
        assert [own for own in drawn(browser, "time") if own[0] in ("a paper", "another", "published")] == grey


def test_settings_are_told_as_on_the_command_line():
    """Python reads 2026_11 as a number, which no setting means."""
    told = {2.0: "2", "2.0": "2", 0.5: "0.5", True: "true", None: "null", "2026_11": "2026_11", "inf": "inf"}
    assert {value: as_text(value) for value in told} == told


def settings_of(*words: str) -> dict[str, str]:
    return {key: as_text(value) for key, value in package.compose(*words).identity().items()}


def test_points_that_come_with_the_package_belong_to_their_experiments():
    for name, figure in (("temperature", "finite_temperature"), ("zero_temperature",) * 2, ("classification",) * 2):
        file = Path(_points.__file__).parent / "published" / f"narrow_{figure}.csv"
        lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
        counts = []
        for more in (
            ["network.activation.name=erf"],
            ["network.activation.name=relu", "network.mean_subtraction=true"],
        ):
            for start in ("planted", "random"):
                settings = settings_of(f"experiment=narrow_{name}", f"training.start.name={start}", *more)
                own = published([settings])
                measured = {point["quantity"].removeprefix("teacher_").removesuffix("_off_diagonal") for point in own}
                assert measured <= set(OBSERVABLES.names)
                assert all(set(point["where"]) <= set(settings) for point in own)
                counts.append(len(own))
        assert sum(counts) == len(lines) - 1 and min(counts[0], *counts[2:]) > 0  # every line belongs to one of them
    assert not published([settings_of("experiment=narrow_temperature", "training.temperature=0.2")])
    assert not published([settings_of("experiment=quickstart")])


@needs_browser
def test_runs_with_other_values_of_a_dimension_are_one_curve(browser, tmp_path):
    """A sweep of a paper's figure, cut into pieces; beside it the paper's points."""
    words = (
        *("experiment=narrow_temperature", "network.width=6", "data.samples=2", "data.test_patterns=20"),
        *("training.steps=4", "training.dynamics.leapfrogs=2", "training.dynamics.adapt=2", "observe.every=1"),
        *("observe.theory=false", "run.figures=false", "run.progress=none", f"run.root={tmp_path}", CACHE),
    )
    for alphas in ("[1,3]", "[2]"):
        package.run(*words, f"data.alpha={alphas}")
    package.run(*words, "data.alpha=[1,3]", "training.start.name=random")
    browser.get(report(tmp_path).as_uri())
    assert content(tmp_path / "report.html")["swept"] == {"narrow": ["training.start.name"]}
    assert chosen(browser, "setting", "along").first_selected_option.get_attribute("value") == "alpha"
    curves = dict(drawn(browser, "setting"))
    joined = package.load_sweep(tmp_path)
    for start, distance, number in (("planted", "0.7", 3), ("random", "null", 2)):
        last = joined.test_error_mean.sel(name=start, distance=distance).isel(step=-1)
        expected = last.squeeze().dropna("alpha")
        assert len(expected) == number and curves[f"start = {start}"] == pytest.approx(
            expected.values.tolist(), rel=5e-4
        )
        assert len(curves[f"arXiv:2507.00629, N = 500, K = 10: Langevin, {start}"]) > 20
    assert not errors(browser)


@needs_browser
@pytest.mark.parametrize("width, dark", [(1280, False), (420, True)])
def test_a_page_is_readable_and_has_names(width, dark, page):
    with open_browser(width, 900, dark) as browser:
        browser.get(page.as_uri())
        widest = browser.execute_script("return document.documentElement.scrollWidth")
        assert widest <= width  # nothing to the right of the screen
        controls = browser.find_elements(By.CSS_SELECTOR, "select, input")
        assert controls and all(control.accessible_name for control in controls)
        plots = browser.find_elements(By.CSS_SELECTOR, ".plot")
        assert all(plot.get_attribute("aria-label") and plot.rect["width"] > 0.8 * width - 40 for plot in plots)
        ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        paper = browser.execute_script("return document.querySelector('.plot')._fullLayout.paper_bgcolor")
        title, plot = (browser.find_element(By.CSS_SELECTOR, f"#time {part}").rect for part in (".ytitle", ".main-svg"))
        assert title["y"] >= plot["y"] and title["y"] + title["height"] <= plot["y"] + plot["height"]  # not cut off
        legend, below = (browser.find_element(By.CSS_SELECTOR, f"#time {part}").rect for part in (".legend", ".xtitle"))
        assert width > 800 or legend["y"] >= below["y"] + below["height"] - 2
        assert (ground == "rgb(21, 23, 26)") == dark and (paper == "#15171a") == dark
        assert not errors(browser)


@needs_browser
def test_names_of_runs_are_no_markup(browser, made, tmp_path):
    first = next(path.parent for path in made.rglob("DONE") if "alpha" in str(path))
    folder = tmp_path / "a#b?c" / "<b>&amp;<!--<script>alert(1)<"
    shutil.copytree(first, folder, ignore=shutil.ignore_patterns("checkpoints"))
    settings = yaml.safe_load((first / "config.yaml").read_text())
    settings["experiment"] = "</script><script>document.title='taken'</script>"
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    browser.get(report(folder, tmp_path / "page.html").as_uri())
    assert browser.title == folder.name and browser.find_element(By.TAG_NAME, "h1").text == folder.name
    assert sum(len(values) for _, values in drawn(browser, "time")) > 0
    link = browser.find_element(By.LINK_TEXT, "config.yaml").get_attribute("href")
    assert Path(unquote(urlsplit(link).path)) == folder / "config.yaml"


@needs_browser
def test_theory_alone_is_drawn(browser, tmp_path):
    words = (*SMALL["online_sgd"], "data.samples=0", "run.figures=false", "run.progress=none")
    browser.get(report(package.run(*words, f"run.root={tmp_path}")).as_uri())
    shown = dict(drawn(browser, "time"))
    assert "simulation" not in shown and len(shown["theory"]) > 2
    assert not errors(browser) and not browser.find_elements(By.ID, "phases")


def test_what_is_not_the_same_for_all_runs_is_said(one, tmp_path):
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


def test_theory_says_what_it_is(page):
    told = {run["task"]: run["data"] for run in content(page)["runs"]}
    equilibrium = "replica theory of equilibrium for N >> c >> 1"
    assert told["sample"]["quantities"]["teacher_weight_overlap"]["theory"]["about"] == equilibrium
    assert told["online_sgd"]["quantities"]["R"]["theory"]["about"] == "from the equations of motion"
    assert told["narrow"]["quantities"]["test_error"]["theory"]["about"].startswith("replica theory of equilibrium")
    assert "from a random start need not reach" in told["sample"]["caveats"][0] and not told["online_sgd"]["caveats"]
    past = [name for name in told["sample"]["quantities"] if name.startswith("past_")]
    assert past and not any("theory" in told["sample"]["quantities"][name] for name in past)


@needs_browser
def test_words_and_small_numbers_have_a_place_on_axes(browser, one, tmp_path):
    """inf and null stand behind the numbers, and 1e-05 is the same number in Python and in the browser."""
    for fan_in in (10, 4, "null"):
        for step in (1e-5, 0.3):
            copied(one, tmp_path / f"{fan_in} {step}", network__fan_in=fan_in, sampler__move__step_std=step)
    browser.get(report(tmp_path).as_uri())
    chosen(browser, "time", "one curve for each").select_by_value("network.fan_in")
    curves = [name for name, _ in drawn(browser, "time") if name.startswith("fan_in")]
    assert curves == ["fan_in = 4", "fan_in = 10", "fan_in = null"]
    chosen(browser, "setting", "along").select_by_value("network.fan_in")
    axis = "const axis = document.getElementById('setting')._fullLayout.xaxis; return [axis.type, ...axis._categories]"
    assert list(map(str, browser.execute_script(axis))) == ["category", "4", "10", "null"]
    boxes = browser.find_elements(By.XPATH, "//*[@id='setting']/..//input")
    assert [box.accessible_name for box in boxes] == ["logarithmic y"]  # words have no logarithm
    chosen(browser, "layers-setting", "axes").select_by_value("sampler.move.step_std | layer")
    assert len(drawn(browser, "layers-setting")[0][1]) == 2 * 3  # both steps have all layers
    assert not errors(browser)


@needs_browser
def test_lines_of_theory_are_whole(browser, one, tmp_path):
    """Branches that agree everywhere are one line, also where they differ by rounding; one that parts is drawn whole."""
    for alpha, shift in ((2, 1e-9), (4, 0.1)):
        copied(one, tmp_path / str(alpha), data__alpha=alpha)
        with xr.open_dataset(one / "results.nc", engine="h5netcdf") as results:
            name = "theory_test_error"
            lines = 0.5 + 0 * results[name].fillna(0) + xr.DataArray([0.0, shift], dims="branch")
            changed = results.assign({name: lines.transpose(*results[name].dims)})
            changed.to_netcdf(tmp_path / str(alpha) / "results.nc", engine="h5netcdf")
    browser.get(report(tmp_path).as_uri())
    lines = [values for name, values in drawn(browser, "setting") if name.startswith("theory")]
    assert sorted(lines) == [[0.5, 0.5], [0.5, 0.6]]
    chosen(browser, "time", "one curve for each").select_by_value("nothing")
    for alpha, number in (("2", 1), ("4", 2)):
        chosen(browser, "time", "data.alpha").select_by_value(alpha)
        assert len([name for name, _ in drawn(browser, "time") if name.startswith("theory")]) == number
    chosen(browser, "time", "one curve for each").select_by_value("data.alpha")
    program = (
        "return document.getElementById('time').data.filter(line => line.key).map(line => [line.key, line.line.dash])"
    )
    dashes = {tuple(pair) for pair in browser.execute_script(program)}
    assert len(dashes) == len({key for key, _ in dashes})  # a line of theory is the same in all curves


@needs_browser
def test_what_the_legend_hides_stays_hidden(browser, page):
    """A line of theory in all curves, a curve with its theory; also after another choice."""
    browser.get(page.as_uri())
    Select(browser.find_element(By.CSS_SELECTOR, 'select[aria-label="task"]')).select_by_value("sample")
    chosen(browser, "time", "one curve for each").select_by_value("data.alpha")
    shown = """
    return document.getElementById('time').data.filter(trace => trace.visible === true && trace.x.some(x => x !== null))
      .map(trace => [trace.curve || trace.name, trace.key || ""])"""

    def toggle(name: str, twice: bool = False) -> None:
        entry = f"//*[@id='time']//*[contains(@class, 'legendtext')][text()='{name}']/../*[contains(@class, 'toggle')]"
        found, mouse = browser.find_element(By.XPATH, entry), ActionChains(browser)
        (mouse.double_click(found) if twice else mouse.click(found)).pause(0.5).perform()  # one may become two

    before = browser.execute_script(shown)
    theory = next(key for _, key in before if key.startswith("theory"))
    assert {name for name, key in before if key == theory} == {"alpha = 2", "alpha = 4"}
    toggle(theory)
    assert browser.execute_script(shown) == [pair for pair in before if pair[1] != theory]
    chosen(browser, "time", "network.depth").select_by_value("3")
    toggle("alpha = 2")
    left = browser.execute_script(shown)
    assert left and all(name == "alpha = 4" and key != theory for name, key in left)
    toggle("alpha = 2")
    toggle(theory)
    assert {name for name, key in browser.execute_script(shown) if key == theory} == {"alpha = 2", "alpha = 4"}
    both = browser.execute_script(shown)
    toggle("alpha = 4", twice=True)
    alone = browser.execute_script(shown)
    assert alone and {(name, key) for name, key in alone} == {("alpha = 4", "")}
    toggle("alpha = 4", twice=True)
    assert browser.execute_script(shown) == both
    assert not errors(browser)


def test_main_settings_of_a_page_are_settings():
    page = (Path(_write.__file__).parent / "page.js").read_text()
    (listed,) = re.findall(r"const MAIN = \[(.*?)\];", page, re.DOTALL)
    settings = set().union(*(package.compose(*words).identity() for words in SMALL.values()))
    assert set(re.findall(r'"([\w.]+)"', listed)) <= settings


@needs_browser
def test_seeds_are_independent_draws(browser, one, tmp_path):
    """A page begins with the mean over them."""
    with xr.open_dataset(one / "results.nc", engine="h5netcdf") as results:
        mean, error = results.test_error_mean.isel(beta=0), results.test_error_error.isel(beta=0)
        for seed, shift in ((0, 0.0), (1, 0.1)):
            copied(one, tmp_path / str(seed), seed=seed)
            told = results.assign(test_error_mean=results.test_error_mean + shift)
            told.to_netcdf(tmp_path / str(seed) / "results.nc", engine="h5netcdf")
        browser.get(report(tmp_path).as_uri())
        assert chosen(browser, "time", "seed").first_selected_option.text == "all, mean"
        program = """
        const line = document.getElementById('time').data.find(trace => trace.name === 'simulation');
        return [line.y, line.customdata];"""
        y, spread = browser.execute_script(program)
        assert y == pytest.approx((mean + 0.05).values.tolist(), rel=1e-3)
        assert spread == pytest.approx((error / 2**0.5).values.tolist(), rel=2e-3)
    chosen(browser, "time", "one curve for each").select_by_value("seed")
    assert {"seed = 0", "seed = 1"} <= {name for name, _ in drawn(browser, "time")}


@needs_browser
def test_a_setting_may_be_any(browser, one, tmp_path):
    """Runs of two moves and two lengths, which no plot with one length shows side by side."""
    copied(one, tmp_path / "gaussian", sampler__sweeps=64)
    copied(one, tmp_path / "bath", sampler__move__name="heat_bath", sampler__move__step_std=None)
    browser.get(report(tmp_path).as_uri())
    chosen(browser, "time", "one curve for each").select_by_value("sampler.move.name")
    curves = lambda: [name for name, _ in drawn(browser, "time") if name.startswith("move")]  # noqa: E731
    assert len(curves()) == 1
    chosen(browser, "time", "sampler.sweeps").select_by_value("any")
    assert len(curves()) == 2
    note = browser.find_element(By.XPATH, "//*[@id='time']/following-sibling::p").text
    assert "Any sampler.sweeps: of several runs the newest counts." in note


@needs_browser
def test_an_interrupted_run_has_no_mean_at_rest(browser, one, tmp_path):
    """A page begins at a finished run, and the record that is shown follows the run that is chosen."""
    for seed in (0, 1, 2):
        copied(one, tmp_path / str(seed), seed=seed, observe__burn_in=8)
        with xr.open_dataset(one / "results.nc", engine="h5netcdf") as results:
            path = tmp_path / str(seed) / "results.nc"
            results.assign_attrs({"observe.burn_in": 8}).to_netcdf(path, engine="h5netcdf")
    (tmp_path / "0/DONE").unlink()
    browser.get(report(tmp_path).as_uri())
    chosen(browser, "profile", "one curve for each").select_by_value("nothing")
    assert chosen(browser, "profile", "seed").first_selected_option.text == "all, mean"
    assert chosen(browser, "profile", "sweep").first_selected_option.text == "mean at rest"
    note = "//*[@id='profile']/following-sibling::p"
    assert "seeds 1, 2)" in browser.find_element(By.XPATH, note).text  # of finished runs alone
    for seed, record in (("0", "last record"), ("1", "last record")):
        chosen(browser, "profile", "seed").select_by_value(seed)
        assert chosen(browser, "profile", "sweep").first_selected_option.text == record
        assert drawn(browser, "profile")[0][1]
    chosen(browser, "profile", "one curve for each").select_by_value("seed")
    for record, seeds in (("mean at rest", "12"), ("last record", "012")):
        chosen(browser, "profile", "sweep").select_by_value(record)
        names = [name for name, _ in drawn(browser, "profile") if name.startswith("seed")]
        assert names == [f"seed = {seed}" for seed in seeds]


@needs_browser
def test_an_option_that_a_run_does_not_have_does_not_hide_it(browser, one, tmp_path):
    for step in (0.1, 0.3):
        copied(one, tmp_path / str(step), sampler__move__step_std=step)
    copied(one, tmp_path / "bath", sampler__move__name="heat_bath", sampler__move__step_std=None)
    browser.get(report(tmp_path).as_uri())
    chosen(browser, "time", "one curve for each").select_by_value("sampler.move.name")
    steps = chosen(browser, "time", "sampler.move.step_std")
    assert [option.text for option in steps.options] == ["0.1", "0.3", "any"]
    for step in ("0.1", "0.3"):
        chosen(browser, "time", "sampler.move.step_std").select_by_value(step)
        curves = {name for name, values in drawn(browser, "time") if values and name.startswith("move")}
        assert curves == {"move = gaussian", "move = heat_bath"}
    chosen(browser, "time", "one curve for each").select_by_value("sampler.move.step_std")
    moves = chosen(browser, "time", "sampler.move.name")
    assert [option.text for option in moves.options] == ["gaussian"]  # the other has no step
    assert len([name for name, values in drawn(browser, "time") if name.startswith("step_std")]) == 2


@needs_browser
def test_tables_of_settings_are_of_all_runs(browser, one, tmp_path):
    """Also of a run without results, and of settings whose values are a dimension of the results."""
    copied(one, tmp_path / "whole", sampler__beta=2.0)
    copied(one, tmp_path / "empty", sampler__beta=1.0, seed=7)
    (tmp_path / "empty/results.nc").unlink()
    browser.get(report(tmp_path).as_uri())
    head = [cell.text for cell in browser.find_elements(By.CSS_SELECTOR, "#runs th")]
    assert {"sampler.beta", "seed"} < set(head)
    same = browser.execute_script("return [...document.querySelectorAll('#common th')].map(cell => cell.textContent)")
    assert "network.depth" in same and not {"sampler.beta", "seed"} & set(same)


@needs_browser
def test_errors_over_decades_are_on_a_logarithmic_axis(browser, one, tmp_path):
    """Unless the reader says otherwise."""
    shutil.copytree(one, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints"))
    with xr.open_dataset(one / "results.nc", engine="h5netcdf") as results:
        falling = results.test_error_mean * 0.5 ** xr.DataArray(range(results.sizes["sweep"]), dims="sweep") + 1e-6
        results.assign(test_error_mean=falling).to_netcdf(tmp_path / "run/results.nc", engine="h5netcdf")
    browser.get(report(tmp_path).as_uri())
    kind = lambda: browser.execute_script("return document.getElementById('time')._fullLayout.yaxis.type")  # noqa: E731
    assert kind() == "log"
    (box,) = browser.find_elements(By.XPATH, "//*[@id='time']/..//input[@aria-label='logarithmic y']")
    assert box.is_selected()
    box.click()
    assert kind() == "linear"
    chosen(browser, "time", "quantity").select_by_value("teacher_weight_overlap")
    assert kind() == "linear"


def test_no_page_is_worth_a_run(tmp_path, monkeypatch, caplog):
    def refuse(path):
        raise StoreError("the disk is full")

    monkeypatch.setattr("dsm.reporting.report", refuse)
    path = package.run(*TINY, f"run.root={tmp_path}", "run.report=true", "run.progress=none", CACHE)
    assert (path / "DONE").exists() and "no page: the disk is full" in caplog.text


def test_a_page_of_units_without_a_baseline(made, page, tmp_path):
    """A correlation with a constant unit may be no number."""
    run = next(made / run["name"] for run in content(page)["runs"] if run["task"] == "specialisation")
    shutil.copytree(run, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints"))
    with xr.open_dataset(run / "results.nc", engine="h5netcdf") as results:
        empty = results.assign(baseline_specialisation=results.baseline_specialisation * float("nan"))
        empty.to_netcdf(tmp_path / "run/results.nc", engine="h5netcdf")
    (told,) = content(report(tmp_path))["runs"]
    assert [group["baseline"] for group in told["data"]["scatter"]["groups"]] == [None, None]

"""Pages of `dsm report` in a browser: what is drawn, what drop-downs and legends do, and what a narrow screen shows."""

import csv
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import xarray as xr
import yaml
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

import dsm
from browser.chromium import needs_browser, open_browser
from dsm.reporting import report
from experiment_runs import REPORTED
from report.pages import content, copied

pytestmark = needs_browser


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


def complaints(browser) -> list[str]:
    return [line["message"] for line in browser.get_log("browser") if line["level"] in ("SEVERE", "WARNING")]


PLOTS = {
    "sample": ("time", "profile", "setting", "layers-time", "layers-setting", "phases"),
    "online_sgd": ("time", "setting"),
    "specialisation": ("time", "setting", "phases", "l-shape"),
    "narrow": ("time", "setting"),
}
#: What is drawn against an axis before the reader chooses.
FIRST = {"online_sgd": "R", "specialisation": "test_loss"}


@pytest.mark.slow
def test_page_has_data_in_every_plot_of_every_task(browser, page):
    browser.get(page.as_uri())
    tasks_there = Select(browser.find_element(By.CSS_SELECTOR, 'select[aria-label="task"]'))
    for task in REPORTED:
        tasks_there.select_by_value(task)
        for plot in PLOTS[task]:
            assert sum(len(values) for _, values in drawn(browser, plot)) > 0, f"{task}: {plot}"
        if task in FIRST:
            assert chosen(browser, "setting", "quantity").first_selected_option.get_attribute("value") == FIRST[task]
        rows = browser.find_elements(By.CSS_SELECTOR, "#runs tbody tr")
        assert len(rows) == (4 if task == "sample" else 1)
        assert browser.find_element(By.CSS_SELECTOR, "#again pre").text.startswith("dsm ")
    assert not complaints(browser)


@pytest.mark.slow
def test_drop_downs_show_what_was_measured(browser, made, page):
    browser.get(page.as_uri())
    Select(browser.find_element(By.CSS_SELECTOR, 'select[aria-label="task"]')).select_by_value("sample")
    sweep = dsm.load_sweep(made, task="sample")
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
    assert not complaints(browser)


@pytest.mark.slow
def test_drop_downs_lead_to_runs_that_exist(browser, made, tmp_path):
    """Three corners of a grid: at the fourth there is no run, so that the other setting follows the one that is set."""
    for path in sorted(path.parent for path in made.rglob("DONE")):
        settings = yaml.safe_load((path / "config.yaml").read_text())
        corner = settings["task"] == "sample" and (settings["network"]["depth"], settings["data"]["alpha"])
        if corner and corner != (3, 4.0):
            shutil.copytree(path, tmp_path / f"{corner}")
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
    assert not complaints(browser)


@pytest.mark.slow
def test_points_of_a_file_are_grey(browser, made, tmp_path):
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


@pytest.mark.slow
def test_curve_joins_runs_with_other_values_of_a_dimension(browser, stored):
    """A sweep of a paper's figure, cut into pieces; beside it the paper's points."""
    pieces = stored / "pieces"
    browser.get(report(pieces).as_uri())
    assert content(pieces / "report.html")["swept"] == {"narrow": ["training.start.name"]}
    assert chosen(browser, "setting", "along").first_selected_option.get_attribute("value") == "alpha"
    curves = dict(drawn(browser, "setting"))
    joined = dsm.load_sweep(pieces)
    for start, distance, number in (("planted", "0.7", 3), ("random", "null", 2)):
        last = joined.test_error_mean.sel(name=start, distance=distance).isel(step=-1)
        expected = last.squeeze().dropna("alpha")
        assert len(expected) == number and curves[f"start = {start}"] == pytest.approx(
            expected.values.tolist(), rel=5e-4
        )
        assert len(curves[f"arXiv:2507.00629, N = 500, K = 10: Langevin, {start}"]) > 20
    assert not complaints(browser)


@pytest.mark.slow
@pytest.mark.parametrize("width, dark", [(1280, False), (420, True)])
def test_page_is_readable_and_its_controls_have_names(width, dark, page):
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
        assert not complaints(browser)


@pytest.mark.slow
def test_page_shows_names_of_runs_as_text(browser, made, tmp_path):
    first = next(path.parent for path in made.rglob("DONE") if "alpha" in str(path))
    folder = tmp_path / "a#b?c" / "<b>&amp;<!--<script>alert(1)<"
    shutil.copytree(first, folder)
    settings = yaml.safe_load((first / "config.yaml").read_text())
    settings["experiment"] = "</script><script>document.title='taken'</script>"
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    browser.get(report(folder, tmp_path / "page.html").as_uri())
    assert browser.title == folder.name and browser.find_element(By.TAG_NAME, "h1").text == folder.name
    assert sum(len(values) for _, values in drawn(browser, "time")) > 0
    link = browser.find_element(By.LINK_TEXT, "config.yaml").get_attribute("href")
    assert Path(unquote(urlsplit(link).path)) == folder / "config.yaml"


@pytest.mark.slow
def test_page_draws_theory_without_a_simulation(browser, tmp_path):
    words = (*REPORTED["online_sgd"], "data.samples=0", "run.figures=false", "run.progress=none")
    browser.get(report(dsm.run(*words, f"run.root={tmp_path}")).as_uri())
    shown = dict(drawn(browser, "time"))
    assert "simulation" not in shown and len(shown["theory"]) > 2
    assert not complaints(browser) and not browser.find_elements(By.ID, "phases")


@pytest.mark.slow
def test_axes_hold_words_and_small_numbers(browser, one, tmp_path):
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
    assert not complaints(browser)


@pytest.mark.slow
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


@pytest.mark.slow
def test_legend_hides_for_good(browser, page):
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
    assert not complaints(browser)


@pytest.mark.slow
def test_page_begins_with_the_mean_over_seeds(browser, one, tmp_path):
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


@pytest.mark.slow
def test_drop_down_offers_any_value_of_a_setting(browser, one, tmp_path):
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


@pytest.mark.slow
def test_interrupted_run_has_no_mean_at_rest(browser, one, tmp_path):
    """A page begins at a finished run, and the record that is shown follows the run that is chosen."""
    for seed in (0, 1, 2):
        copied(one, tmp_path / str(seed), seed=seed, observe__burn_in=8)
        with xr.open_dataset(one / "results.nc", engine="h5netcdf") as results:
            path = tmp_path / str(seed) / "results.nc"
            results.assign_attrs({"observe.burn_in": 8}).to_netcdf(path, engine="h5netcdf")
    (tmp_path / "0/DONE").unlink()
    (tmp_path / "0/.lock").touch()
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


@pytest.mark.slow
def test_option_that_a_run_lacks_does_not_hide_the_run(browser, one, tmp_path):
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


@pytest.mark.slow
def test_tables_of_settings_hold_all_runs(browser, one, tmp_path):
    """Also of a run without results, and of settings whose values are a dimension of the results."""
    copied(one, tmp_path / "whole", sampler__beta=2.0)
    copied(one, tmp_path / "empty", sampler__beta=1.0, seed=7)
    (tmp_path / "empty/results.nc").unlink()
    browser.get(report(tmp_path).as_uri())
    head = [cell.text for cell in browser.find_elements(By.CSS_SELECTOR, "#runs th")]
    assert {"sampler.beta", "seed"} < set(head)
    same = browser.execute_script("return [...document.querySelectorAll('#common th')].map(cell => cell.textContent)")
    assert "network.depth" in same and not {"sampler.beta", "seed"} & set(same)


@pytest.mark.slow
def test_axis_of_errors_over_decades_is_logarithmic(browser, one, tmp_path):
    """Unless the reader says otherwise."""
    shutil.copytree(one, tmp_path / "run")
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

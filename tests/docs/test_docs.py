"""The documentation site: it builds without a warning, needs no other host, has the whole API, and can be searched."""

import ast
import html
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest
import yaml
from fontTools.ttLib import TTFont

import dsm
from browser.chromium import needs_browser, open_browser, seen
from commands import ROOT, environment
from dsm import cli

EXPERIMENTS = sorted(path.parent.name for path in ROOT.glob("experiments/*/README.md"))
SUBPACKAGES = sorted(path.stem for path in ROOT.glob("docs/api/*.md") if path.stem not in ("index", "dsm", "parts"))


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The site, built once: a process of its own, since tests run with warnings as errors."""
    folder = tmp_path_factory.mktemp("site")
    build = ["-m", "mkdocs", "build", "--strict", "--config-file", str(ROOT / ".mkdocs.yml"), "--site-dir", str(folder)]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    settings = environment(NO_MKDOCS_2_WARNING="1", PYTHONPATH=path, DSM_DOCS_EXECUTE="0")
    done = subprocess.run([sys.executable, *build], env=settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def pages(site):
    """The text of each page."""
    return {path.relative_to(site).as_posix(): path.read_text() for path in sorted(site.rglob("*.html"))}


def attributes(page: str, pattern: str) -> list[str]:
    return [html.unescape(value) for value in re.findall(pattern, page)]


@pytest.mark.slow
def test_examples_of_loading_a_sweep(stored, tmp_path, monkeypatch):
    """With copies of one run, which is smaller than those of the page, as if their settings differed."""
    page = (ROOT / "docs" / "runs.md").read_text()
    alone, alphas, depths = re.findall(r"```python\n(.*?)```", page[page.index("## Loading") :], re.DOTALL)[:3]
    assert "run.root=alphas" in page and "run.root=depths" in page and alone.startswith("import dsm\n")
    monkeypatch.chdir(tmp_path)
    paths = [done.parent for done in (stored / "report" / "quickstart").rglob("DONE")]
    path = next(path for path in paths if dsm.load(path).attrs["network.depth"] == 2)

    def copy(where: str, alpha: float, depth: int, seed: int) -> None:
        settings = yaml.safe_load((path / "config.yaml").read_text()) | {"seed": seed}
        settings["data"] |= {"alpha": alpha, "max_alpha": None}
        settings["network"]["depth"] = depth
        shutil.copytree(path, where)
        Path(where, "config.yaml").write_text(yaml.safe_dump(settings))

    for number, alpha in enumerate((2.0, 4.0)):
        copy(f"alphas/{number}", alpha, 2, 0)
    for number, (depth, seed) in enumerate(((2, 0), (2, 1), (3, 0), (3, 1))):
        copy(f"depths/{number}", 4.0, depth, seed)
    names: dict = {"dsm": dsm}
    exec(alphas, names)
    assert [len(axes.lines) for axes in names["figure"].axes] == [5, 6]
    exec(depths, names)
    assert names["mean"].dims == ("depth",) and (names["error"] > 0).all()
    names["plt"].close("all")


@pytest.mark.slow
def test_site_asks_no_other_host(site, pages):
    """Scripts, styles, fonts, images and frames are files of the site."""
    for name, page in pages.items():
        loaded = attributes(page, r'<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)="([^"]*)"')
        assert loaded, name
        for target in loaded:
            assert not urlsplit(target).netloc, (name, target)
    for style in site.rglob("*.css"):
        for target in re.findall(r"url\(\s*[\"']?([^\"')]+)", style.read_text()):
            assert target.startswith("data:") or not urlsplit(target).netloc, (style.name, target)


@pytest.mark.slow
def test_links_of_the_site_lead_to_files_and_places(site, pages):
    """Every file and every place within a file that a page of the site refers to is there."""
    places = {name: set(attributes(page, r'\bid="([^"]+)"')) for name, page in pages.items()}
    for name, page in pages.items():
        if name == "404.html":
            continue  # served for any address: its links begin at the root
        for target in attributes(page, r'<(?:a|img|script|link)\b[^>]*?\b(?:src|href)="([^"]*)"'):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            path = (site / name).parent / unquote(parts.path) if parts.path else site / name
            assert path.is_file(), (name, target)
            if parts.fragment and path.suffix == ".html":
                file = path.resolve().relative_to(site.resolve()).as_posix()
                assert unquote(parts.fragment) in places[file] | {"__skip"}, (name, target)


@pytest.mark.quick
def test_links_of_the_repository_lead_to_files():
    """Links between Markdown files are relative, and lead to files."""
    for page in [*ROOT.glob("docs/**/*.md"), *ROOT.glob("experiments/*/README.md"), *ROOT.glob("*.md")]:
        text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^()\s]+)\)", text):
            if not urlsplit(target).scheme and not target.startswith("#"):
                assert (page.parent / target.partition("#")[0]).exists(), (page, target)


def module_of_the_site(name: str) -> ModuleType:
    """A module of docs/site, which is no package."""
    sys.path.insert(0, str(ROOT / "docs" / "site"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(ROOT / "docs" / "site"))


def names_of_the_api() -> dict[str, list[str]]:
    """`__all__` of every package of dsm whose name says that it is public, read and not imported."""
    found = {}
    for path in [Path(dsm.__file__), *Path(dsm.__file__).parent.rglob("*/__init__.py")]:
        package = ".".join(["dsm", *path.parent.relative_to(Path(dsm.__file__).parent).parts])
        if not any(part.startswith("_") for part in package.split(".")):
            (found[package],) = (
                ast.literal_eval(node.value)
                for node in ast.parse(path.read_text()).body
                if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
            )
    return found


@pytest.mark.quick
def test_api_has_a_page_for_each_subpackage():
    assert {name for name in names_of_the_api() if name.count(".") == 1} == {f"dsm.{name}" for name in SUBPACKAGES}


@pytest.mark.slow
def test_api_pages_hold_every_public_name(pages):
    """Every name that a subpackage says it has is on its page."""
    names = names_of_the_api()
    for package, own in names.items():
        page = pages[f"api/{(package.split('.') + ['dsm'])[1]}.html"]
        anchors = set(re.findall(r'id="([^"]+)"', page))
        assert not {f"{package}.{name}" for name in own} - anchors - set(names), package


@pytest.mark.slow
def test_parts_page_holds_every_registered_part(pages):
    """By its name, as the decorators of the package have them."""
    page = html.unescape(pages["api/parts.html"])
    for path in Path(dsm.__file__).parent.rglob("*.py"):
        for name in re.findall(r"^@[A-Z_]+\.register\(\"(\w+)\"\)", path.read_text(), re.MULTILINE):
            assert f"<code>{name}</code>" in page, (path, name)


@pytest.mark.slow
def test_api_pages_take_docstrings_for_text(pages):
    """Stars of powers and brackets of averages are not those of Markdown."""
    assert "E &lt;J&gt;**2" in pages["api/theory.html"]
    assert not [name for name, page in pages.items() if name.startswith("api/") and re.search(r"<strong>\d\)", page)]


@pytest.mark.slow
def test_api_pages_hold_comments_of_attributes(pages):
    """`#:` above an attribute is its docstring."""

    def told(page: str, name: str) -> str:
        below = page.split(f'id="{name}"', 1)[1].split('<div class="doc doc-object ', 1)[0]
        return " ".join(html.unescape(re.sub(r"<[^>]+>", "", below)).split())

    observables, samplers, networks = (pages[f"api/{name}.html"] for name in ("observables", "samplers", "networks"))
    machines = told(observables, "dsm.observables.AbstractMachineObservable.machines")
    assert 'any of "student" (at every record), "teacher" and "baseline" (once a problem).' in machines
    pairs = told(observables, "dsm.observables.AbstractPairObservable.pairs")
    assert 'any of "teacher", "student", "past" (at every record) and "baseline" (once a problem).' in pairs
    variables = told(observables, "dsm.observables.AbstractObservable.variables")
    assert variables.endswith("The quantity itself comes first, under its own name or beginning with it.")
    assert "True for continuous weights, False for signs." in told(samplers, "dsm.samplers.AbstractMove.continuous")
    assert "never changes the energy" in told(samplers, "dsm.samplers.AbstractMove.keeps_energy")
    assert "signs" in told(networks, "dsm.networks.AbstractPrior.continuous")


@pytest.mark.quick
def test_comment_above_reads_line_by_line():
    docstrings = module_of_the_site("docstrings")
    lines = ["x = 1", "    #: First line,", "    #:   then another.", "    y: int = 2", "    z = 3"]
    assert docstrings.comment_above(lines, 4) == ("First line,\n  then another.", 2)
    assert docstrings.comment_above(lines, 5) == ("", 5) and docstrings.comment_above(lines, 1) == ("", 1)


@pytest.mark.slow
def test_equations_are_mathml(site, pages):
    """Each is MathML that can be read, and the font that comes with the site has all that is in them."""
    number, glyphs = 0, set(TTFont(site / "site" / "equations.woff").getBestCmap())
    assert {ord("√"), ord("𝑞")} <= glyphs
    for name, page in pages.items():
        assert "arithmatex" not in page, name
        for equation in re.findall(r"<math\b.*?</math>", page, re.DOTALL):
            number += 1
            text = "".join(ElementTree.fromstring(equation).itertext())
            assert text.strip() and "\\" not in text, (name, equation)
            assert set(map(ord, text)) - {*map(ord, "\n\u2061")} <= glyphs, (name, text)
    for name in ("physics", "sampler", "theory", "online_sgd", "specialisation", "narrow", "symbols"):
        assert "<math" in pages[f"{name}.html"], name
    assert number > 100


def test_equation_with_an_unknown_command_is_an_error():
    equations = module_of_the_site("equations")
    assert "<msqrt>" in equations.mathml(r"\sqrt{x}", "inline")
    with pytest.raises(Exception, match="nocommand"):
        equations.mathml(r"\nocommand x", "inline")


@pytest.mark.slow
def test_gallery_has_a_card_for_each_experiment(site, pages):
    cards = re.findall(
        r'<a class="card" href="experiments/(\w+)/index.html">\s*<img src="([^"]+)"', pages["gallery.html"]
    )
    assert sorted(name for name, _ in cards) == EXPERIMENTS
    assert all((site / figure).is_file() for _, figure in cards)
    assert pages["gallery.html"].count("<strong>") == len(cards)


@pytest.mark.slow
def test_search_index_holds_the_pages(site, pages):
    index = json.loads((site / "search" / "search_index.json").read_text())
    found = {entry["location"].partition("#")[0] for entry in index["docs"]}
    assert set(pages) - {"404.html"} <= found | {""}
    assert (site / "search" / "search_index.js").read_text().startswith("var __index = ")


@pytest.mark.slow
@needs_browser
def test_browser_sees_what_is_wrong_with_a_page(tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<script src="https://other.example/x.js"></script><script>console.error("bad")</script>')
    _, wrong = seen(page.as_uri(), tmp_path)
    assert "https://other.example/x.js" in wrong and any("bad" in each for each in wrong)


@pytest.mark.slow
@needs_browser
def test_search_works_from_disk(site, tmp_path):
    found, wrong = seen(f"{(site / 'index.html').as_uri()}?q=replica", tmp_path)
    assert re.search(r"md-search-result__meta\">\s*\d+ matching documents", found)
    assert 'class="md-search-result__item"' in found and not wrong


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize("page", ["theory", "gallery", "api/theory", "notebooks/01_first_machine"])
def test_pages_open_from_disk(page, site, tmp_path):
    found, wrong = seen((site / f"{page}.html").as_uri(), tmp_path)
    assert "</article>" in found and not wrong


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize("page", ["symbols", "theory", "api/theory"])
def test_scrolling_parts_show_it_on_a_narrow_screen(page, site):
    """A shadow at the edge of wide tables, equations and code; comments in code are broken."""
    program = """
    const scrolling = [...document.querySelectorAll("article *")].filter(one =>
      one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX === "auto");
    return [document.documentElement.scrollWidth,
      scrolling.map(one => getComputedStyle(one).backgroundAttachment),
      [...document.querySelectorAll("pre .c1")].flatMap(one => [...one.getClientRects()].map(line => line.width))];"""
    with open_browser(420, 900) as browser:
        browser.get((site / f"{page}.html").as_uri())
        widest, scrolling, comments = browser.execute_script(program)
    assert widest <= 420 and scrolling and all("local" in each and "scroll" in each for each in scrolling)
    assert max(comments, default=0) <= 420


def test_first_steps_show_what_the_command_prints(capsys, monkeypatch):
    """The help and the moves: what is quickly said, in a window of 120 columns."""
    monkeypatch.setenv("COLUMNS", "120")
    page = (ROOT / "docs/first_steps.md").read_text()
    for words in (["--help"], ["list", "moves"]):
        shown = page.split(f"    $ dsm {' '.join(words)}\n")[1].partition("\n    …")[0].partition("\n\n`")[0]
        assert cli.carry_out(words) == 0
        assert textwrap.dedent(shown).split("\n    $")[0] in capsys.readouterr().out

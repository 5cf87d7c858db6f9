"""The notebooks: stored without outputs, short cells, a text after every figure; and each runs at a small size."""

import json
import re
from pathlib import Path

import jax
import pytest

from commands import QUICK_COMPILES, ROOT

FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
#: The most lines of a code cell.
LONGEST = 20
#: What draws a figure.
DRAWS = re.compile(r"\bplt\.|dsm\.plotting\.(?!settled)")

each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


def cells_of(notebook: Path) -> list[dict]:
    return json.loads(notebook.read_text())["cells"]


def for_kernels(monkeypatch) -> None:
    """Have kernels compile as the tests do."""
    for name, value in {**QUICK_COMPILES, "JAX_COMPILATION_CACHE_DIR": jax.config.jax_compilation_cache_dir}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.quick
def test_notebooks_are_numbered():
    assert [path.name[:3] for path in NOTEBOOKS] == [f"{number:02d}_" for number in range(1, 7)]


@pytest.mark.quick
@each_notebook
def test_notebook_is_stored_without_outputs(notebook):
    code = [cell for cell in cells_of(notebook) if cell["cell_type"] == "code"]
    assert code and all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.quick
@each_notebook
def test_cells_are_short_and_figures_are_explained(notebook):
    cells = cells_of(notebook)
    assert cells[0]["cell_type"] == "markdown"
    for cell, after in zip(cells, [*cells[1:], None], strict=True):
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            assert len(source.splitlines()) <= LONGEST, source
            if DRAWS.search(source):
                assert after is not None and after["cell_type"] == "markdown", f"no text after the figure of: {source}"


@pytest.mark.slow
@each_notebook
def test_notebook_executes(notebook, tmp_path, monkeypatch):
    import nbclient
    import nbformat

    if notebook.stem != "06_cluster":  # it runs for longer than it compiles
        for_kernels(monkeypatch)
    monkeypatch.setenv("DSM_NOTEBOOK_SWEEPS", "8")
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # some write to a temporary folder
    content = nbformat.read(notebook, as_version=4)
    nbclient.NotebookClient(content, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in content.cells for output in cell.get("outputs", ())]
    assert all(output.get("name") != "stderr" for output in outputs), "warnings"
    assert any(tmp_path.rglob("DONE"))
    for cell in content.cells:
        figures = [output for output in cell.get("outputs", ()) if "image/png" in output.get("data", {})]
        assert len(figures) == bool(cell.cell_type == "code" and DRAWS.search(cell.source)), cell.source


@pytest.mark.slow
def test_runs_print_below_their_cells(tmp_path, monkeypatch):
    """The log and a bar of text, as `dsm.run` says; a notebook is a process of its own kind."""
    import nbclient
    import nbformat

    for_kernels(monkeypatch)
    source = (
        "import dsm\ndsm.run('experiment=quickstart', 'network.depth=1', 'network.width=4', 'sampler.sweeps=8',"
        "'observe.quantities=[energy]', 'data.test_patterns=8', 'observe.theory=false', 'run.figures=false')"
    )
    content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbclient.NotebookClient(content, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = content.cells[0].outputs
    printed = "".join(output.text for output in outputs if output.output_type == "stream")
    assert "compiled in" in printed and ": finished" in printed
    bars = [output.data["text/plain"] for output in outputs if output.output_type == "display_data"]
    assert any(re.match(r"8/8 sweeps ", bar) for bar in bars)

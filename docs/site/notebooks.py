"""Notebooks as pages: converted by nbconvert, and executed first if DSM_DOCS_EXECUTE=1, since they are stored without
outputs."""

import os
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from nbconvert import MarkdownExporter
from pages import ROOT, place_of

NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
NOTE = "*Cells without outputs: this site was built without executing notebooks.*"


def executed(notebook: Any) -> Any:
    """The notebook with outputs; runs go to a folder that is removed, and is not named in them."""
    from nbclient import NotebookClient

    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(notebook, timeout=1200, resources={"metadata": {"path": folder}}).execute()
        text = nbformat.writes(notebook).replace(os.path.realpath(folder), "…").replace(folder, "…")
    return nbformat.reads(text, as_version=4)


def tidied(notebook: Any) -> Any:
    """The notebook with outputs as text and figures: what a cell prints in pieces is one block, and tables that need scripts
    or styles of their own are text."""
    for cell in notebook.cells:
        outputs: list[Any] = []
        for output in cell.get("outputs", []):
            data = output.get("data", {"text/plain": output.get("text", "")})
            if "image/png" in data:
                outputs.append(nbformat.v4.new_output("display_data", {"image/png": data["image/png"]}))
                continue
            if not outputs or outputs[-1].output_type != "stream":
                outputs.append(nbformat.v4.new_output("stream", text=""))
            outputs[-1].text += data["text/plain"].rstrip("\n") + "\n"
        if "outputs" in cell:
            cell.outputs = outputs
    return notebook


def converted(path: Path) -> tuple[str, dict[str, bytes]]:
    """Markdown of a notebook, and its figures by name."""
    notebook, note = nbformat.read(path, as_version=4), NOTE
    if os.environ.get("DSM_DOCS_EXECUTE") == "1":
        notebook, note = tidied(executed(notebook)), ""
    body, resources = MarkdownExporter().from_notebook_node(
        notebook, {"unique_key": path.stem, "output_files_dir": f"{path.stem}_files"}
    )
    head, _, rest = body.partition("\n\n")
    return f"{head}\n\n{note}\n\n{rest}", resources["outputs"]


def on_config(config: MkDocsConfig) -> None:
    menu = next(entry for entry in config.nav or [] if "Notebooks" in entry)
    menu["Notebooks"] = [place_of(path) for path in NOTEBOOKS]


def on_files(files: Files, config: MkDocsConfig) -> None:
    for path in NOTEBOOKS:
        body, figures = converted(path)
        files.append(File.generated(config, str(place_of(path)), content=body))
        for name, content in figures.items():
            files.append(File.generated(config, f"notebooks/{name}", content=content))

"""The page: one HTML file with data, styles and scripts in it."""

import datetime
import html
import importlib.metadata
import json
import logging
import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from dsm._errors import StoreError
from dsm._runs import DONE, RUNNING
from dsm.reporting._arrays import arrays, describe
from dsm.reporting._collect import Found, collect, versions
from dsm.reporting._points import Point, PointsFile, as_text, published, read_points
from dsm.store import replace_file
from dsm.store._sweep import changed_sources, lies_along

#: What the data of a page may take, in letters; the rest of the 15 MB is Plotly.
LETTERS = 9_000_000
#: Scripts of the page, in this order.
SCRIPTS = ("data.js", "plots.js", "page.js")

logger = logging.getLogger("dsm")

Json = dict[str, Any]


def report(
    path: str | Path | Sequence[str | Path], out: str | Path | None = None, points: str | Path | None = None
) -> Path:
    """Write a page about a run, or about all runs below a folder; returns the file.

    The page is one HTML file that needs no network: status and settings of the runs, interactive plots of what they
    recorded with error bars, baselines and theory, links to their files, and the commands that make them again. Of a run
    that is not finished it shows what there is; what cannot be read is named on the page and in the log.

    Arguments:
        path: a run directory, or a folder with run directories at any depth; or several of them.
        out: the file; if None `report.html` in that folder, or in the one above all of several.
        points: a CSV file with points of others, drawn in grey beside those that come with the package: columns quantity,
            axis, x, y and, if known, error, label; further columns are settings of the runs to which a point belongs.

    Raises:
        StoreError: there is no run, the points cannot be read, or the disk refuses.
    """
    several = [path] if isinstance(path, (str, Path)) else path
    folders = [Path(os.path.abspath(Path(one).expanduser())) for one in several]
    if not folders:
        raise StoreError("there is no folder to look for runs in")
    root = Path(os.path.commonpath(folders))
    file = root / "report.html" if out is None else Path(out).expanduser().absolute()
    if root.is_dir() and not file.parent.is_dir():
        raise StoreError(f"{file}: there is no folder {file.parent}")
    # Before the runs, which take longer.
    others = None if points is None else read_points(Path(points).expanduser())
    logger.info("reading the runs below %s", ", ".join(map(str, folders)))
    found = collect(folders)
    for run in found:
        for trouble in run.trouble:
            logger.warning("%s: %s", run.path, trouble)
    told = _content(found, root, file)
    told["points"] = _points(others, told)
    replace_file(file, lambda temporary: temporary.write_text(_page(told), encoding="utf-8"), lasting=False)
    return file


def _content(found: list[Found], root: Path, file: Path) -> Json:
    """All that the page knows."""
    letters = LETTERS / max(1, sum(run.results is not None for run in found))
    return {
        "title": root.name,
        "folder": str(root),
        "written": datetime.datetime.now().astimezone().isoformat(" ", "minutes"),
        "dsm": importlib.metadata.version("dsm"),
        "runs": [_run(run, root, file, letters) for run in found],
        "swept": _swept(found),
        "described": _described(found),
        "notices": _notices(found),
        "points": [],
    }


def _run(run: Found, root: Path, file: Path, letters: float) -> Json:
    name = str(run.path.relative_to(root))
    link = lambda path: Path(os.path.relpath(path, file.parent)).as_posix()  # noqa: E731
    return {
        "name": root.name if name == "." else name,
        "task": run.task,
        "state": run.standing.state,
        "progress": "" if run.standing.state == DONE else run.standing.progress,
        "trouble": run.trouble,
        "settings": {key: as_text(value) for key, value in run.settings.items()},
        "command": run.manifest.get("command"),
        "versions": run.manifest.get("versions") or {},
        "commit": run.manifest.get("commit"),
        "device": " ".join(str((run.manifest.get("device") or {}).get(key, "")) for key in ("number", "kind")).strip(),
        "made": run.manifest.get("written", ""),
        "files": [{"name": path.name, "link": link(path)} for path in run.files],
        "data": None if run.results is None or run.is_superseded else arrays(run, letters),
    }


def _described(found: Sequence[Found]) -> Json:
    told: Json = {}
    for run in found:
        for name, variable in run.results.data_vars.items() if run.results is not None else ():
            if str(name).endswith("_mean"):
                quantity = str(name).removesuffix("_mean")
                told.setdefault(quantity, describe(quantity, variable))
    return told


def _swept(found: Sequence[Found]) -> dict[str, list[str]]:
    """For each task the settings in which its runs differ.

    Without those whose values are a dimension of the results, and options that some parts have and others do not: there
    the name of the part differs.
    """
    by_task: dict[str, list[Found]] = {}
    for run in found:
        if run.results is not None:
            by_task.setdefault(run.task, []).append(run)
    differing = {}
    for task, runs in by_task.items():
        keys = dict.fromkeys(key for run in runs for key in run.settings)
        differing[task] = [
            key
            for key in keys
            if len({as_text(run.settings[key]) for run in runs if key in run.settings}) > 1
            and not all(lies_along(key, run.settings, run.results) for run in runs if run.results is not None)
        ]
    return differing


def _notices(found: Sequence[Found]) -> list[str]:
    """What a reader must know before looking at the plots."""
    told = []
    unfinished = [run for run in found if run.standing.state != DONE]
    if unfinished:
        running = sum(run.standing.state == RUNNING for run in unfinished)
        shown = sum(run.results is not None for run in unfinished)
        told.append(
            f"{len(unfinished)} of {len(found)} runs are not finished, {running} of these are running; "
            f"{shown} have results so far, without theory."
        )
    if silent := [run for run in found if run.standing.state == DONE and run.results is None]:
        told.append(f"{len(silent)} finished runs cannot be shown; the table says why.")
    told += [
        f"The runs were made with several versions of {package}: {', '.join(several)}."
        for package, several in versions(list(found)).items()
    ]
    told += [
        f"The source of {name} is not the same for all runs: it was changed between them."
        for name in changed_sources([run.sources for run in found])
    ]
    return told


def _points(others: PointsFile | None, told: Json) -> list[Point]:
    """Points of others that belong to these runs, and those of a file."""
    shown = [run for run in told["runs"] if run["data"] is not None]
    quantities = [quantity for run in shown for quantity in run["data"]["quantities"].items()]
    legal = {
        "quantity": {name for name, _ in quantities},
        "axis": {dim for _, quantity in quantities for dim in quantity["mean"]["dims"]}.union(*told["swept"].values()),
        "setting": {key for run in shown for key in run["settings"]},
    }
    ours = [
        point
        for point in published(run["settings"] for run in shown)
        if point["quantity"] in legal["quantity"] and point["axis"] in legal["axis"]
    ]
    return ours if others is None else [*ours, *others.checked(legal)]


def _page(told: Json) -> str:
    part = lambda name: (resources.files(__package__) / name).read_text(encoding="utf-8")  # noqa: E731
    # Inside a script "</" and "<!--" have a meaning.
    data = json.dumps(told, separators=(",", ":"), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    filled = {"title": html.escape(told["title"]), "style": part("page.css"), "script": "".join(map(part, SCRIPTS))}
    page = part("page.html")
    for name, text in filled.items():
        page = page.replace(f"<!-- {name} -->", text)
    return page.replace("<!-- plotly -->", get_plotlyjs()).replace("<!-- data -->", data)

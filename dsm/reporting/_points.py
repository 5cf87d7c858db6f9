"""Points of others, such as those read off a paper's figure, that are drawn in grey beside the runs."""

import csv
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dsm._errors import StoreError

#: Columns of a file of points; the last two may be missing.
COLUMNS = ("quantity", "axis", "x", "y", "error", "label")
OPTIONAL = ("error", "label")


def read_points(path: Path, quantities: Iterable[str], axes: Iterable[str]) -> list[dict[str, Any]]:
    """The points of a CSV file with the columns `COLUMNS`.

    Arguments:
        path: the file.
        quantities: those that the page can show.
        axes: what they can be drawn against: dimensions, and settings that differ between runs.

    Raises:
        StoreError: the file cannot be read, lacks a column, or a line has no number or no such quantity or axis; the
            message names the file, the line and what is legal.
    """
    legal = {"quantity": sorted(quantities), "axis": sorted(axes)}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ()) and name not in OPTIONAL]
            if missing:
                raise StoreError(f"{path}: lacks the column {missing[0]}; there must be {', '.join(COLUMNS)}")
            return [_point(row, f"{path}, line {reader.line_num}", legal) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise StoreError(f"cannot read {path}: {reason}") from error


def _point(row: dict[str, Any], where: str, legal: dict[str, list[str]]) -> dict[str, Any]:
    for column, names in legal.items():
        if row[column] not in names:
            raise StoreError(f"{where}: {column} = {row[column]}: must be one of {', '.join(names)}")
    numbers = {name: _number(row.get(name), f"{where}: {name}") for name in ("x", "y", "error")}
    for name in ("x", "y"):
        if numbers[name] is None:
            raise StoreError(f"{where}: {name} must be a number")
    return {"quantity": row["quantity"], "axis": row["axis"], **numbers, "label": row.get("label") or "published"}


def _number(text: str | None, where: str) -> float | None:
    if text is None or not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise StoreError(f"{where} = {text}: must be a number")
    return value

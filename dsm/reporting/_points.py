"""Points of others, such as those of a paper's figure, that are drawn in grey beside the runs.

Some come with the package, a file for each figure in `published/`; others the user has read off a figure. Columns that are
settings say to which runs a point belongs.
"""

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from dsm._errors import StoreError
from dsm._near import did_you_mean

#: Columns of a file of points; the last two may be missing. Any other is a setting.
COLUMNS = ("quantity", "axis", "x", "y", "error", "label")
OPTIONAL = ("error", "label")

Point = dict[str, Any]


@dataclass(frozen=True)
class PointsFile:
    """A file of points that has been read, before it is known what its page shows.

    Attributes:
        path: the file.
        settings: its columns that are settings.
        points: the points, each with the number of its line.
    """

    path: Path
    settings: list[str]
    points: list[tuple[int, Point]]

    def checked(self, legal: Mapping[str, Iterable[str]]) -> list[Point]:
        """The points, if a page can show them.

        Arguments:
            legal: what the page can show: by "quantity" and "axis" the names of each, by "setting" the settings of its runs.

        Raises:
            StoreError: there is no such quantity, axis or setting; the message names the file, the line and what is legal.
        """
        for column in self.settings:
            if column not in legal["setting"]:
                other = f"{', '.join(COLUMNS)} or a setting of the runs, as in network.depth"
                close = did_you_mean(column, [*COLUMNS, *legal["setting"]])
                raise StoreError(f"{self.path}: column = {column}: must be one of {other}{close}")
        names = {column: sorted(legal[column]) for column in ("quantity", "axis")}
        for line, point in self.points:
            for column, known in names.items():
                if point[column] not in known:
                    where = f"{self.path}, line {line}: {column} = {point[column]}"
                    raise StoreError(f"{where}: must be one of {', '.join(known)}{did_you_mean(point[column], known)}")
        return [point for _, point in self.points]


def read_points(path: Path) -> PointsFile:
    """The points of a CSV file with the columns `COLUMNS`, and others that are settings.

    A point is a dictionary with `COLUMNS` and "where": the settings of the runs it belongs to, as text.

    Raises:
        StoreError: the file cannot be read, lacks a column, or a line has no number; the message names the file and line.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or ()
            missing = [name for name in COLUMNS if name not in columns and name not in OPTIONAL]
            if missing:
                raise StoreError(f"{path}: lacks the column {missing[0]}; there must be {', '.join(COLUMNS)}")
            points = [(reader.line_num, _point(row, f"{path}, line {reader.line_num}")) for row in reader]
            return PointsFile(path, [name for name in columns if name not in COLUMNS], points)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise StoreError(f"cannot read {path}: {reason}") from error


def published(runs: Iterable[Mapping[str, str]]) -> list[Point]:
    """The points that come with the package and belong to one of these runs, given by their settings as text."""
    own, runs = [], list(runs)
    for file in sorted((resources.files(__package__) / "published").iterdir(), key=lambda file: file.name):
        lines = file.read_text(encoding="utf-8").splitlines()
        own += [_point(row, file.name) for row in csv.DictReader(line for line in lines if not line.startswith("#"))]
    return [point for point in own if any(_belongs(point, settings) for settings in runs)]


def _belongs(point: Point, settings: Mapping[str, str]) -> bool:
    return all(settings.get(key) == value for key, value in point["where"].items())


def _point(row: Mapping[str, Any], where: str) -> Point:
    numbers = {name: _number(row.get(name), f"{where}: {name}") for name in ("x", "y", "error")}
    for name in ("x", "y"):
        if numbers[name] is None:
            raise StoreError(f"{where}: {name} must be a number")
    settings = {key: as_text(value) for key, value in row.items() if key and key not in COLUMNS and value}
    label = row.get("label") or "published"
    return {"quantity": row["quantity"], "axis": row["axis"], **numbers, "label": label, "where": settings}


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


def as_text(value: Any) -> str:
    """A setting as on the command line; 2.0, 2 and the text "2.0" are the same."""
    if isinstance(value, str):
        if "_" in value:  # Python reads 1_0 as a number
            return value
        try:
            return as_text(float(value))
        except ValueError:
            return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(as_text, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)

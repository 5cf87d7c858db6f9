"""Results of the theory print as small tables of their numbers."""

import itertools
from typing import Any, ClassVar

import equinox as eqx
import jax
import numpy as np

from dsm.theory._result import Result

#: Rows of a table, and numbers of a cell, before it is shortened.
ROWS, NUMBERS = 10, 3


class Tabulated(eqx.Module):
    """A result that prints one row a solution, where its numbers are known (inside compiled code they are not).

    Attributes:
        columns: names of the fields that are printed; `x.y` is a field of a field. Of a field that is a tree each array is
            a column.
        along: name of the field with one number a row.
    """

    columns: ClassVar[tuple[str, ...]] = ()
    along: ClassVar[str] = "result"

    def __repr__(self) -> str:
        try:
            fields = {name: _field(self, name) for name in self.columns}
        except AttributeError:  # while it is being made
            return super().__repr__()
        if not all(map(_known, jax.tree.leaves(fields))):
            return super().__repr__()
        return table(type(self).__name__, np.shape(_field(self, self.along)), fields)


def table(title: str, shape: tuple[int, ...], fields: dict[str, Any]) -> str:
    """A title, a line of names, and a row for each element of `shape`, of which those in the middle are left out if there
    are many. Arrays have the axes of `shape` in front, or only the first or only the last of these."""
    columns = {
        name.split(".")[-1] + jax.tree_util.keystr(path): _laid_out(np.asarray(leaf), shape)
        for name, field in fields.items()
        for path, leaf in jax.tree_util.tree_leaves_with_path(field)
    }
    places = list(itertools.product(*map(range, shape)))
    if len(places) > ROWS:
        places = places[: ROWS // 2] + places[-ROWS // 2 :]
    cells = [[*columns]] + [[_cell(name, column[place]) for name, column in columns.items()] for place in places]
    if len(shape) > 1:
        cells = [[first, *row] for first, row in zip(["", *map(str, places)], cells, strict=True)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in cells]
    total = int(np.prod(shape))
    if total > len(places):
        lines.insert(1 + ROWS // 2, f"... {total - len(places)} more")
    return "\n".join([f"{title}: {total} {'row' if total == 1 else 'rows'}", *lines])


def _field(result: Any, name: str) -> Any:
    for part in name.split("."):
        result = getattr(result, part)
    return result


def _known(leaf: Any) -> bool:
    return isinstance(leaf, (int, float, np.ndarray, np.generic, jax.Array)) and not isinstance(leaf, jax.core.Tracer)


def _laid_out(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The array with all axes of `shape` in front."""
    if array.shape[: len(shape)] == shape:
        return array
    if array.shape == shape[: array.ndim]:
        array = array.reshape(array.shape + (1,) * (len(shape) - array.ndim))
    return np.broadcast_to(array, shape)


def _cell(name: str, values: Any) -> str:
    numbers = np.ravel(values)
    if name == "result":
        return Result(int(numbers[0])).name
    shown = [f"{number + 0.0:.5g}" for number in numbers[:NUMBERS]]
    return " ".join(shown + ["..."] * (numbers.size > NUMBERS))

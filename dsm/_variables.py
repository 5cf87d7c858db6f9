"""Recorded quantities: what they are called, which dimensions they have, and how they are drawn.

Whoever makes a quantity describes it here once. Storage and figures read the description and know no quantity by name.
"""

import math
from collections.abc import Container
from typing import Any, NamedTuple

from dsm._errors import ConfigError

#: Dimensions of time, one a task.
TIMES = ("sweep", "t", "epoch", "step")


#: What `Variable.figures` may hold.
FIGURES = ("profile", "curve", "two_time", "error", "overlap", "from_input", "none")


def time_of(dims: Container[str]) -> str | None:
    """Which of these dimensions is time; None if there is none."""
    return next((name for name in TIMES if name in dims), None)


class Variable(NamedTuple):
    """Description of one recorded quantity.

    Attributes:
        dims: dimensions of one value, such as ("layer",); the driver's axes and time come on top of them.
        long_name: in words, with the symbol.
        unit: "1" for pure numbers.
        label: in legends and on axes, TeX; the long name if empty.
        figures: where it is drawn: "profile" (against the layer), "curve" (against time), "two_time" (the overlap with the
            past against the time between), "error" and "overlap" (one panel for all of narrow networks); "from_input" joins
            a profile to 1 at the input; "none" is nowhere.
        guess: its value for a machine that guesses, drawn as a line; NaN if there is none.
        draws: whose draws its records are, for convergence statistics: those of a "chain", those of a "pair" of neighbouring
            replicas (every replica then belongs to two of them), or "" where such statistics mean nothing (rates, counts).
        quantity: the name without the pair of machines that it compares.
        pair: that pair, such as "teacher" or "past"; "" for a quantity of one machine.
        own: whether the quantity is dsm's own.
    """

    dims: tuple[str, ...]
    long_name: str
    unit: str = "1"
    label: str = ""
    figures: tuple[str, ...] = ()
    guess: float = math.nan
    draws: str = "chain"
    quantity: str = ""
    pair: str = ""
    own: bool = True

    def attributes(self, name: str) -> dict[str, Any]:
        """What is stored beside the values of the variable `name`, for figures and statistics to read."""
        described = {
            "long_name": self.long_name,
            "units": self.unit,
            "label": self.label or self.long_name,
            "figures": " ".join(self.figures),
            "draws": self.draws,
            "quantity": self.quantity or name,
            "pair": self.pair,
        }
        return described if math.isnan(self.guess) else described | {"guess": self.guess}


def together(own: dict[str, Variable], measured: dict[str, Variable]) -> dict[str, Variable]:
    """What a system records by itself, and what is measured of it.

    Raises:
        ConfigError: they have a name in common.
    """
    for name in own.keys() & measured.keys():
        raise ConfigError(
            f"observe.quantities: the variable {name} must have another name: there is one in the results"
        )
    return own | measured


class Coordinate(NamedTuple):
    """Description of a dimension.

    Attributes:
        values: along it.
        long_name: in words.
        unit: "1" for pure numbers.
    """

    values: object
    long_name: str
    unit: str = "1"

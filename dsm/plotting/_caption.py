"""What a figure says of itself: the settings of its run, how many samples there are, and what its error bars are."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

#: Points of type, and the mean width of a letter in units of them.
FONT, LETTER = 8, 0.55
#: Entries of a list that are written out.
LISTED = 4


def settings(dataset: xr.Dataset, names: Mapping[str, str]) -> list[str]:
    """`name = value` for each setting that the dataset carries as an attribute, by its dotted key; null is left out."""
    found = ((name, dataset.attrs.get(key, "null")) for key, name in names.items())
    return [f"{name}={spell(value)}" for name, value in found if not _is_null(value)]


def spell(value: Any) -> str:
    """A setting in a few letters; of a long list both ends, and how many entries there are."""
    if isinstance(value, (list, tuple, np.ndarray)):
        words = [spell(entry) for entry in value]
        if len(words) > LISTED:
            return f"[{words[0]}, {words[1]}, …, {words[-1]}] ({len(words)})"
        return words[0] if len(words) == 1 else f"[{', '.join(words)}]"
    if isinstance(value, (float, np.floating)):
        return "∞" if math.isinf(value) else f"{value:g}"
    return str(value)


def ensemble(dataset: xr.Dataset) -> list[str]:
    """How many samples and replicas there are, from which seed, and what the error bars are."""
    if "sample" not in dataset.sizes:
        return settings(dataset, {"seed": "seed"})
    samples = dataset.sizes["sample"]
    replicas = dataset.sizes.get("replica", 1)
    counted = f"{samples} sample{'s' if samples > 1 else ''}"
    counted += f" × {replicas} replicas" if replicas > 1 else ""
    bars = "jackknife errors over samples" if samples > 1 else "no error bars"
    return [counted, *settings(dataset, {"seed": "seed"}), bars]


def entitle(figure: Figure, *lines: Iterable[str]) -> None:
    """Put a caption above the panels: each line, a list of parts, begins anew and is broken where it is too long."""
    figure.suptitle(
        "\n".join(wrapped(", ".join(parts), figure.get_figwidth()) for parts in lines if parts), fontsize=FONT
    )


def wrapped(text: str, inches: float, font: int = FONT) -> str:
    """Text broken between words into lines of at most this width; formulas stay whole."""
    most = max(8, int(72 * inches / (LETTER * font)))
    lines: list[str] = []
    for word in re.findall(r"(?:\$[^$]*\$|[^\s$])+", text):
        if lines and letters(lines[-1]) + 1 + letters(word) <= most:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return "\n".join(lines)


def label(attributes: Mapping[str, Any]) -> str:
    """What stands at an axis: the label of a quantity, with its unit if it has one."""
    unit = attributes.get("units", "1")
    return attributes["label"] if unit == "1" else f"{attributes['label']} ({unit})"


def listed(values: Sequence[Any] | np.ndarray, most: int) -> list[int]:
    """At most so many places of a sequence, evenly chosen, both ends among them."""
    return sorted({int(place) for place in np.linspace(0, len(values) - 1, min(len(values), most)).round()})


def letters(text: str) -> int:
    """Letters of a text as it is drawn: commands of a formula are one letter, braces none."""
    return len(re.sub(r"\\[a-z]+", "x", text).translate({ord(letter): None for letter in "${}_^"}))


def _is_null(value: Any) -> bool:
    return isinstance(value, str) and value == "null"

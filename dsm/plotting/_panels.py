"""Figures of bounded size, whatever the number of panels, and colours for however many curves."""

import math
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from dsm.plotting._caption import FONT, LETTER, letters, listed, wrapped

#: The largest figure in inches and the resolution in dots an inch: 1800 x 1200.
WIDEST, HIGHEST, DOTS = 12.0, 8.0, 150
#: A panel where there is room for it; and the room for the caption and the legend.
PANEL, MARGIN = (4.6, 3.4), 1.3
#: The narrowest figure, in which a caption can be read.
NARROWEST = 6.0
#: Room for the labels below a panel, in inches, whatever its size.
LABELS = 0.42
#: Curves that are told apart in a legend; more have a colour scale.
NAMED = 6
MAP = "viridis"


def panels(number: int, columns: int | None = None) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels, row by row; more panels are smaller ones."""
    columns = columns or (number if number <= 4 else math.ceil(math.sqrt(1.5 * number)))
    rows = -(-number // columns)
    width = max(NARROWEST, min(WIDEST, PANEL[0] * columns))
    height = min(HIGHEST, MARGIN + PANEL[1] * rows)
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for empty in axes[number:]:
        empty.remove()
    for one in axes[:number]:
        one.tick_params(which="both", labelsize=7)
    return figure, axes[:number]


def from_zero(axes: Axes, logarithmic: bool = True, linear: float = 1.0) -> None:
    """Time from the start on: the record at 0 is drawn whole, with a little room to its left.

    Arguments:
        axes: whose curves are there already.
        logarithmic: above `linear`; between 0 and that the axis is linear, so that 0 is on it. Not where all is within a
            factor of 10.
        linear: the first time after 0 that matters.
    """
    right = axes.get_xlim()[1]
    logarithmic &= right > 10 * linear
    if logarithmic:
        axes.set_xscale("symlog", linthresh=linear)
    # On a logarithmic axis a few per cent more are too little for the last marker.
    axes.set_xlim(-0.15 * linear if logarithmic else -0.02 * right, 1.1 * right if logarithmic else right)


def panel_width(figure: Figure, axes: Axes) -> float:
    """Inches of one of the columns."""
    grid = axes.get_gridspec()
    return figure.get_figwidth() / (grid.ncols if grid is not None else 1)


class Shades:
    """Colours along a setting that has several values, such as beta or the layer.

    Attributes:
        names: of the values, for the legend.
        title: what they are values of.
    """

    def __init__(self, names: Sequence[str], title: str) -> None:
        self.names, self.title = list(names), title

    @property
    def few(self) -> bool:
        """Whether a legend can name them all."""
        return len(self.names) <= NAMED

    def __getitem__(self, place: int) -> str | tuple[float, ...]:
        if self.few:
            return f"C{place}"
        return colormaps[MAP](0.92 * place / (len(self.names) - 1))

    def name(self, place: int) -> str | None:
        """For the legend; None where a scale names the values."""
        return self.names[place] if self.few else None

    def scale(self, figure: Figure, axes: Sequence[Axes]) -> None:
        """Put a colour scale beside the panels, if there are too many values for a legend."""
        if self.few:
            return
        number = len(self.names)
        colours = ListedColormap([self[place] for place in range(number)])
        norm = BoundaryNorm(np.arange(number + 1) - 0.5, number)
        share = 0.03 if len(axes) > 1 else 0.06
        scale = mpl.cm.ScalarMappable(norm, colours)
        bar = figure.colorbar(scale, ax=list(axes), fraction=share, pad=0.01, aspect=60)
        shown = listed(self.names, 9)
        bar.set_ticks(shown, labels=[self.names[place] for place in shown])
        bar.minorticks_off()
        bar.ax.tick_params(labelsize=7)
        bar.set_label(self.title, fontsize=8)


def say_upright(axes: Axes, text: str, font: int = 10) -> None:
    """The label of the vertical axis, in as many lines as the height of the panel asks for."""
    height = axes.get_figure(root=True).get_figheight() * axes.get_position().height  # type: ignore[union-attr]
    axes.set_ylabel(wrapped(text, 0.9 * height, font), fontsize=font)


def below(axes: Axes) -> None:
    """The legend of a panel below it, if there are names: within it a legend can hide curves."""
    if axes.get_legend_handles_labels()[1]:
        where = axes.transAxes + ScaledTranslation(0, -LABELS, axes.figure.dpi_scale_trans)
        axes.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=where, ncols=2)


def gather(figure: Figure, axes: Sequence[Axes]) -> None:
    """One legend below all panels, each entry once, in as many columns as there is room for."""
    found: dict[str, Artist] = {}
    for one in axes:
        for handle, name in zip(*one.get_legend_handles_labels(), strict=True):
            found.setdefault(name, handle)
    if not found:
        return
    # Beside its name an entry takes the room of some letters.
    column = (8 + max(map(letters, found))) * LETTER * (FONT - 1) / 72
    columns = max(1, min(int(figure.get_figwidth() / column), len(found)))
    where = {"loc": "outside lower center", "ncols": columns, "fontsize": FONT - 1}
    figure.legend(handles=list(found.values()), labels=list(found), **where)  # type: ignore[call-overload]

"""Figures, from stored results only."""

from dsm.plotting._figures import draw_run as draw_run
from dsm.plotting._figures import learning_curves as learning_curves
from dsm.plotting._figures import overlap_profile as overlap_profile
from dsm.plotting._figures import two_time_overlap as two_time_overlap
from dsm.plotting._learning import draw_learning as draw_learning
from dsm.plotting._learning import learning_of_overlaps as learning_of_overlaps
from dsm.plotting._learning import overlay as overlay
from dsm.plotting._narrow import draw_narrow as draw_narrow
from dsm.plotting._narrow import settled as settled
from dsm.plotting._specialisation import draw_specialisation as draw_specialisation
from dsm.plotting._text import with_error as with_error

__all__ = [
    "draw_learning",
    "draw_narrow",
    "draw_run",
    "draw_specialisation",
    "learning_curves",
    "learning_of_overlaps",
    "overlap_profile",
    "overlay",
    "settled",
    "two_time_overlap",
    "with_error",
]

"""What figures of online learning say."""

import numpy as np
import xarray as xr

from dsm.plotting import learning_of_overlaps
from helpers import words


def test_figure_names_settings_theory_and_simulation():
    """Theory alone, and two samples of it as if simulated."""
    t = np.array([0.0, 1.0, 10.0])
    shapes = {"test_error": ("t",), "R": ("t", "student", "teacher"), "Q": ("t", "student", "student_2")}
    sizes = {"t": 3, "student": 2, "teacher": 2, "student_2": 2}
    arrays = {f"theory_{n}": (dims, np.ones([sizes[d] for d in dims])) for n, dims in shapes.items()}
    coordinates = {"t": t, "student": [0, 1], "teacher": [0, 1], "student_2": [0, 1]}
    alone = xr.Dataset(
        arrays, coordinates, {"network.width": 50, "training.lr": 0.2, "data.patterns": "null", "seed": 3}
    )
    said = words(learning_of_overlaps(alone))
    assert "N=50, η=0.2 seed=3 lines: equations of motion" in said and "P=" not in said
    for name in shapes:
        both = {f"{name}_mean": alone[f"theory_{name}"], f"{name}_error": 0.1 * alone[f"theory_{name}"]}
        alone = alone.assign(both | {name: alone[f"theory_{name}"].expand_dims(sample=2)})
    said = words(learning_of_overlaps(alone))
    assert "2 samples, seed=3, jackknife errors over samples points: simulation, lines: equations of motion" in said
    assert (
        "fresh inputs" in words(learning_of_overlaps(alone.assign_attrs({"data.patterns": 20}))) and "fresh" not in said
    )

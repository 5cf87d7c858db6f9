"""Figures of narrow networks."""

import pytest
import xarray as xr

import dsm
from dsm.plotting._narrow import _has_larger_free_entropy, _parts, against_alpha, learning


@pytest.fixture(scope="module")
def found(stored):
    """Two samples of three replicas at two alphas and two temperatures, by HMC."""
    return dsm.load(stored / "figures" / "narrow" / "hmc")


def test_acceptance_is_drawn_from_the_first_step_on(found):
    """At step 0 nothing has been accepted or rejected."""
    for axes in learning(found).axes:
        first = {float(points[0].get_xdata()[0]) for points in axes.containers}
        assert first == ({1.0} if axes.get_ylabel() == "acceptance" else {0.0}), axes.get_ylabel()


def test_names_of_a_legend_have_different_markers(found):
    figure = against_alpha(found)
    entries = [pair for axes in figure.axes for pair in zip(*axes.get_legend_handles_labels(), strict=True)]
    assert {"test error", "$R_{kk}$, teacher"} <= {name for _, name in entries}
    assert len({handle.lines[0].get_marker() for handle, _ in entries}) == len(entries)


@pytest.mark.quick
def test_lines_of_theory_end_where_a_branch_begins():
    """Below its spinodal the specialised branch is the other one; above it that with the larger free entropy is thick."""
    entropies = [[1.0, 1.2, 1.5, 2.0], [1.0, 1.2, 1.6, 1.9]]
    theory = xr.Dataset(
        {"theory_free_entropy": (("branch", "alpha"), entropies)}, {"branch": ["specialised", "unspecialised"]}
    )
    assert _parts(theory, "alpha") == [slice(0, 2), slice(2, 4)] and _parts(theory, "step") == [slice(None)]
    assert _has_larger_free_entropy(theory, "specialised").tolist() == [True, True, False, True]
    assert _has_larger_free_entropy(theory, "unspecialised").tolist() == [True, True, True, False]


def test_captions_name_the_limit_of_theory(stored):
    found = dsm.load(stored / "figures" / "narrow" / "alphas")
    for figure in (learning(found), against_alpha(found)):
        caption = " ".join(figure.get_suptitle().split())
        assert (
            "theory of equilibrium (N ≫ K ≫ 1)" in caption and "students from a random start need not reach" in caption
        )
        assert "thick where the free entropy is the larger one" in caption
        below = min(axes.get_ylim()[0] for axes in figure.axes if axes.get_yscale() == "log")
        assert 0 < below < min(float(found.theory_test_error.min()), float(found.theory_train_error.min()))
    legend = [text.get_text() for text in against_alpha(found).legends[0].get_texts()]
    assert {"$R_{kk}$, teacher", "$q_{kk}$, two students"} <= set(legend)


def test_caption_names_the_one_of_several_settings_that_is_drawn(found):
    assert f"at step 8, $T$={float(found.temperature[0]):g}" in against_alpha(found).get_suptitle()

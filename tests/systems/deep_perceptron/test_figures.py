"""What figures say, and the theory beside a sampling run."""

import logging
import re

import equinox as eqx
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import dsm
from dsm import theory
from dsm.plotting import draw_run, learning_curves, overlap_profile, two_time_overlap
from dsm.plotting._caption import FONT, LETTER, letters, spell, wrapped
from dsm.plotting._equilibrium import equilibrium, exchange, swap_rates
from dsm.plotting._sampling import at_rest
from dsm.plotting._text import with_error
from dsm.tasks.sample._theory import with_theory
from experiment_runs import DRAWN
from helpers import fits, words


@pytest.fixture(scope="module")
def ladder(stored):
    """A ladder of betas of which one is that of the labels."""
    return dsm.load(stored / "figures" / "quickstart" / "ladder")


def test_caption_says_settings_samples_and_errors(ladder):
    for figure in (overlap_profile(ladder), learning_curves(ladder), two_time_overlap(ladder), exchange(ladder)):
        said = words(figure)
        assert "N=5, L=2, c=5, α=3, β=[0.5, 1], weights=spherical, wiring=dense, inputs=iid, move=gaussian" in said
        assert "labels at β=1" in said and "3 samples × 2 replicas, seed=0, jackknife errors over samples" in said
    said = words(overlap_profile(ladder))
    assert "means over the 9 records from sweep 8 on" in said and "R-hat ≤" in said
    assert "baseline: independent machines" in said
    assert "layered closure" in said and "yoshino closure" in said and "need not reach" in said
    assert "N = 5 and c = 5 are far from N ≫ c ≫ 1" in said
    wide = ladder.assign_attrs({"network.width": 500, "network.fan_in": 5})
    assert "are far from N ≫ c ≫ 1" not in words(overlap_profile(wide))
    overlaps = [name for name in ladder if name.startswith("theory_") and name.endswith(("overlap", "_train", "_test"))]
    assert "need not reach" not in words(overlap_profile(ladder.drop_vars(overlaps)))
    one = ladder.isel(sample=slice(0, 1)).assign_attrs({"sampler.beta": list(range(16)), "observe.burn_in": "null"})
    said = words(overlap_profile(one))
    assert "β=[0, 1, …, 15] (16)" in said and "1 sample × 2 replicas, seed=0, no error bars at sweep 24" in said


def test_the_record_at_0_is_drawn_whole(ladder):
    """Inside the frame, beside the one tick at 0; and what is drawn from there is explained."""
    for figure in (learning_curves(ladder), two_time_overlap(ladder)):
        for axes in figure.axes:
            left, right = axes.get_xlim()
            start = axes.transData.transform((0, 0))[0]
            assert left < 0 < right and start - axes.bbox.x0 > 0.015 * axes.bbox.width
            assert not any(left <= tick < 0 for tick in axes.get_xticks())
    assert "overlap of a replica at time $t$ with itself at waiting time $t_w$" in words(two_time_overlap(ladder))


def test_theory_is_beside_the_run_where_labels_have_its_beta(ladder):
    assert ladder.closure.values.tolist() == ["layered", "yoshino"]
    for closure in ladder.closure.values:
        for branch in ladder.branch.values:
            found = theory.deep_student_machine(2, 15 / 5, closure=closure, branch=branch, beta=1.0)
            own = ladder.sel(closure=closure, branch=branch)
            at = own.sel(beta=1.0)
            np.testing.assert_array_equal(at.theory_weight_overlap, found.weight_overlap)
            np.testing.assert_array_equal(at.theory_spin_overlap_test, found.test_spin_overlap[1:])
            np.testing.assert_array_equal(at.theory_gauge_invariant_overlap_test, found.test_spin_overlap[1:])
            np.testing.assert_array_equal(at.theory_spin_overlap_train, [found.spin_overlap[1], np.nan])
            assert float(at.theory_test_error) == found.test_error and int(at.theory_result) == 0
            assert np.isnan(own.sel(beta=0.5).theory_weight_overlap).all() and own.sel(beta=0.5).theory_result == -1
    assert ladder.theory_weight_overlap.dims == ("closure", "branch", "beta", "layer")
    assert {"long_name", "units"} <= set(ladder.theory_weight_overlap.attrs)


def test_run_survives_a_failing_theory(monkeypatch, caplog):
    bare = xr.Dataset(attrs={"kept": 1})
    config = dsm.compose(*DRAWN["quickstart/ladder"])
    real = theory.deep_student_machine

    def lost(*arguments, **options):
        found = real(*arguments, **options)
        return eqx.tree_at(lambda s: s.result, found, np.asarray(theory.Result.max_steps_reached.value))

    def broken(*arguments, **options):
        raise RuntimeError("no eigenvalues today")

    caplog.set_level(logging.INFO, "dsm")
    monkeypatch.setattr(theory, "deep_student_machine", lost)
    found = with_theory(config, bare)
    assert np.isnan(found.theory_weight_overlap).all() and found.theory_result.max() == 1
    assert "layered closure, ordered branch, is left out" in caplog.text
    monkeypatch.setattr(theory, "deep_student_machine", broken)
    assert with_theory(config, bare).identical(bare)
    assert "RuntimeError: no eigenvalues today" in caplog.text
    caplog.clear()
    for change, why in (
        ("observe.theory=false", ""),
        ("data.label_beta=2", "none has beta = data.label_beta = 2"),
        ("data=hidden_manifold data.inputs.latent=2 data.label_beta=1", "data.inputs.name = hidden_manifold"),
    ):
        assert with_theory(dsm.compose(*DRAWN["quickstart/ladder"], *change.split()), bare).identical(bare)
        assert why in caplog.text and "RuntimeError" not in caplog.text


def test_points_are_averages_from_the_burn_in_on(ladder):
    ladder = ladder.assign({name: array.astype(float) for name, array in ladder.items()})  # a mean of float32 cancels
    found = at_rest(ladder, "teacher_weight_overlap")
    by_sample = ladder.teacher_weight_overlap.values[..., 4:].mean(axis=(2, 4))  # sample, beta, replica, layer, sweep
    np.testing.assert_allclose(found["mean"], by_sample.mean(0), rtol=1e-6)
    np.testing.assert_allclose(found["error"], by_sample.std(0, ddof=1) / np.sqrt(3), rtol=1e-6)
    last = at_rest(ladder.assign_attrs({"observe.burn_in": "null"}), "teacher_weight_overlap")
    np.testing.assert_array_equal(last["mean"], ladder.teacher_weight_overlap_mean.isel(sweep=-1))
    # The one pair of neighbours has its turn at every second sweep: 8 times in the 16 sweeps after the burn-in.
    mean, error = swap_rates(ladder)
    swaps = ladder.swap_rate.isel(pair=0, sweep=slice(5, None)).transpose("sample", "replica", "sweep").values
    np.testing.assert_allclose(mean, [swaps.mean()], rtol=1e-6)
    np.testing.assert_allclose(error, swaps.mean(axis=(1, 2)).std(ddof=1) / np.sqrt(3), rtol=1e-6)
    total = int(ladder.round_trips.isel(sweep=-1).sum())
    assert f"swaps of sweeps after 8, {total} round trips in 6 ladders" in words(exchange(ladder))


@pytest.mark.slow
def test_figures_stay_small_and_full_whatever_the_numbers(ladder, tmp_path):
    betas = np.geomspace(0.1, 3, 16)
    statistics = [name for name in ladder.data_vars if str(name).endswith(("_ess", "_rhat"))]
    wide = ladder.isel(beta=[0] * 8 + [1] * 8, layer=[0, 1] * 6, pair=[0] * 15, reference=[0, 1] * 5)
    wide = wide.assign_coords(beta=betas, layer=np.arange(1, 13), pair=betas[:-1], reference=np.arange(0, 20, 2))
    wide = wide.assign({name: xr.full_like(wide[name], 2.0) for name in statistics})
    for copy in range(4):  # quantities of somebody else's, one of them by halves
        own = wide.energy_mean if copy else wide.energy_mean.expand_dims(half=["left", "right"])
        attributes = wide.energy.attrs | {"quantity": f"own_{copy}", "label": f"own quantity {copy}", "units": "rad"}
        wide = wide.assign({f"own_{copy}": wide.energy.assign_attrs(attributes), f"own_{copy}_mean": own})
        wide = wide.assign({f"own_{copy}_error": own * 0.1})
    files = draw_run(wide, tmp_path)
    names = {"overlap_profile", "learning_curves", "two_time_overlap", "equilibrium", "exchange"}
    assert {file.stem for file in files} == names and all(fits(file) for file in files)
    curves = learning_curves(wide)
    assert len(curves.axes) == 7  # energy, test error, 4 more, and the scale of colours
    assert "own quantity 3 (rad)" in words(curves) and "own_0: half left" in words(curves)
    for figure in (curves, equilibrium(wide), exchange(wide)):
        assert all(axes.has_data() for axes in figure.axes)


def test_no_text_lies_on_other_text(ladder):
    for figure in (overlap_profile(ladder), learning_curves(ladder), equilibrium(ladder), exchange(ladder)):
        figure.draw_without_rendering()
        panels = [axes.get_tightbbox() for axes in figure.axes]
        panels += [legend.get_window_extent() for legend in figure.legends] + [figure._suptitle.get_window_extent()]
        for place, one in enumerate(panels):
            assert not any(one.shrunk(0.98, 0.98).overlaps(other.shrunk(0.98, 0.98)) for other in panels[:place])


def test_infinite_r_hat_is_written_on_figures(ladder):
    rhat = ladder.energy_rhat.copy()
    rhat.loc[{"beta": rhat.beta[-1]}] = np.inf
    frozen = ladder.assign(energy_rhat=rhat)
    assert "R-hat up to ∞" in words(overlap_profile(frozen)) and "R-hat = ∞" in words(equilibrium(frozen))
    assert "R-hat = ∞" not in words(equilibrium(ladder))


def test_one_layer_is_drawn_as_a_point_with_its_theory(ladder):
    """A line through one point draws nothing, and layers are counted in whole numbers."""
    figure, markers = overlap_profile(ladder.isel(layer=[0])), set()
    for axes in figure.axes:
        left, right = axes.get_xlim()
        ticks = [tick for tick in axes.get_xticks() if left <= tick <= right]
        assert ticks and all(float(tick).is_integer() for tick in ticks)
        lines = [line for line in axes.get_lines() if str(line.get_label()).startswith("theory")]
        alone = [*(line for line in lines if len(line.get_xdata()) == 1)]
        alone += [bars.lines[0] for bars in axes.containers if bars.get_label().startswith("baseline")]
        markers |= {(str(line.get_label()).startswith("theory"), line.get_marker()) for line in alone}
    assert markers == {(True, "_"), (False, "_")}


@pytest.mark.quick
@pytest.mark.parametrize(
    ("value", "error", "text"),
    [(0.3163, 0.0030, "0.3163(30)"), (1.0, 0.0996, "1.00(10)"), (12.0, 3.2, "12.0(32)"), (0.5, np.nan, "0.5")],
)
def test_number_has_two_digits_of_its_error(value, error, text):
    assert with_error(value, error) == text


@given(value=st.floats(-1e6, 1e6), error=st.floats(1e-6, 1e6))
@settings(derandomize=True, deadline=None, max_examples=200, database=None)
def test_number_with_error_can_be_read_back(value, error):
    """The value is right to half its last digit, the error to 5 %, with two digits below 100."""
    number, decimals, digits = re.fullmatch(r"(-?\d+(?:\.(\d+))?)\((\d+)\)", with_error(value, error)).groups()
    unit = 10.0 ** -len(decimals or "")
    assert abs(float(number) - value) <= 0.5 * unit * (1 + 1e-6)
    assert abs(int(digits) * unit - error) <= 0.0501 * error
    assert 10 <= int(digits) < 100 or not decimals


@pytest.mark.quick
def test_settings_are_spelt_in_few_letters():
    assert spell([0.5, 1.0, np.inf]) == "[0.5, 1, ∞]" and spell([2.0]) == "2"
    assert spell(np.arange(0.5, 8.5)) == "[0.5, 1.5, …, 7.5] (8)"
    text = "a $x + y$ formula stays whole"
    assert wrapped(text, 1.2).split("\n") == ["a $x + y$ formula", "stays whole"]


WORDS = st.lists(
    st.text("abcxyz=,.", min_size=1, max_size=30) | st.just(r"$\langle q \rangle$"), min_size=1, max_size=30
)


@given(words=WORDS, inches=st.floats(0.5, 12))
@settings(derandomize=True, deadline=None, max_examples=200, database=None)
def test_wrapped_caption_stays_within_its_width(words, inches):
    """No line is longer than there is room for unless it is one word, no word is lost, and no line ends too soon."""
    room = max(8, int(72 * inches / (FONT * LETTER)))
    lines = wrapped(" ".join(words), inches).split("\n")
    assert " ".join(lines) == " ".join(words)
    first = [re.findall(r"\$[^$]*\$|\S+", line)[0] for line in lines]
    for line, word, after in zip(lines, first, [*first[1:], None], strict=True):
        assert letters(line) <= room or line == word
        assert after is None or letters(line) + 1 + letters(after) > room

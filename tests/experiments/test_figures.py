"""Figure scripts of the experiments draw what small runs have left."""

import pytest

from commands import ROOT
from experiment_runs import EXPERIMENTS
from figure_scripts import draw, script

#: Scripts that solve a theory, which compiles for long.
SOLVING = {"alpha", "boundaries", "deep_limit", "loops", "narrow_bayes", "narrow_classification", "narrow_decay",
           "narrow_quadratic", "narrow_temperature", "profile", "sgd_overparam", "width"}  # fmt: skip
#: For `make quick`.
QUICK = {"sgd_solutions"}


def marks(name: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.slow] * (name in SOLVING) + [pytest.mark.quick] * (name in QUICK)


@pytest.mark.parametrize("name", [pytest.param(name, marks=marks(name)) for name in EXPERIMENTS])
def test_figure_is_drawn_of_stored_runs(name, stored, tmp_path):
    draw(name, stored / "experiments" / name, tmp_path / "figure.png")


@pytest.mark.slow
def test_phase_diagram_is_drawn(tmp_path, capsys):
    """By theory alone."""
    module = script("narrow_phases/figure.py")
    module.DECAYS = module.NOISES = (0.01, 0.03)
    module.main(str(tmp_path / "figure.png"), "erf", "2")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    assert "| erf | optimal student | 0.01 | 2.1483 | 2.3268 | nan |" in capsys.readouterr().out


@pytest.mark.parametrize(
    "path, runs",
    [pytest.param("profile/above.py", "above", marks=pytest.mark.slow), ("manifold/widths.py", "widths")],
)
def test_second_figure_of_an_experiment_is_drawn(path, runs, stored, tmp_path, capsys):
    """Students above both transitions, and the hidden manifold at two widths; each prints a table."""
    script(path).main(str(stored / runs), str(tmp_path / "figure.png"))
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    assert capsys.readouterr().out.startswith("| ")


@pytest.mark.parametrize("depths", [(2,), pytest.param(None, marks=pytest.mark.slow)])
def test_values_of_earlier_runs_are_kept(depths, stored, tmp_path):
    """`deep_limit` draws what its file of values has, beside theory at some depths or at all, and adds what is new."""
    values = (ROOT / "experiments" / "deep_limit" / "values.csv").read_text().splitlines()
    before = [line for line in values if not line.startswith("1,2,2,")]  # alpha, N/c and L of the stored run
    (tmp_path / "values.csv").write_text("\n".join(before) + "\n")
    module = script("deep_limit/figure.py")
    module.DEPTHS = depths or module.DEPTHS
    module.main(str(stored / "experiments/deep_limit"), str(tmp_path / "figure.png"), str(tmp_path / "values.csv"))
    after = (tmp_path / "values.csv").read_text().splitlines()
    assert set(before) < set(after) and len(after) == len(before) + 1

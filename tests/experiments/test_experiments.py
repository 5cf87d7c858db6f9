"""Every experiment runs; sweeps run and join; the wheel works alone."""

import importlib.util
import runpy
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

import dsm
from commands import ROOT, environment
from commands import dsm as command_line
from dsm._errors import StoreError
from dsm.tasks import folder
from helpers import fits

EXPERIMENTS = sorted(path.stem for path in (folder() / "experiment").glob("*.yaml"))

#: Sizes at which anything runs at once.
SMALL = ("data.samples=2", "data.test_patterns=20", "data.alpha=1.0", "sampler.replicas=2", "sampler.sweeps=3",
         "observe.theory=false")  # fmt: skip


EQUILIBRIUM = ("network.width=8", "sampler.sweeps=16", "observe.every=4", "observe.burn_in=4")

SMALL_NETWORK = ("network.width=6", "network.teachers=3", "network.outputs=5", "training.iterations=4")
#: Of all experiments that look at the published sweep, so that they share compiled programs.
PUBLISHED_SWEEP = (*SMALL_NETWORK, "network.decay=[0,1]", "observe.per_decade=4")
DEEP = ("network.width=6", "network.teachers=[3,4]", "network.multi=2", "network.outputs=5", "training.batch=10")

NARROW = ("network.width=6", "network.units=2", "data.alpha=[1,2]", "training.steps=4")
#: The same for Hamiltonian Monte Carlo, which then compiles short loops.
NARROW_HMC = (*NARROW, "training.dynamics.leapfrogs=2", "training.dynamics.adapt=2", "observe.every=1")

CONDENSED = ("training.loss=square", "training.normalise=false", "training.weight_decay=0.3", "data.alpha=3",
             "observe.quantities=[test_error,energy,overlap,unit_overlap,sum_projection]")  # fmt: skip

#: Runs of each experiment at a small size, enough for its figure, and what the figure script takes besides.
TINY = {
    "quickstart": [("network.width=8",)],
    "digits": [()],
    "profile": [(*EQUILIBRIUM, "network.fan_in=3"), (*EQUILIBRIUM, "network.fan_in=5")],
    "learning": [
        ("network.width=8", "network.depth=3"),
        ("network.width=8", "network.depth=3", "sampler=annealing", "sampler.schedule.sweeps=2"),
    ],
    "depth": [("network.width=8", "network.depth=3")],
    "width": [
        ("network.width=8",),
        (
            "network=random",
            "network.width=8",
            "network.fan_in=3",
            "observe.quantities=[energy,test_error,same_layer_correlation]",
        ),
    ],
    "manifold": [("network.width=8", "data.inputs.latent=2"), ("network.width=8", "data.inputs.latent=3")],
    "alpha": [("network.width=8", "network.depth=2")],
    "relaxation": [("network.width=8", "network.fan_in=3", "observe.references=[0]")],
    "boundaries": [("network.width=8", "network.depth=4", "network.fan_in=3", "observe.theory=true")],
    "deep_limit": [("network.width=8", "network.depth=2", "network.fan_in=4")],
    "loops": [
        *((f"network.width={width}", "network.fan_in=4") for width in (6, 8)),
        *(
            ("data=hidden_manifold", f"data.inputs.latent={latent}", "network.width=8", "network.fan_in=4")
            for latent in (2, 3)
        ),
    ],
    "sgd_curves": [("network.width=30",), ("network.width=60",), ("network.width=30", "data.patterns=20")],
    "sgd_plateau": [
        (f"training.start.asymmetry={asymmetry}", f"data.samples={samples}", "network.width=20")
        for asymmetry, samples in ((0.1, 2), (0.1, 0), (0.005, 0), (0.001, 0))
    ],
    "sgd_overparam": [
        ("network.width=20", "training.start.name=informed"),
        ("network.width=20",),
        ("network.width=20", "network.students=3", "data.samples=0"),
    ],
    "sgd_decay": [("network.width=20", "training.weight_decay=0.01")],
    "sgd_solutions": [("network.width=20", "training.start.name=denoise", "training.lr_second=0.1")],
    "sgd_both_layers": [("network.width=20", "training.lr_second=0"), ("network.width=20",)],
    "hidden_manifold_sgd": [("network.width=20", "data.law.latent=10", "data.test_patterns=50")],
    "sgd_strengths": [("network.width=20",)],
    "specialisation_sweep": [PUBLISHED_SWEEP],
    "specialisation_l_shape": [PUBLISHED_SWEEP, (*PUBLISHED_SWEEP, "network.multi=2")],
    "specialisation_recovery": [PUBLISHED_SWEEP],
    "specialisation_convergence": [PUBLISHED_SWEEP],
    "specialisation_gradients": [PUBLISHED_SWEEP],
    "specialisation_deep": [DEEP],
    "specialisation_set_size": [(*DEEP, "data.patterns=20"), (*DEEP, "training.loss=cross_entropy")],
    "specialisation_teacher_aware": [
        (*SMALL_NETWORK, f"data.dataset.name={name}") for name in ("gaussian", "teacher_aware")
    ],
    "narrow_temperature": [NARROW_HMC],
    "narrow_zero_temperature": [NARROW],
    "narrow_quadratic": [NARROW_HMC],
    "narrow_classification": [NARROW, (*NARROW, *CONDENSED)],
    "narrow_bayes": [NARROW_HMC],
    "narrow_decay": [(*NARROW, "data.alpha=1.5", "training.weight_decay=[0.1,1]")],
}
FIGURE_ARGUMENTS = {
    "alpha": ("2",),
    **{f"specialisation_{name}": ("3",) for name in ("l_shape", "recovery", "convergence", "gradients")},
    "specialisation_sweep": (None, "3"),
    "narrow_temperature": ("-", "none"),
    "narrow_zero_temperature": ("-", "none"),
    "narrow_bayes": ("none",),
    "narrow_decay": ("square",),
}


#: Sizes at which anything runs at once, by task.
SMALL_OF = {
    "sample": SMALL,
    "online_sgd": ("data.samples=2", "training.time=2", "observe.per_decade=4"),
    "narrow": ("data.samples=2", "data.test_patterns=30", "observe.theory=false"),
    "specialisation": ("data.samples=2", "data.patterns=40", "data.test_patterns=30", "training.epochs=3"),
}
#: Figures of a run that draws all it can, where they do not depend on what is observed.
FIGURES = {"online_sgd": {"online_sgd.png"}, "specialisation": {"learning.png", "l_shape.png"},
           "narrow": {"learning.png", "alpha.png"}}  # fmt: skip


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiment_runs_at_tiny_size(name, tmp_path):
    """The runs, what they leave, and the figure that is drawn from it."""
    task = dsm.compose(f"experiment={name}").task
    for settings in TINY[name]:
        path = dsm.run(f"experiment={name}", *SMALL_OF[task], *settings, f"run.root={tmp_path}", "run.progress=none")
        assert path.is_relative_to(tmp_path / name)
        found = {entry.name for entry in path.iterdir()}
        assert found >= {"config.yaml", "manifest.json", "results.nc", "figures", "log.txt", "DONE"}
        figures = {figure.name for figure in (path / "figures").iterdir()}
        assert all(fits(figure) for figure in (path / "figures").iterdir())
        if task != "sample":
            assert "learning.png" in figures or figures == FIGURES[task]
            assert figures <= FIGURES[task]
            assert dsm.load(path).attrs["complete"] == 1
            continue
        assert "checkpoints" in found
        assert {"learning_curves.png"} <= figures
        assert figures <= {"learning_curves.png", "overlap_profile.png", "two_time_overlap.png", "equilibrium.png"}
        data = dsm.load(path)
        assert data.attrs["complete"] == 1 and data.attrs["experiment"] == name
        assert data.energy.dims == ("sample", "beta", "replica", "sweep")
        assert all({"long_name", "units"} <= set(variable.attrs) for variable in data.data_vars.values())
        if data.attrs["sampler.start"] == "random" and data.attrs["sampler.beta"] == np.inf:
            assert float(data.energy.isel(sweep=-1).max()) <= float(data.energy.sel(sweep=0).max())
    script = ROOT / "experiments" / name / "figure.py"
    assert (ROOT / "experiments" / name / "README.md").exists() or name == "quickstart"
    if script.exists():
        spec = importlib.util.spec_from_file_location(f"figure_of_{name}", script)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.main(str(tmp_path / name), str(tmp_path / "figure.png"), *FIGURE_ARGUMENTS.get(name, ()))
        assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_phase_diagram_is_drawn(tmp_path, capsys):
    """By theory alone."""
    script = ROOT / "experiments" / "narrow_phases" / "figure.py"
    spec = importlib.util.spec_from_file_location("narrow_phases", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.DECAYS = module.NOISES = (0.01, 0.03)
    module.main(str(tmp_path / "figure.png"), "erf", "2")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    assert "| erf | optimal student | 0.01 | 2.1483 | 2.3268 | nan |" in capsys.readouterr().out


def test_equilibrium_run_has_convergence_statistics(tmp_path):
    path = dsm.run(
        *("experiment=quickstart", f"run.root={tmp_path}", "run.progress=none", "run.figures=false", "network.width=4"),
        *("sampler=metropolis", "observe=equilibrium", "data.samples=2", "sampler.sweeps=400", "observe.every=4"),
        *("observe.burn_in=100", "sampler.beta=[0.05,0.2]", "data.test_patterns=50", "observe.theory=false"),
    )
    data = dsm.load(path)
    assert data.energy_ess.dims == ("sample", "beta") and float(data.energy_ess.min()) > 20
    assert data.energy_rhat.max() < 1.3
    assert data.teacher_weight_overlap_ess.dims == ("sample", "beta", "layer")
    # The colder, the lower the energy.
    late = data.energy.sel(sweep=slice(100, None)).mean(("replica", "sweep"))
    assert bool((late.isel(beta=1) < late.isel(beta=0)).all())


def test_sweep_runs_and_joins(tmp_path):
    """The multirun of the README, at a small size, with the basic launcher."""
    command_line(
        *("-m", "experiment=quickstart", "network.depth=2,4", "seed=range(3)", "run.figures=false"),
        *(*SMALL, "network.width=5", "observe.quantities=[weight_overlap,test_error,energy]"),
        cwd=tmp_path,
    )
    data = dsm.load_sweep(tmp_path / "runs")
    assert data.sizes["depth"] == 2 and data.sizes["seed"] == 3 and data.sizes["layer"] == 4
    assert np.isnan(data.teacher_weight_overlap_mean.sel(depth=2, layer=4)).all()
    assert not np.isnan(data.teacher_weight_overlap_mean.sel(depth=4)).any()
    (one,) = (tmp_path / "runs").glob("quickstart/*network.depth=4*/seed=2")
    np.testing.assert_array_equal(data.test_error.sel(depth=4, seed=2), dsm.load(one).test_error)
    assert data.seed.values.tolist() == [0, 1, 2]


def test_sweep_over_beta_joins_along_beta(tmp_path):
    for beta in ("inf", "1", "[0.5,2]"):
        dsm.run("experiment=quickstart", f"run.root={tmp_path}", f"sampler.beta={beta}", "run.progress=none",
                "run.figures=false", "network.width=4", "observe.quantities=[energy]", *SMALL)  # fmt: skip
    assert dsm.load_sweep(tmp_path).beta.values.tolist() == [0.5, 1.0, 2.0, np.inf]


def test_sweep_over_ladders_keeps_them_apart(tmp_path):
    for ladder in ("[0.5,1]", "[0.5,2,3]"):
        dsm.run("experiment=quickstart", "sampler=exchange", f"run.root={tmp_path}", f"sampler.beta={ladder}", *SMALL,
                "run.progress=none", "run.figures=false", "network.width=4", "observe.quantities=[energy]")  # fmt: skip
    data = dsm.load_sweep(tmp_path)
    assert data.beta.values.tolist() == [0.5, 1, 2, 3] and data.pair.values.tolist() == [0.5, 2]
    assert data["sampler.beta"].values.tolist() == ["[0.5, 1]", "[0.5, 2, 3]"]
    last = data.energy_mean.isel(sweep=-1).transpose("sampler.beta", "beta")
    np.testing.assert_array_equal(last.notnull(), [[1, 1, 0, 0], [1, 0, 1, 1]])


def test_loading_what_is_not_there():
    with pytest.raises(StoreError, match="is not a run directory"):
        dsm.load("/nonexistent")
    with pytest.raises(StoreError, match="/nonexistent: there is no such folder"):
        dsm.load_sweep("/nonexistent")


def test_seed_decides(tmp_path):
    small = ("experiment=quickstart", "run.progress=none", "run.figures=false", "network.width=4", *SMALL,
             "observe.quantities=[test_error]")  # fmt: skip
    first, again, other = (
        dsm.load(dsm.run(*small, f"run.root={tmp_path / name}", f"seed={seed}"))
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    np.testing.assert_array_equal(first.test_error, again.test_error)
    assert not np.array_equal(first.test_error, other.test_error)


def test_wheel_works_alone(tmp_path):
    """Built and installed in an environment of its own, in an empty folder; dependencies come from this one."""
    source = tmp_path / "source"
    for part in ("dsm", "conf"):
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__", "local"))
    for file in ("pyproject.toml", "README.md", ".gitignore"):
        shutil.copy(ROOT / file, source)
    (source / "conf/local").mkdir()
    (source / "conf/local/default.yaml").write_text("seed: 7 # a setting of this machine\n")
    subprocess.run([sys.executable, "-m", "build", "--sdist", "--wheel", "--no-isolation", "--outdir", tmp_path, source],
                   check=True, capture_output=True)  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    inside = zipfile.ZipFile(wheel).namelist()
    (sdist,) = tmp_path.glob("*.tar.gz")
    assert not any("local" in name for name in tarfile.open(sdist).getnames())
    assert "dsm/conf/config.yaml" in inside and not any("local" in name for name in inside)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", wheel], check=True, capture_output=True)
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    (here,) = {Path(entry) for entry in sys.path if entry.endswith("site-packages")}
    (site / "dependencies.pth").write_text(f"{here}\n")
    # Neither the editable install of this checkout nor a search path must be what is found.
    alone = environment(PYTHONPATH="")
    where = [python, "-c", "import dsm; print(dsm.__file__)"]
    empty = tmp_path / "empty"
    empty.mkdir()
    found = subprocess.run(where, cwd=empty, env=alone, check=True, capture_output=True, text=True).stdout
    assert str(site) in found
    words = ["experiment=quickstart", *SMALL, "network.width=4", "run.figures=false", "observe.quantities=[energy]"]
    subprocess.run([tmp_path / "venv/bin/dsm", *words], cwd=empty, env=alone, check=True, capture_output=True)
    assert len(list(empty.rglob("DONE"))) == 1


def second_figure(tmp_path, script: str, file: str, *runs: tuple[str, ...]) -> None:
    """Run what a figure beside the first of an experiment is drawn from, and draw it."""
    for words in runs:
        dsm.run(*words, *SMALL, f"run.root={tmp_path / 'runs'}", "run.progress=none", "run.figures=false")
    path = ROOT / "experiments" / script
    done = subprocess.run(
        [sys.executable, path, tmp_path / "runs", tmp_path / file], env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / file).stat().st_size > 10_000 and done.stdout.startswith("| ")


def test_figure_above_both_transitions_is_drawn(tmp_path):
    one = ("experiment=profile", "data.alpha=14", "observe.burn_in=2", "observe.every=1")
    one = (*one, "observe.quantities=[gauge_invariant_overlap,gauge_invariant_weight_overlap]")
    runs = [
        (*one, f"network.fan_in={c}", f"network.width={2 * c}", f"sampler.start={start}")
        for c in (2, 3)
        for start in ("planted", "random")
    ]
    second_figure(tmp_path, "profile/above.py", "above.png", *runs)


def test_figure_of_two_widths_of_the_manifold_is_drawn(tmp_path):
    one = ("experiment=manifold", "network=random", "network.fan_in=3", "observe.quantities=[energy,test_error]")
    runs = [(*one, f"network.width={n}", f"data.inputs.latent={d}") for n, d in ((4, 2), (6, 8))]
    second_figure(tmp_path, "manifold/widths.py", "widths.png", *runs)


def test_values_of_earlier_runs_are_kept(tmp_path):
    """`deep_limit` draws what its file of values has, and adds what is new."""
    folder = ROOT / "experiments" / "deep_limit"
    shutil.copy(folder / "values.csv", tmp_path)
    before = (tmp_path / "values.csv").read_text().splitlines()
    words = ("experiment=deep_limit", "network.width=6", "network.depth=2", "network.fan_in=2", "data.alpha=4")
    words = (*words, "observe.quantities=[energy,test_error]")
    dsm.run(*words, *SMALL, f"run.root={tmp_path / 'runs'}", "run.progress=none", "run.figures=false")
    module = runpy.run_path(str(folder / "figure.py"))
    module["main"](str(tmp_path / "runs"), str(tmp_path / "figure.png"), str(tmp_path / "values.csv"))
    after = (tmp_path / "values.csv").read_text().splitlines()
    assert set(before) < set(after) and len(after) == len(before) + 1

"""Small runs of every experiment, and those that pages of `dsm report` are made of.

Slow tests carry them out. Their results lie in an archive, made by `data/make_experiment_runs.py`, of which other tests
draw figures and pages.
"""

import tarfile
from pathlib import Path

import dsm
from commands import TESTS, results
from commands import TINY as TINY_SAMPLE
from dsm.tasks import folder

#: Results, settings and manifests of all these runs, without checkpoints.
ARCHIVE = TESTS / "data" / "experiment_runs.tar.xz"

EXPERIMENTS = sorted(path.stem for path in (folder() / "experiment").glob("*.yaml"))

#: Sizes at which anything runs at once.
SMALL = ("data.samples=2", "data.test_patterns=20", "data.alpha=1.0", "sampler.replicas=2", "sampler.sweeps=3",
         "observe.theory=false")  # fmt: skip
#: The same by task.
SMALL_OF = {
    "sample": SMALL,
    "online_sgd": ("data.samples=2", "training.time=2", "observe.per_decade=4"),
    "narrow": ("data.samples=2", "data.test_patterns=30", "observe.theory=false"),
    "specialisation": ("data.samples=2", "data.patterns=40", "data.test_patterns=30", "training.epochs=3"),
}

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

#: Runs of each experiment at a small size, enough for its figure.
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

#: One small run of each task, of which pages are made.
REPORTED = {
    "sample": (*TINY_SAMPLE, "observe.theory=true", "data.samples=3"),
    "online_sgd": ("task=online_sgd", "network.width=20", "training.time=5", "data.samples=3", "data.test_patterns=20"),
    "specialisation": (
        *("task=specialisation", "network.width=8", "network.teachers=3", "network.multi=2", "training.epochs=2"),
        *("training.iterations=5", "data.samples=3", "data.test_patterns=20", "network.decay=[0.5,1]"),
    ),
    "narrow": ("task=narrow", "network.width=8", "training.steps=20", "data.samples=3", "data.alpha=[1,2]"),
}
#: The grid over which the first of them is swept.
GRID = [(f"network.depth={depth}", f"data.alpha={alpha}", "data.max_alpha=4") for depth in (2, 3) for alpha in (2, 4)]
#: A sweep of a published figure, in pieces; `dsm report` draws the published points beside it.
PIECES = [
    ("experiment=narrow_temperature", "network.width=6", "data.samples=2", "data.test_patterns=20", "training.steps=4",
     "training.dynamics.leapfrogs=2", "training.dynamics.adapt=2", "observe.every=1", "observe.theory=false", *more)
    for more in (("data.alpha=[1,3]",), ("data.alpha=[2]",), ("data.alpha=[1,3]", "training.start.name=random"))
]  # fmt: skip

#: What two further scripts draw: `profile/above.py` and `manifold/widths.py`.
ABOVE = [
    ("experiment=profile", *SMALL, "data.alpha=14", "observe.burn_in=2", "observe.every=1",
     "observe.quantities=[gauge_invariant_overlap,gauge_invariant_weight_overlap]", f"network.fan_in={c}",
     f"network.width={2 * c}", f"sampler.start={start}") for c in (2, 3) for start in ("planted", "random")
]  # fmt: skip
WIDTHS = [
    ("experiment=manifold", *SMALL, "network=random", "network.fan_in=3", "observe.quantities=[energy,test_error]",
     f"network.width={n}", f"data.inputs.latent={d}") for n, d in ((4, 2), (6, 8))
]  # fmt: skip


def runs_of(experiment: str) -> list[tuple[str, ...]]:
    """What `dsm` is given for each run of an experiment, its place aside."""
    task = dsm.compose(f"experiment={experiment}").task
    return [(f"experiment={experiment}", *SMALL_OF[task], *words) for words in TINY[experiment]]


def reported_runs() -> list[tuple[str, ...]]:
    """What `dsm` is given for each run that pages are made of, its place aside."""
    return [words + cell for task, words in REPORTED.items() for cell in (GRID if task == "sample" else [()])]


#: Runs that figures are drawn of, by their folders.
DRAWN = {
    # a ladder of betas of which one is that of the labels
    "quickstart/ladder": (
        *("experiment=quickstart", "sampler=exchange", "observe=equilibrium", "sampler.beta=[0.5,1.0]"),
        *("data.label_beta=1", "network.width=5", "network.depth=2", "data.alpha=3.0", "data.samples=3"),
        *("data.test_patterns=50", "sampler.replicas=2", "sampler.sweeps=24", "observe.every=2", "observe.burn_in=8"),
        "observe.references=[0,8]",
    ),
    # narrow networks beside theory
    "narrow/alphas": (
        *("task=narrow", "network.width=6", "network.units=2", "data.alpha=[0.5,1.5]", "data.samples=2"),
        *("data.test_patterns=20", "training.steps=8", "observe.theory=true", "observe.dressing=none"),
    ),
    # two samples of three replicas at two alphas and two temperatures, by HMC
    "narrow/hmc": (
        *("task=narrow", "network.width=6", "network.units=2", "data.alpha=[0.5,1.5]", "data.samples=2"),
        *("data.test_patterns=20", "training.steps=8", "training.dynamics.name=hmc", "training.dynamics.leapfrogs=3"),
        *("training.dynamics.adapt=6", "training.temperature=[0.01,0.1]", "training.replicas=3"),
        *("observe.quantities=[test_error,train_error,overlap]", "observe.theory=false"),
    ),
}

#: The folders of the archive: what `dsm` is given for the runs below each.
FOLDERS = {
    "experiments": lambda: [words for experiment in EXPERIMENTS for words in runs_of(experiment)],
    "report": reported_runs,
    "pieces": lambda: PIECES,
    "above": lambda: ABOVE,
    "widths": lambda: WIDTHS,
    "figures": lambda: [(*words, f"run.dir=figures/{place}") for place, words in DRAWN.items()],
}


def unpack(path: Path) -> Path:
    """Unpack the archive into a folder."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(path, filter="data")
    return path


def assert_alike(run: Path, stored: Path) -> None:
    """A run has the variables of the one in the archive, with their dimensions and lengths."""
    found, expected = results(run), results(stored)
    assert {name: dict(one.sizes) for name, one in found.variables.items()} == {
        name: dict(one.sizes) for name, one in expected.variables.items()
    }

"""One tiny run of each task, with something to keep in every part of its state. Tests make them once a session."""

import toy  # noqa: F401  registers the task `walk`
from commands import TESTS, TINY

#: How it is run, which changes no result.
QUIET = ("run.progress=none",)

#: The words of each run, without its place.
RUNS = {
    "sample": (*TINY[:-1], "observe.quantities=[weight_overlap,test_error,energy]"),
    "online_sgd": (
        *("task=online_sgd", "network.width=40", "data.samples=4", "data.test_patterns=200", "data.patterns=30"),
        *("data.noise=0.1", "training.time=6", "observe.per_decade=4"),
    ),
    "specialisation": (
        *("task=specialisation", "network.width=6", "network.teachers=3", "network.multi=2", "network.outputs=4"),
        *("network.decay=[0,1]", "data.samples=2", "data.patterns=40", "data.test_patterns=30", "training.epochs=4"),
        *("training.lr=[0.05,0.1]", "training.replacement=false", "training.iterations=null", "training.batch=6"),
        *("training.optimiser.name=adam", "observe.quantities=[test_loss,best_correlation,specialisation]"),
    ),
    "narrow": (
        *("task=narrow", "network.width=6", "network.units=2", "data.alpha=[0.5,1.5]", "data.samples=2"),
        *("data.test_patterns=30", "training.steps=6", "training.dynamics.name=hmc", "training.dynamics.leapfrogs=2"),
        *("training.dynamics.adapt=2", "observe.every=1", "observe.theory=false"),
        "observe.quantities=[test_error,overlap]",
    ),
    "walk": (f"hydra.searchpath=[file://{TESTS / 'data' / 'conf'}]", "task=walk", "plugins=[toy]"),
}

#: A setting of each run with which it needs more memory than there is.
TOO_LARGE = {
    "sample": "sampler.replicas=1000000000",
    "online_sgd": "data.samples=1000000000",
    "specialisation": "data.samples=100000000",
    "narrow": "data.samples=1000000000",
}

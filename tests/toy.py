"""A third system with its task, all in this one file: what a plugin looks like.

A walker forgets, x <- decay x + sqrt(1 - decay**2) xi with xi ~ N(0, 1), which leaves N(0, 1) invariant. Two walkers are as
far as a walker and its past: their products have mean 0 and decay**(t - t_w).
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dsm._random import root_key
from dsm._system import AbstractSystem, Others
from dsm._variables import Coordinate, Variable
from dsm.config import Config
from dsm.driver import Axis, Driver, make_layout
from dsm.tasks import Job, Task, register_task
from dsm.tasks._dataset import averages, dataset_of


class Walker(NamedTuple):
    """Where the walker is, and how many steps it has made."""

    x: Any
    steps: Any


class ForgetfulWalk(AbstractSystem):
    """The problem of a chain is its decay."""

    @property
    def variables(self):
        return {
            "x": Variable((), "position", label="$x$", figures=("curve",)),
            "move": Variable(("part",), "mean square move, and mean noise, since the last record", draws=""),
            "with_peer": Variable((), "product of two walkers"),
            "with_past": Variable(("reference",), "product of a walker and its past"),
        }

    @property
    def coordinates(self):
        return {"part": Coordinate(["square", "noise"], "part of a move")}

    def begin(self, key, problem):
        return Walker(jax.random.normal(key, (), jnp.float32), jnp.int32(0))

    def step(self, key, t, state, problem):
        noise = jax.random.normal(key, (), jnp.float32)
        x = problem * state.x + jnp.sqrt(1 - problem**2) * noise
        return Walker(x, state.steps + 1), {"move": jnp.stack([(x - state.x) ** 2, noise])}

    def machine(self, state):
        return state.x

    def observe(self, state, problem, others: Others):
        record = {"x": state.x}
        if others.peer is not None:
            record["with_peer"] = state.x * others.peer
        if others.past is not None:
            record["with_past"] = state.x * others.past
        return record


@dataclass
class WalkConfig(Config):
    """Settings of the task; a setting that came later has a default."""

    steps: int = 20
    walkers: int = 4

    def check(self) -> None:
        super().check()


DECAYS = (0.5, 0.9)
SAMPLES = 6


def walks(config: WalkConfig, references: tuple[int, ...] = (4,)) -> Driver:
    """Walkers at each decay."""
    axes = (Axis("sample", SAMPLES), Axis("decay", len(DECAYS), 0), Axis("replica", config.walkers))
    problems = jnp.asarray(DECAYS, jnp.float32)
    layout = make_layout(axes, 8, config.run.devices, config.run.block)
    problems = layout.place(problems, layout.problems(axes, problems))
    return Driver(ForgetfulWalk(), problems, axes, jnp.asarray(references, jnp.int32), root_key(config.seed), layout)


def build(config: WalkConfig) -> Job:
    """Records at every second step."""

    def dataset(driver, history):
        coordinates = {
            "t": Coordinate(np.asarray(history.times), "steps"),
            "decay": Coordinate(np.asarray(DECAYS), "decay"),
            "reference": Coordinate(np.asarray([4]), "step of the past walker"),
        }
        records = {name: np.stack(values) for name, values in history.records.items()}
        found = dataset_of(driver, "t", coordinates, records, ("sample", "decay", "replica", ..., "t"))
        return found.assign(averages(found))

    return Job(
        driver=lambda: walks(config),
        due=list(range(0, config.steps + 1, 2)),
        unit="steps",
        examine=lambda history: "walking",
        dataset=dataset,
        theory=lambda driver, dataset: dataset.assign(theory_square=1.0),
        value=lambda dataset: float(dataset.x_mean.isel(t=-1).mean()),
    )


def draw(dataset, folder):
    """No figure."""
    return []


register_task(Task("walk", WalkConfig, build, draw, precision={"positions": "float32"}))

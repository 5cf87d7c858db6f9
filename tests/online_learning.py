"""Small ensembles of students that learn online."""

import jax.numpy as jnp

import dsm
from dsm._random import root_key
from dsm.tasks.online_sgd._build import make_driver, plan, start_overlaps

SMALL = (
    "task=online_sgd", "network.width=40", "network.students=3", "data.samples=4", "training.time=3", "run.figures=false",
    "run.progress=none",
)  # fmt: skip


def driver_of(*overrides: str, devices: int = 1):
    """The driver of a run, and its fresh progress."""
    config = dsm.compose(*SMALL, *overrides, f"run.devices={devices}")
    key = root_key(config.seed)
    overlaps = start_overlaps(config, key)
    driver = make_driver(config, key, overlaps, *plan(config, key, overlaps))
    assert driver.layout.devices == devices
    return driver, driver.begin()


def advance(driver, progress, *numbers: int):
    """Run segments of so many steps, each recorded."""
    return driver.advance(progress, jnp.asarray(numbers, jnp.int32), jnp.ones(len(numbers), bool))

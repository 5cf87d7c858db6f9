"""The driver with a toy system: axes, blocks, devices, averages and the past; and the memory that an ensemble needs."""

import importlib
import json
import logging

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dsm
import toy
from dsm import tasks
from dsm._errors import ConfigError
from dsm._random import root_key, stream
from dsm.driver import SEGMENTS, Axis, Driver, make_layout, needed_bytes
from dsm.driver._axes import over_chains
from dsm.tasks._task import task_of

#: Settings of the toy run; without an experiment, in a folder of its own name.
RUN = dict(task="walk", experiment="walk", seed=3, plugins=["toy"])


def config_of(tmp_path, **run) -> toy.WalkConfig:
    common = dsm.compose(f"run.dir={tmp_path / 'run'}", "run.progress=none", *(f"run.{k}={v}" for k, v in run.items()))
    return toy.WalkConfig(**RUN, run=common.run)


def advance(driver: Driver, *segments: int):
    """Run segments of so many steps, each recorded."""
    return driver.advance(driver.begin(), jnp.array(segments, jnp.int32), jnp.ones(len(segments), bool))


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    driver = toy.walks(config_of(tmp_path_factory.mktemp("toy")))
    return driver, jax.tree.map(np.asarray, advance(driver, 4, 3, 5))


def by_hand(sample: int, decay: int, replica: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions and noises of one walker, in the streams that the driver promises."""
    key, rate = root_key(RUN["seed"]), np.float32(toy.DECAYS[decay])
    x = [np.asarray(jax.random.normal(stream(key, "start", sample, decay, replica), (), jnp.float32))]
    noise = []
    for t in range(steps):
        own = jax.random.fold_in(stream(key, "steps", sample, decay, replica), t)
        noise.append(np.asarray(jax.random.normal(own, (), jnp.float32)))
        x.append(rate * x[-1] + np.sqrt(1 - rate**2) * noise[-1])
    return np.array(x), np.array(noise)


def test_chain_follows_its_problem_and_stream(walked):
    driver, (progress, records) = walked
    assert int(progress.t) == 12 and np.all(progress.state.steps == 12)
    for place in ((0, 0, 0), (2, 1, 3), (5, 0, 1)):
        x, noise = by_hand(*place, steps=12)
        for record, t in enumerate((4, 7, 12)):
            np.testing.assert_allclose(records["x"][(record, *place)], x[t], rtol=1e-5)
        # Averages over the steps since the last record.
        for record, (first, last) in enumerate(((0, 4), (4, 7), (7, 12))):
            square, mean = records["move"][(record, *place)]
            np.testing.assert_allclose(square, np.mean(np.diff(x)[first:last] ** 2), rtol=1e-4)
            np.testing.assert_allclose(mean, noise[first:last].mean(), atol=1e-6)


def test_observation_sees_the_next_replica_and_the_past(walked):
    driver, (progress, records) = walked
    x = records["x"]
    np.testing.assert_allclose(records["with_peer"], x * np.roll(x, -1, axis=3), rtol=1e-6)
    # The reference is at step 4, the first record.
    np.testing.assert_allclose(records["with_past"][..., 0], x * x[:1], rtol=1e-6)
    np.testing.assert_array_equal(progress.past[..., 0], x[0])


@pytest.mark.parametrize("run", [pytest.param({"block": 1}, marks=pytest.mark.slow), {"block": 5}, {"devices": 1}])
def test_trajectories_are_independent_of_cuts_blocks_and_devices(walked, run, tmp_path):
    _, (whole, records) = walked
    driver = toy.walks(config_of(tmp_path, **run))
    progress = driver.begin()
    for steps, recorded in ((1, False), (3, True), (3, True), (4, False), (1, True)):
        progress, record = driver.advance(progress, jnp.array([steps], jnp.int32), jnp.array([recorded]))
    np.testing.assert_array_equal(progress.state.steps, whole.state.steps)
    # Alone and side by side an expression may be rounded otherwise; on a lattice (tests/common/test_exchange.py) nothing is.
    np.testing.assert_allclose(progress.state.x, whole.state.x, rtol=1e-5, atol=1e-6)
    for name, values in record.items():
        np.testing.assert_allclose(values[0], records[name][2], rtol=1e-5, atol=1e-6)


def test_blocks_visit_every_chain_once():
    """Sizes that do not divide: each block is full or nearly so, and none exceeds what was asked for."""
    axes = (Axis("a", 5), Axis("b", 3, 0), Axis("c", 7))
    problems = jnp.arange(3.0)
    indices = tuple(jnp.arange(axis.size) for axis in axes)
    expected = np.arange(5)[:, None, None] * 100 + np.arange(3)[:, None] * 10 + np.arange(7) + np.arange(3.0)[:, None]
    for block in (1, 2, 3, 7, 10, 21, 50, 105, 1000):
        together = []

        def function(chain, place, problem, together=together):
            together.append(place)
            a, b, c = (index.astype(float) for index in place)
            return chain[0] + a * 100 + b * 10 + c + problem, chain[1]

        chains = jnp.zeros((5, 3, 7)), jnp.zeros((5, 3, 7, 0, 2))  # no references: a past without entries
        found, past = over_chains(function, axes, chains, indices, problems, block)
        assert past.shape == (5, 3, 7, 0, 2)
        np.testing.assert_array_equal(found, expected)
        assert len(together) <= 4  # one trace for full blocks, one for what is left


def test_advance_donates_its_argument(walked):
    driver, _ = walked
    progress = driver.begin()
    state = progress.state.x
    driver.advance(progress, jnp.array([1], jnp.int32), jnp.array([False]))
    assert state.is_deleted()


def test_state_begins_on_its_devices(walked):
    """Each device has its own part from the start, and problems only where they are needed."""
    driver, _ = walked
    x = driver.begin().state.x
    assert len(x.sharding.device_set) == driver.layout.devices == 2
    assert {shard.data.shape for shard in x.addressable_shards} == {(6, 2, 2)}
    assert {shard.data.shape for shard in driver.problems.addressable_shards} == {(2,)}  # whole on each


@pytest.mark.quick
def test_layout_divides_the_axis_that_divides_best(caplog):
    """11 replicas on 2 devices: the samples are divided instead; where nothing divides, the log says so."""
    with caplog.at_level(logging.INFO, "dsm"):
        layout = make_layout((Axis("sample", 4), Axis("beta", 1), Axis("replica", 11)), 1)
        assert (layout.axis, layout.devices) == (0, 2) and "4 samples are divided among 2 CPU cores" in caplog.text
        layout = make_layout((Axis("sample", 4), Axis("beta", 1), Axis("replica", 6)), 1)
        assert (layout.axis, layout.devices) == (2, 2)
        caplog.clear()
        layout = make_layout((Axis("sample", 3), Axis("beta", 1), Axis("lr", 11)), 1)
        assert layout.devices == 1
        said = "1 of 2 CPU cores are used: 3 samples or 11 values of lr cannot be divided evenly"
        assert said in caplog.text
    assert make_layout((Axis("sample", 3),), 10**9).block == 2
    assert make_layout((Axis("sample", 3),), 10**9, block=7).block == 7


def test_task_of_one_file_runs_and_resumes(tmp_path):
    """System, settings and task of tests/toy.py: no file of the package knows of them."""
    report = tasks.run(config_of(tmp_path))
    found = dsm.load(report.path)
    assert found.x.dims == ("sample", "decay", "replica", "t") and found.with_past.dims == (
        "sample",
        "decay",
        "replica",
        "reference",
        "t",
    )
    assert found.part.values.tolist() == ["square", "noise"] and found.move.attrs["long_name"].startswith("mean square")
    assert found.with_past.sel(t=2).isnull().all() and found.with_past.sel(t=4).notnull().all()
    assert found.x_error.dims == ("decay", "t") and float(found.theory_square) == 1 and report.value is not None
    manifest = json.loads((report.path / "manifest.json").read_text())
    assert manifest["precision"].items() >= {"positions": "float32"}.items() and "weights" not in manifest["precision"]
    assert tasks.run(config_of(tmp_path)).outcome.name == "already_done"


@pytest.mark.quick
def test_unknown_task_names_the_known_ones():
    with pytest.raises(ConfigError, match="task = dream: .* narrow, online_sgd, sample, specialisation, walk"):
        task_of("dream")


CASES = {
    "sampling": ("experiment=quickstart", "data.samples=4"),
    "exchange": (
        "experiment=quickstart",
        "network.width=20",
        "data.samples=2",
        "sampler=exchange",
        "observe=equilibrium",
    ),
    "manifold": ("task=online_sgd", "data=manifold_law", "data.samples=4"),
    "specialisation": ("task=specialisation", "data.samples=4", "network.decay=[0,1]", "data.patterns=4000"),
    "narrow": ("task=narrow", "data.samples=4", "data.alpha=[1,3]", "network.units=10"),
}

#: Those that take long to compile.
SLOW = dict.fromkeys(("sampling", "exchange", "specialisation", "narrow"), pytest.mark.slow)


@pytest.mark.parametrize("case", [pytest.param(case, marks=SLOW.get(case, ())) for case in CASES])
def test_need_of_memory_is_what_the_compiler_allots(case, optimised):
    """Arguments, results and temporaries of one call on one device, against the count from shapes."""
    config = dsm.compose(*CASES[case])
    parts = importlib.import_module(f"dsm.tasks.{config.task}._build")
    key = root_key(config.seed)
    start = (parts.start_overlaps(config, key),) if config.task == "online_sgd" else ()
    system, axes, layout = plan = parts.plan(config, key, *start)
    driver = parts.make_driver(config, key, *start, *plan)
    references = len(config.observe.references) if config.task == "sample" else 0
    steps, recorded = jnp.zeros((SEGMENTS,), jnp.int32), jnp.zeros((SEGMENTS,), bool)
    compiled = Driver.advance.lower(driver, driver.begin(), steps, recorded).compile()
    found = compiled.compiled.memory_analysis()
    allotted = found.argument_size_in_bytes + found.output_size_in_bytes + found.temp_size_in_bytes
    allotted -= found.alias_size_in_bytes
    counted = needed_bytes(system, driver.problems, axes, references, layout) / layout.devices
    assert 0.9 * allotted < counted < 1.6 * allotted

"""Students that learn by mini-batches: the rule of a step, settings, runs, resumption, the L-shape."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dsm
from commands import SIGNAL_AFTER, assert_same_results, results
from commands import dsm as command_line
from dsm._errors import CapacityError, ConfigError
from dsm._system import Others
from dsm.data.losses.cross_entropy import CrossEntropy
from dsm.training import MinibatchLearning
from dsm.training.network_starts.normal import Normal
from dsm.training.network_starts.perturbed import Perturbed
from dsm.training.optimisers.adam import Adam
from dsm.training.optimisers.sgd import SGD
from dsm.training.rates.cosine import Cosine
from dsm.training.rates.steps import Steps
from relu_networks import by_hand, problem_of

#: A run of a second.
SMALL = ("task=specialisation", "network.width=6", "network.teachers=3", "network.multi=2", "network.outputs=4",
         "data.patterns=30", "data.test_patterns=40", "data.samples=2", "training.iterations=5", "training.epochs=4",
         "run.progress=none", "run.figures=false")  # fmt: skip


def test_presets_of_other_tasks_are_refused():
    message = "data=iid does not fit task=specialisation: must be one of digits_set, gaussian_set"
    with pytest.raises(ConfigError, match=message):
        dsm.compose("task=specialisation", "data=iid")


def test_run_that_cannot_fit_is_refused():
    with pytest.raises(CapacityError, match="data.samples = 100000: the run needs"):
        dsm.tasks.run(dsm.compose("task=specialisation", "data.samples=100000"))


def learning(**options) -> MinibatchLearning:
    """Two student units for each of the teacher's, batches of 5 of 20 patterns."""
    given = {"start": Normal(0.5), "multi": 2, "batch": 5, "iterations": 4, "epochs": 3, **options}
    return MinibatchLearning(**given)


def trained(system: MinibatchLearning, problem, steps: int):
    """The states after 0, 1, ... steps, stacked."""

    @jax.jit
    def run(problem):
        state = system.begin(jax.random.key(1), problem)

        def one(state, t):
            return system.step(jax.random.fold_in(jax.random.key(2), t), t, state, problem)[0], state

        return jax.lax.scan(one, state, jnp.arange(steps + 1, dtype=jnp.int32))[1]

    return run(problem)


@pytest.fixture(scope="module")
def problem():
    return problem_of((6, 4, 5), train=20)


def gradients(network, inputs, targets) -> list[np.ndarray]:
    """Of half the squared error, summed over outputs, mean over the batch, by weights and biases, in float64 numpy."""
    (hidden,), outputs = by_hand(network, inputs)
    delta = (outputs - targets) / len(inputs)
    back = (delta @ np.asarray(network.layers[1].weights, np.float64)) * (hidden > 0)
    return [back.T @ np.asarray(inputs, np.float64), back.sum(0), delta.T @ hidden, delta.sum(0)]


def parameters(network) -> list[np.ndarray]:
    return [np.asarray(leaf, np.float64) for layer in network.layers for leaf in (layer.weights, layer.bias)]


@pytest.mark.parametrize("kind", ["plain", "momentum", "frozen", "adam"])
def test_step_is_the_rule(problem, kind):
    """Whole training sets as batches, by hand: weight decay, momentum, a step of the learning rate, a frozen layer; Adam."""
    optimiser = {"momentum": SGD(0.9), "adam": Adam()}.get(kind, SGD())
    system = learning(
        batch=20, iterations=1, replacement=False, optimiser=optimiser, weight_decay=0.01,
        rate=Steps([2], [0.1]), frozen=(1,) if kind == "frozen" else (),
    )  # fmt: skip
    states = trained(system, problem, 3)
    networks = [jax.tree.map(lambda leaf, t=t: leaf[t], states.student) for t in range(4)]
    weights = parameters(networks[0])
    mean, square = [np.zeros_like(w) for w in weights], [np.zeros_like(w) for w in weights]
    for t in range(3):
        found = gradients(networks[t], problem.train_inputs, np.asarray(problem.train_targets))
        lr = 0.1 * (0.1 if t >= 2 else 1)
        for place, gradient in enumerate(found):
            gradient = gradient + 0.01 * weights[place]
            if kind == "adam":
                mean[place] = 0.9 * mean[place] + 0.1 * gradient
                square[place] = 0.999 * square[place] + 0.001 * gradient**2
                along = mean[place] / (1 - 0.9 ** (t + 1)) / (np.sqrt(square[place] / (1 - 0.999 ** (t + 1))) + 1e-8)
            else:
                mean[place] = (0.9 if kind == "momentum" else 0) * mean[place] + gradient
                along = mean[place]
            if not (kind == "frozen" and place < 2):
                weights[place] = weights[place] - lr * along
        for exact, own in zip(weights, parameters(networks[t + 1]), strict=True):
            np.testing.assert_allclose(own, exact, atol=2e-5)
    lower = [parameters(network)[0] for network in networks]
    assert (kind == "frozen") == np.array_equal(lower[0], lower[3])


def test_every_pattern_is_seen_once_an_epoch(problem):
    states = trained(learning(replacement=False), problem, 8)
    orders = np.asarray(states.order)
    np.testing.assert_array_equal(np.sort(orders[1:]), np.broadcast_to(np.arange(20), (8, 20)))
    assert (orders[1:5] == orders[1]).all() and (orders[5:] == orders[5]).all() and (orders[1] != orders[5]).any()


def test_batches_with_replacement_and_fresh_ones(problem):
    """The network that a batch moves is that of the batch: recomputed from the same random numbers."""
    from dsm._random import stream

    fresh = dataclasses.replace(problem, train_inputs=problem.train_inputs[:0], train_targets=problem.train_targets[:0])
    for given in (problem, fresh):
        states = trained(learning(), given, 1)
        key = jax.random.fold_in(jax.random.key(2), 0)
        if given is problem:
            chosen = jax.random.randint(stream(key, "patterns"), (5,), 0, 20, jnp.int32)
            inputs, targets = problem.train_inputs[chosen], problem.train_targets[chosen]
        else:
            inputs = given.dataset.train(stream(key, "fresh"), 5, given.teacher).inputs
            targets = by_hand(given.teacher, inputs)[1]
        before, after = (jax.tree.map(lambda leaf, t=t: leaf[t], states.student) for t in (0, 1))
        steps = gradients(before, inputs, np.asarray(targets))
        for old, new, along in zip(parameters(before), parameters(after), steps, strict=True):
            np.testing.assert_allclose(new, old - 0.1 * along, atol=1e-5)


def test_a_student_placed_at_the_teacher_stays(problem):
    system = learning(start=Perturbed(0.0), multi=1)
    states = trained(system, problem, 4)
    for before, after in zip(
        *(parameters(jax.tree.map(lambda leaf, t=t: leaf[t], states.student)) for t in (0, 4)), strict=True
    ):
        np.testing.assert_allclose(before, after, atol=1e-6)


def test_cosine_goes_to_zero():
    found = [float(Cosine().factor(jnp.float32(epoch), 10)) for epoch in (0, 5, 10)]
    np.testing.assert_allclose(found, [1, 0.5, 0], atol=1e-6)


def test_cross_entropy_learns_classes():
    problem = problem_of((6, 4, 5), train=20, loss=CrossEntropy())
    system = learning(batch=20, iterations=1, replacement=False)
    states = trained(dataclasses.replace(system, epochs=60), problem, 60)

    def loss(t: int) -> float:
        student = jax.tree.map(lambda leaf: leaf[t], states.student)
        return float(CrossEntropy()(student(problem.train_inputs), problem.train_targets).mean())

    assert loss(60) < 0.8 * loss(0)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    command_line(*SMALL, "network.decay=[0,1]", "training.lr=[0.05,0.1]", *SHUFFLED, "run.dir=run", cwd=folder)
    return folder / "run"


#: With something to keep in every part of the state.
SHUFFLED = (
    "training.replacement=false",
    "training.iterations=null",
    "training.batch=6",
    "training.optimiser.name=adam",
)


def test_run_resumes_bitwise(run, tmp_path):
    settings = (*SMALL, "network.decay=[0,1]", "training.lr=[0.05,0.1]", *SHUFFLED, "run.dir=run")
    stepwise = ("run.checkpoint_minutes=0", "run.chunk_seconds=1e-9")
    program = SIGNAL_AFTER.format(sweep=7, name="SIGTERM")
    stopped = command_line(*settings, *stepwise, cwd=tmp_path, program=program, check=False)
    assert stopped.returncode == 75 and "stopped by SIGTERM at iteration" in stopped.stderr
    finished = command_line(*settings, cwd=tmp_path)
    assert "resumed at iteration" in finished.stderr
    assert_same_results(tmp_path / "run", run)


def test_dataset_of_a_run(run):
    found = results(run)
    axes = ("sample", "decay", "lr")
    assert found.test_loss.dims == (*axes, "epoch") and found.epoch.values.tolist() == [0, 1, 2, 3, 4]
    assert found.teacher_best_correlation.dims == (*axes, "inputs", "layer", "teacher", "epoch")
    assert found.teacher_specialisation.dims == (*axes, "inputs", "layer", "student", "epoch")
    assert found.teacher_strength.dims == ("sample", "decay", "layer", "teacher")
    assert found.sizes == {**found.sizes, "sample": 2, "decay": 2, "lr": 2, "teacher": 3, "student": 6, "layer": 1}
    assert found.decay.values.tolist() == [0, 1] and "student_2" not in found.dims
    # Teachers of one sample differ in strengths only, by i**-p; inputs and starts make the rest.
    ratio = found.teacher_strength.sel(decay=1) / found.teacher_strength.sel(decay=0)
    np.testing.assert_allclose(ratio, np.broadcast_to(1 / np.arange(1, 4), (2, 1, 3)), rtol=1e-5)
    assert all({"long_name", "units"} <= set(variable.attrs) for variable in found.data_vars.values())
    assert found.test_loss_mean.dims == ("decay", "lr", "epoch")
    late, early = found.train_loss.isel(epoch=-1), found.train_loss.isel(epoch=0)
    assert float(late.mean()) < float(early.mean())


def test_sweeps_over_decays_join_along_decay(tmp_path):
    for decay in ("0", "[1,2]"):
        dsm.run(*SMALL, f"network.decay={decay}", "observe.quantities=[test_loss]", f"run.root={tmp_path}")
    joined = dsm.load_sweep(tmp_path)
    assert joined.decay.values.tolist() == [0, 1, 2] and "network.decay" not in joined.dims
    assert joined.test_loss_mean.notnull().all()


def test_a_loss_that_is_not_finite_is_told(tmp_path, caplog):
    dsm.run(*SMALL, "training.lr=[0.01,1e4]", "observe.quantities=[test_loss]", f"run.root={tmp_path}")
    assert "the test loss is not finite at the end: training.lr = [0.01, 10000.0] is too large" in caplog.text


def test_a_list_of_decays_is_that_of_single_runs(tmp_path):
    """Teachers, inputs and the first student do not depend on what else is run."""
    both, alone = (
        results(dsm.run(*SMALL, f"network.decay={decay}", "observe.quantities=[test_loss]", f"run.root={tmp_path}"))
        for decay in ("[0,1]", "[0]")
    )
    np.testing.assert_allclose(both.test_loss.isel(decay=0), alone.test_loss.isel(decay=0), rtol=1e-5)


def test_l_shape_at_a_tiny_size(tmp_path):
    """Student units that match no teacher unit lose their fan-out, and strong teacher units are found first (T1, T3)."""
    path = dsm.run(
        "task=specialisation", "network.width=10", "network.teachers=3", "network.multi=4", "network.outputs=6",
        "network.decay=1", "data.patterns=1000", "data.test_patterns=500", "data.samples=6", "training.lr=0.05",
        "training.iterations=500", "training.epochs=12", "run.progress=none", f"run.root={tmp_path}",
        "observe.quantities=[test_loss,best_correlation,specialisation,fan_out_norm]",
    )  # fmt: skip
    found = results(path).sel(inputs="test").isel(decay=0, lr=0, layer=0)
    solved = (
        found.test_loss.isel(epoch=-1) < 1e-5
    )  # one of six stays at a solution in which no unit matches the weakest
    assert int(solved.sum()) >= 5
    last = found.isel(epoch=-1, sample=solved.values)
    alike, weight = last.teacher_specialisation.values.ravel(), last.fan_out_norm.values.ravel()
    # Whoever has weight has specialised: nothing stands far from both arms of the L.
    assert (weight > 0.2).sum() >= 20 and alike[weight > 0.2].min() > 0.95
    assert (alike < 0.9).sum() >= 3 and weight[alike < 0.9].max() < 0.2
    assert float(last.teacher_best_correlation.min()) > 0.99
    best = found.teacher_best_correlation.mean("sample").isel(epoch=1)
    assert float(best[0]) > 0.95 and (np.diff(best) < 0).all()  # after the first epoch in the order of strength
    assert float(last.baseline_best_correlation.mean()) < 0.8
    assert {file.name for file in (path / "figures").iterdir()} == {"learning.png", "l_shape.png"}


def test_digits_with_true_classes(tmp_path):
    pytest.importorskip("sklearn")
    path = dsm.run(
        *SMALL, "data=digits_set", "data.samples=1", "data.patterns=400", "data.test_patterns=200", "data.labels=classes",
        "network.outputs=10", "network.teachers=5", "training.loss=cross_entropy", "training.lr=0.1",
        "training.iterations=200", "+training.start.std=0.1", f"run.root={tmp_path}",
        "observe.quantities=[test_loss,misclassified,best_correlation]",
    )  # fmt: skip
    found = results(path)
    assert dsm.load(path).attrs["network.width"] == 64
    wrong = found.misclassified.isel(sample=0, decay=0, lr=0).sel(inputs="test")
    assert float(wrong[0]) > 0.7 and float(wrong[-1]) < 0.25


def test_all_preset_quantities_where_the_lowest_layer_is_the_narrowest(tmp_path):
    words = ("network=relu_deep", *SMALL, "network.teachers=[2,3]", "run.figures=false", "run.progress=none")
    found = dsm.load(dsm.run(*words, f"run.root={tmp_path}"))
    assert found.sizes["teacher"] == 3
    angles = found.teacher_hyperplane_angle_mean.isel(epoch=-1).values.reshape(-1, 3)
    assert np.isfinite(angles[:, :2]).all() and np.isnan(angles[:, 2]).all()


def test_observe_needs_no_other_student(problem):
    """A student is compared with its teachers, never with the next one."""
    system = learning()
    state = system.begin(jax.random.key(0), problem)
    assert system.machine(state) is None and system.observe(state, problem, Others()) == {}

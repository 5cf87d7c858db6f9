"""Nishimori identity: to a student in equilibrium, the teacher is one more student.

Given teacher-made data whose labels are flipped with probability 1/(1 + exp(beta)), the teacher is an exact draw from
the Gibbs measure at beta (without noise: at beta = inf). Students that start as the teacher and forget it are further
draws: every mean teacher-student overlap is a mean student-student one.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsm import data, networks, samplers
from dsm._random import stream
from dsm.observables import AbstractPairObservable
from dsm.observables.sign_network import OBSERVABLES, take_snapshot

SAMPLES = 200
TEST_PATTERNS = 64
#: Of the teacher (0) and two students: who is compared with whom.
PAIRS = np.array([(0, 1), (0, 2), (1, 2)])
#: The case of `make test`.
CHOSEN = "random, version space"
#: Width, depth, fan_in, wiring, alpha, move, the sweeps at which to look (much too early, half way, at the end), and beta.
CASES = {
    "one dense layer, gaussian": (4, 1, 4, "dense", 3.0, samplers.GaussianMove(0.6), (2, 100, 200)),
    "dense, heat bath": (3, 2, 3, "dense", 2.0, samplers.HeatBath(), (2, 100, 200)),
    "random, heat bath": (5, 2, 3, "random", 2.0, samplers.HeatBath(), (2, 100, 200)),
    "random, gaussian": (5, 2, 3, "random", 1.0, samplers.GaussianMove(1.0), (2, 150, 300)),
    "random, version space": (5, 2, 3, "random", 2.0, samplers.VersionSpace(), (2, 100, 200)),
    "dense, label noise, gaussian": (3, 2, 3, "dense", 4.0, samplers.GaussianMove(0.8), (2, 100, 200), 1.0),
}


def measure(width, depth, fan_in, wiring, alpha, move, times, beta=jnp.inf, seed=0):
    """All pair observables, [sample, time, ...]: teacher-student (mean of two), student-student; and the energy."""
    sampler = samplers.UnitBlock(move)

    def one(key):
        teacher = networks.SignNetwork(width, depth, fan_in, wiring=wiring, key=stream(key, "teacher"))
        inputs = data.iid_signs(width)
        problem = data.teacher_problem(
            stream(key, "data"), teacher, inputs, alpha, TEST_PATTERNS, label_beta=float(beta)
        )
        kinds = [OBSERVABLES.get(name)() for name in OBSERVABLES.names]
        kinds = [kind for kind in kinds if isinstance(kind, AbstractPairObservable) and kind.applies(problem)]

        def compare(a, b):
            return {name: value for kind in kinds for name, value in kind(a, b).items()}

        def sweep(t, state):
            keys = jax.vmap(lambda student: stream(key, "sweep", student, t))(jnp.arange(2))
            return jax.vmap(lambda k, s: sampler.step(k, s, problem, beta)[0])(keys, state)

        def until(state, window):
            state = jax.lax.fori_loop(window[0], window[1], sweep, state)
            # All machines and all pairs at once: one program for each observable.
            weights = jnp.concatenate([teacher.weights[None], state.weights])
            machines = jax.vmap(lambda w: take_snapshot(teacher.with_weights(w), problem))(weights)
            one, other = (jax.tree.map(lambda value, n=n: value[n], machines) for n in PAIRS.T)
            pairs = jax.vmap(compare)(one, other)
            with_teacher = jax.tree.map(lambda value: value[:2].mean(axis=0), pairs)
            return state, (with_teacher, jax.tree.map(lambda value: value[2], pairs), state.energy)

        start = samplers.planted_start(key, problem)
        start = jax.tree.map(lambda value: jnp.stack([value, value]), start)
        windows = jnp.stack([jnp.asarray((0, *times[:-1])), jnp.asarray(times)], axis=1)
        return jax.lax.scan(until, start, windows)[1]

    found = jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(seed), SAMPLES))
    return jax.tree.map(lambda value: np.asarray(value, float), found), round(alpha * fan_in) * width


def deviations(differences):
    """Mean over disorder samples in its standard errors; 0 where all differences are zero."""
    error = differences.std(axis=0, ddof=1) / np.sqrt(len(differences))
    return np.where(error == 0, 0, differences.mean(axis=0) / np.where(error == 0, 1, error))


@pytest.mark.parametrize("case", [pytest.param(case, marks=[pytest.mark.slow] * (case != CHOSEN)) for case in CASES])
def test_teacher_is_one_more_student(case):
    (teacher, student, energy), labels = measure(*CASES[case])
    depth, beta = CASES[case][1], CASES[case][7] if len(CASES[case]) > 7 else np.inf
    # The mean energy is that of the teacher, the number of flipped labels.
    assert np.all(np.abs(deviations(energy.mean(-1) - labels / (1 + np.exp(beta)))) < 4.5)
    expected = {"weight_overlap", "spin_overlap_train", "spin_overlap_test"}
    assert expected <= teacher.keys() == student.keys()
    assert ("matched_overlap" in teacher) == ("dense" in case)
    for name in teacher:
        early, half, late = (teacher[name][:, t] for t in range(3))
        assert late.shape == (SAMPLES, depth)
        # The overlap with the teacher has relaxed: nothing happens in the second half.
        assert np.all(np.abs(deviations(half - late)) < 4.5), name
        assert np.all(np.abs(deviations(late - student[name][:, 2])) < 4.5), name
    # The test can see a deviation: before the teacher is forgotten it is nearer to students than they to each other.
    assert np.max(deviations(teacher["weight_overlap"][:, 0] - student["weight_overlap"][:, 0])) > 4.5
    # And there is something to be equal: test outputs agree, far better than by chance.
    assert deviations(teacher["spin_overlap_test"][:, 2, -1]) > 20
    if case in ("random, heat bath", "random, version space"):
        assert np.all(deviations(teacher["weight_overlap"][:, 2]) > 4.5)

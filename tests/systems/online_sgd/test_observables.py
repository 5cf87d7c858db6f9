"""Observables of two-layer networks: what they return."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsm import data
from dsm.networks import make_activation
from dsm.observables import AbstractMachineObservable, two_layer
from dsm.training import random_networks
from helpers import assert_declared


@pytest.mark.parametrize("law", data.LAWS.names)
@pytest.mark.parametrize("name", two_layer.OBSERVABLES.names)
def test_observable_returns_what_it_declares(name, law):
    """Students of 3 units, teachers of 2."""
    observable = two_layer.OBSERVABLES.get(name)()
    assert isinstance(observable, AbstractMachineObservable)
    width = data.LAWS.get(law).fixed_width or 20

    def snapshot(key, train):
        options = {"name": law} | ({"latent": 5} if law == "hidden_manifold" else {})
        inputs = data.LAWS.build(options, "law", width=width)
        ones, g = np.ones(3), make_activation("erf")
        machines = random_networks(key, (3, width), (2, inputs.teacher_width), 1.0, ones, ones[:2], g)
        test = 0 if inputs.gaussian_fields else 11
        return two_layer.take_snapshot(machines[0], data.two_layer_problem(key, inputs, *machines, 0.1, train, test))

    of = {train: eqx.filter_eval_shape(snapshot, jax.random.key(0), train) for train in (0, 7)}
    assert observable.applies(of[7].problem) and observable.applies(of[0].problem) == (name != "train_error")
    sizes = {"student": 3, "student_2": 3, "teacher": 2}
    for machine in of.values():
        if observable.applies(machine.problem):
            assert_declared(observable, (machine,), sizes, jnp.float64)

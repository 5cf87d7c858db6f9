"""Parts of a plugin that are wrong are refused before anything is written, with the place of what is wrong."""

import importlib
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

import dsm
from dsm._errors import ConfigError
from dsm.networks import PRIORS, check_prior, make_prior
from dsm.samplers import AbstractProposal
from dsm.samplers.sign_perceptron.moves._check import check_move
from own_parts import GOOD, OBSERVABLE, TINY, write

#: What is wrong with an observable: what differs from a good one, and what is said.
BAD_OBSERVABLES = {
    "shape": (
        {"result": "{'mine': jnp.zeros((2, 3), 'float32')}"},
        "bad.Mine: mine must have the dimensions (layer), got an array of shape (2, 3)",
    ),
    "entries": (
        {"result": "{'mine': jnp.zeros(3, 'float32')}"},
        "mine must have 2 entries along layer, got 3",
    ),
    "entries of its own dimension": (
        {
            "variables": "'mine': Variable(('half',), 'mine')",
            "more": "coordinates = {'half': Coordinate(['left', 'right'], 'half')}",
            "result": "{'mine': jnp.zeros(3, 'float32')}",
        },
        "mine must have 2 entries along half, got 3",
    ),
    "of a pair": (
        {"base": "AbstractPairObservable", "result": "{'mine': jnp.zeros((), 'float32')}"},
        "bad.Mine: mine must have the dimensions (layer), got an array of shape ()",
    ),
    "of the teacher": (
        {"more": "machines = ('teacher',)", "result": "{'mine': jnp.zeros(3, 'float32')}"},
        "teacher_mine must have 2 entries along layer, got 3",
    ),
    "variables": (
        {"result": "{'yours': jnp.zeros(2, 'float32')}"},
        "bad.Mine: must return a dictionary of mine, got yours",
    ),
    "no dictionary": ({"result": "jnp.zeros(2)"}, "bad.Mine: must return a dictionary of mine, got an array"),
    "complex": (
        {"result": "{'mine': jnp.zeros(2, 'complex64')}"},
        "bad.Mine: mine must be real numbers, got complex64",
    ),
    "code": (
        {"result": "{'mine': machines[0].colour}"},
        "bad.Mine: bad.py, line 10: AttributeError: 'Snapshot' object has no attribute 'colour'",
    ),
    "name": (
        {"variables": "'my own': Variable((), 'mine')"},
        "bad.Mine: the variable 'my own' must be named by letters, digits and underscores",
    ),
    "name of a dimension": (
        {"variables": "'sweep': Variable((), 'mine')", "result": "{'sweep': 0.5}"},
        "the variable sweep must have another name: it is that of a dimension",
    ),
    "name of a statistic": (
        {"variables": "'m': Variable((), 'm'), 'm_mean': Variable((), 'm')", "result": "{'m': 0.5, 'm_mean': 0.5}"},
        "the variable m_mean must have another name: statistics are called so",
    ),
    "name of a quantity": (
        {"variables": "'test_error': Variable((), 'mine')"},
        "test_error is the name of a variable of",
    ),
    "name of a quantity that is not chosen": (
        {"variables": "'energy': Variable((), 'mine')"},
        "bad.Mine: energy is the name of a variable of dsm.observables.sign_network.energy.Energy",
    ),
    "name of a record": (
        {"variables": "'acceptance': Variable((), 'mine')", "result": "{'acceptance': 0.5}"},
        "the variable acceptance must have another name: there is one in the results",
    ),
    "dimension": (
        {"variables": "'mine': Variable(('replica',), 'mine')", "result": "{'mine': jnp.zeros(2, 'float32')}"},
        "mine: the dimension replica must have another name: all quantities have it",
    ),
    "dimensions": (
        {"variables": "'mine': Variable('layer', 'mine')"},
        "bad.Mine: dims of mine must be different names, as in ('layer',), got 'layer'",
    ),
    "machine": (
        {"more": "machines = ('students',)"},
        "bad.Mine: machines must be a tuple, as in ('student',), of student, teacher, baseline, got ('students',)",
    ),
    "machines": ({"more": "machines = 'student'"}, "baseline, got 'student'"),
    "pairs": (
        {"base": "AbstractPairObservable", "more": "pairs = 'past'"},
        "bad.Mine: pairs must be a tuple, as in ('student',), of teacher, student, past, baseline, got 'past'",
    ),
    "figure": (
        {"variables": "'mine': Variable(('layer',), 'mine', figures=('profil',))"},
        "bad.Mine: figures of mine must be a tuple, as in ('profile',), of profile, curve, two_time, error, overlap, ",
    ),
    "figures": (
        {"variables": "'mine': Variable(('layer',), 'mine', figures='profile')"},
        "from_input, none, got 'profile'",
    ),
}


def refusal(folder: Path, source: str, *words: str) -> str:
    """What is said of a plugin, before anything is written."""
    write(folder, "bad", source)
    with pytest.raises(ConfigError) as caught:
        dsm.run("plugins=[bad]", "run.dir=run", *words)
    assert [path.name for path in folder.iterdir()] == ["bad.py"]
    return str(caught.value)


#: One of each kind of mistake.
KINDS = {
    "shape",
    "of a pair",
    "of the teacher",
    "variables",
    "code",
    "name of a dimension",
    "dimension",
    "machine",
    "figure",
}


@pytest.mark.parametrize(
    "case", [case if case in KINDS else pytest.param(case, marks=pytest.mark.slow) for case in BAD_OBSERVABLES]
)
def test_wrong_observable_is_refused(case, folder):
    different, message = BAD_OBSERVABLES[case]
    source = OBSERVABLE.format(**GOOD | different)
    told = refusal(folder, source, "experiment=quickstart", *TINY, "observe.quantities=[test_error,mine]")
    assert told.startswith("observe.quantities: ") and message in told


@pytest.mark.parametrize(
    ("kind", "dim", "size", "words"),
    [
        ("narrow", "unit", 3, ("task=narrow", "network.width=8", "network.units=3", "data.alpha=1")),
        ("two_layer", "teacher", 2, ("task=online_sgd", "network.width=8", "data.samples=2")),
        (
            "deep_network",
            "layer",
            1,
            ("task=specialisation", "network.width=8", "network.outputs=3", "data.patterns=20"),
        ),
    ],
)
def test_wrong_observable_of_another_system_is_refused(kind, dim, size, words, folder):
    source = OBSERVABLE.format(**GOOD | {"kind": kind, "variables": f"'mine': Variable(('{dim}',), 'mine')",
                                         "result": "{'mine': jnp.zeros(5, 'float32')}"})  # fmt: skip
    told = refusal(folder, source, *words, "observe.quantities=[mine]")
    assert told == f"observe.quantities: mine must have {size} entries along {dim}, got 5"


@pytest.mark.slow
def test_observable_that_is_nan_is_named_in_the_log(folder, caplog):
    zeros = "{'mine': jnp.zeros(2, 'float32'), 'yours': jnp.zeros((), 'float32') / 0}"
    variables = "'mine': Variable(('layer',), 'mine'), 'yours': Variable((), 'yours')"
    write(folder, "nothing", OBSERVABLE.format(**GOOD | {"variables": variables, "result": zeros}))
    words = ("experiment=quickstart", *TINY, "observe.quantities=[energy,mine]", "run.figures=false", "run.dir=run")
    with caplog.at_level("WARNING", "dsm"):
        dsm.run("plugins=[nothing]", *words)
    assert [text for text in caplog.messages if "NaN" in text] == ["yours is NaN in all records after the first"]


PRIOR = """
import equinox as eqx
import jax
import jax.numpy as jnp
from dsm.networks import PRIORS, AbstractPrior
@PRIORS.register("mine")
class Mine(AbstractPrior):
    continuous = {continuous}
    {more}
    def sample(self, key, shape):
        return {sample}
    {normalise}
"""
GOOD_PRIOR = {
    "continuous": "False",
    "more": "pass",
    "sample": "jax.random.rademacher(key, shape, 'float32')",
    "normalise": "def normalise(self, weights): return weights",
}
NORMAL = "jax.random.normal(key, shape, 'float32')"
SPHERE = "def normalise(self, weights): return weights * jnp.mean(weights**2, axis=-1, keepdims=True)**-0.5"


@pytest.mark.parametrize(
    ("different", "message"),
    [
        ({"sample": "jnp.abss(key)"}, "bad.py, line 11: AttributeError: module 'jax.numpy' has no attribute 'abss'"),
        pytest.param(
            {"sample": "jnp.ones(shape[-1], 'float32')"},
            "sample must give float32[2, 16, 4] where this is asked for, got ",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"sample": "jnp.ones(shape, 'float64')"}, "asked for, got float64[2, 16, 4]", marks=pytest.mark.slow
        ),
        ({"sample": "jnp.full(shape, 0.5, 'float32')"}, "a weight must be +1 or -1, got 0.5"),
        pytest.param(
            {"continuous": "True", "sample": NORMAL, "normalise": SPHERE},
            "a weight must be a multiple of ",
            marks=pytest.mark.slow,
        ),
        (
            {"normalise": "def normalise(self, weights): return 7 * jnp.abs(weights) / weights"},
            "normalise must give the same directions with sum_k J_k**2 = 4, got 7 instead of",
        ),
        ({"normalise": "def normalise(self, weights): return -weights"}, "= 4, got "),
        pytest.param(
            {"normalise": "def normalise(self, weights): return weights.mean()"},
            "normalise must give float32[2, 16, 4]",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"normalise": "def normalise(self, weights): return scale * weights"},
            "bad.py, line 12: NameError: name 'scale'",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"normalise": ""},
            "bad.py, line 6: TypeError: Can't instantiate abstract class Mine with abstract method",
            marks=pytest.mark.slow,
        ),
        ({"more": "up: float"}, "bad.py, line 6: TypeError: "),
    ],
)
def test_wrong_prior_is_refused(different, message, folder):
    source = PRIOR.format(**GOOD_PRIOR | different)
    move = "metropolis" if "continuous" in different else "ising"
    told = refusal(folder, source, "experiment=quickstart", *TINY, f"sampler={move}", "network.weights=mine")
    assert told.startswith("network.weights: bad.Mine: ") and message in told and "\n" not in told


@pytest.mark.parametrize(
    "different", [{}, {"continuous": "True", "sample": f"to_lattice({NORMAL}, shape[-1])", "normalise": SPHERE}]
)
def test_good_priors_pass(different, folder):
    write(folder, "good", "from dsm.networks import to_lattice", PRIOR.format(**GOOD_PRIOR | different))
    importlib.import_module("good")
    for fan_in in (1, 7, 1000):
        check_prior(make_prior("mine"), fan_in)


ACTIVATION = """
import jax
import jax.numpy as jnp
from dsm.networks import ACTIVATIONS, AbstractActivation
@ACTIVATIONS.register("mine")
class Mine(AbstractActivation):
    {more}
    def __call__(self, x):
        return {result}
"""


@pytest.mark.parametrize(
    "words",
    [
        ("task=narrow", "network.width=8", "network.units=3", "data.alpha=1", "network.activation.name=mine"),
        ("task=online_sgd", "network.width=8", "data.samples=2", "network.activation=mine"),
        pytest.param(("task=online_sgd", "data.samples=0", "network.activation=mine"), marks=pytest.mark.slow),
        ("task=specialisation", "network.width=8", "data.patterns=20", "network.activation.name=mine"),
    ],
)
def test_wrong_activation_is_refused(words, folder):
    number = "must give one real number for each entry, got float32[] of an array [2, 3]"
    for different, message in {
        ("jnp.sinn(x)", "pass"): "bad.py, line 9: AttributeError: module 'jax.numpy' has no attribute 'sinn'",
        ("x.mean()", "pass"): f"__call__ {number}",
        ("x > 0", "pass"): "__call__ must give one real number for each entry, got bool[2, 3] of an array [2, 3]",
        ("x", "def slope(self, x): return jnp.float32(1)"): f"slope {number}",
        ("x", "up: float"): "bad.py, line 5: TypeError: ",
    }.items():
        if different[1] == "up: float" and "name=mine" in words[-1]:
            continue  # activations have options there
        told = refusal(folder, ACTIVATION.format(result=different[0], more=different[1]), *words)
        assert told.startswith(f"network.activation: bad.Mine: {message}") and "\n" not in told


MOVE = """
import jax.numpy as jnp
from dsm.samplers import MOVES, AbstractMove
@MOVES.register("mine")
class Mine(AbstractMove):
    continuous = {continuous}
    def draw(self, key, beta, shape):
        return jnp.zeros(shape, "float32")
    def update(self, draws, weight, unit, fan_in):
        return {result}
"""


@pytest.mark.parametrize(
    ("continuous", "result", "message"),
    [
        (
            True,
            "weight + jnp.float32(0.1)",
            "a weight after a move must be a multiple of 1.90735e-06 (dsm.networks.to_lattice",
        ),
        pytest.param(True, "weight * jnp.float32('nan')", "smaller than 24, got nan", marks=pytest.mark.slow),
        pytest.param(
            True,
            "jnp.float64(weight)",
            "a weight after a move must be one float32, got float64[]",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            True,
            "jnp.stack([weight, weight])",
            "a weight after a move must be one float32, got float32[2]",
            marks=pytest.mark.slow,
        ),
        (True, "weight + draw", "bad.Mine: bad.py, line 10: NameError: name 'draw' is not defined"),
        (False, "weight / 2", "a weight after a move must be +1 or -1, got"),
    ],
)
def test_wrong_move_is_refused(continuous, result, message, folder):
    prior = "spherical" if continuous else "ising"
    words = ("experiment=quickstart", *TINY, "sampler.move.name=mine", f"network.weights={prior}")
    told = refusal(folder, MOVE.format(continuous=continuous, result=result), *words)
    assert told.startswith("sampler.move: bad.Mine: ") and message in told


PROPOSAL = """
import jax
import jax.numpy as jnp
from dsm.samplers import MOVES, AbstractProposal
@MOVES.register("mine")
class Mine(AbstractProposal):
    continuous = True
    def draw_proposal(self, key, shape):
        return {result}
    def propose(self, draws, weight, fan_in):
        return weight
"""


@pytest.mark.parametrize(
    "result",
    [
        "jnp.zeros(shape[0])",
        *(pytest.param(result, marks=pytest.mark.slow) for result in ("jnp.zeros(())", "(jnp.zeros(shape), key)")),
    ],
)
def test_move_with_too_few_random_numbers_is_refused(result, folder):
    words = ("experiment=quickstart", *TINY, "sampler.move.name=mine")
    for source, method in (
        (PROPOSAL, "draw_proposal"),
        (MOVE.replace('jnp.zeros(shape, "float32")', "{result}"), "draw"),
    ):
        source = source.replace("return {result}", f"return {result}", 1).format(continuous=True, result="weight")
        told = refusal(folder, source, *words)
        legal = "arrays whose first axes are its argument shape, (4, 8) here, got an array of shape ("
        assert told.startswith(f"sampler.move: bad.Mine: {method} must give {legal}") and "\n" not in told


@pytest.mark.quick
def test_proposals_are_put_on_the_lattice():
    class Mine(AbstractProposal):
        continuous = True

        def draw_proposal(self, key, shape):
            return jax.random.normal(key, shape, jnp.float32)

        def propose(self, draws, weight, fan_in):
            return draws

    check_move(Mine(), PRIORS.get("spherical")(), 7)


INPUTS = """
import equinox as eqx
import jax.numpy as jnp
from dsm.data import INPUTS, AbstractInputs
@INPUTS.register("mine")
class Mine(AbstractInputs):
    width: int = eqx.field(static=True)
    def sample(self, key, train, test):
        return {result}
"""


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ("jnp.ones((train, 4), 'int8')", "sample must return training and test patterns, got ArrayImpl"),
        ("jnp.ones((train, 4)), jnp.ones((test, 4))", "training patterns must be int8[16, 4], got float64[16, 4]"),
        (
            "jnp.ones((train, 4), 'int8'), jnp.ones((4, test), 'int8')",
            "test patterns must be int8[10, 4], got int8[4, 10]",
        ),
        ("jnp.ones((train, 4), 'int8'), jnp.zeros((test, 4), 'int8')", "test patterns must be +1 or -1, got 0"),
        ("jnp.ones((training, 4), 'int8')", "bad.py, line 9: NameError: name 'training' is not defined"),
    ],
)
def test_wrong_inputs_are_refused(result, message, folder):
    told = refusal(folder, INPUTS.format(result=result), "experiment=quickstart", *TINY, "data.inputs.name=mine")
    assert told == f"data.inputs: bad.Mine: {message}"


def test_components_that_do_not_fit_max_alpha_are_refused(folder):
    words = ("experiment=quickstart", *TINY, "data.max_alpha=5")
    given = INPUTS.format(result="jnp.full((train, 4), 1 - 2 * (train % 3 // 2), 'int8'), jnp.ones((test, 4), 'int8')")
    told = refusal(folder, given, *words, "data.inputs.name=mine")
    assert told == "data.inputs: bad.Mine: with data.max_alpha, more training patterns must be the same ones and others"
    observable = OBSERVABLE.format(**(GOOD | {"kind": "sign_network"}))
    told = refusal(folder, observable, *words, "observe.quantities=[mine]")
    assert told.startswith("data.max_alpha = 5.0: must be null with quantities that are not dsm's own")

"""Every file and command of docs/own_parts.md works as the page says."""

import runpy
import shutil

import jax.numpy as jnp
import numpy as np
import pytest

import dsm
from commands import dsm as run_dsm
from dsm._errors import ConfigError, StoreError
from dsm.networks import ACTIVATIONS, make_activation
from dsm.observables.sign_network import OBSERVABLES
from own_parts import AS_INSTALLED, TINY, blocks, commands


@pytest.mark.slow
def test_components_of_the_page_run_together_and_are_refused_once_edited(page, caplog):
    (words,) = [words for words in commands() if "plugins=[mymove,myobservables,myinputs]" in words]
    assert words[0] == "dsm"
    run_dsm(*words[1:], *TINY, "run.dir=here", cwd=page, program=AS_INSTALLED)
    found = dsm.load("here")
    assert found.magnetisation.dims == ("sample", "beta", "replica", "layer", "sweep")
    assert found.magnetisation_of_half.sel(half="left").dims == ("sample", "beta", "replica", "sweep")
    assert found.baseline_magnetisation.dims == ("sample", "machine", "layer")
    assert {"teacher_agreement_mean", "student_agreement_error", "past_agreement_mean"} <= set(found.data_vars)
    figures = {file.name for file in (page / "here" / "figures").iterdir()}
    assert figures == {"overlap_profile.png", "learning_curves.png"}
    again = (*words[1:], *TINY, "run.dir=here")
    assert dsm.run(*again) == page / "here"  # finished already
    with (page / "mymove.py").open("a") as file:
        file.write("# an edit\n")
    with (
        caplog.at_level("INFO", "dsm"),
        pytest.raises(StoreError, match="  the source of mymove has changed since"),
    ):
        dsm.run(*again)
    assert "plugins=[mymove]: its source has changed, and is imported again" in caplog.messages


def test_commands_of_the_page_are_legal(page):
    told = [words for words in commands() if words[0] == "dsm" and "--config-dir" not in words]
    assert len(told) == 10
    for words in told:
        dsm.compose(*words[1:], *(TINY if "experiment=quickstart" in words else ()))
    move = dsm.compose(*told[0][1:]).sampler.move
    assert move == dsm.compose(*told[1][1:]).sampler.move == {"name": "mirror", "refresh": 0.3}


@pytest.mark.slow
def test_test_of_the_page_fails_for_a_wrong_move(page):
    test = lambda: runpy.run_path("test_mymove.py")["test_it_samples_the_same_law"](page / "runs")  # noqa: E731
    test()
    file = page / "mymove.py"
    file.write_text(file.read_text().replace("fresh, -weight", "fresh, weight + 0.5"))
    shutil.rmtree(page / "runs")
    with pytest.raises(AssertionError):
        test()


@pytest.mark.slow
def test_test_of_the_page_warns_of_a_move_of_another_prior(page, caplog):
    runpy.run_path("test_myprior.py")["test_move_and_prior_fit"](page / "runs")
    told = [text for text in caplog.messages if "nobody knows whether it samples network.weights = " in text]
    assert [text.split()[2] for text in told] == ["gaussian"]  # not of the move that comes with the prior


@pytest.mark.slow
def test_activation_of_the_page_runs_beside_its_theory(page):
    """As a command, with the theory of the run beside it, and its closed average against quadrature."""
    (words,) = [words for words in commands() if "network.activation=sine" in words]
    path = dsm.run(*words[1:], "network.width=200", "data.samples=4", "run.figures=false", f"run.root={page}")
    found = dsm.load(path)
    apart = found.test_error_mean - found.theory_test_error
    assert abs(float(apart[0])) < 1e-6 and abs(float(apart[-1])) < 0.05 * float(found.theory_test_error[0])
    chosen = {
        words[1]: dsm.compose(*words[1:]).network.activation
        for words in commands()
        if "plugins=[myactivation]" in words
    }
    assert chosen["task=narrow"] == chosen["task=specialisation"] == {"name": "sine", "frequency": 0.5}
    covariance = jnp.array([[1.0, 0.3, 0.2], [0.3, 0.8, -0.4], [0.2, -0.4, 1.2]])
    closed, plain = ACTIVATIONS.get("sine")(0.5), make_activation(lambda x: jnp.sin(0.5 * x))
    np.testing.assert_allclose(closed.value_value(covariance), plain.value_value(covariance), atol=1e-6)
    with pytest.raises(ConfigError, match="network.activation has no options with task=online_sgd"):
        dsm.compose(*words[1:], "network.activation.frequency=0.5")


@pytest.mark.slow
def test_observable_of_two_layers_of_the_page(page):
    (words,) = [words for words in commands() if "plugins=[myangles]" in words]
    small = ("network.width=100", "data.samples=2", "training.time=1")
    found = dsm.load(dsm.run(*words[1:], *small, f"run.root={page}"))
    assert found.cosine.dims == ("sample", "t", "student", "teacher")
    lengths = np.sqrt(found.Q.values.diagonal(axis1=2, axis2=3)[..., None] * np.ones(found.sizes["teacher"]))
    np.testing.assert_allclose(found.cosine, found.R / lengths, atol=1e-6)  # units of the teacher have T = 1


def test_closure_of_the_page(page):
    assert ["python", "shown.py"] in commands()
    found = runpy.run_path("shown.py")["found"]
    alone = dsm.theory.deep_student_machine(1, [2.0, 4.0]).weight_overlap
    np.testing.assert_allclose(found.weight_overlap, np.repeat(alone, 3, axis=1), rtol=1e-6)


def test_task_of_the_page(page):
    (words,) = [words for words in commands() if "--config-dir" in words]
    run_dsm(*words[1:], cwd=page, program=AS_INSTALLED)
    found = dsm.load(page / "runs" / "mywalk" / "default" / "seed=0")
    assert found.x.dims == ("sample", "decay", "t") and found.sizes["t"] == 21
    assert found.plugins == ["mywalk"]


@pytest.mark.slow
def test_cell_of_the_page_runs_and_runs_again_once_edited(folder, monkeypatch, caplog):
    (cell,) = [block for block in blocks("python") if block.startswith("# in a cell")]
    run = dsm.run
    monkeypatch.setattr(dsm, "run", lambda *words: run(*words, *TINY, "run.figures=false", "run.dir=run"))
    notebook = {"__name__": "__main__"}
    exec(cell, notebook)
    before = dsm.load(notebook["path"]).up
    edited = cell.replace("(machine.test[-1] > 0).mean()", "(machine.test[-1] > 0).mean() + 1")
    edited = edited.replace("class Up(", "class Upper(").replace('"observe', '"run.resume=never", "observe')
    assert edited.count("Upper") == 1
    with caplog.at_level("INFO", "dsm"):
        exec(edited, notebook)
    after = dsm.load(notebook["path"]).up
    np.testing.assert_allclose(after, before + 1, rtol=1e-6)
    assert any("'up', __main__.Up, is now __main__.Upper: the last definition counts" in m for m in caplog.messages)
    OBSERVABLES.forget("__main__")

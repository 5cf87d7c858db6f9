"""Runs that differ in seed, betas and alpha share compiled programs: in one process, and through the cache on disk."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from commands import assert_same_results, dsm
from dsm import data, tasks
from dsm.tasks.sample._build import draw_problems, root_key

#: What each job of a process compiles, and finds or misses in the cache on disk, as JAX counts them.
COUNT = """
import atexit, collections, json, os, jax
from dsm import tasks
jax.config.update("jax_compilation_cache_dir", os.environ["KEPT"])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
counts, jobs, run = collections.Counter(), [], tasks.run
def note(name, *_, **__):
    counts[name.split("/")[-1]] += 1
jax.monitoring.register_event_listener(note)
jax.monitoring.register_event_duration_secs_listener(note)
def counted(config):
    counts.clear()
    try:
        return run(config)
    finally:
        jobs.append([counts[name] for name in ("backend_compile_duration", "cache_hits", "cache_misses")])
tasks.run = counted
atexit.register(lambda: print("jobs", json.dumps(jobs)))
"""
QUANTITIES = "energy,test_error,spin_overlap,gauge_invariant_overlap,weight_overlap"
TINY = (
    *("experiment=quickstart", "network.width=4", "network.depth=2", "data.samples=2", "data.test_patterns=8"),
    *("sampler.replicas=2", "sampler.sweeps=4", f"observe.quantities=[{QUANTITIES}]", "observe.references=[0,2]"),
    *("observe.independent=1", "observe.theory=false", "run.figures=false", "data.max_alpha=4"),
)


def counted(*words, cwd):
    """The three counts of each job, and the folders of the jobs in their order."""
    done = dsm("-m", *TINY, *words, cwd=cwd, program=COUNT, KEPT=str(cwd / "cache"))
    folders = re.findall(r"^(\S+): finished", done.stderr, re.MULTILINE)
    return np.array(json.loads(done.stdout.split("jobs ")[-1])), folders


@pytest.mark.slow
def test_sweep_over_seed_beta_and_alpha_compiles_once(tmp_path):
    swept = ("seed=0,1", "sampler.beta=[0.5,2],[1,inf]", "data.alpha=1,4")
    (first, *others), folders = counted(*swept, cwd=tmp_path)
    assert len(others) == 7 and len(set(folders)) == 8
    compiled, hits, misses = first
    assert compiled == misses > 2 and hits == 0
    np.testing.assert_array_equal(others, 0)

    # A job in a process of its own finds the programs on disk. Without room an alpha has its own, and the same results.
    (kept, own), folders = counted(
        "seed=7", "sampler.beta=[0,3]", "data.alpha=3", "data.max_alpha=4,null", cwd=tmp_path
    )
    np.testing.assert_array_equal(kept, [compiled, compiled, 0])
    assert own[2] > 0
    assert_same_results(*map(Path, folders))


@pytest.mark.parametrize("name", data.INPUTS.names)
def test_patterns_are_the_first_of_those_that_there_is_room_for(name):
    words = ("experiment=quickstart", f"data={name}", "network.width=6", "data.samples=2", "data.test_patterns=9")
    room, plain = (
        draw_problems(tasks.compose([*words, "data.alpha=1.5", "data.label_beta=0.5", *more]), root_key(1))
        for more in (("data.max_alpha=4",), ())
    )
    patterns = plain.labels.shape[1]
    assert 0 < patterns < room.labels.shape[1] and (room.labels[:, patterns:] == 0).all()
    np.testing.assert_array_equal(room.labels[:, :patterns], plain.labels)
    np.testing.assert_array_equal(room.inputs[:, :patterns], plain.inputs)
    np.testing.assert_array_equal(room.test_inputs, plain.test_inputs)
    np.testing.assert_array_equal(room.test_labels, plain.test_labels)

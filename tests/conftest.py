"""Strict settings for all tests: 64-bit types on (so that 32-bit ones must be asked for), no silent promotions."""

import os
from collections.abc import Iterator
from pathlib import Path

# The main job shards replicas over devices: tests have several, on any machine.
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=2")
os.environ.setdefault("MPLBACKEND", "agg")
os.environ["DSM_LOCAL"] = "none"  # settings of this machine are not those of the tests

import jax
import pytest

from runs import KEPT

# Many tests compile the same program, most often a small one.
jax.config.update("jax_compilation_cache_dir", str(KEPT / "session"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")


#: What `make quick` runs, something fast of every part: a whole file, a test, or a test at one parameter.
QUICK = (
    "test_config.py",
    "test_protocols.py",
    "test_registry.py",
    "test_store.py",
    "test_python_use.py::test_import_is_quick_and_imports_the_rest_when_used",
    "test_driver.py::test_blocks_visit_every_chain_once",
    "test_networks.py::test_forward_pass_against_numpy",
    "test_data.py::test_labels_are_the_outputs_of_the_teacher",
    "test_sampler_exact.py::test_spin_flip_against_enumeration[random-0.2-1]",
    "test_sampler_naive.py::test_same_trajectory_bitwise[gaussian-random-1]",
    "test_exchange.py::test_swap_satisfies_detailed_balance",
    "test_observables.py::test_overlaps_by_hand",
    "test_observables.py::test_gauge_and_permutations",
    "test_theory.py::test_check_values[both-1-1]",
    "test_online_sgd.py::test_linear_units_decay_exactly",
    "test_training.py::test_step_is_the_papers",
    "test_deep_network.py::test_forward_pass_against_numpy",
    "test_deep_network.py::test_measures_against_numpy",
    "test_specialisation.py::test_illegal_settings_are_refused",
    "test_specialisation.py::test_step_is_the_rule[momentum]",
    "test_narrow_learning.py::test_illegal_settings_are_refused",
    "test_narrow_learning.py::test_energy_and_gradient_against_numpy[erf-equal-False-square]",
    "test_resume.py::test_silently_altered_checkpoint_is_found_by_its_checksum",
    "test_experiments.py::test_experiment_runs_at_tiny_size[quickstart]",
)


def is_part_of(nodeid: str, name: str) -> bool:
    """Whether a collected test belongs to an entry of QUICK."""
    own = nodeid.removeprefix("tests/")
    return own == name or own.startswith((f"{name}::", f"{name}["))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if any(is_part_of(item.nodeid, name) for name in QUICK):
            item.add_marker("quick")
        if "gpu" in item.keywords and jax.default_backend() != "gpu":
            item.add_marker(pytest.mark.skip(reason="no GPU on this machine"))
    if config.option.markexpr == "quick":  # all tests are collected: each name must be one of them
        gone = [name for name in QUICK if not any(is_part_of(item.nodeid, name) for item in items)]
        if gone:
            raise pytest.UsageError(f"tests/conftest.py: no such tests in QUICK: {', '.join(gone)}")


@pytest.fixture(autouse=True)
def few_memory_maps() -> Iterator[None]:
    """Tests compile more programs than the memory maps of a process suffice for."""
    yield
    from dsm._programs import drop_programs  # not before pytest has its import hook for annotations

    drop_programs()


@pytest.fixture(scope="session")
def shared():
    """The folder of reference measurements beside the checkout; tests that need it skip without it."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("no folder of reference measurements beside the checkout")
    return folder

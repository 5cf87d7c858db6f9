"""Systems that move real weights learn on a GPU what they learn on a CPU, but for rounding."""

import numpy as np
import pytest

from commands import dsm, results
from soak import TASKS

#: Records that may differ by rounding alone; chaos has no time to grow in these small runs.
TOLERANCE = {"rtol": 2e-3, "atol": 2e-4}


@pytest.mark.gpu
@pytest.mark.parametrize("task", ["online_sgd", "specialisation", "narrow"])
def test_gpu_and_cpu_learn_the_same(tmp_path, task):
    words, _ = TASKS[task]
    for platform in ("cpu", "cuda"):
        dsm(*words, "run.figures=false", f"run.dir={platform}", cwd=tmp_path, JAX_PLATFORMS=platform)
    expected, found = (results(tmp_path / platform) for platform in ("cpu", "cuda"))
    assert set(found.variables) == set(expected.variables)
    for name in expected.data_vars:
        np.testing.assert_allclose(found[name].values, expected[name].values, err_msg=str(name), **TOLERANCE)

"""What a finished run says of students that have not learnt: a step that is too large does not stop a run."""

import logging
from typing import Any

import numpy as np
import xarray as xr

logger = logging.getLogger("dsm")


def warn_unless_learnt(dataset: xr.Dataset, name: str, time: str, lr: Any, zero: float | None) -> None:
    """Say in the log if an error is not finite at the last record, or larger than that of a machine whose output is 0.

    Arguments:
        dataset: the results.
        name: of the error.
        time: the dimension of time.
        lr: training.lr.
        zero: the error of a machine whose output is always 0; None where that says nothing.
    """
    if f"{name}_mean" not in dataset:
        return
    last, called = dataset[f"{name}_mean"].isel({time: -1}).values, name.replace("_", " ")
    if not np.isfinite(last).all():
        logger.warning("the %s is not finite at the end: training.lr = %s is too large", called, lr)
    elif zero is not None and last.max() > zero:
        what = "the %s at the end, %.3g, is larger than that of an output of 0, %.3g: "
        logger.warning(what + "training.lr = %s may be too large, or the run too short", called, last.max(), zero, lr)

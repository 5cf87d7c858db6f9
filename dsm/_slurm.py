"""What Slurm says of the job that this process is in."""

import os
import re
import subprocess


def has_restarted() -> bool:
    """Whether Slurm has started the job of this process before."""
    return _restarts() > 0


def starts_again() -> bool:
    """Whether Slurm has put this job of a sweep back into its queue, as a preemption and `scontrol requeue` do.

    It counts a restart when it decides on one, before it ends the job. False where it is not known.
    """
    if os.environ.get("SUBMITIT_EXECUTOR") != "slurm":
        return False
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    job = os.environ.get("SLURM_JOB_ID", "") if array is None else f"{array}_{task}"
    try:
        words = ["scontrol", "show", "job", "--oneliner", job]
        said = subprocess.run(words, capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):
        return False
    counted = re.search(r"\bRestarts=(\d+)", said)
    return counted is not None and int(counted[1]) > _restarts()


def _restarts() -> int:
    told = os.environ.get("SLURM_RESTART_COUNT", "")
    return int(told) if told.isdigit() else 0

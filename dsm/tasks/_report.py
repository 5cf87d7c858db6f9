"""What a task tells its caller."""

from dataclasses import dataclass
from pathlib import Path

from dsm._results import Outcome


@dataclass(frozen=True)
class Report:
    """How a run ended.

    Attributes:
        outcome: finished, already finished or interrupted.
        path: the run directory.
        figures: files of its figures.
        value: one number for hyper-parameter sweepers (the final mean test error of a sampling run); None if
            interrupted.
    """

    outcome: Outcome
    path: Path
    figures: list[Path]
    value: float | None

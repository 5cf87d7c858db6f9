"""No tracker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsm.tracking._base import TRACKERS, AbstractTracker


@TRACKERS.register("none")
@dataclass
class NoTracker(AbstractTracker):
    """Nobody is told."""

    def check(self) -> None: ...

    def begin(self, path: Path, root: Path, experiment: str, settings: Mapping[str, Any]) -> None: ...

    def log(self, time: int, values: Mapping[str, float]) -> None: ...

    def end(self, outcome: str, files: Sequence[Path]) -> None: ...

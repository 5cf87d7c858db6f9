"""MLflow: a database beside the runs, or a server."""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dsm._errors import ConfigError
from dsm.tracking._base import TRACKERS, AbstractTracker

#: What MLflow calls the ends of a run.
STATUSES = {"done": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}
#: The most that MLflow takes at once, and letters of a setting.
BATCH, LETTERS = 100, 500
#: Where a run directory keeps which run of MLflow is its own.
NOTE = ".mlflow"


@TRACKERS.register("mlflow")
@dataclass
class MLflow(AbstractTracker):
    """Settings, curves, figures and the outcome go to MLflow. An interrupted run goes on in the same run of MLflow.

    Attributes:
        uri: of the tracking store; else what MLFLOW_TRACKING_URI says, or a database mlflow.db in the folder of the runs.
        experiment: name of the experiment there; else that of the run.
    """

    uri: str = ""
    experiment: str = ""
    _client: Any = field(default=None, init=False)
    _run: str = field(default="", init=False)

    def check(self) -> None:
        for package in ("mlflow", "sqlalchemy"):
            if find_spec(package) is None:
                raise ConfigError(f"name = mlflow: needs the package {package}: pip install 'dsm[mlflow]'")

    def begin(self, path: Path, root: Path, experiment: str, settings: Mapping[str, Any]) -> None:
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)  # else each new database is told in forty lines
        from mlflow.entities import Param
        from mlflow.tracking import MlflowClient

        own = not (self.uri or os.environ.get("MLFLOW_TRACKING_URI"))
        self._client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}" if own else self.uri or None)
        note = path / NOTE
        if note.exists():
            self._run = note.read_text().strip()
            self._client.update_run(self._run, status="RUNNING")
            return
        where = (root / "mlflow-artifacts").as_uri() if own else None
        named = self._client.get_experiment_by_name(self.experiment or experiment)
        number = named.experiment_id if named else self._client.create_experiment(self.experiment or experiment, where)
        label = f"{path.parent.name}/{path.name}"
        self._run = self._client.create_run(number, run_name=label, tags={"dsm.path": str(path)}).info.run_id
        told = [Param(key, str(value)[:LETTERS]) for key, value in settings.items()]
        for first in range(0, len(told), BATCH):
            self._client.log_batch(self._run, params=told[first : first + BATCH])
        note.write_text(self._run)

    def log(self, time: int, values: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        told = [Metric(name, float(value), 0, time) for name, value in values.items()]
        for first in range(0, len(told), BATCH):
            self._client.log_batch(self._run, metrics=told[first : first + BATCH])

    def end(self, outcome: str, files: Sequence[Path]) -> None:
        for file in files:
            self._client.log_artifact(self._run, str(file))
        self._client.set_terminated(self._run, STATUSES[outcome])

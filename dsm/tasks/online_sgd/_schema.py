"""Settings of online SGD of two-layer networks, `task=online_sgd`."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dsm._errors import ConfigError, require
from dsm.config._base import Config
from dsm.data import LAWS, AbstractLaw
from dsm.networks import ACTIVATIONS, AbstractActivation
from dsm.observables import check_quantities
from dsm.observables.two_layer import OBSERVABLES
from dsm.training import OVERLAP_STARTS
from dsm.training.starts.random import Random


@dataclass
class TwoLayerConfig:
    """Student of K = `students` and teacher of M = `teachers` units with N = `width` inputs.

    `outputs` and `teacher_outputs` are second-layer weights, a number for all units or a list.
    """

    width: int
    students: int
    teachers: int
    activation: str
    outputs: Any
    teacher_outputs: Any

    def check(self) -> None:
        require(self.width >= 1, "network.width", self.width, "at least 1")
        require(self.students >= 1, "network.students", self.students, "at least 1")
        require(self.teachers >= 1, "network.teachers", self.teachers, "at least 1")
        self.function()
        self.second_layers()

    def function(self) -> AbstractActivation:
        """The activation."""
        return ACTIVATIONS.plain(self.activation, "network.activation")

    def second_layers(self) -> tuple[np.ndarray, np.ndarray]:
        """v at t = 0 and vt.

        Raises:
            ConfigError: neither a number nor a list of one number a unit.
        """
        return _units("network.outputs", self.outputs, self.students), _units(
            "network.teacher_outputs", self.teacher_outputs, self.teachers
        )


@dataclass
class StreamConfig:
    """Inputs and labels: `samples` independent teachers, students and inputs (0: theory alone).

    With `patterns`, each sample has a training set of that size, seen epoch after epoch; null draws every input afresh.
    `test_patterns` fresh inputs measure the test error where it is no function of the order parameters.
    """

    law: dict[str, Any]
    noise: float
    patterns: int | None
    test_patterns: int
    samples: int

    def check(self) -> None:
        require(0 <= self.noise < math.inf, "data.noise", self.noise, "finite and not negative")
        require(self.patterns is None or self.patterns >= 1, "data.patterns", self.patterns, "null or at least 1")
        require(self.test_patterns >= 1, "data.test_patterns", self.test_patterns, "at least 1")
        require(self.samples >= 0, "data.samples", self.samples, "at least 0")


@dataclass
class TrainingConfig:
    """Learning rates, examples of a step, and how long (`time` = steps / N) from which `start`."""

    lr: float
    lr_second: float
    weight_decay: float
    batch: int
    time: float
    start: dict[str, Any]

    def check(self) -> None:
        for name in ("lr", "lr_second", "weight_decay"):
            value = getattr(self, name)
            require(0 <= value < math.inf, f"training.{name}", value, "finite and not negative")
        require(self.batch >= 1, "training.batch", self.batch, "at least 1")
        require(0 < self.time < math.inf, "training.time", self.time, "positive and finite")


@dataclass
class TimesConfig:
    """Records of `quantities` at t = 0, at `first` 10**(k / `per_decade`), and at the end; and what theory is asked for."""

    first: float
    per_decade: int
    theory: bool
    steady_state: bool
    quantities: list[str] = field(default_factory=lambda: ["Q", "R", "v", "test_error", "train_error"])

    def check(self) -> None:
        require(0 < self.first < math.inf, "observe.first", self.first, "positive and finite")
        require(self.per_decade >= 1, "observe.per_decade", self.per_decade, "at least 1")
        check_quantities(OBSERVABLES, self.quantities)


@dataclass
class OnlineSGDConfig(Config):
    """A run of two-layer students that learn online."""

    network: TwoLayerConfig
    data: StreamConfig
    training: TrainingConfig
    observe: TimesConfig

    def check(self) -> None:
        super().check()
        self.network.check()
        self.data.check()
        self.training.check()
        self.observe.check()
        network, law = self.network, self.input_law()
        start = OVERLAP_STARTS.build(self.training.start, "training.start")
        if law.gaussian_fields:
            units = network.students + network.teachers
            legal = f"at least network.students + network.teachers = {units}"
            require(network.width >= units, "network.width", network.width, legal)
            try:
                start.check(network.students, network.teachers)
            except ConfigError as error:
                raise ConfigError(f"training.start.{error}") from None
            chosen = network.outputs == 1
            legal = f"1, for training.start.name = {self.training.start['name']} chooses the second layer"
            require(chosen or not start.sets_outputs, "network.outputs", network.outputs, legal)
        else:
            name = self.training.start["name"]
            require(name == "random", "training.start.name", name, f"random with data.law = {self.data.law['name']}")
        patterns, batch = self.data.patterns, self.training.batch
        legal = f"null or a multiple of training.batch = {batch}"
        require(patterns is None or patterns % batch == 0, "data.patterns", patterns, legal)
        if not self.data.samples:
            require(self.observe.theory, "observe.theory", self.observe.theory, "true with data.samples = 0")
            require(law.gaussian_fields, "data.samples", 0, f"at least 1 with data.law = {self.data.law['name']}")
        if self.observe.steady_state:
            allowed = self.observe.theory and law.gaussian_fields
            legal = "false without observe.theory, and where fields are not Gaussian"
            require(allowed, "observe.steady_state", self.observe.steady_state, legal)
        most = 2**31 - 1
        legal = f"at most {most} / network.width"
        require(self.training.time * network.width <= most, "training.time", self.training.time, legal)

    def input_law(self) -> AbstractLaw:
        """The law of the inputs."""
        name = self.data.law.get("name")
        fixed = getattr(LAWS.get(name, "data.law.name"), "fixed_width", None) if name else None
        legal = f"{fixed} with data.law = {name}"
        require(fixed in (None, self.network.width), "network.width", self.network.width, legal)
        return LAWS.build(self.data.law, "data.law", width=self.network.width)

    def second_layers(self) -> tuple[np.ndarray, np.ndarray]:
        """v at t = 0, of the start where that chooses, and vt."""
        outputs, teacher_outputs = self.network.second_layers()
        return OVERLAP_STARTS.build(self.training.start, "training.start").outputs(
            outputs, teacher_outputs
        ), teacher_outputs

    def start_scale(self) -> float:
        """Standard deviation of the student's weights at a random start."""
        start = OVERLAP_STARTS.build(self.training.start, "training.start")
        assert isinstance(start, Random)
        return start.scale


def _units(key: str, value: Any, number: int) -> np.ndarray:
    listed = list(value) if isinstance(value, (list, tuple)) else [value] * number
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v) for v in listed)
    if not (numbers and len(listed) == number):
        raise ConfigError(f"{key} = {value}: must be a number, or a list of {number} numbers")
    return np.asarray(listed, np.float64)

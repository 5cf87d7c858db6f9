"""Settings of narrow networks, `task=narrow`."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dsm._errors import require
from dsm.config._base import Config
from dsm.data import OUTPUT_LOSSES, AbstractOutputLoss, NarrowLaw, pattern_number
from dsm.data._narrow_problem import LABELS, TEACHERS
from dsm.networks import ACTIVATIONS, SECOND_LAYERS, AbstractActivation, mean_of
from dsm.observables import check_quantities
from dsm.observables.narrow import OBSERVABLES
from dsm.theory.narrow import DRESSINGS
from dsm.training import DYNAMICS, NARROW_STARTS, AbstractDynamics

#: Means E g(z) below this count as zero.
ZERO_MEAN = 1e-4


@dataclass
class NarrowNetworkConfig:
    """Teacher and student: `width` inputs, `units` hidden units, a second layer that is `equal` or `balanced`."""

    width: int
    units: int
    activation: dict[str, Any]
    second_layer: str
    mean_subtraction: bool
    teacher: str

    def check(self) -> None:
        require(self.width >= 1, "network.width", self.width, "at least 1")
        require(self.units >= 1, "network.units", self.units, "at least 1")
        name, activation = self.activation.get("name"), self.function()
        legal = "an activation with a slope: learning follows gradients"
        require(activation.sloped, "network.activation.name", name, legal)
        legal = f"one of {', '.join(SECOND_LAYERS)}"
        require(self.second_layer in SECOND_LAYERS, "network.second_layer", self.second_layer, legal)
        if self.second_layer == "balanced":
            require(self.units % 2 == 0, "network.units", self.units, "even with network.second_layer = balanced")
        require(self.teacher in TEACHERS, "network.teacher", self.teacher, f"one of {', '.join(TEACHERS)}")
        if self.teacher == "orthonormal":
            legal = f"at most network.width = {self.width} with network.teacher = orthonormal"
            require(self.units <= self.width, "network.units", self.units, legal)

    def check_mean(self) -> None:
        """Refuse networks whose mean output grows as sqrt K. Not in `check`: it computes, and devices are set up later."""
        if self.second_layer == "equal" and not self.mean_subtraction:
            name = self.activation["name"]
            legal = f"balanced, or network.mean_subtraction true: the mean output of {name} units would grow as sqrt K"
            require(abs(mean_of(self.function())) < ZERO_MEAN, "network.second_layer", self.second_layer, legal)

    def function(self) -> AbstractActivation:
        """The activation."""
        return ACTIVATIONS.build(self.activation, "network.activation")

    def law(self) -> NarrowLaw:
        """How teachers are drawn."""
        return NarrowLaw(
            self.width, self.units, self.function(), self.second_layer, self.mean_subtraction, self.teacher
        )


@dataclass
class PatternsConfig:
    """P = floor(alpha N K) + 1 patterns of `samples` independent teachers; `alpha` is a number, or a list: nested sets.

    `noise` is the variance D of the noise on the teacher's outputs, of which classification takes the sign.
    """

    alpha: Any
    noise: float
    samples: int
    labels: str
    test_patterns: int

    @property
    def alphas(self) -> tuple[float, ...]:
        """Patterns for each weight."""
        return _numbers(self.alpha)

    @property
    def classifies(self) -> bool:
        """Labels are signs."""
        return self.labels == "classification"

    def check(self, network: NarrowNetworkConfig) -> None:
        _check_numbers("data.alpha", self.alpha, "finite and positive", lambda value: 0 < value < math.inf)
        for alpha in self.alphas:
            fits = pattern_number(alpha, network.width, network.units) < 2**31
            require(fits, "data.alpha", alpha, "such that there are less than 2**31 patterns")
        require(0 <= self.noise < math.inf, "data.noise", self.noise, "finite and not negative")
        require(self.samples >= 1, "data.samples", self.samples, "at least 1")
        require(self.labels in LABELS, "data.labels", self.labels, f"one of {', '.join(LABELS)}")
        require(self.test_patterns >= 2, "data.test_patterns", self.test_patterns, "at least 2")


@dataclass
class FullBatchConfig:
    """How students learn. `temperature` and `weight_decay` are numbers, or lists that are tried side by side."""

    loss: str
    dynamics: dict[str, Any]
    lr: float
    temperature: Any
    weight_decay: Any
    steps: int
    start: dict[str, Any]
    replicas: int
    normalise: bool

    @property
    def temperatures(self) -> tuple[float, ...]:
        """T."""
        return _numbers(self.temperature)

    @property
    def weight_decays(self) -> tuple[float, ...]:
        """lambda."""
        return _numbers(self.weight_decay)

    def check(self, data: PatternsConfig) -> None:
        loss, dynamics = self.criterion(), self.rule()
        if not data.classifies:
            require(not loss.classifies, "training.loss", self.loss, "square with data.labels = regression")
        require(0 < self.lr < math.inf, "training.lr", self.lr, "finite and positive")
        for key, value in (("temperature", self.temperature), ("weight_decay", self.weight_decay)):
            legal = "finite and not negative"
            _check_numbers(f"training.{key}", value, legal, lambda number: 0 <= number < math.inf)
        name = self.dynamics["name"]
        for temperature in self.temperatures:
            if dynamics.exact or loss.thermal:
                of = f"training.dynamics.name = {name}" if dynamics.exact else f"training.loss = {self.loss}"
                require(temperature > 0, "training.temperature", temperature, f"positive with {of}")
            elif not dynamics.thermal:
                legal = f"0 with training.dynamics.name = {name}, which adds no noise"
                require(temperature == 0, "training.temperature", temperature, legal)
        require(1 <= self.steps < 2**31, "training.steps", self.steps, "from 1 to 2**31 - 1")
        NARROW_STARTS.build(self.start, "training.start")
        require(self.replicas >= 1, "training.replicas", self.replicas, "at least 1")
        legal = f"false with training.dynamics.name = {name}, which needs weights that are free"
        require(not (self.normalise and dynamics.exact), "training.normalise", self.normalise, legal)

    def criterion(self) -> AbstractOutputLoss:
        """The loss of a pattern."""
        return OUTPUT_LOSSES.get(self.loss, "training.loss")()

    def rule(self) -> AbstractDynamics:
        """What moves a student."""
        return DYNAMICS.build(self.dynamics, "training.dynamics")


@dataclass
class StepsConfig:
    """Records of `quantities` at step 0, at those that `spacing` says (linear: multiples of `every`; log: `every`
    10**(k / `per_decade`)), and at the end; whether `theory` is put beside them, and with which `dressing` by terms in 1/K
    (see `dsm.theory.narrow_network`)."""

    every: int
    spacing: str
    per_decade: int
    theory: bool
    dressing: str
    quantities: list[str] = field(default_factory=list)

    def check(self, network: NarrowNetworkConfig) -> None:
        require(self.every >= 1, "observe.every", self.every, "at least 1 step")
        require(self.dressing in DRESSINGS, "observe.dressing", self.dressing, f"one of {', '.join(DRESSINGS)}")
        if self.dressing == "full":
            require(network.units >= 2, "network.units", network.units, "at least 2 with observe.dressing = full")
        require(self.spacing in ("linear", "log"), "observe.spacing", self.spacing, "one of linear, log")
        require(self.per_decade >= 1, "observe.per_decade", self.per_decade, "at least 1")
        check_quantities(OBSERVABLES, self.quantities)


@dataclass
class NarrowConfig(Config):
    """A run of narrow students that learn from teachers of their own size."""

    network: NarrowNetworkConfig
    data: PatternsConfig
    training: FullBatchConfig
    observe: StepsConfig

    def check(self) -> None:
        super().check()
        self.network.check()
        self.data.check(self.network)
        self.training.check(self.data)
        self.observe.check(self.network)


def _numbers(value: Any) -> tuple[float, ...]:
    return tuple(map(float, value)) if isinstance(value, (list, tuple)) else (float(value),)


def _check_numbers(key: str, value: Any, legal: str, fits: Callable[[float], bool]) -> None:
    """Refuse what is neither a number nor a list of different numbers, all of which fit."""
    listed = list(value) if isinstance(value, (list, tuple)) else [value]
    for entry in listed:
        number = isinstance(entry, (int, float)) and not isinstance(entry, bool)
        require(number and fits(entry), key, entry, f"a number, {legal}")
    require(0 < len(listed) == len(set(listed)), key, value, "a number or a list of different numbers")

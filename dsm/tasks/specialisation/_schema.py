"""Settings of specialisation in deep networks, `task=specialisation`."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

from dsm._errors import ConfigError, is_integer, require
from dsm.config._base import Config
from dsm.data import DATASETS, LOSSES, AbstractDataset, AbstractLoss, TeacherLaw
from dsm.networks import ACTIVATIONS, BATCH_NORMS, AbstractActivation, available_rows
from dsm.observables import check_quantities
from dsm.observables.deep_network import OBSERVABLES
from dsm.training import NETWORK_STARTS, OPTIMISERS, RATES


@dataclass
class DeepNetworkConfig:
    """Teacher of `teachers` hidden units a layer, a list or one number; students have `multi` times as many.

    Weights of the teacher are distinct rows of `values`, rows of hidden units have norm 1, and weights out of unit i are
    divided by i**decay; with a list of decays there is a teacher for each. `bias` null tunes the teacher so that each
    hidden unit is active on half of the test inputs; `standardised` scales its outputs to variance 1.
    """

    width: int
    teachers: Any
    multi: int
    outputs: int
    values: list[float]
    decay: Any
    bias: float | None
    standardised: bool
    activation: dict[str, Any]
    batch_norm: str

    @property
    def hidden(self) -> tuple[int, ...]:
        """Units of the teacher in each hidden layer."""
        return tuple(_listed(self.teachers))

    @property
    def decays(self) -> tuple[float, ...]:
        """Strength decays p."""
        return tuple(map(float, _listed(self.decay)))

    def check(self) -> None:
        require(self.width >= 1, "network.width", self.width, "at least 1")
        legal = "a number or a list of one number or more, each an integer >= 1"
        hidden = _listed(self.teachers)
        whole = all(is_integer(number) and number >= 1 for number in hidden)
        require(len(hidden) > 0 and whole, "network.teachers", self.teachers, legal)
        require(self.multi >= 1, "network.multi", self.multi, "at least 1")
        require(self.outputs >= 1, "network.outputs", self.outputs, "at least 1")
        finite = len(self.values) > 0 and all(map(math.isfinite, self.values))
        distinct = finite and len(set(self.values)) == len(self.values)
        legal = "a list of different finite numbers, not 0 alone"
        require(distinct and any(self.values), "network.values", self.values, legal)
        _check_numbers("network.decay", self.decay, "finite and not negative", lambda value: 0 <= value < math.inf)
        require(self.bias is None or math.isfinite(self.bias), "network.bias", self.bias, "null or finite")
        self.function()
        require(
            self.batch_norm in BATCH_NORMS, "network.batch_norm", self.batch_norm, f"one of {', '.join(BATCH_NORMS)}"
        )
        widths = self.width, *self.hidden, self.outputs
        for place, (columns, rows) in enumerate(zip(widths, widths[1:], strict=False)):
            key = "network.outputs" if place == len(hidden) else "network.teachers"
            there = available_rows(columns, self.values)
            legal = f"at most {there} in layer {place + 1}: so many distinct rows of {columns} network.values there are"
            require(rows <= there, key, rows, legal)

    def function(self) -> AbstractActivation:
        """The activation."""
        return ACTIVATIONS.build(self.activation, "network.activation")

    def law(self) -> TeacherLaw:
        """How teachers are drawn."""
        return TeacherLaw(
            widths=(self.width, *self.hidden, self.outputs),
            values=tuple(map(float, self.values)),
            activation=self.function(),
            batch_norm=self.batch_norm,
            bias=self.bias,
            standardised=self.standardised,
        )


@dataclass
class ExamplesConfig:
    """Inputs and targets of `samples` independent teachers and students ("seeds").

    `patterns` is the size of the training set; null draws every batch afresh. `labels` says who is learnt: the teacher, or
    the true classes of the dataset.
    """

    dataset: dict[str, Any]
    patterns: int | None
    test_patterns: int
    samples: int
    labels: str

    def check(self, network: DeepNetworkConfig) -> None:
        dataset = self.source(network)
        require(self.patterns is None or self.patterns >= 1, "data.patterns", self.patterns, "null or at least 1")
        require(self.test_patterns >= 2, "data.test_patterns", self.test_patterns, "at least 2")
        require(self.samples >= 1, "data.samples", self.samples, "at least 1")
        require(self.labels in ("teacher", "classes"), "data.labels", self.labels, "one of teacher, classes")
        if dataset.available < math.inf:
            name, there = self.dataset["name"], int(dataset.available)
            require(self.patterns is not None, "data.patterns", None, f"a number with data.dataset.name = {name}")
            assert self.patterns is not None
            legal = f"below {there}, the number of examples of {name}"
            require(self.test_patterns < there, "data.test_patterns", self.test_patterns, legal)
            left = there - self.test_patterns
            legal = f"at most {left}: of {there} examples data.test_patterns = {self.test_patterns} are for testing"
            require(self.patterns <= left, "data.patterns", self.patterns, legal)
        if self.labels == "classes":
            legal = f"teacher with data.dataset.name = {self.dataset['name']}, which has no true classes"
            require(dataset.classes > 0, "data.labels", self.labels, legal)
            legal = f"{dataset.classes} with data.labels = classes"
            require(network.outputs == dataset.classes, "network.outputs", network.outputs, legal)

    def source(self, network: DeepNetworkConfig) -> AbstractDataset:
        """Where inputs come from."""
        return DATASETS.build(self.dataset, "data.dataset", width=network.width)


@dataclass
class MinibatchConfig:
    """How students learn; `lr` is a number, or a list of them that are tried side by side.

    An epoch has `iterations` batches; null means as many as the training set fills.
    """

    loss: str
    optimiser: dict[str, Any]
    lr: Any
    rate: dict[str, Any]
    weight_decay: float
    batch: int
    replacement: bool
    iterations: int | None
    epochs: int
    frozen: list[int]
    start: dict[str, Any]

    @property
    def rates(self) -> tuple[float, ...]:
        """Learning rates at the beginning."""
        return tuple(map(float, _listed(self.lr)))

    def check(self, network: DeepNetworkConfig, data: ExamplesConfig) -> None:
        loss = self.criterion()
        if loss.classifies:
            legal = f"at least 2 with training.loss = {self.loss}"
            require(network.outputs >= 2, "network.outputs", network.outputs, legal)
        if data.labels == "classes":
            require(loss.classifies, "training.loss", self.loss, "cross_entropy with data.labels = classes")
        OPTIMISERS.build(self.optimiser, "training.optimiser")
        _check_numbers("training.lr", self.lr, "finite and not negative", lambda value: 0 <= value < math.inf)
        RATES.build(self.rate, "training.rate")
        legal = "finite and not negative"
        require(0 <= self.weight_decay < math.inf, "training.weight_decay", self.weight_decay, legal)
        require(self.batch >= 1, "training.batch", self.batch, "at least 1")
        require(self.iterations is None or self.iterations >= 1, "training.iterations", self.iterations, "null or >= 1")
        require(self.epochs >= 1, "training.epochs", self.epochs, "at least 1")
        if data.patterns is None:
            require(self.iterations is not None, "training.iterations", None, "a number with data.patterns = null")
        else:
            legal = (
                f"at most data.patterns = {data.patterns} without replacement, or to count the iterations of an epoch"
            )
            fits = self.batch <= data.patterns or (self.replacement and self.iterations is not None)
            require(fits, "training.batch", self.batch, legal)
            if not self.replacement:
                legal = f"null without replacement, where an epoch has {data.patterns // self.batch}"
                require(self.iterations is None, "training.iterations", self.iterations, legal)
        layers = len(network.hidden) + 1
        for layer in self.frozen:
            require(1 <= layer <= layers, "training.frozen", layer, f"a layer from 1 to {layers}, the readout")
        require(len(set(self.frozen)) < layers, "training.frozen", list(self.frozen), "less than all layers")
        start = NETWORK_STARTS.build(self.start, "training.start")
        try:
            start.check(network.multi)
        except ConfigError as error:
            raise ConfigError(f"training.start.{error}") from None
        most, steps = 2**31 - 1, self.per_epoch(data)
        legal = f"at most {most // steps} with {steps} iterations an epoch"
        require(self.epochs * steps <= most, "training.epochs", self.epochs, legal)

    def criterion(self) -> AbstractLoss:
        """What training minimises."""
        return LOSSES.get(self.loss, "training.loss")()

    def per_epoch(self, data: ExamplesConfig) -> int:
        """Steps an epoch."""
        if self.iterations is not None:
            return self.iterations
        assert data.patterns is not None
        return data.patterns // self.batch


@dataclass
class EpochsConfig:
    """Records of `quantities` at epoch 0, at those that `spacing` says (linear: multiples of `every`; log: `every`
    10**(k / `per_decade`)), and at the end. At most `patterns` test and training inputs are looked at; null: all."""

    every: int
    spacing: str
    per_decade: int
    patterns: int | None
    quantities: list[str] = field(default_factory=list)

    def check(self) -> None:
        require(self.every >= 1, "observe.every", self.every, "at least 1 epoch")
        require(self.spacing in ("linear", "log"), "observe.spacing", self.spacing, "one of linear, log")
        require(self.per_decade >= 1, "observe.per_decade", self.per_decade, "at least 1")
        require(self.patterns is None or self.patterns >= 2, "observe.patterns", self.patterns, "null or at least 2")
        check_quantities(OBSERVABLES, self.quantities)


@dataclass
class SpecialisationConfig(Config):
    """A run of deep students that learn from a teacher with fewer units."""

    network: DeepNetworkConfig
    data: ExamplesConfig
    training: MinibatchConfig
    observe: EpochsConfig

    def completed(self) -> "SpecialisationConfig":
        """The number of inputs follows the dataset where this prescribes it."""
        dataset = DATASETS.get(self.data.dataset.get("name", ""), "data.dataset.name")
        width = dataset.fixed_width or self.network.width  # type: ignore[attr-defined]
        return replace(self, network=replace(self.network, width=width))

    def check(self) -> None:
        super().check()
        self.network.check()
        self.data.check(self.network)
        self.training.check(self.network, self.data)
        self.observe.check()


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _check_numbers(key: str, value: Any, legal: str, fits: Any) -> None:
    """Refuse what is neither a number nor a list of different numbers, all of which fit."""
    listed = _listed(value)
    for entry in listed:
        number = isinstance(entry, (int, float)) and not isinstance(entry, bool)
        require(number and fits(entry), key, entry, f"a number, {legal}")
    require(0 < len(listed) == len(set(listed)), key, value, "a number or a list of different numbers")

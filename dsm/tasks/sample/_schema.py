"""Settings of the main job, `task=sample`."""

import math
from dataclasses import dataclass, replace
from typing import Any

from dsm._errors import ConfigError, require
from dsm.config._base import Config
from dsm.data import INPUTS, training_patterns
from dsm.networks import PRIORS, make_prior
from dsm.observables import check_quantities
from dsm.observables.sign_network import OBSERVABLES
from dsm.samplers import MOVES, SCHEDULES, STUDENT_STARTS, Workload, choose_chain, choose_products


@dataclass
class NetworkConfig:
    """Shape and weights of teacher and students; `fan_in` null means `width`."""

    width: int
    depth: int
    fan_in: int | None
    wiring: str
    weights: str

    @property
    def inputs_per_unit(self) -> int:
        """c."""
        return self.width if self.fan_in is None else self.fan_in

    def check(self) -> None:
        require(self.width >= 1, "network.width", self.width, "at least 1")
        require(self.depth >= 1, "network.depth", self.depth, "at least 1")
        require(self.wiring in ("dense", "random"), "network.wiring", self.wiring, "one of dense, random")
        make_prior(self.weights)
        c = self.inputs_per_unit
        require(1 <= c <= self.width, "network.fan_in", c, f"from 1 to network.width = {self.width}")
        if self.wiring == "dense":
            require(c == self.width, "network.fan_in", c, f"null or network.width = {self.width} with dense wiring")


@dataclass
class DataConfig:
    """Disorder: `samples` teachers, each with M = round(alpha c) training and `test_patterns` fresh patterns.

    Training labels are flipped with probability 1/(1 + exp(`label_beta`)). With `max_alpha` there is room for
    round(max_alpha c) training patterns, so that runs of all alphas up to it share one compiled program.
    """

    inputs: dict[str, Any]
    alpha: float
    samples: int
    test_patterns: int
    label_beta: float
    max_alpha: float | None = None

    @property
    def widest(self) -> float:
        """The alpha that arrays have room for."""
        return self.alpha if self.max_alpha is None else self.max_alpha

    def check(self, network: NetworkConfig) -> None:
        require(0 < self.alpha < math.inf, "data.alpha", self.alpha, "positive and finite")
        legal = f"null or finite, and at least data.alpha = {self.alpha}"
        require(self.alpha <= self.widest < math.inf, "data.max_alpha", self.max_alpha, legal)
        try:
            training_patterns(self.alpha, network.inputs_per_unit)
        except ConfigError as error:
            raise ConfigError(f"data.{error}") from None
        patterns = training_patterns(self.widest, network.inputs_per_unit)
        require(self.samples >= 1, "data.samples", self.samples, "at least 1")
        require(self.test_patterns >= 1, "data.test_patterns", self.test_patterns, "at least 1")
        legal = "at least 0, or .inf for labels without noise"
        require(self.label_beta >= 0, "data.label_beta", self.label_beta, legal)
        inputs = INPUTS.build(self.inputs, "data.inputs", width=network.width)
        left = inputs.available - patterns
        legal = f"at most {left}: of {inputs.available} patterns M = {patterns} are for training"
        require(self.test_patterns <= left, "data.test_patterns", self.test_patterns, legal)


@dataclass
class SamplerConfig:
    """Students: `replicas` a sample and beta, moved for `sweeps` sweeps; `beta` is a number, inf, or a rising list.

    With `exchange`, neighbours on the list of betas attempt to swap after every so many sweeps. No result depends on
    `kernel`, the chain stage, and `products`, those of the field stage.
    """

    move: dict[str, Any]
    inner: int
    beta: Any
    exchange: int | None
    schedule: dict[str, Any]
    start: str
    sweeps: int
    replicas: int
    kernel: str = "auto"
    products: str = "auto"

    @property
    def betas(self) -> tuple[float, ...]:
        """The inverse temperatures, ascending."""
        listed = self.beta if isinstance(self.beta, (list, tuple)) else [self.beta]
        return tuple(float(beta) for beta in listed)

    def check(self, network: NetworkConfig, data: DataConfig) -> None:
        listed = self.beta if isinstance(self.beta, (list, tuple)) else [self.beta]
        require(len(listed) > 0, "sampler.beta", self.beta, "a number or a list of numbers")
        for beta in listed:
            number = isinstance(beta, (int, float)) and not isinstance(beta, bool)
            require(number and beta >= 0, "sampler.beta", beta, "a number >= 0 (inf is greedy)")
        rising = all(a < b for a, b in zip(self.betas, self.betas[1:], strict=False))
        require(rising, "sampler.beta", list(self.betas), "strictly increasing")
        move = MOVES.build(self.move, "sampler.move")
        prior = make_prior(network.weights)
        if move.continuous != prior.continuous:
            legal = [name for name in MOVES.names if MOVES.get(name).continuous == prior.continuous]  # type: ignore[attr-defined]
            fitting = f"one of {', '.join(legal)} with network.weights = {network.weights}"
            others = [name for name in PRIORS.names if make_prior(name).continuous == move.continuous]
            own = f"{self.move['name']} goes with network.weights={' or '.join(others)}"
            require(False, "sampler.move.name", self.move["name"], f"{fitting}; {own}")
        if move.keeps_energy:
            why = f"with sampler.move.name = {self.move['name']}, which keeps the energy"
            require(self.start == "planted", "sampler.start", self.start, f"planted {why}")
            require(self.betas == (math.inf,), "sampler.beta", self.beta, f"inf {why}")
            # With label noise the teacher has E > 0, and chains would keep that energy.
            require(data.label_beta == math.inf, "data.label_beta", data.label_beta, f"inf {why}")
        schedule = SCHEDULES.build(self.schedule, "sampler.schedule")
        if schedule.needs_finite:
            for beta in self.betas:
                finite = f"positive and finite with sampler.schedule.name = {self.schedule['name']}"
                require(0 < beta < math.inf, "sampler.beta", beta, finite)
        if self.exchange is not None:
            require(self.exchange >= 1, "sampler.exchange", self.exchange, "null or at least 1 sweep")
            ladder = "a list of two or more numbers with sampler.exchange"
            require(len(self.betas) > 1, "sampler.beta", self.beta, ladder)
            constant = "constant with sampler.exchange"
            require(self.schedule["name"] == "constant", "sampler.schedule.name", self.schedule["name"], constant)
        require(self.inner >= 1, "sampler.inner", self.inner, "at least 1")
        STUDENT_STARTS.get(self.start, "sampler.start")
        require(self.sweeps >= 1, "sampler.sweeps", self.sweeps, "at least 1")
        require(self.replicas >= 1, "sampler.replicas", self.replicas, "at least 1")
        patterns = training_patterns(data.alpha, network.inputs_per_unit)
        choose_chain(self.kernel, Workload(move, network.width, patterns))
        choose_products(self.products, move)


@dataclass
class ObserveConfig:
    """What is recorded and when; see conf/observe/default.yaml."""

    every: int
    spacing: str
    per_decade: int
    quantities: list[str]
    references: list[int]
    burn_in: int | None
    independent: int
    theory: bool = True

    def check(self, sampler: SamplerConfig) -> None:
        require(self.every >= 1, "observe.every", self.every, "at least 1 sweep")
        require(self.spacing in ("linear", "log"), "observe.spacing", self.spacing, "one of linear, log")
        require(self.per_decade >= 1, "observe.per_decade", self.per_decade, "at least 1")
        check_quantities(OBSERVABLES, self.quantities)
        references = self.references
        for reference in references:
            legal = f"a sweep from 0 to sampler.sweeps = {sampler.sweeps}"
            require(0 <= reference <= sampler.sweeps, "observe.references", reference, legal)
        rising = all(a < b for a, b in zip(references, references[1:], strict=False))
        require(rising, "observe.references", references, "strictly increasing")
        if self.burn_in is not None:
            legal = f"null or a sweep from 0 to sampler.sweeps = {sampler.sweeps}"
            require(0 <= self.burn_in <= sampler.sweeps, "observe.burn_in", self.burn_in, legal)
            # Effective sample size and R-hat are of equally spaced records.
            legal = f"linear with observe.burn_in = {self.burn_in}"
            require(self.spacing == "linear", "observe.spacing", self.spacing, legal)
        require(self.independent >= 1, "observe.independent", self.independent, "at least 1")


@dataclass
class SampleConfig(Config):
    """A run of students of deep sign perceptrons."""

    network: NetworkConfig
    data: DataConfig
    sampler: SamplerConfig
    observe: ObserveConfig

    def completed(self) -> "SampleConfig":
        """The network's width follows the inputs where these prescribe it."""
        inputs = INPUTS.get(self.data.inputs.get("name", ""), "data.inputs.name")
        width = inputs.fixed_width or self.network.width  # type: ignore[attr-defined]
        return replace(self, network=replace(self.network, width=width))

    def check(self) -> None:
        super().check()
        self.network.check()
        self.data.check(self.network)
        self.sampler.check(self.network, self.data)
        self.observe.check(self.sampler)

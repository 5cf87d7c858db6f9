"""The configuration: its schema, its ranges, and how it is composed.

Types and ranges are checked here, once, before anything is compiled or written. Replaceable parts (input ensemble, move,
schedule) are nodes with a `name`; their other entries are the fields of the part, checked by the part itself.
"""

import dataclasses
import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dsm._errors import ConfigError, is_integer, require
from dsm.data import INPUTS, training_patterns
from dsm.networks import PRIORS
from dsm.observables import OBSERVABLES
from dsm.samplers import MOVES, SCHEDULES, STARTS


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
        PRIORS.get(self.weights, "network.weights")
        c = self.inputs_per_unit
        require(1 <= c <= self.width, "network.fan_in", c, f"from 1 to network.width = {self.width}")
        if self.wiring == "dense":
            require(c == self.width, "network.fan_in", c, f"null or network.width = {self.width} with dense wiring")


@dataclass
class DataConfig:
    """Disorder: `samples` teachers, each with M = round(alpha c) training and `test_patterns` fresh patterns.

    Training labels are turned over with probability 1/(1 + exp(`label_beta`)).
    """

    inputs: dict[str, Any]
    alpha: float
    samples: int
    test_patterns: int
    label_beta: float

    def check(self, network: NetworkConfig) -> None:
        require(0 < self.alpha < math.inf, "data.alpha", self.alpha, "positive and finite")
        try:
            patterns = training_patterns(self.alpha, network.inputs_per_unit)
        except ConfigError as error:
            raise ConfigError(f"data.{error}") from None
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

    With `exchange`, neighbours on the list of betas attempt to swap after every so many sweeps.
    """

    move: dict[str, Any]
    inner: int
    beta: Any
    exchange: int | None
    schedule: dict[str, Any]
    start: str
    sweeps: int
    replicas: int

    @property
    def betas(self) -> tuple[float, ...]:
        """The inverse temperatures, ascending."""
        listed = self.beta if isinstance(self.beta, (list, tuple)) else [self.beta]
        return tuple(float(beta) for beta in listed)

    def check(self, network: NetworkConfig) -> None:
        listed = self.beta if isinstance(self.beta, (list, tuple)) else [self.beta]
        require(len(listed) > 0, "sampler.beta", self.beta, "a number or a list of numbers")
        for beta in listed:
            number = isinstance(beta, (int, float)) and not isinstance(beta, bool)
            require(number and beta >= 0, "sampler.beta", beta, "a number >= 0 (inf is greedy)")
        rising = all(a < b for a, b in zip(self.betas, self.betas[1:], strict=False))
        require(rising, "sampler.beta", list(self.betas), "strictly increasing")
        move = MOVES.build(self.move, "sampler.move")
        prior = PRIORS.get(network.weights)()
        legal = [name for name in MOVES.names if MOVES.get(name).continuous == prior.continuous]  # type: ignore[attr-defined]
        require(
            move.continuous == prior.continuous,
            "sampler.move.name",
            self.move["name"],
            f"one of {', '.join(legal)} with network.weights = {network.weights}",
        )
        if move.keeps_energy:
            why = f"with sampler.move.name = {self.move['name']}, which keeps the energy"
            require(self.start == "planted", "sampler.start", self.start, f"planted {why}")
            require(self.betas == (math.inf,), "sampler.beta", self.beta, f"inf {why}")
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
        require(self.start in STARTS, "sampler.start", self.start, f"one of {', '.join(STARTS)}")
        require(self.sweeps >= 1, "sampler.sweeps", self.sweeps, "at least 1")
        require(self.replicas >= 1, "sampler.replicas", self.replicas, "at least 1")


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

    def check(self, sampler: SamplerConfig) -> None:
        require(self.every >= 1, "observe.every", self.every, "at least 1 sweep")
        require(self.spacing in ("linear", "log"), "observe.spacing", self.spacing, "one of linear, log")
        require(self.per_decade >= 1, "observe.per_decade", self.per_decade, "at least 1")
        for name in self.quantities:
            OBSERVABLES.get(name, "observe.quantities")
        unique = len(set(self.quantities)) == len(self.quantities)
        require(unique, "observe.quantities", self.quantities, "without repetition")
        references = self.references
        for reference in references:
            legal = f"a sweep from 0 to sampler.sweeps = {sampler.sweeps}"
            require(0 <= reference <= sampler.sweeps, "observe.references", reference, legal)
        rising = all(a < b for a, b in zip(references, references[1:], strict=False))
        require(rising, "observe.references", references, "strictly increasing")
        if self.burn_in is not None:
            legal = f"null or a sweep from 0 to sampler.sweeps = {sampler.sweeps}"
            require(0 <= self.burn_in <= sampler.sweeps, "observe.burn_in", self.burn_in, legal)
        require(self.independent >= 1, "observe.independent", self.independent, "at least 1")


@dataclass
class RunConfig:
    """How and where a run is carried out. Nothing here changes its results; see conf/run/default.yaml."""

    root: str
    dir: str | None
    resume: str
    devices: int | None
    checkpoint_minutes: float
    keep: int
    chunk_seconds: float
    memory_gib: float | None
    progress: str
    figures: bool
    compilation_cache: str | None

    def check(self) -> None:
        require(self.resume in ("auto", "never"), "run.resume", self.resume, "one of auto, never")
        require(self.devices is None or self.devices >= 1, "run.devices", self.devices, "null or at least 1")
        require(self.checkpoint_minutes >= 0, "run.checkpoint_minutes", self.checkpoint_minutes, "not negative")
        require(self.keep >= 2, "run.keep", self.keep, "at least 2: one to fall back to")
        require(self.chunk_seconds > 0, "run.chunk_seconds", self.chunk_seconds, "positive")
        legal = "null or positive"
        require(self.memory_gib is None or self.memory_gib > 0, "run.memory_gib", self.memory_gib, legal)
        require(
            self.progress in ("auto", "bar", "lines", "none"),
            "run.progress",
            self.progress,
            "one of auto, bar, lines, none",
        )


@dataclass
class Config:
    """A whole run."""

    task: str
    experiment: str
    seed: int
    network: NetworkConfig
    data: DataConfig
    sampler: SamplerConfig
    observe: ObserveConfig
    run: RunConfig
    plugins: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Check all ranges.

        Raises:
            ConfigError: naming the key, its value and what is legal.
        """
        require(is_integer(self.seed) and 0 <= self.seed < 2**32, "seed", self.seed, "an integer from 0 to 2**32 - 1")
        self.network.check()
        self.data.check(self.network)
        self.sampler.check(self.network)
        self.observe.check(self.sampler)
        self.run.check()

    def identity(self) -> dict[str, Any]:
        """All settings that the results depend on, by dotted key."""
        settings = dataclasses.asdict(self)
        del settings["run"], settings["plugins"]
        return flatten(settings)


def flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as a flat mapping from dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def folder() -> Path:
    """The folder conf/: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def load(composed: DictConfig, experiment: str) -> Config:
    """Turn what Hydra composed into a checked `Config`.

    Raises:
        ConfigError: a wrong type, an unknown key or an illegal value.
    """
    for module in composed.get("plugins", []):
        importlib.import_module(module)  # may register parts, before their names are looked up
    settings = OmegaConf.create({"experiment": experiment})
    try:
        merged = OmegaConf.merge(OmegaConf.structured(Config), composed, settings)
        config = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        key = error.full_key or "configuration"
        value = OmegaConf.select(composed, error.full_key, default="?") if error.full_key else "?"
        wanted = getattr(error.ref_type, "__name__", None) or "the type of conf/"
        reason = str(error).splitlines()[0]
        kind = {"int": "an integer", "float": "a number", "bool": "true or false"}.get(_wanted(reason), wanted)
        raise ConfigError(f"{key} = {value}: must be {kind} ({reason})") from None
    assert isinstance(config, Config)
    config.network.width = _width_for(config)
    config.check()
    return config


def _width_for(config: Config) -> int:
    """The network's width, which follows the inputs where these prescribe it."""
    inputs = INPUTS.get(config.data.inputs.get("name", ""), "data.inputs.name")
    return inputs.fixed_width or config.network.width  # type: ignore[attr-defined]


def _wanted(reason: str) -> str:
    words = {"Integer": "int", "Float": "float", "boolean": "bool", "Boolean": "bool"}
    return next((kind for word, kind in words.items() if word in reason), "")


def compose(overrides: Sequence[str] = ()) -> Config:
    """Compose and check a configuration as the command line does, e.g. `compose(["experiment=quickstart", "seed=1"])`.

    Raises:
        ConfigError: an illegal override or value.
    """
    # Inside `dsm` Hydra is at work already; composing needs a moment of its own.
    running = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(folder()), version_base="1.3"):
            composed = hydra_compose("config", overrides=list(overrides), return_hydra_config=True)
    except HydraException as error:
        raise ConfigError(str(error)) from None
    finally:
        GlobalHydra.instance().hydra = running
    experiment = composed.hydra.runtime.choices.get("experiment") or "custom"
    OmegaConf.set_struct(composed, False)
    del composed["hydra"]
    return load(composed, experiment)


def changes(config: Config) -> dict[str, Any]:
    """Settings in which `config` differs from its experiment's own, by dotted key; a function of the configuration
    alone, however it was spelt on the command line. The seed is left out."""
    name = config.experiment
    base = compose([] if name == "custom" else [f"experiment={name}"]).identity()
    own = config.identity()
    different = {key: own.get(key) for key in sorted(own | base) if own.get(key) != base.get(key)}
    different.pop("seed", None)
    return different

"""What the settings of every task have in common."""

import dataclasses
import typing
from dataclasses import dataclass
from typing import Any

from dsm._errors import ConfigError, is_integer, require
from dsm.tracking import TRACKERS


@dataclass
class HostsConfig:
    """One run over several processes: one a host or one an accelerator. Nothing is needed under Slurm.

    Attributes:
        coordinator: "host:port" where process 0 is; null: JAX_COORDINATOR_ADDRESS, or what Slurm says.
        processes: how many there are; null: JAX_NUM_PROCESSES, or what Slurm says.
        process: index of this one; null: JAX_PROCESS_ID, or what Slurm says.
        timeout: seconds within which all have to come.
    """

    coordinator: str | None = None
    processes: int | None = None
    process: int | None = None
    timeout: float = 120

    def check(self) -> None:
        """See `Config.check`; the rest depends on the environment and is checked when a run begins."""
        require(self.timeout > 0, "run.hosts.timeout", self.timeout, "positive")


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
    block: int | None = None
    report: bool = False
    tracker: dict[str, Any] = dataclasses.field(default_factory=lambda: {"name": "none"})
    hosts: HostsConfig = dataclasses.field(default_factory=HostsConfig)
    searchpath: list[str] = dataclasses.field(default_factory=list)

    def check(self) -> None:
        self.hosts.check()
        require(self.resume in ("auto", "never"), "run.resume", self.resume, "one of auto, never")
        require(self.devices is None or self.devices >= 1, "run.devices", self.devices, "null or at least 1")
        require(self.checkpoint_minutes >= 0, "run.checkpoint_minutes", self.checkpoint_minutes, "not negative")
        require(self.keep >= 2, "run.keep", self.keep, "at least 2: one to fall back to")
        require(self.chunk_seconds > 0, "run.chunk_seconds", self.chunk_seconds, "positive")
        require(self.block is None or self.block >= 1, "run.block", self.block, "null or at least 1 chain")
        legal = "null or positive"
        require(self.memory_gib is None or self.memory_gib > 0, "run.memory_gib", self.memory_gib, legal)
        require(
            self.progress in ("auto", "bar", "lines", "none"),
            "run.progress",
            self.progress,
            "one of auto, bar, lines, none",
        )
        try:
            TRACKERS.build(self.tracker, "run.tracker").check()
        except ConfigError as error:
            raise error if str(error).startswith("run.") else ConfigError(f"run.tracker.{error}") from None


#: Sections and settings, by dotted key, that say how a run is carried out: no result depends on them.
MANNER = ("run", "plugins", "sampler.kernel", "sampler.products")
#: The section of a configuration that says of what source plugins and parts were.
SOURCES = "sources"


@dataclass
class Config:
    """A whole run. Each task adds its own sections in a subclass.

    `plugins` are modules that are imported first; `sources` are digests of their sources, by module, and of those of parts
    that are neither from there nor dsm's own. Nobody chooses these, but they are part of what a run is.
    """

    task: str
    experiment: str
    seed: int
    plugins: list[str]
    run: RunConfig
    sources: dict[str, str] = dataclasses.field(default_factory=dict, kw_only=True)

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Settings that have a value where none is given, by dotted key: those that are younger than stored runs."""
        return lasting(_defaults(cls))

    def completed(self) -> "Config":
        """A copy with the settings that follow from others; itself where there are none."""
        return self

    def check(self) -> None:
        """Check all ranges; changes nothing.

        Raises:
            ConfigError: naming the key, its value and what is legal.
        """
        require(is_integer(self.seed) and 0 <= self.seed < 2**32, "seed", self.seed, "an integer from 0 to 2**32 - 1")
        self.run.check()

    def identity(self) -> dict[str, Any]:
        """All settings that the results depend on, by dotted key."""
        return lasting(dataclasses.asdict(self))


def lasting(settings: dict[str, Any]) -> dict[str, Any]:
    """Of all settings those that results depend on, by dotted key."""
    carried_out = tuple(f"{key}." for key in MANNER)
    return {key: value for key, value in flatten(settings).items() if not f"{key}.".startswith(carried_out)}


def flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as a flat mapping from dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def _defaults(schema: type) -> dict[str, Any]:
    kinds = typing.get_type_hints(schema)
    found: dict[str, Any] = {}
    for field in dataclasses.fields(schema):
        if field.default is not dataclasses.MISSING:
            found |= _plain(field.name, field.default)
        elif field.default_factory is not dataclasses.MISSING:
            found |= _plain(field.name, field.default_factory())
        elif dataclasses.is_dataclass(kinds[field.name]):
            found |= flatten({field.name: _defaults(kinds[field.name])})
    return found


def _plain(name: str, value: Any) -> dict[str, Any]:
    section = dataclasses.is_dataclass(value) and not isinstance(value, type)
    return flatten({name: dataclasses.asdict(value) if section else value})

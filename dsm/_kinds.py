"""What can be chosen by name: the kinds of parts, where each is set, and what a part says of itself."""

import dataclasses
import importlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dsm._registry import Registry


@dataclass(frozen=True)
class Place:
    """Where parts of a kind are chosen.

    Attributes:
        registry: where they are filed, as in "samplers.MOVES"; imported when it is looked at.
        how: what chooses one, as in "sampler.move.name=NAME".
        given: fields of the parts that are no options, for they follow from other settings.
    """

    registry: str
    how: str
    given: tuple[str, ...] = ()

    def parts(self) -> Registry[Any]:
        """The registry itself."""
        module, _, name = self.registry.rpartition(".")
        return getattr(importlib.import_module(f"dsm.{module}"), name)

    def options(self, part: Any) -> list[str]:
        """The options of a part that can be chosen there; none where a setting is a name alone."""
        chosen = ".name=" in self.how or self.how.startswith("theory.")
        return [*_options(part, self.given)] if chosen else []


@dataclass(frozen=True)
class Kind:
    """A kind of parts: what they are, in a few words, and where they are chosen."""

    about: str
    places: tuple[Place, ...]


#: Kinds of parts by the word that lists them.
KINDS = {
    "observables": Kind(
        "what is measured of machines, or of pairs of them",
        (
            Place("observables.sign_network.OBSERVABLES", "observe.quantities=[NAME,...] with task=sample"),
            Place("observables.two_layer.OBSERVABLES", "observe.quantities=[NAME,...] with task=online_sgd"),
            Place("observables.deep_network.OBSERVABLES", "observe.quantities=[NAME,...] with task=specialisation"),
            Place("observables.narrow.OBSERVABLES", "observe.quantities=[NAME,...] with task=narrow"),
        ),
    ),
    "moves": Kind("how Monte Carlo changes a weight", (Place("samplers.MOVES", "sampler.move.name=NAME"),)),
    "trackers": Kind("services that are told of a run", (Place("tracking.TRACKERS", "run.tracker.name=NAME"),)),
    "schedules": Kind("how beta reaches its value", (Place("samplers.SCHEDULES", "sampler.schedule.name=NAME"),)),
    "weights": Kind(
        "what weights of sign perceptrons are drawn from", (Place("networks.PRIORS", "network.weights=NAME"),)
    ),
    "activations": Kind(
        "what a unit makes of its field",
        (
            Place(
                "networks.ACTIVATIONS",
                "network.activation=NAME with task=online_sgd, else network.activation.name=NAME",
            ),
        ),
    ),
    "inputs": Kind("ensembles of inputs that are signs", (Place("data.INPUTS", "data.inputs.name=NAME", ("width",)),)),
    "laws": Kind("laws of real inputs", (Place("data.LAWS", "data.law.name=NAME", ("width",)),)),
    "datasets": Kind("training sets of deep networks", (Place("data.DATASETS", "data.dataset.name=NAME", ("width",)),)),
    "losses": Kind(
        "what training lowers",
        (
            Place("data.LOSSES", "training.loss=NAME with task=specialisation"),
            Place("data.OUTPUT_LOSSES", "training.loss=NAME with task=narrow"),
        ),
    ),
    "optimisers": Kind(
        "what a step of training makes of a gradient",
        (
            Place(
                "training.OPTIMISERS",
                "training.optimiser.name=NAME; of narrow networks training.dynamics.optimiser.name=NAME",
            ),
        ),
    ),
    "rates": Kind("how the learning rate changes", (Place("training.RATES", "training.rate.name=NAME"),)),
    "dynamics": Kind(
        "how narrow networks learn from all patterns", (Place("training.DYNAMICS", "training.dynamics.name=NAME"),)
    ),
    "starts": Kind(
        "where students begin",
        (
            Place("samplers.STUDENT_STARTS", "sampler.start=NAME with task=sample"),
            Place("training.OVERLAP_STARTS", "training.start.name=NAME with task=online_sgd"),
            Place("training.NETWORK_STARTS", "training.start.name=NAME with task=specialisation"),
            Place("training.NARROW_STARTS", "training.start.name=NAME with task=narrow"),
        ),
    ),
    "closures": Kind(
        "closures of the replica theory of deep machines",
        (Place("theory.CLOSURES", "theory.deep_student_machine(closure=NAME)", ("label_correlation",)),),
    ),
    "channels": Kind(
        "what the theory needs to know of priors and losses",
        (
            Place("theory.weight_channels.WEIGHT_CHANNELS", "theory.deep_student_machine(weights=NAME)"),
            Place("theory.output_channels.OUTPUT_CHANNELS", "theory.narrow, loss=NAME"),
        ),
    ),
    "kernels": Kind(
        "implementations of the sampler's stages, which differ in speed alone",
        (
            Place("samplers.CHAINS", "sampler.kernel=NAME", ("interpret",)),
            Place("samplers.PRODUCTS", "sampler.products=NAME"),
        ),
    ),
}


def summary(text: str | None) -> str:
    """The first sentence of a docstring."""
    words = inspect.cleandoc(text or "").split("\n\n")[0].split()
    for number, word in enumerate(words, 1):
        sentence = " ".join(words[:number])
        closed = all(sentence.count(left) <= sentence.count(right) for left, right in ("()", "[]"))
        if closed and re.search(r"[.]['\")]*$", word) and not word.endswith("..."):
            return sentence
    return " ".join(words)


def summary_of(part: Any) -> str:
    """What a part is, by its own docstring; "" if it has none. Dataclasses get one of their fields, which says nothing."""
    text = part.__doc__ or ""
    return "" if text.startswith(f"{part.__name__}(") else summary(text)


def _options(part: Any, given: tuple[str, ...] = ()) -> Iterator[str]:
    """The options of a part with their defaults, as in "step_std=0.3"; "width=..." must be set."""
    for field in dataclasses.fields(part) if dataclasses.is_dataclass(part) else ():
        if field.init and field.name not in given:
            yield f"{field.name}={_default(field)}"


def _default(field: dataclasses.Field) -> str:
    if field.default is not dataclasses.MISSING:
        return spelt(field.default)
    return "..." if field.default_factory is dataclasses.MISSING else spelt(field.default_factory())


def spelt(value: Any) -> str:
    """A value as on the command line."""
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(spelt, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{spelt(own)}" for key, own in value.items()) + "}"
    if dataclasses.is_dataclass(value):
        return type(value).__name__.lower()  # a part, which most often is called as its class
    return str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)

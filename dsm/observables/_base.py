"""What an observable is, and how several are taken of one machine and those that it is compared with.

An observable is a function of snapshots: what there is to know of a machine on the data of its problem. Each kind of
machine has its own snapshot and its own registry (`dsm.observables.sign_network`, `dsm.observables.two_layer`). A quantity
of one machine sees one snapshot, a quantity of a pair sees two.
"""

import abc
import functools
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PyTree

from dsm._errors import require
from dsm._parts import blamed, is_own, name_of
from dsm._registry import Registry
from dsm._system import Record
from dsm._variables import Coordinate, Variable
from dsm.observables._checks import KEY, check_description, refuse, taken

#: Pairs of machines that are compared, in words.
PAIRS = {
    "teacher": "teacher and student",
    "student": "two students of one teacher",
    "past": "a student and its past at sweep `reference`",
    "baseline": "teacher and independent machine",
}
#: Machines by themselves.
MACHINES = {"student": "student", "teacher": "teacher", "baseline": "independent machine"}


class AbstractObservable(eqx.Module):
    """A quantity, or several that share work."""

    #: What it returns, by name. The quantity itself comes first, under its own name or beginning with it.
    variables: eqx.AbstractClassVar[dict[str, Variable]]
    #: Dimensions of its own, where numbers 0, 1, ... do not say enough.
    coordinates: ClassVar[dict[str, Coordinate]] = {}

    def applies(self, problem: Any) -> bool:
        """Whether the quantity has a meaning for this kind of problem; it is left out where it has none."""
        return True


class AbstractMachineObservable(AbstractObservable):
    """A quantity of one machine."""

    #: Of whom: any of "student" (at every record), "teacher" and "baseline" (once a problem).
    machines: ClassVar[tuple[str, ...]] = ("student",)

    @abc.abstractmethod
    def __call__(self, machine: Any) -> Record:
        """The variables, with the dimensions that they declare."""


class AbstractPairObservable(AbstractObservable):
    """A quantity of a pair of machines that see the same inputs; the pair's name is put before that of the variable."""

    #: Pairs to record: any of "teacher", "student", "past" (at every record) and "baseline" (once a problem).
    pairs: ClassVar[tuple[str, ...]] = ("teacher", "student", "past", "baseline")

    @abc.abstractmethod
    def __call__(self, a: Any, b: Any) -> Record:
        """The variables, with the dimensions that they declare."""


class Measures(eqx.Module):
    """The observables of a run.

    Attributes:
        observables: of one kind of machine.
    """

    observables: tuple[AbstractObservable, ...] = ()

    def variables(self, machine: str, pairs: Sequence[str]) -> dict[str, Variable]:
        """What `record` returns, described."""
        found: dict[str, Variable] = {}
        for observable in self.observables:
            for name, variable in observable.variables.items():
                for pair in kinds(observable, machine, pairs):
                    found[full_name(observable, pair, name)] = _told(observable, pair, name, variable)
        return found

    @property
    def are_own(self) -> bool:
        """Whether all observables are those of dsm."""
        return all(is_own(type(observable)) for observable in self.observables)

    @property
    def coordinates(self) -> dict[str, Coordinate]:
        """Dimensions that the observables bring along."""
        return {dim: value for observable in self.observables for dim, value in observable.coordinates.items()}

    def record(self, machine: str, snapshot: PyTree, others: PyTree, pairs: tuple[str, ...]) -> Record:
        """All observables of a machine, and of it with each of `others`, alike ones side by side.

        Arguments:
            machine: who it is, a key of `MACHINES`.
            snapshot: of the machine.
            others: snapshots stacked along a leading axis.
            pairs: the kind of pair that each of `others` makes with the machine. Those of the kind "past" keep an axis.
        """
        record: Record = {}
        for observable in self.observables:
            if isinstance(observable, AbstractMachineObservable):
                if machine in observable.machines:
                    values = taken(observable, snapshot)
                    record |= {full_name(observable, machine, name): value for name, value in values.items()}
                continue
            assert isinstance(observable, AbstractPairObservable)
            chosen = np.array([place for place, pair in enumerate(pairs) if pair in observable.pairs], int)
            if not chosen.size:
                continue
            seen = jax.tree.map(lambda leaf, rows=chosen: leaf[rows], others)
            values = jax.vmap(functools.partial(taken, observable), (None, 0))(snapshot, seen)
            for name, value in values.items():
                for pair in dict.fromkeys(pairs[place] for place in chosen):
                    rows = np.array([row for row, place in enumerate(chosen) if pairs[place] == pair])
                    whole = full_name(observable, pair, name)
                    record[whole] = value[rows] if pair == "past" else value[rows[0]]
        return record


def check_quantities(registry: Registry[AbstractObservable], names: Sequence[str]) -> None:
    """Refuse a choice of quantities, the setting `observe.quantities`.

    Raises:
        ConfigError: one is unknown, or chosen twice.
    """
    for name in names:
        registry.get(name, KEY)
    require(len(set(names)) == len(names), KEY, list(names), "without repetition")


def choose_measures(registry: Registry[AbstractObservable], names: Sequence[str], problem: Any) -> Measures:
    """The observables of these names that have a meaning for this kind of problem.

    Raises:
        ConfigError: what one says of itself cannot be stored, two give variables of the same name, or one that is not dsm's
            own gives a variable of one that is, chosen or not.
    """
    chosen = [_made(registry.get(name)) for name in names]
    chosen = [observable for observable in chosen if observable.applies(problem)]
    given: dict[str, AbstractObservable] = {}
    for observable in chosen:
        for whole in (
            full_name(observable, kind, name) for kind in _taken_of(observable) for name in observable.variables
        ):
            if given.setdefault(whole, observable) is not observable:
                raise refuse(observable, f"{whole} is the name of a variable of {type(given[whole]).__name__} too")
    ours = {name: part for part in registry.parts_of_dsm for name in vars(part).get("variables", ())}
    for observable in chosen:
        for name in () if is_own(type(observable)) else observable.variables:
            if name in ours:
                raise refuse(observable, f"{name} is the name of a variable of {name_of(ours[name])}")
    return Measures(tuple(chosen))


def _made(kind: Callable[..., AbstractObservable]) -> AbstractObservable:
    with blamed(KEY, kind):
        observable = kind()
        if not isinstance(observable, (AbstractMachineObservable, AbstractPairObservable)):
            raise TypeError("must be an AbstractMachineObservable or an AbstractPairObservable")
        alone = isinstance(observable, AbstractMachineObservable)
        what, known = ("machines", MACHINES) if alone else ("pairs", PAIRS)
        check_description(observable, what, known)
    return observable


def _taken_of(observable: AbstractObservable) -> tuple[str, ...]:
    """The machines, or pairs of them, that an observable is for."""
    if isinstance(observable, AbstractMachineObservable):
        return observable.machines
    assert isinstance(observable, AbstractPairObservable)
    return observable.pairs


def kinds(observable: AbstractObservable, machine: str, pairs: Sequence[str]) -> list[str]:
    """The prefixes under which the variables of an observable are recorded."""
    if isinstance(observable, AbstractMachineObservable):
        return [machine] if machine in observable.machines else []
    assert isinstance(observable, AbstractPairObservable)
    return [pair for pair in pairs if pair in observable.pairs]


def full_name(observable: AbstractObservable, kind: str, name: str) -> str:
    """Name of a recorded variable: that of the pair comes first; a student's own quantities have their bare names."""
    alone = isinstance(observable, AbstractMachineObservable) and kind == "student"
    return name if alone else f"{kind}_{name}"


def _told(observable: AbstractObservable, kind: str, name: str, variable: Variable) -> Variable:
    """The description with the pair, or whose quantity it is, in it. A quantity that is not dsm's own is drawn as a curve
    where it says nothing else."""
    if not is_own(type(observable)):
        figures, label = variable.figures or ("curve",), variable.label or variable.long_name
        variable = variable._replace(figures=figures, label=label, own=False)
    if isinstance(observable, AbstractMachineObservable):
        if kind == "student":
            return variable._replace(quantity=name)
        return variable._replace(long_name=f"{variable.long_name}, {MACHINES[kind]}", figures=(), quantity=name)
    between = ("reference",) if kind == "past" else ()
    return variable._replace(
        dims=(*between, *variable.dims),
        long_name=f"{variable.long_name}, {PAIRS[kind]}",
        draws="pair" if kind == "student" and variable.draws else variable.draws,
        quantity=name,
        pair=kind,
    )

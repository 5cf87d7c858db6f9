"""Names and sizes of what will be recorded, before anything is: a dataset must be able to hold it."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx

from dsm._errors import ConfigError
from dsm._variables import Coordinate, Variable
from dsm.driver import Axis, single

KEY = "observe.quantities"
#: What is put behind the name of a variable for its statistics.
STATISTICS = ("mean", "error", "ess", "rhat")


def check_learning(
    system: Any,
    problems: Any,
    axes: tuple[Axis, ...],
    record: Mapping[str, Any],
    time: str,
    coordinates: Mapping[str, Coordinate],
) -> None:
    """`check_results` of what a training system records along `time`, and of what it takes of teachers once, in the end.

    Raises:
        ConfigError: as there.
    """
    dims = (*(axis.name for axis in axes), time)
    check_results(system.variables, record, dims, coordinates)
    if not system.measures.are_own:
        constants = eqx.filter_eval_shape(system.constants, single(problems, axes))
        check_results(system.constant_variables, constants, dims, coordinates)


def check_results(
    variables: Mapping[str, Variable],
    shapes: Mapping[str, Any],
    axes: tuple[str, ...],
    coordinates: Mapping[str, Coordinate],
) -> None:
    """Refuse what cannot become one dataset.

    Arguments:
        variables: what is recorded, described.
        shapes: of one chain's records, by name.
        axes: dimensions that come on top: the driver's axes, and time.
        coordinates: of dimensions of the variables whose sizes are known.

    Raises:
        ConfigError: a variable has the name of a dimension or of a statistic, a dimension of another's name, or another
            number of entries along a dimension than there are.
    """
    sizes = {dim: len(coordinate.values) for dim, coordinate in coordinates.items()}  # type: ignore[arg-type]
    dims = {*axes, *sizes, *(dim for variable in variables.values() for dim in variable.dims)}
    for name, variable in variables.items():
        if name in dims:
            raise ConfigError(f"{KEY}: the variable {name} must have another name: it is that of a dimension")
        for suffix in STATISTICS:
            if name.endswith(f"_{suffix}") and name.removesuffix(f"_{suffix}") in variables:
                raise ConfigError(f"{KEY}: the variable {name} must have another name: statistics are called so")
        for dim in variable.dims:
            if dim in axes or variable.dims.count(dim) > 1:
                raise ConfigError(f"{KEY}: {name}: the dimension {dim} must have another name: all quantities have it")
        for dim, size in zip(variable.dims, shapes[name].shape if name in shapes else (), strict=name in shapes):
            if size != sizes.setdefault(dim, size):
                raise ConfigError(f"{KEY}: {name} must have {sizes[dim]} entries along {dim}, got {size}")

"""The source of a part from a script or a cell of a notebook, with all that it uses of what stands beside it.

It is told in words that are the same in every process: no addresses, and nothing of what the part does not use.
"""

import ast
import dis
import functools
import hashlib
import inspect
import linecache
import numbers
import sys
import textwrap
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import jax
import numpy as np

from dsm._parts import name_of


def spelt(part: Any) -> Iterator[str]:
    """The source of a class or function, and then, by name, what it uses of its module, and what these use in turn: sources
    of classes and functions, and values. What is of other modules counts by its name alone.

    Raises:
        OSError, TypeError, SyntaxError: there is no source.
    """
    source = _source(part)
    yield source
    yield from _used(part, source, part.__module__, {id(part)})


def _used(part: Any, source: str, module: str, seen: set[int]) -> Iterator[str]:
    around = _around(part)
    for name in sorted(_globals(_code(part, source))):
        if name in around:
            yield f"\n{name} = "
            yield from _value(around[name], module, seen)


def _value(value: Any, module: str, seen: set[int]) -> Iterator[str]:
    further = functools.partial(_value, module=module, seen=seen)
    if isinstance(value, (numbers.Number, str, bytes, range, slice, Path, Enum, type(None))):
        yield repr(value)
    elif isinstance(value, (np.ndarray, np.generic, jax.Array)) and value.dtype.kind in "biufcSU":
        yield f"{value.dtype}{value.shape}{hashlib.sha256(np.asarray(value).tobytes()).hexdigest()}"
    elif isinstance(value, (list, tuple)):
        for entry in value:
            yield f"{type(value).__name__} of "
            yield from further(entry)
        yield ";"
    elif isinstance(value, (set, frozenset)):
        yield ";".join(sorted("".join(further(entry)) for entry in value))
    elif isinstance(value, dict):
        for entry in value.items():
            yield from further(entry)
    elif isinstance(value, functools.partial):
        yield from further((value.func, value.args, value.keywords))
    elif isinstance(value, ModuleType):
        yield value.__name__
    elif hasattr(value, "__module__") and hasattr(value, "__qualname__"):  # a class or a function
        yield name_of(value)
        if value.__module__ == module and id(value) not in seen:
            seen.add(id(value))
            try:
                source = _source(value)
            except (OSError, TypeError, SyntaxError):  # a class of a cell that has no method
                yield from further({k: v for k, v in vars(value).items() if not k.startswith("__")})
            else:
                yield source
                yield from _used(value, source, module, seen)
    else:
        yield name_of(type(value))
        if type(value).__module__ == module and id(value) not in seen:
            seen.add(id(value))
            yield from further(type(value))
            yield from further(vars(value) if hasattr(value, "__dict__") else ())


def _source(part: Any) -> str:
    """The source of a class or function.

    Raises:
        OSError, TypeError, SyntaxError: there is none.
    """
    try:
        return inspect.getsource(part)
    except (OSError, TypeError):
        # A class of a notebook has no file, but its methods know their cell.
        cell = next((function.__code__.co_filename for function in _functions(part)), "")
        text = "".join(linecache.getlines(cell))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef) and node.name == part.__name__:
                return ast.unparse(node)
        raise


def _functions(part: Any) -> list[FunctionType]:
    """A function, or those of a class, without what Equinox, JAX or Python wrapped around them."""
    values = vars(part).values() if isinstance(part, type) else [part]
    bare = [inspect.unwrap(getattr(value, "method", getattr(value, "fget", value))) for value in values]
    return [value for value in bare if inspect.isfunction(value)]


def _around(part: Any) -> dict[str, Any]:
    """The names that the code of a part can see: of its module, and of the function that it is made in."""
    names = dict(vars(sys.modules.get(part.__module__, object)))
    for function in _functions(part)[::-1]:  # the first is its author's: others may have been added to a class
        names |= function.__globals__
        names |= inspect.getclosurevars(function).nonlocals
    return names


def _code(part: Any, source: str) -> CodeType:
    """That of the source; of the function itself where its lines are part of a longer statement."""
    try:
        return compile(textwrap.dedent(source), "", "exec")
    except SyntaxError:
        return _functions(part)[0].__code__


def _globals(code: CodeType) -> set[str]:
    """The global names that code reads, nested code too."""
    read = {str(step.argval) for step in dis.get_instructions(code) if step.opname in ("LOAD_NAME", "LOAD_GLOBAL")}
    return read.union(*(_globals(inner) for inner in code.co_consts if isinstance(inner, CodeType)))

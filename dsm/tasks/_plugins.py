"""Plugins: modules of the user that are imported before a configuration is checked, and the digests of sources.

A plugin is looked for in the working folder and on the Python path. In a process that lives long, as a notebook does, one
whose source has changed is imported again.
"""

import contextlib
import hashlib
import importlib
import logging
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import jax

from dsm._errors import ConfigError, require
from dsm._parts import INSTALLED, told
from dsm._registry import REGISTRIES, Registry
from dsm.tasks._spelt import spelt
from dsm.tasks._task import TASKS

logger = logging.getLogger("dsm")

#: The digest of each plugin when it was imported.
imported: dict[str, str] = {}
#: The digest of each part of a script or a cell when it was last looked up.
latest: dict[str, str] = {}


def import_plugins(setting: Any) -> dict[str, str]:
    """Import the modules that the setting `plugins` names, a list of names or one name, and return the digest of the source
    of each: of its file, or of all Python files of a package.

    Raises:
        ConfigError: a module is not there, or an error arose in it; the message says in which line.
    """
    names = [setting] if isinstance(setting, str) else setting
    listed = isinstance(names, Iterable) and all(isinstance(name, str) for name in names)
    require(listed, "plugins", setting, "a list of Python modules, as in plugins=[mymove]")
    return {name: _import(name) for name in names}


def _import(name: str) -> str:
    if (here := os.getcwd()) not in sys.path:
        sys.path.append(here)
    importlib.invalidate_caches()  # a file may be younger than the last look at its folder
    registered, known = Registry.registrations, dict(TASKS)
    new = name not in sys.modules
    try:
        with _without_bytecode():
            module = sys.modules.get(name)
            if module is None:
                module = importlib.import_module(name)
            elif _is_stale(module):
                module = _again(module)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            there = f"no module {error.name} in {here} or on the Python path"
            if name.endswith(".py"):
                there = f"must be the name of a module, plugins=[{name.removesuffix('.py').replace('/', '.')}]"
            raise ConfigError(f"plugins=[{name}]: {there}") from None
        raise ConfigError(f"plugins=[{name}]: {told(error)}") from error
    except (Exception, SystemExit) as error:
        raise ConfigError(f"plugins=[{name}]: {told(error)}") from error
    stem = Path(here, *name.split("."))
    beside = [path for path in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py") if path.exists()]
    if beside and Path(module.__file__ or "").resolve() != beside[0].resolve():
        raise ConfigError(f"plugins=[{name}]: Python has another module of this name, {module.__file__}: rename yours")
    if new and Registry.registrations == registered and known == TASKS:
        logger.warning("plugins=[%s]: it registers nothing, as a part does with @MOVES.register('mine')", name)
    imported[name] = _digest(module)
    return imported[name]


@contextlib.contextmanager
def _without_bytecode() -> Iterator[None]:
    """What is kept of a file counts for all that is written in the same second: what is edited must be read again."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def _is_stale(module: ModuleType) -> bool:
    """Whether the source of a module has changed since it was imported. Of one that was imported by others this is not
    known: it counts as changed, unless it is installed."""
    if module.__name__ in imported:
        return imported[module.__name__] != _digest(module)
    return not (module.__file__ or "").startswith(INSTALLED)


def _again(module: ModuleType) -> ModuleType:
    """Import a module anew, with all below it; what it registered before is struck off."""
    name = module.__name__
    if name in imported:
        logger.info("plugins=[%s]: its source has changed, and is imported again", name)
    imported.pop(name, None)
    for registry in REGISTRIES:
        registry.forget(name)
    for below in [other for other in sys.modules if other.startswith(f"{name}.")]:
        del sys.modules[below]
        vars(module).pop(below.removeprefix(f"{name}."), None)  # or `from package import module` finds the old one
    return importlib.reload(module)


def sources_of(parts: Mapping[str, Any], plugins: Collection[str]) -> dict[str, str]:
    """Digests of the sources of parts, by module and name: of those that are not from `plugins`, but from a script or a cell
    of a notebook, as far as there is a source. What else of their module they use counts too; where it alone has changed,
    programs that were compiled before are forgotten: to JAX the part is the same."""
    found = {}
    for name, part in parts.items():
        if not any(f"{part.__module__}.".startswith(f"{module}.") for module in plugins):
            with contextlib.suppress(OSError, TypeError, SyntaxError):
                words = "".join(spelt(part))
                found[name] = hashlib.sha256(words.encode()).hexdigest()[:16]
    if any(latest.get(name, digest) != digest for name, digest in found.items()):
        jax.clear_caches()
    latest.update(found)
    return found


def _digest(module: ModuleType) -> str:
    """Of the source of a module: of its file, or of all Python files of a package."""
    digest = hashlib.sha256()
    for folder in map(Path, getattr(module, "__path__", [])):
        for file in sorted(folder.rglob("*.py")):
            digest.update(f"{file.relative_to(folder)}\n".encode() + file.read_bytes())
    if not hasattr(module, "__path__") and module.__file__ is not None:
        digest.update(Path(module.__file__).read_bytes())
    return digest.hexdigest()[:16]

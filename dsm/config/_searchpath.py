"""Where else than in conf/ presets are looked for: `hydra.searchpath`, a list of folders and packages."""

import contextlib
import importlib
import typing
from collections.abc import Iterable
from pathlib import Path

from dsm._errors import ConfigError, require
from dsm._parts import told

KEY = "hydra.searchpath"


def place_of(entry: str) -> Path:
    """The folder that an entry of `hydra.searchpath` names: a path, with file:// or without, or a package, as in
    pkg://mypackage.conf, which is imported.

    Raises:
        ConfigError: it cannot be looked into.
    """
    scheme, mark, name = entry.rpartition("://")
    legal = "a folder, as in file://FOLDER, or a package, as in pkg://mypackage.conf"
    require(bool(name) and scheme in (("file", "pkg") if mark else ("",)), KEY, entry, legal)
    if scheme != "pkg":
        require(Path(name).is_dir(), KEY, entry, "a folder")
        return Path(name)
    name = name.strip("/").replace("/", ".")
    importlib.invalidate_caches()  # a file may be younger than the last look at its folder
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise ConfigError(f"{KEY} = {entry}: no package {error.name} on the Python path") from None
        raise ConfigError(f"{KEY} = {entry}: {told(error)}") from error
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{KEY} = {entry}: {told(error)}") from error
    whole = module.__file__ is not None and hasattr(module, "__path__")
    require(whole, KEY, entry, "a package: a folder with a file __init__.py")
    return Path(str(module.__file__)).parent


def searched(words: Iterable[str]) -> list[str]:
    """The entries of `hydra.searchpath` among the words of a command, each one that can be looked into. Hydra itself warns
    of others, and goes on.

    Raises:
        ConfigError: naming the entry, and what is wrong with it.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser  # `dsm --help` needs no Hydra
    from hydra.errors import HydraException

    places: list[str] = []
    for word in words:
        key, _, value = word.partition("=")
        if key.lstrip("+") == KEY:
            given: object = ""
            with contextlib.suppress(HydraException):
                given = OverridesParser.create().parse_override(word).value()
            given = [] if given is None else given
            listed = isinstance(given, list) and all(isinstance(entry, str) for entry in given)
            require(listed, KEY, value, f"a list of folders and packages, as in {KEY}=[file://FOLDER]")
            places += typing.cast(list[str], given)
    for entry in places:
        place_of(entry)
    return places

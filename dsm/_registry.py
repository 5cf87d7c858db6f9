"""Names for replaceable parts: a new part is one new file in the folder of its kind.

A file registers its part under a name; importing the package finds every file in its folder. The configuration then
chooses by `name`. A part is a class, whose fields are its options, or a function without options.
"""

import dataclasses
import importlib
import logging
import pkgutil
import typing
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from dsm._errors import ConfigError, as_written, is_integer, require
from dsm._near import did_you_mean
from dsm._parts import blamed, is_own, name_of

T = TypeVar("T")
P = TypeVar("P", bound=Callable[..., Any])

logger = logging.getLogger("dsm")


class UnknownOption(ConfigError):
    """A part has no such option.

    Attributes:
        setting: the option by its dotted key.
        part: name of the part.
    """

    def __init__(self, setting: str, value: Any, part: str, legal: list[str]) -> None:
        super().__init__(
            f"{setting} = {as_written(value)}: {part} has no such option (it has: {', '.join(legal) or 'none'})"
        )
        self.setting, self.part = setting, part


class Registry(Generic[T]):
    """The parts of one kind by name.

    Arguments:
        kind: what the parts are, in the singular, for messages.
        base: the class that all parts have as a base class; without one they are functions.

    Attributes:
        registrations: how often a part of any kind was registered: what was made of parts before may be old since.
    """

    registrations: ClassVar[int] = 0

    def __init__(self, kind: str, base: type | None = None) -> None:
        self.kind, self.base = kind, base
        self._parts: dict[str, Callable[..., T]] = {}
        REGISTRIES.append(self)

    def register(self, name: Any) -> Callable[[P], P]:
        """Decorator that files a part under `name`.

        The last definition wins, with a note in the log: a notebook cell run again, a module loaded again.

        Raises:
            TypeError: `name` is no name, or the part is not of this kind.
            ValueError: `name` belongs to a part of dsm, and this is another.
        """
        if not isinstance(name, str):
            raise TypeError(f"a {self.kind} is registered under a name, as in register('mine')")

        def file_under(part: P) -> P:
            known = self._parts.get(name)
            if known is not None and not is_own(part):
                if is_own(known):
                    raise ValueError(f"{self.kind} {name!r} is {name_of(known)}: choose another name")
                again = "defined again" if name_of(known) == name_of(part) else f"now {name_of(part)}"
                logger.info("%s %r, %s, is %s: the last definition counts", self.kind, name, name_of(known), again)
            if self.base is not None and not (isinstance(part, type) and issubclass(part, self.base)):
                raise TypeError(f"{self.kind} {name!r} must be a class with the base class {self.base.__name__}")
            self._parts[name] = part
            Registry.registrations += 1
            return part

        return file_under

    def __repr__(self) -> str:
        return f"{self.kind}: {', '.join(self.names) or 'none'}"

    def forget(self, module: str) -> None:
        """Strike off all parts of a module and of those below it."""
        for name, part in list(self._parts.items()):
            if f"{part.__module__}.".startswith(f"{module}."):
                del self._parts[name]
                Registry.registrations += 1

    @property
    def names(self) -> list[str]:
        """All known names, sorted."""
        return sorted(self._parts)

    @property
    def parts_of_dsm(self) -> list[Callable[..., T]]:
        """Those that are dsm's own."""
        return [part for part in self._parts.values() if is_own(part)]

    def name(self, part: T) -> str:
        """The name of the class of `part`; its own name if it is not filed here."""
        return next((name for name, kind in self._parts.items() if kind is type(part)), type(part).__name__)

    def get(self, name: Any, key: str | None = None) -> Callable[..., T]:
        """The part called `name`.

        Raises:
            ConfigError: no such part; the message lists the legal names, and those near it. `key` is the setting it came
                from.
        """
        if not isinstance(name, str) or name not in self._parts:
            first = "; one of your own must be imported first, as plugins=[MODULE] does"
            close = (did_you_mean(name, self._parts) or first) if isinstance(name, str) else ""
            legal = "one of" if isinstance(name, str) else "a name alone:"
            raise ConfigError(f"{key or self.kind} = {name}: must be {legal} {', '.join(self.names)}{close}")
        part = self._parts[name]
        if not is_own(part):
            foreign[name_of(part)] = part
        return part

    def plain(self, name: Any, key: str) -> T:
        """The part called `name`, of a kind that has no options in the settings; `key` is the setting it came from.

        Raises:
            ConfigError: no such part, or it cannot be made without options.
        """
        part = self.get(name, key)
        with blamed(key, part):
            return part()

    def build(self, options: Mapping[str, Any], key: str, **given: Any) -> T:
        """Build the part `options["name"]` from the other entries of `options` and from `given`.

        Options are the fields of the part; those in `given` come from elsewhere in the configuration.

        Raises:
            ConfigError: unknown name or option, missing option, or a value that the part itself refuses.
        """
        if "name" not in options:
            raise ConfigError(f"{key}.name is missing: must be one of {', '.join(self.names)}")
        part = self.get(options["name"], f"{key}.name")
        with blamed(key, part):
            return self._build(part, options, key, given)

    def _build(self, part: Callable[..., T], options: Mapping[str, Any], key: str, given: Mapping[str, Any]) -> T:
        chosen = {k: v for k, v in options.items() if k != "name"}
        fields = {f.name: f for f in dataclasses.fields(part) if f.init}  # type: ignore[arg-type]
        legal = [name for name in fields if name not in given]
        for option, value in chosen.items():
            if option not in legal:
                raise UnknownOption(f"{key}.{option}", value, options["name"], legal)
        for option in legal:
            optional = (
                fields[option].default is not dataclasses.MISSING
                or fields[option].default_factory is not dataclasses.MISSING
            )
            if option not in chosen and not optional:
                raise ConfigError(f"{key}.{option} is missing: {options['name']} needs it")
        kinds = _kinds(part)
        chosen = {option: _typed(f"{key}.{option}", value, kinds[option]) for option, value in chosen.items()}
        try:
            return part(**chosen, **{name: value for name, value in given.items() if name in fields})
        except ConfigError as error:
            raise ConfigError(f"{key}.{error}") from None


#: Parts that are not dsm's own, by module and name, that were looked up since this was cleared.
foreign: dict[str, Any] = {}
#: Every registry that there is.
REGISTRIES: list[Registry[Any]] = []


def _kinds(part: Any) -> dict[str, Any]:
    """The types of a part's fields, also where `from __future__ import annotations` has made them strings."""
    try:
        return typing.get_type_hints(part)
    except (
        NameError,
        TypeError,
        AttributeError,
    ):  # a name that is there for type checkers only; others are still known
        words = {"float": float, "int": int, "str": str}
        return {field.name: words.get(str(field.type), field.type) for field in dataclasses.fields(part)}


def _typed(key: str, value: Any, kind: Any) -> Any:
    """The value of an option as its field wants it: whole numbers serve as numbers and back, nothing else is converted."""
    if kind is float:
        require(isinstance(value, (int, float)) and not isinstance(value, bool), key, value, "a number")
        return float(value)
    if kind is int:
        value = whole(value)
        require(is_integer(value), key, value, "an integer")
    if kind is str:
        require(isinstance(value, str), key, value, "a word")
    return value


def whole(value: Any) -> Any:
    """A whole number that is written as a float, such as 1e3, as an integer; anything else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def import_folder(package: str, path: list[str]) -> None:
    """Import every module of a package, so that each can register its part."""
    for module in pkgutil.iter_modules(path):
        importlib.import_module(f"{package}.{module.name}")

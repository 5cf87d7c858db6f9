"""What Hydra says about settings that it cannot compose, in one line."""

import itertools
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from dsm._errors import DsmError
from dsm._near import command_meant, did_you_mean
from dsm.config._presets import presets

#: What composing raises where the settings are to blame.
UNCOMPOSABLE = (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError)
#: More names than these are listed below the message, and not where some of them are near.
MANY = 12
#: Launchers that an extra of the package brings, and which one.
EXTRAS = {"joblib": "joblib", "slurm": "slurm", "submitit_slurm": "slurm", "submitit_local": "slurm"}
#: Where presets of the user come from.
OWN = 'one of your own is found with --config-dir FOLDER or "hydra.searchpath=[pkg://PACKAGE.conf]", in Python "hydra.searchpath=[file://FOLDER]"'
#: Folders of the user in Hydra's account of where it has looked.
OWN_PLACES = re.compile(r"provider=(?!hydra,|main,|schema,)[^,]+, path=file://(.*)")
#: What Hydra says of several values, as in `sampler.beta=1,2`, which without -m are no sweep.
SEVERAL = r"Ambiguous value for argument '([^=]+)=(.*)' 1\."
#: What a setting of another task is called, by task.
MEANT = {("specialisation", "network.depth"): "; the depth is the length of network.teachers, as in [30,30]"}
#: A preset that is no name: Hydra does not say which.
NO_NAME = re.compile(r"^[+~]*([\w/]+)=(null|true|false|[-+.\d]*)$", re.IGNORECASE)


def explain_hydra(error: Exception, overrides: Sequence[str]) -> str:
    """What is wrong with settings that could not be composed, in one line that names the setting and what is legal; below it
    there may be a list of names.

    Arguments:
        error: what composing raised, one of `UNCOMPOSABLE`. Errors of dsm itself say what is wrong.
        overrides: the words of the command line, as in `network.depth=3`.
    """
    if isinstance(error, DsmError):
        return str(error)
    if isinstance(error, MissingConfigException) and error.options:
        group, name = str(error.missing_cfg_file).rsplit("/", 1)
        for word in overrides:  # what was written, where the name has a slash of its own
            if word.lstrip("+").replace("=", "/", 1) == error.missing_cfg_file:
                group, _, name = word.lstrip("+").partition("=")
        return _missing_preset(group, name, list(error.options), OWN_PLACES.findall(str(error)))
    if isinstance(error, OverrideParseException):
        return _unreadable(error.override, error.message, overrides)
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem_mark.name}, line {error.problem_mark.line + 1}: {error.problem}"
    text = " ".join(str(error).split())
    for pattern, say in MESSAGES:
        if found := re.search(pattern, text):
            return say(found, error)
    if "must be a string or a list" in text:
        for word in overrides:
            if no_name := NO_NAME.match(word):
                return f"{no_name[1]} = {no_name[2]}: must be the name of a preset"
            if word.startswith("="):
                return _unreadable(word, "", overrides)
    return _lines(error)


def _missing_preset(group: str, name: str, names: list[str], places: list[str]) -> str:
    """About a preset that is not there; `places` of the user were looked into."""
    if group == "hydra/launcher" and name in EXTRAS:
        return _not_installed(name)
    close = did_you_mean(name, names, 6)
    own = "" if group.startswith("hydra") else f"; {OWN}"
    if places:
        without = [place for place in places if not Path(place, group).is_dir()]
        own = "".join(f"; {place} has no folder {group}{_below(place, group)}" for place in without)
    if len(names) <= MANY:
        return f"{group} = {name}: must be one of {', '.join(names)}{close or own}"
    none = f"{group} = {name}: is none of the {len(names)} there are"
    if close:
        return f"{none}{close}{own.replace('; ', ' ', 1) if places else own.replace('; o', ' O')}"
    return "\n".join([none + own, *textwrap.wrap(", ".join(names), 106, initial_indent="  ", subsequent_indent="  ")])


def _below(place: str, group: str) -> str:
    """Of a place that is one level too high."""
    found = sorted(Path(place).glob(f"*/{group}"))
    return f"; did you mean {found[0].parent}?" if found else ""


def _not_installed(launcher: str) -> str:
    return f'hydra/launcher = {launcher}: must be installed first, pip install "dsm[{EXTRAS[launcher]}]"'


def _unreadable(word: str, reason: str, words: Sequence[str]) -> str:
    """About a word that is no override, one of `words`, which is mostly a matter of quoting."""
    key, equal, value = word.partition("=")
    place = words.index(word) if word in words else len(words)
    rest = list(itertools.takewhile(lambda other: "=" not in other, words[place + 1 :]))
    blank = f'; what holds a blank needs quotes, as in "{" ".join([word, *rest])}"' if rest else ""
    if word.startswith("-"):
        instead = {"-m": "call dsm.run in a loop", "--config-dir": 'give "hydra.searchpath=[file://FOLDER]"'}
        instead |= {"--multirun": instead["-m"], "-cd": instead["--config-dir"]}
        python = f"; in Python, {instead[key]}" if key in instead else ""
        return f"{word}: is an option of the command line, not a setting{python}"
    if not equal or not key.strip("+~ "):
        before, after = words[place - 1 : place], words[place + 1 : place + 2]
        if word == "=" or any(other.endswith("=") for other in before) or any(other.startswith("=") for other in after):
            return f"{word}: must be written as setting=value, without blanks around ="
        return f"{word}: must be written as setting=value{'' if equal else _meant(word)}"
    if key != key.strip() or " " in key:
        return f"{word}: must be written without spaces before the = sign"
    for mark in ("'", '"'):
        if word.count(mark) % 2:
            return f"{word}: a quotation mark {mark} is not closed{blank}"
    for left, right in ("[]", "{}", "()"):
        if value.count(left) != value.count(right):
            return f"{key} = {value}: {left} and {right} must come in pairs{blank}"
    if "" in value.split(","):
        return f"{key} = {value}: a comma must stand between two values{blank}"
    if re.search(r"\s[+~]?[\w./@]+=", value):
        return f"{word}: is several settings; they are several words, in Python one string for each setting"
    if re.search(r"[^\w\s.,/+-]", value) and not value.startswith(("'", '"', "[", "{")):
        return f"{key} = {value}: must be quoted twice, for the shell and for Hydra: \"{key}='{value}'\""
    return f"{key} = {value}: cannot be read ({reason.splitlines()[0] if reason else 'no value'})"


def _meant(word: str) -> str:
    """What may have been meant by a word alone: the name of a preset, or a misspelt command."""
    for group, names in presets().items():
        if word in names:
            return f"; did you mean {group}={word}?"
    return command_meant(word)


def _unknown(found: re.Match, error: Exception) -> str:
    """About a setting that is not there. What is there, OmegaConf's error knows; after a journey between processes it
    does not."""
    key, value = found[1], found[2]
    parent = getattr(error.__cause__, "parent_node", None)
    root: Any = parent._get_root() if isinstance(parent, DictConfig) else None
    if not isinstance(root, DictConfig):
        return f"{key} = {value}: there is no such setting"
    if key.startswith("hydra.launcher."):
        return f"{key} = {value}: the launcher has no such option; choose another, as in hydra/launcher=joblib"
    hydra = key.startswith("hydra")
    known = [other for other in _keys(root) if other.startswith("hydra") == hydra]
    part, _, option = key.rpartition(".")
    if part in known and not any(other.startswith(f"{part}.") for other in known) and not hydra:  # it is a value
        where = f"{part} has no options with task={root.get('task')}"
        return f"{key} = {value}: {where}{f'; write {part}={value}' if option == 'name' else ''}"
    dotted = key.replace("/", ".")
    if "/" in key and dotted in known:
        meant = f"{dotted}.name" if f"{dotted}.name" in known else dotted
        return f"{key} = {value}: has no presets; write {meant}={value}"
    close = MEANT.get((str(root.get("task")), dotted)) or did_you_mean(dotted, known)
    close = close.replace(".", "/") if "/" in key else close
    if "." in dotted and not close and not hydra and dotted.split(".")[0] not in known:
        sections = sorted({other.split(".")[0] for other in known if "." in other})
        close = f", whose sections are {', '.join(sections)}"
    where = "" if hydra else f" with task={root.get('task')}"
    return f"{key} = {value}: there is no such setting{where}{close}"


def _keys(settings: DictConfig, prefix: str = "") -> Iterator[str]:
    """Dotted keys of all settings and sections."""
    for name in map(str, settings):
        yield f"{prefix}{name}"
        node = settings._get_node(name)
        if isinstance(node, DictConfig) and not node._is_none() and not node._is_interpolation():
            yield from _keys(node, f"{prefix}{name}.")


def _lines(error: BaseException) -> str:
    """All that an error says that is neither a hint for programmers nor its position, in one line."""
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line for line in lines if line and not line.startswith(("full_key:", "object_type=", "See https"))]
    cause = error.__cause__
    if isinstance(cause, OmegaConfBaseException):
        said.append(f"{cause.full_key}: {_lines(cause)}" if cause.full_key else _lines(cause))
    return "; ".join(said) or type(error).__name__


#: Patterns of Hydra's messages, and what is said instead.
MESSAGES: list[tuple[str, Callable[[re.Match, Exception], str]]] = [
    (
        rf"In 'hydra/launcher/\w+': Could not load 'hydra/launcher/({'|'.join(EXTRAS)})'",
        lambda found, _: _not_installed(EXTRAS[found[1]]),
    ),
    (
        r"(\S+) appears more than once in the final defaults list",
        lambda found, _: f"{found[1]}: is chosen twice; leave out the plus, as in {found[1]}=NAME",
    ),
    (
        r"(?:In '[^']+': )?Could not (?:find|override) 'experiment/(\w+)(?:/|@\1)(\S*)'",
        lambda found, _: (
            f"{found[1]}: in a file of experiment/ must be written with a slash, as in override /{found[1]}: "
            f"{found[2] or 'NAME'}"
        ),
    ),
    (
        r"In '([^']+)': Could not override '([^'@]+)'\. No match",
        lambda found, _: (
            f"override /{found[2]}: there is no such group of presets, in {found[1]}{did_you_mean(found[2], presets())}"
        ),
    ),
    (
        r"Could not override '([^'@]+)@([^']+)'\. (?:Did you mean|No match)",
        lambda found, _: (
            f"{found[1]}@{found[2]}: {found[1]} has no preset at {found[2]}; leave out @{found[2]}"
            + ("; a file in experiment/ begins with # @package _global_" if found[2].startswith("experiment.") else "")
        ),
    ),
    (r"Could not override '([^'@]+)'\. To append to your config use \+[^=]*=(.*)", _unknown),
    (
        r"Could not delete from config\. '(.+)' does not exist",
        lambda found, _: f"~{found[1]}: there is no such setting",
    ),
    (
        r"Could not delete from config\. The value of '(.+)' is (.*) and not (.*)\.$",
        lambda found, _: f"~{found[1]}={found[3]}: {found[1]} is {found[2]}",
    ),
    (
        r"Could not append to config\. An item is already at '(.+)'\. Either remove \+ prefix: '(.*)' Or",
        lambda found, _: f"+{found[2]}: {found[1]} is there already; leave out the plus: {found[2]}",
    ),
    (
        r"Multiple values for ([\w/]+)\. To override a value use 'override \S+ (.*)'",
        lambda found, _: (
            f"+{found[1]}={found[2]}: {found[1]} is there already; leave out the plus: {found[1]}={found[2]}; "
            f"in a file, override /{found[1]}: {found[2]}"
        ),
    ),
    (
        SEVERAL,
        lambda found, _: f"{found[1]} = {found[2]}: is a sweep, which needs -m",
    ),
    (
        r"Sweep parameters? '([^=]+)=(.*)' requires",
        lambda found, _: f"{found[1]} = {found[2]}: is a sweep, which needs -m",
    ),
]

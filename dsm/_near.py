"""Names near one that is not known, for messages."""

import difflib
from collections.abc import Iterable

COMMANDS = ("list", "report", "status")
#: What is meant by words that are no commands.
OPTIONS = {"help": "--help", "version": "--version", "sweep": "-m", "multirun": "-m", "run": "experiment=quickstart"}


def near(name: object, names: Iterable[str], number: int = 3) -> list[str]:
    """At most `number` of the names that look like `name`, the nearest first.

    Of dotted keys the last parts count most, so that `depth` and `network.dpth` are near `network.depth`; names that hold
    `name` are near it too.
    """
    scored = sorted((-_likeness(str(name), other), other) for other in set(names))
    best = -scored[0][0] if scored else 0.0
    return [other for score, other in scored[:number] if -score > max(0.7, best - 0.1)]


def did_you_mean(name: object, names: Iterable[str], number: int = 3) -> str:
    """The end of a message about an unknown name: "; did you mean depth?", or "" if nothing is near."""
    found = near(name, names, number)
    return f"; did you mean {' or '.join(found)}?" if found else ""


def command_meant(word: str) -> str:
    """As `did_you_mean`, of a word that stands where a command may."""
    found = [OPTIONS[word]] if word in OPTIONS else near(word, COMMANDS, 1)
    return f"; did you mean dsm {found[0]}?" if found else ""


def _likeness(name: str, other: str) -> float:
    """From 0 to 1, 1 for the same."""
    (head, _, tail), (other_head, _, other_tail) = (word.lower().rpartition(".") for word in (name, other))
    tails = difflib.SequenceMatcher(None, tail, other_tail).ratio()
    if len(tail) >= 3 and tail in other_tail:
        tails = max(tails, 0.75)
    heads = difflib.SequenceMatcher(None, head, other_head).ratio() if head else 1.0 if not other_head else 0.8
    return 0.7 * tails + 0.3 * heads

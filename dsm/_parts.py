"""Parts that are not dsm's own: whose they are, and what is said of an error in them.

A bug of dsm ends in a traceback. An error in somebody's part is told in one line, as an illegal setting is: which part,
where in its source, and what went wrong.
"""

import contextlib
import inspect
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dsm._errors import ConfigError, DsmError

#: Folders whose code nobody writes for a run.
INSTALLED = tuple(
    str(folder)
    for folder in (Path(__file__).parent, *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")))
)


def is_own(part: Any) -> bool:
    """Whether a class or function belongs to dsm."""
    return part.__module__.partition(".")[0] == "dsm"


def name_of(part: Any) -> str:
    """A class or function by the module that it is from."""
    return f"{part.__module__}.{part.__qualname__}"


def told(error: BaseException, part: Any = None) -> str:
    """`file, line n: kind: message`: where an error arose in code that is neither dsm's nor installed, else where `part`
    begins, which it is about, else where it arose at all."""
    words = f"{type(error).__name__}: {_first_line(error)}"
    if isinstance(error, SyntaxError):
        return f"{_short(error.filename)}, line {error.lineno}: {words}"
    frames = traceback.extract_tb(error.__traceback__)
    written = [frame for frame in frames if not frame.filename.startswith((*INSTALLED, "<frozen "))]
    if not written and part is not None:
        with contextlib.suppress(OSError, TypeError):  # a part of a cell has no file
            return f"{_short(inspect.getsourcefile(part))}, line {inspect.getsourcelines(part)[1]}: {words}"
        return words
    frame = (written or frames)[-1]
    return f"{_short(frame.filename)}, line {frame.lineno}: {words}"


def _first_line(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return next((line for line in text.splitlines() if line.strip()), "")


def _short(file: str | None) -> str:
    return Path(file).name if file else "?"


@contextlib.contextmanager
def blamed(key: str, part: Any) -> Iterator[None]:
    """Context in which an error of somebody's part becomes a `ConfigError` that names the setting `key`, the part and the
    line in its source; errors of dsm's own parts stay as they are."""
    try:
        yield
    except DsmError:
        raise
    except Exception as error:
        if is_own(part):
            raise
        raise ConfigError(f"{key}: {name_of(part)}: {told(error, part)}") from error

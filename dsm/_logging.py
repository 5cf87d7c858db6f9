"""The log on the console: what the command line prints, and `dsm.run` in a process whose user has not set up logging."""

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

logger = logging.getLogger("dsm")

#: Packages that log more than a user wants to read, and from which level on they are heard. Orbax (absl) reports every step;
#: what matters dsm says itself.
CHATTY = {"absl": logging.CRITICAL, "jax": logging.WARNING, "matplotlib": logging.WARNING}


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    module = sys.modules.get("IPython")
    shell = None if module is None else module.get_ipython()
    return hasattr(shell, "kernel")


class Console(logging.StreamHandler):
    """Writes to where standard error is at the moment; in a notebook to standard output, which is not on red ground."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stdout if in_notebook() else sys.stderr
        super().emit(record)


def log_to_console(prefix: str = "", level: int = logging.INFO) -> bool:
    """Print the log of the package from `level` on, each line after `prefix`, for the rest of the process.

    Handlers that somebody else has given to the logger "dsm" or to the root logger win: then nothing is changed. Where the
    log is on the console already, prefix and level alone are.

    Returns:
        whether the log was brought to the console by this call.
    """
    formatter = logging.Formatter(prefix.replace("%", "%%") + "%(message)s")
    for handler in logger.handlers:
        if isinstance(handler, Console):
            handler.setFormatter(formatter)
            handler.setLevel(level)
            return False
    if _handlers_of_others():
        return False
    console = Console()
    console.setFormatter(formatter)
    console.setLevel(level)
    logger.addHandler(console)
    logger.propagate = False
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    for name, level in CHATTY.items():
        if logging.getLogger(name).level == logging.NOTSET:
            logging.getLogger(name).setLevel(level)
    return True


@contextlib.contextmanager
def on_console() -> Iterator[None]:
    """`log_to_console` while the context lasts; afterwards logging is as it was."""
    levels = {name: logging.getLogger(name).level for name in ("dsm", *CHATTY)}
    propagate = logger.propagate
    with root_untouched():
        ours = log_to_console()
        try:
            yield
        finally:
            if ours:
                for handler in [handler for handler in logger.handlers if isinstance(handler, Console)]:
                    logger.removeHandler(handler)
                logger.propagate = propagate
                for name, level in levels.items():
                    logging.getLogger(name).setLevel(level)


@contextlib.contextmanager
def root_untouched() -> Iterator[None]:
    """Within the context absl, which orbax uses, gives the root logger no handler of its own.

    It does where there is none, and that would count as the user's. Meanwhile the root logger has the one that Python uses
    anyway where there is none.
    """
    last = logging.lastResort
    if logging.root.handlers or last is None:
        yield
        return
    logging.root.addHandler(last)
    try:
        yield
    finally:
        logging.root.removeHandler(last)


def silence_tasks(package: str) -> None:
    """Say nothing of failed tasks of a package besides the error that is raised, for the rest of the process.

    Of tasks that fail together one error is raised. The others asyncio logs with a traceback, once they are collected. Of
    tasks that were waiting then, Python prints what they raise when they are closed.
    """
    asyncio = logging.getLogger("asyncio")
    if not any(isinstance(one, _TasksOf) and one.package == package for one in asyncio.filters):
        asyncio.addFilter(_TasksOf(package))
        sys.unraisablehook = _ClosedTasksOf(package, sys.unraisablehook)


class _TasksOf(logging.Filter):
    """Drops what asyncio says of tasks whose code is in a package."""

    def __init__(self, package: str) -> None:
        super().__init__()
        self.package = package

    def filter(self, record: logging.LogRecord) -> bool:
        return f"/{self.package}/" not in record.getMessage()


class _ClosedTasksOf:
    """A hook for what cannot be raised, which drops what coroutines of a package raise."""

    def __init__(self, package: str, otherwise: Callable[[Any], None]) -> None:
        self.package, self.otherwise = package, otherwise

    def __call__(self, unraisable: Any) -> None:
        code = getattr(unraisable.object, "cr_code", None)
        if code is None or f"/{self.package}/" not in code.co_filename:
            self.otherwise(unraisable)


def _handlers_of_others() -> bool:
    """Whether somebody else sees to the log. The log file of a run is the package's own."""
    handlers = logger.handlers + (logging.root.handlers if logger.propagate else [])
    return any(
        not isinstance(handler, logging.NullHandler)
        and handler is not logging.lastResort
        and not type(handler).__module__.startswith("dsm.")
        for handler in handlers
    )

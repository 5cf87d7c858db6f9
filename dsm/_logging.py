"""The log of the package on a console."""

import logging
import sys

#: Libraries that report every step, and from what level on they may speak: what matters dsm says itself.
CHATTY = {"absl": logging.CRITICAL, "jax": logging.WARNING, "matplotlib": logging.WARNING}


def log_to_console(prefix: str = "") -> None:
    """Print the log of "dsm" on standard error, each line behind `prefix`; handlers that are there keep their place."""
    logger = logging.getLogger("dsm")
    mine = [handler for handler in logger.handlers if isinstance(handler, _Console)]
    if not mine:
        logger.setLevel(logging.INFO)
        logger.propagate = False
        mine = [_Console()]
        logger.addHandler(mine[0])
    mine[0].setFormatter(logging.Formatter(prefix.replace("%", "%%") + "%(message)s"))
    for name, level in CHATTY.items():
        logging.getLogger(name).setLevel(level)


class _Console(logging.StreamHandler):
    def __init__(self) -> None:
        super().__init__(sys.stderr)

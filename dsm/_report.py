"""The command `dsm report`: one page about a run or a sweep."""

import argparse
import sys
from pathlib import Path

from dsm._errors import DsmError
from dsm._logging import log_to_console
from dsm._results import EXIT_ERROR

ABOUT = """\
Write one HTML file about a run, or about all runs below a folder, that a browser shows without a network: status,
settings, interactive plots with error bars and theory, and how to make the runs again.
"""


def main(arguments: list[str]) -> int:
    """Write the page and say where it is; returns the exit status."""
    parser = argparse.ArgumentParser("dsm report", description=ABOUT)
    parser.add_argument(
        "folder", metavar="DIR", nargs="?", default="runs", help="a run or a folder of runs (default: runs)"
    )
    parser.add_argument("--out", metavar="FILE", help="the page (default: report.html in that folder)")
    parser.add_argument(
        "--points", metavar="CSV", help="points of others: columns quantity, axis, x, y[, error, label] and settings"
    )
    options = parser.parse_args(arguments)
    log_to_console()
    try:
        from dsm.reporting import report

        file = report(options.folder, options.out, options.points)
    except DsmError as error:
        print(f"dsm report: {error}", file=sys.stderr)
        return EXIT_ERROR
    print(f"{file} ({Path(file).stat().st_size / 2**20:.1f} MiB)")
    return 0

"""The command `dsm report`: one page about a run or a sweep."""

import argparse
from pathlib import Path

from dsm._arguments import parse
from dsm._logging import log_to_console

ABOUT = """\
Write one HTML file about a run, or about all runs below folders, that a browser shows without a network: status,
settings, interactive plots with error bars and theory, and how to make the runs again.
"""


def main(arguments: list[str]) -> int:
    """Write the page and say where it is; returns the exit status.

    Raises:
        DsmError: there is no such option, no run, or no page can be written.
    """
    parser = argparse.ArgumentParser("dsm report", description=ABOUT)
    parser.add_argument(
        "folders", metavar="DIR", nargs="*", default=["runs"], help="runs, or folders of runs (default: runs)"
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="the page (default: report.html in that folder, or in the folder above all of them)",
    )
    parser.add_argument(
        "--points", metavar="CSV", help="points of others: columns quantity, axis, x, y[, error, label] and settings"
    )
    options = parse(parser, arguments)
    log_to_console()
    from dsm.reporting import report

    file = report(options.folders, options.out, options.points)
    print(f"{file} ({Path(file).stat().st_size / 2**20:.1f} MiB)")
    return 0

"""The command `dsm status`: how the runs below folders stand."""

import argparse
import dataclasses
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from dsm._arguments import parse
from dsm._results import EXIT_ERROR, EXIT_INTERRUPTED
from dsm._runs import DONE, FAILED, MISSING, STATES, Standing, standings

ABOUT = """\
Say of every run below the folders whether it is done, running, interrupted or failed, and how far it is.

Exit status: 0 if all are done, 75 if some are unfinished, 2 if some have failed or there is no run.
"""


def main(arguments: list[str]) -> int:
    """Print how the runs below folders stand; returns the exit status.

    Raises:
        ConfigError: there is no such option.
    """
    parser = argparse.ArgumentParser(
        "dsm status", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", metavar="DIR", default=["runs"], help="where to look (default: runs)")
    parser.add_argument("--json", action="store_true", help="print one object with the runs, and how many stand how")
    options = parse(parser, arguments)
    found = {run.path: run for folder in options.folders for run in standings(Path(os.path.expanduser(folder)))}
    runs = list(found.values())
    counts = Counter(run.state for run in runs)
    ordered = {state: counts[state] for state in STATES if counts[state]}
    if options.json:
        print(json.dumps({"runs": [_plain(run) for run in runs], "counts": ordered}, indent=1))
    else:
        print("\n".join([*table(runs), ", ".join(f"{number} {state}" for state, number in ordered.items())]))
    if counts[FAILED] or counts[MISSING]:
        return EXIT_ERROR
    return 0 if counts[DONE] == len(runs) else EXIT_INTERRUPTED


def table(runs: list[Standing]) -> list[str]:
    """A line a run, in columns: state, how far it is, where it is, and what else there is to say."""
    far = ["" if run.state == DONE else run.progress for run in runs]
    rows = [(run.state, done, str(run.path), run.message) for run, done in zip(runs, far, strict=True)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True) if width) for row in rows)
    return [line.rstrip() for line in lines]


def _plain(run: Standing) -> dict[str, Any]:
    return dataclasses.asdict(run) | {"path": str(run.path)}

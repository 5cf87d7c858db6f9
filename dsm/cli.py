"""The command line: what is asked for, said in one place. The work itself is in `dsm._jobs`."""

import importlib
import os
import signal
import sys
import textwrap
from collections.abc import Callable
from importlib import metadata

from dsm._errors import DsmError
from dsm._results import EXIT_ERROR

HELP = """\
dsm: statistical physics of learning in teacher-student machines

  dsm [SETTING=VALUE ...]             run what the settings say, or go on with it
  dsm -m SETTING=VALUE,VALUE ...      a sweep: every combination of the values
  dsm status [FOLDER ...]             how the runs below a folder stand (default: runs)
  dsm report [FOLDER ...]             one interactive page about the runs below a folder, as an HTML file
  dsm list [KIND]                     what can be chosen: experiments, moves, observables, ...
  dsm -c job [SETTING=VALUE ...]      print all settings, run nothing

Examples

  dsm experiment=quickstart
  dsm experiment=quickstart network.depth=5 sampler.sweeps=1e4
  dsm experiment=quickstart sampler=exchange observe=equilibrium
  dsm task=online_sgd network.students=3 training.time=100
  dsm -m experiment=quickstart network.depth=2,4 "seed=range(3)"
  dsm -m experiment=quickstart network.depth=2,4 hydra/launcher=joblib hydra.launcher.n_jobs=2

Presets

{presets}

Settings of one's own: --config-dir FOLDER looks for more presets and experiments there; plugins=[MODULE]
imports parts of one's own. The same command continues an interrupted run, and does nothing on a finished one.
Exit status: 0 finished; 2 an error of input or disk; 75 interrupted, run the same command again.

  --version      print the version
  --trace        on an error print where it came from, not one line
  --hydra-help   options of Hydra, which composes the settings
"""


def carry_out(arguments: list[str]) -> int:
    """Do what the arguments of the command say; returns the exit status."""
    try:
        os.getcwd()
    except OSError as error:
        print(f"dsm: the working folder cannot be used: {error.strerror}", file=sys.stderr)
        return EXIT_ERROR
    if arguments[:1] in (["--config-dir"], ["-cd"]) and arguments[2:3] == ["list"]:
        arguments = [*arguments[2:], *arguments[:2]]
    if arguments[:1] in (["status"], ["list"], ["report"]):
        return _tell(*arguments)
    if "--help" in arguments or "-h" in arguments:
        return _print(_help)
    if "--version" in arguments:
        return _print(lambda: print(f"dsm {metadata.version('dsm')}"))
    from dsm import _jobs

    return _jobs.carry_out(arguments)


def _tell(what: str, *arguments: str) -> int:
    """The subcommands that tell something and run nothing."""
    try:
        main = importlib.import_module(f"dsm._{what}").main  # status needs no JAX and is quick
        return _print(lambda: main(list(arguments)))
    except DsmError as error:
        print(f"dsm {what}: {error}", file=sys.stderr)
        return EXIT_ERROR


def _help() -> None:
    from dsm.config import presets

    groups = (
        textwrap.fill(", ".join(names), 106, initial_indent=f"  {group:<11}", subsequent_indent=" " * 13)
        for group, names in presets().items()
    )
    print(HELP.format(presets="\n".join(groups)))


def _print(show: Callable[[], int | None]) -> int:
    """Print something; returns the exit status, 0 if there is none."""
    try:
        status = show()
        sys.stdout.flush()
        return status or 0
    except BrokenPipeError:  # whoever reads has seen enough, as `head` has; Python would write the rest at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def main() -> None:
    """Entry point of the command; ends the process with its status."""
    from dsm.__main__ import main

    main()


if __name__ == "__main__":
    main()

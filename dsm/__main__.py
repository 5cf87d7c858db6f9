"""The command `dsm`. Signals are answered before anything is imported that takes its time."""

import sys

from dsm._signals import end_on_signals


def main() -> None:
    """Carry out the command line, and end the process with the status of its jobs."""
    with end_on_signals():
        from dsm import cli

        sys.exit(cli.carry_out(sys.argv[1:]))


if __name__ == "__main__":
    main()

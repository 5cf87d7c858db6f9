"""One page for a run or a sweep: a file of its own that a browser shows without a network."""

from dsm.reporting._write import report as report

__all__ = ["report"]

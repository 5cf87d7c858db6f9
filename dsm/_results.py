"""How a run ended, and what to do next."""

from enum import Enum

#: How an interrupted run is continued, and one that was told to start afresh.
AGAIN = "run the same command again to continue"
AGAIN_AFRESH = "run again without run.resume=never to continue"


class Outcome(Enum):
    """Outcome of a task; the value is the message shown to the user."""

    done = "finished"
    already_done = "already finished: nothing to do (run.resume=never starts afresh beside it)"
    interrupted = f"interrupted after a checkpoint: {AGAIN}"


#: Exit status of an interrupted run that can be resumed (EX_TEMPFAIL of sysexits.h).
EXIT_INTERRUPTED = 75
#: Exit status after an error of the user's input or of the disk.
EXIT_ERROR = 2

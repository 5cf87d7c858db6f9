"""What tests of the life of a run share."""

import os
import signal
from collections.abc import Callable

import pytest

from dsm import store


@pytest.fixture
def interrupt_at(monkeypatch) -> Callable[[int], None]:
    """A function that has this process get SIGTERM once the checkpoint at a time is saved; each time once."""
    save = store.Checkpoints.save

    def interrupt(time: int) -> None:
        def save_and_signal(checkpoints, now, *arguments):
            save(checkpoints, now, *arguments)
            if now == time:
                monkeypatch.setattr(store.Checkpoints, "save", save)
                os.kill(os.getpid(), signal.SIGTERM)

        monkeypatch.setattr(store.Checkpoints, "save", save_and_signal)

    return interrupt

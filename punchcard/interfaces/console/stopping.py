"""SIGINT and SIGTERM: what is asked to stop hears of it, whatever it does just then.

Note [A stop is never lost]: a signal's handler runs between any two steps of the
program. What it raises is dropped where Python drops exceptions (finalizers, callbacks
of weak references), and the process would go on for ever; where it takes a lock, as
`Event.set` does, what it interrupted may hold it. So it only notes that it was called,
and wakes who waits.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
from contextlib import suppress
from types import FrameType

AGAIN_SECONDS = 1.0
"""Between two tries to end what does not look whether it shall stop."""


class Stopping:
    """Whether this process was asked to stop."""

    def __init__(self, *, patience: float | None = None) -> None:
        """Listen from now on; what has not ended after its patience is interrupted.

        By a SystemExit, again and again: one of them may be dropped.
        """
        self.asked = False
        self._patience = patience
        self._awoken, self._waker = os.pipe()
        for end in (self._awoken, self._waker):
            os.set_blocking(end, False)
        if patience is not None:
            signal.signal(signal.SIGALRM, _interrupt)
            # At the very end nobody hears an alarm any more: it would kill.
            atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._hear)

    def wait(self, seconds: float) -> None:
        """Wait so long, and no longer than until we are asked to stop."""
        if not self.asked:
            # The byte stays there: whoever waits later is awake at once.
            select.select([self._awoken], [], [], max(seconds, 0))

    def _hear(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self._patience is not None and not self.asked:
            signal.setitimer(signal.ITIMER_REAL, self._patience, AGAIN_SECONDS)
        self.asked = True
        with suppress(BlockingIOError):
            os.write(self._waker, b"\0")


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise SystemExit(0)

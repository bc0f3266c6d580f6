"""A command of ours that SIGUSR1 stops at the worst moment.

`python -m tests.worker.interrupted WORD...` is `punchcard WORD...`, but SIGUSR1 makes
it ask itself to stop within a finalizer, where Python drops what a handler raises.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType

from punchcard.project.main import main


class Dropping:
    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)


def ask(number: int, frame: FrameType | None) -> None:
    Dropping()


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, ask)
    sys.exit(main())

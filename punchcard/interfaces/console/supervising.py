"""Several commands under one: their output told apart, one start and one stop."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import IO

from punchcard.interfaces.console.failures import FAILED

PATIENCE_SECONDS = 30
"""What the parts may take to end; a worker takes 20 for what is under way."""

LOOK_SECONDS = 0.1
STEADY_SECONDS = 30
"""After so long a part counts as started; what ends sooner may never start."""

TRIES = 4
"""How often in a row a part may end early before all is given up."""

_DIE_WITH_PARENT = 1
_out = threading.Lock()


@dataclass
class Part:
    """A command of ours that runs beside others."""

    name: str
    words: Sequence[str]
    process: subprocess.Popen[str] | None = None
    started: float = 0.0
    start_at: float = 0.0
    failures: int = 0
    reader: threading.Thread | None = None


@dataclass
class Supervisor:
    """Starts the parts, starts again what ends by itself, stops all together."""

    parts: Sequence[Part]
    stopping: bool = False
    signals: int = 0
    width: int = field(init=False)

    def __post_init__(self) -> None:
        self.width = max(len(part.name) for part in self.parts)

    def run(self) -> int:
        """Run until SIGINT or SIGTERM (0), or until a part cannot be kept up (1)."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._hear)
        code = 0
        while not self.stopping:
            for part in self.parts:
                if not self._keep_up(part):
                    code, self.stopping = FAILED, True
            time.sleep(LOOK_SECONDS)
        self._stop()
        return code

    def _hear(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.signals += 1
        self.stopping = True

    def _keep_up(self, part: Part) -> bool:
        """Start what does not run, in time; False where that has become hopeless."""
        now = time.monotonic()
        if part.process is None:
            if now >= part.start_at:
                self._start(part, now)
            return True
        code = part.process.poll()
        if code is None:
            return True
        self._drain(part)
        part.process = None
        if now - part.started > STEADY_SECONDS:
            part.failures = 0
        part.failures += 1
        how = f"by signal {-code}" if code < 0 else f"with code {code}"
        if part.failures > TRIES:
            self._tell(part.name, f"ended {how} again and again: all is stopped.")
            return False
        pause = 2 ** (part.failures - 1)
        part.start_at = now + pause
        self._tell(part.name, f"ended {how}; it is started again in {pause} s.")
        return True

    def _start(self, part: Part, now: float) -> None:
        part.started = now
        # In a session of its own: Ctrl-C is for us to pass on, once.
        part.process = subprocess.Popen(
            [sys.executable, sys.argv[0], *part.words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            start_new_session=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - it takes no lock
        )
        assert part.process.stdout is not None  # noqa: S101 - it is a pipe
        part.reader = threading.Thread(
            target=self._pass_on, args=(part.name, part.process.stdout), daemon=True
        )
        part.reader.start()

    def _pass_on(self, name: str, lines: IO[str]) -> None:
        with lines:
            for line in lines:
                if line.strip():
                    self._tell(name, line.rstrip())

    def _tell(self, name: str, line: str) -> None:
        # Whoever read us may have gone: that is no reason to stop working.
        with _out, suppress(OSError, ValueError):
            sys.stdout.write(f"{name:<{self.width}} | {line}\n")
            sys.stdout.flush()

    def _drain(self, part: Part) -> None:
        """Let the last words be told before what comes after them."""
        if part.reader is not None:
            part.reader.join(timeout=1)

    def _stop(self) -> None:
        """Ask all to end, at once; after a while, or when asked again, end them."""
        alive = [part for part in self.parts if part.process is not None]
        for part in alive:
            _signal(part, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE_SECONDS
        asked = self.signals
        while any(part.process and part.process.poll() is None for part in alive):
            if time.monotonic() > deadline or self.signals > asked:
                for part in alive:
                    _signal(part, signal.SIGKILL)
            time.sleep(LOOK_SECONDS)
        for part in alive:
            self._drain(part)


def _signal(part: Part, number: signal.Signals) -> None:
    """Signal the part; what is killed is killed with all that it started."""
    if part.process is None or part.process.poll() is not None:
        return
    with suppress(ProcessLookupError):
        if number == signal.SIGKILL:
            os.killpg(part.process.pid, number)
        else:
            part.process.send_signal(number)


def _end_with_parent() -> None:
    """Let a part end when its supervisor was killed and can stop nobody any more."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM)

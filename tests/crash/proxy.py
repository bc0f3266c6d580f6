"""A proxy before PostgreSQL that loses the connection at COMMIT, as its own process.

`python -m tests.crash.proxy <socket> <upstream>`: reads the frontend's messages just
enough to see a COMMIT pass (a simple query, or a portal of it executed), and loses the
connection there as it was last told to, a line of JSON each on its input:

- `before`: the COMMIT never reaches the server, which rolls back;
- `after`: the server has committed and said so, and nobody hears it;
- `late`: the client is cut off at once, its COMMIT reaches the server a moment later.

What it counts is the proof that a cut hit a COMMIT. `lossy` starts and steers one.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from django.db import connections

BEFORE, AFTER, LATE = "before", "after", "late"
LATE_SECONDS = 0.3
PORT = "5432"

_STARTUP = b""
"""The kind of a message without one: the first of a connection."""
_NOT_ENCRYPTED = {(1234 << 16) + 5679, (1234 << 16) + 5680}
"""Codes of the questions whether we speak TLS or GSS: we answer no."""
_COMMIT = re.compile(rb"\s*(commit|end)\b(?!\s+prepared)", re.IGNORECASE)
_CHUNK = 1 << 16


class Cuts(msgspec.Struct):
    """Which COMMITs lose their connection, and where: by turns."""

    where: list[str] = []
    every: int = 1
    seconds: float | None = None
    """One in so many seconds, in place of one in `every`."""
    times: int | None = None
    hold: bool = False
    """Let what is late wait until we go on by other rules."""


class Messages:
    """A stream of bytes, cut into messages: a kind, a length, what it says."""

    def __init__(self, *, startup: bool) -> None:
        self._data = bytearray()
        self._startup = startup

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the kind and the whole of each message that is complete by now."""
        self._data += data
        while True:
            head = 0 if self._startup else 1
            if len(self._data) < head + 4:
                return
            end = head + int.from_bytes(self._data[head : head + 4])
            if len(self._data) < end:
                return
            kind, message = bytes(self._data[:head]), bytes(self._data[:end])
            del self._data[:end]
            if self._startup and int.from_bytes(message[4:8]) not in _NOT_ENCRYPTED:
                self._startup = False
            yield kind, message


class Commits:
    """Which of a client's messages are a COMMIT: simple, or prepared and executed."""

    def __init__(self) -> None:
        self._statements: dict[bytes, bool] = {}
        self._portals: dict[bytes, bool] = {}

    def sees(self, kind: bytes, message: bytes) -> bool:
        """Say whether the server commits when it gets this message."""
        if kind == b"Q":
            return _COMMIT.match(message, 5) is not None
        if kind not in (b"P", b"B", b"E"):
            return False
        first, second, *_ = [*message[5:].split(b"\0", 2), b""]
        if kind == b"P":
            self._statements[first] = _COMMIT.match(second) is not None
        elif kind == b"B":
            self._portals[first] = self._statements.get(second, False)
        else:
            return self._portals.get(first, False)
        return False


class Cutter:
    """Decides for each COMMIT what becomes of it, and counts what did."""

    def __init__(self) -> None:
        self.cuts = Cuts()
        self.counts: Counter[str] = Counter()
        self.released = asyncio.Event()
        self._left: int | None = None
        self._seen, self._chosen, self._due = 0, 0, 0.0

    def begin(self, cuts: Cuts) -> None:
        """Go on by these rules, from here."""
        self.cuts, self._left = cuts, cuts.times
        if cuts.hold:
            self.released.clear()
        else:
            self.released.set()
        self._seen, self._chosen = 0, 0
        self._due = time.monotonic() + (cuts.seconds or 0.0)

    def choose(self) -> str | None:
        """Say where the COMMIT that comes now loses its connection, if it does."""
        self.counts["commits"] += 1
        self._seen += 1
        if not self.cuts.where or self._left == 0 or not self._is_its_turn():
            return None
        where = self.cuts.where[self._chosen % len(self.cuts.where)]
        self._chosen += 1
        if self._left is not None:
            self._left -= 1
        return where

    def _is_its_turn(self) -> bool:
        if self.cuts.seconds is None:
            return self._seen % self.cuts.every == 0
        now = time.monotonic()
        if now < self._due:
            return False
        self._due = max(self._due + self.cuts.seconds, now)
        return True


class Session:
    """One client, its server, and the messages between them."""

    def __init__(
        self,
        cutter: Cutter,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.cutter = cutter
        self.from_client, self.to_client = client
        self.from_server, self.to_server = server
        self.commits = Commits()
        self.committing = False
        self.where: str | None = None

    async def run(self) -> None:
        """Hand messages on, both ways, until either side ends or is cut."""
        up = asyncio.ensure_future(self._from_client())
        down = asyncio.ensure_future(self._from_server())
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            if self.where == LATE:
                await asyncio.wait({down})
        finally:
            for task in (up, down):
                task.cancel()
            for done in await asyncio.gather(up, down, return_exceptions=True):
                if isinstance(done, Exception) and not isinstance(done, OSError):
                    raise done
            if self.committing:
                self.cutter.counts["unanswered"] += 1
            self.to_client.transport.abort()
            self.to_server.transport.abort()

    async def _from_client(self) -> None:
        messages = Messages(startup=True)
        while data := await self.from_client.read(_CHUNK):
            for kind, message in messages.feed(data):
                if kind == _STARTUP and int.from_bytes(message[4:8]) in _NOT_ENCRYPTED:
                    self.to_client.write(b"N")
                    continue
                if self.commits.sees(kind, message):
                    self.where = self.cutter.choose()
                    if self.where == BEFORE:
                        self.cutter.counts[BEFORE] += 1
                        return
                    if self.where == LATE:
                        await self._commit_late(message)
                        return
                    self.committing = True
                self.to_server.write(message)
            await self.to_server.drain()
        if self.to_server.can_write_eof():
            self.to_server.write_eof()

    async def _commit_late(self, message: bytes) -> None:
        """Cut the client off; its COMMIT is still under way."""
        self.to_client.transport.abort()
        await asyncio.sleep(LATE_SECONDS)
        await self.cutter.released.wait()
        self.committing = True
        self.to_server.write(message)
        # Executed but not synchronised, an extended COMMIT would wait for ever.
        self.to_server.write(b"S\0\0\0\4" if message[:1] == b"E" else b"")

    async def _from_server(self) -> None:
        messages = Messages(startup=False)
        while data := await self.from_server.read(_CHUNK):
            for kind, message in messages.feed(data):
                if self.committing and kind in (b"C", b"E"):
                    if self._answered(message):
                        return
                if self.where != LATE:
                    self.to_client.write(message)
            if self.where != LATE:
                await self.to_client.drain()

    def _answered(self, message: bytes) -> bool:
        """Note the server's answer to a COMMIT; say whether nobody may hear it."""
        if message[:1] == b"C" and message[5:] not in (b"COMMIT\0", b"ROLLBACK\0"):
            return False  # In a pipeline: the answer to what came before.
        self.committing = False
        if message[5:] != b"COMMIT\0":
            self.cutter.counts["refused"] += 1
            return self.where == LATE
        self.cutter.counts["committed"] += 1
        if self.where is not None:
            self.cutter.counts[self.where] += 1
        return self.where is not None


async def _serve(socket: str, upstream: str) -> None:
    cutter = Cutter()

    async def meet(reader: Any, writer: Any) -> None:
        cutter.counts["connections"] += 1
        try:
            server = await asyncio.open_unix_connection(upstream)
        except OSError:
            # The server is down: the client shall see that, and come again.
            writer.transport.abort()
            return
        with suppress(asyncio.CancelledError):  # We stop, in the middle of it.
            await Session(cutter, (reader, writer), server).run()

    await asyncio.start_unix_server(meet, socket)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    print("{}", flush=True)
    while order := await orders.readline():
        if order.strip() != b"null":
            cutter.begin(msgspec.json.decode(order, type=Cuts))
        print(json.dumps(cutter.counts), flush=True)


class Proxy:
    """A running proxy: where it is reached, and what it shall cut."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.host = str(folder)
        self._process = process
        self._told()

    def cut(self, *where: str, **rules: Any) -> None:
        """Lose connections at COMMIT from now on: how see `Cuts`."""
        self._tell(msgspec.json.encode(Cuts(list(where), **rules)))

    def heal(self) -> None:
        """Lose nothing any more."""
        self.cut()

    def counts(self) -> Counter[str]:
        """Return what became of the COMMITs so far."""
        return self._tell(b"null")

    def _tell(self, order: bytes) -> Counter[str]:
        assert self._process.stdin is not None
        self._process.stdin.write(order + b"\n")
        self._process.stdin.flush()
        return self._told()

    def _told(self) -> Counter[str]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the proxy ended with code {self._process.wait()}"
        return Counter(json.loads(line))


@contextmanager
def lossy(*, host: str, port: str) -> Iterator[Proxy]:
    """Run a proxy before the server whose socket is in the folder `host`."""
    folder = Path(tempfile.mkdtemp(prefix="pc-proxy-"))
    ours, theirs = [
        Path(at) / f".s.PGSQL.{p}" for at, p in ((folder, PORT), (host, port))
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.crash.proxy", ours, theirs],
        cwd=Path(__file__).resolve().parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            yield Proxy(folder, process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            shutil.rmtree(folder)


@contextmanager
def through(proxy: Proxy, using: str = "default") -> Iterator[None]:
    """Let Django's connections of this process go through the proxy."""
    settings = connections[using].settings_dict
    direct = {name: settings[name] for name in ("HOST", "PORT")}
    connections[using].close()
    settings |= {"HOST": proxy.host, "PORT": PORT}
    try:
        yield
    finally:
        connections[using].close()
        settings |= direct


def main(arguments: Sequence[str]) -> None:
    """Serve until the input ends."""
    asyncio.run(_serve(*arguments))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(sys.argv[1:])

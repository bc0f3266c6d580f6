"""A pooler in transaction mode before PostgreSQL, as its own process: a strict one.

`python -m tests.pooling.pooler <socket> <upstream> <sessions>`: any number of clients
share a few sessions of the server. Each transaction is given the session that has
rested longest, so that two in a row are never of the same one, and nothing is reset
between: what somebody left behind is gone for them, and there for the next. Whatever
leaves something behind is written down, and so is the longest queue.

It answers each line of its input with what it has counted. `pooling` starts one.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from tests.crash.proxy import Messages

PORT = "5432"
SSL, GSS, CANCEL = (80877103, 80877104, 80877102)
TAKEN = {"user", "database", "client_encoding", "application_name"}
"""What a client may say of its session when it comes; PgBouncer refuses the rest."""

_CHUNK = 1 << 16
_STARTUP = b""
_ASKS = b"SQF"
"""Messages that the server answers with ReadyForQuery."""
_PREPARES = b"PBDECH"
"""Messages that a Sync must follow."""

_LEAVES = re.compile(
    rb"""
    ^ \s* (
        SET \s+ (?! LOCAL\b | TRANSACTION\b | CONSTRAINTS\b)
        | RESET\b | LISTEN\b | UNLISTEN\b | DISCARD\b | LOAD\b
        | PREPARE \s+ (?! TRANSACTION\b) | DEALLOCATE\b
        | CREATE \s+ (LOCAL\s+|GLOBAL\s+)? TEMP
        | DECLARE \b .* \b WITH \s+ HOLD\b
    )
    | \b pg_ (try_)? advisory_ (lock|unlock)
    | \b set_config \( [^()]* , \s* (false|'f'|'false') \s* \)
    | \b INTO \s+ TEMP
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


class Counts(msgspec.Struct):
    """What a pooler has seen."""

    transactions: int = 0
    clients: int = 0
    """The most at once."""
    waiting: int = 0
    """The most at once that waited for a session."""
    lent: list[int] = []
    """How many transactions each session had."""
    left: list[str] = []
    """What left something behind in a session."""
    cut: int = 0
    """Clients that went away in the middle of a transaction."""


def leaves_behind(kind: bytes, message: bytes) -> str | None:
    """Return what a client's message leaves behind in its session, if it does."""
    if kind == b"Q":
        parts = message[5:].rstrip(b"\0").split(b";")
    elif kind == b"P":
        name, text, *_ = message[5:].split(b"\0", 2)
        if name:
            return f"a prepared statement: {text.decode()}"
        parts = [text]
    else:
        return None
    found = [part.decode().strip() for part in parts if _LEAVES.search(part)]
    return found[0] if found else None


class Session:
    """One session of the server, which many clients use one after the other."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.greeting = b""

    async def open(self, upstream: str, startup: bytes) -> Session:
        """Connect as the first client did; keep what the server says of itself."""
        self.reader, self.writer = await asyncio.open_unix_connection(upstream)
        self.writer.write(startup)
        messages = Messages(startup=False)
        while data := await self.reader.read(_CHUNK):
            for kind, message in messages.feed(data):
                assert kind in b"RSKZN", message
                self.greeting += message
                if kind == b"Z":
                    return self
        raise OSError(self.greeting)


class Pool:
    """A few sessions, the one that has rested longest first."""

    def __init__(self, upstream: str, sessions: int) -> None:
        self.upstream, self.sessions = upstream, sessions
        self.resting: asyncio.Queue[Session] = asyncio.Queue()
        self.counts = Counts(lent=[0] * sessions)
        self.clients = self.waiting = 0
        self._startup = b""
        self._opening = asyncio.Lock()

    async def fill(self, startup: bytes) -> bytes:
        """Open the sessions when the first client comes; return the greeting."""
        async with self._opening:
            if not self._startup:
                for number in range(self.sessions):
                    session = await Session(number).open(self.upstream, startup)
                    self.greeting = session.greeting
                    self.resting.put_nowait(session)
                self._startup = startup
        return self.greeting

    async def lend(self) -> Session:
        """Wait for a session."""
        self.waiting += self.resting.empty()
        self.counts.waiting = max(self.counts.waiting, self.waiting)
        was_empty = self.resting.empty()
        try:
            session = await self.resting.get()
        finally:
            self.waiting -= was_empty
        self.counts.transactions += 1
        self.counts.lent[session.number] += 1
        return session

    async def replace(self, session: Session) -> None:
        """Throw a session away in the middle of its transaction; open another one."""
        session.writer.transport.abort()
        self.counts.cut += 1
        self.resting.put_nowait(
            await Session(session.number).open(self.upstream, self._startup)
        )


class Client:
    """One client, and the session that it has at times."""

    def __init__(
        self, pool: Pool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.pool, self.reader, self.writer = pool, reader, writer
        self.session: Session | None = None
        self.asked = 0
        """Answers that the session owes."""
        self.half = False
        """Whether something was asked that no Sync has followed yet."""
        self._back: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Hand messages on until the client goes."""
        messages = Messages(startup=True)
        while data := await self.reader.read(_CHUNK):
            for kind, message in messages.feed(data):
                if kind == _STARTUP:
                    if not await self._greet(message):
                        return
                elif kind == b"X":
                    return
                else:
                    await self._ask(kind, message)

    async def leave(self) -> None:
        """Give back what is lent: whole, or not at all."""
        self.writer.transport.abort()
        if self._back is not None:
            self._back.cancel()
        if self.session is not None:
            await self.pool.replace(self.session)

    async def _greet(self, message: bytes) -> bool:
        code = int.from_bytes(message[4:8])
        if code == CANCEL:
            return False
        if code in (SSL, GSS):
            self.writer.write(b"N")
            return True
        words = message[8:].split(b"\0")
        said = {name.decode() for name in words[::2] if name}
        for name in sorted(said - TAKEN):
            self.pool.counts.left.append(f"a parameter of the session: {name}")
        self.writer.write(await self.pool.fill(message))
        return True

    async def _ask(self, kind: bytes, message: bytes) -> None:
        left = leaves_behind(kind, message)
        if left is not None:
            self.pool.counts.left.append(left)
        if self.session is None:
            self.session = await self.pool.lend()
            self._back = asyncio.create_task(self._answer(self.session))
        self.half = kind in _PREPARES or (self.half and kind not in _ASKS)
        self.asked += kind in _ASKS
        self.session.writer.write(message)
        await self.session.writer.drain()

    async def _answer(self, session: Session) -> None:
        """Hand back what the session says, until its transaction is over."""
        messages = Messages(startup=False)
        while data := await session.reader.read(_CHUNK):
            for kind, message in messages.feed(data):
                self.writer.write(message)
                if kind != b"Z":
                    continue
                self.asked -= 1
                if message[5:] == b"I" and not self.asked and not self.half:
                    self.session = None
                    self.pool.resting.put_nowait(session)
                    return
            await self.writer.drain()
        self.writer.transport.abort()


async def _serve(socket: str, upstream: str, sessions: str) -> None:
    pool = Pool(upstream, int(sessions))

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(pool, reader, writer)
        pool.clients += 1
        pool.counts.clients = max(pool.counts.clients, pool.clients)
        try:
            with suppress(OSError):
                await client.run()
        finally:
            pool.clients -= 1
            await client.leave()

    await asyncio.start_unix_server(meet, socket)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    print("ready", flush=True)
    while await orders.readline():
        print(msgspec.json.encode(pool.counts).decode(), flush=True)


class Pooler:
    """A running pooler: where it is reached, and what it has seen."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.host, self.port = str(folder), PORT
        self._process = process
        assert self._line() == b"ready\n"

    def counts(self) -> Counts:
        """Return what it has counted so far."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        return msgspec.json.decode(self._line(), type=Counts)

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the pooler ended with code {self._process.wait()}"
        return line


@contextmanager
def pooling(*, host: str, port: object, sessions: int) -> Iterator[Pooler]:
    """Run a pooler before the server whose socket is in the folder `host`."""
    folder = Path(tempfile.mkdtemp(prefix="pc-pooler-"))
    ours, theirs = folder / f".s.PGSQL.{PORT}", Path(host) / f".s.PGSQL.{port}"
    with subprocess.Popen(
        [sys.executable, "-m", "tests.pooling.pooler", ours, theirs, str(sessions)],
        cwd=Path(__file__).resolve().parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            yield Pooler(folder, process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            shutil.rmtree(folder)


def main(arguments: Sequence[str]) -> None:
    """Serve until the input ends."""
    asyncio.run(_serve(*arguments))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(sys.argv[1:])

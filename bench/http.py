"""The API over HTTP: the floor, one command per request, and `entries:batch`.

A client is one kept-alive connection. Each process drives several in turn (send on
all, then read from all), so that the load costs little of the two cores it shares.
"""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.engine import make_accounts
from bench.harness import Bench, Extras
from bench.processes import Ready, fan_out

WORKERS = 2
THREADS = 4
BATCH = 1_000
ACCOUNTS = 10_000

Body = Callable[[int], tuple[str, bytes, str | None]]
"""number -> (path, body, idempotency key)"""


def benches(home: Path, seconds: float) -> list[Bench]:
    """Return the HTTP benches; each starts a server of its own."""
    accounts, key = _prepare()
    kinds = ("floor", "command", "batch")
    names = {
        "floor": "http floor (authenticated, empty)",
        "command": "http one command per request",
        "batch": f"http entries:batch of {BATCH}",
    }

    def bench(kind: str, clients: int) -> Bench:
        def run() -> tuple[int, float, Extras]:
            with _serving(home) as port:
                return _load(kind, clients, port, key, accounts, seconds)

        unit = "requests/s" if kind != "batch" else "commands/s"
        return Bench(f"{names[kind]}, {clients} clients", run, unit=unit)

    return [
        bench(kind, clients)
        for kind in kinds
        for clients in ((1, 32) if kind != "batch" else (4,))
    ]


def _prepare() -> tuple[list[str], str]:
    from punchcard.journeys.create_api_key import create_api_key
    from punchcard.kernel import clock
    from punchcard.kernel.ids import typed

    place = make_accounts(ACCOUNTS)
    accounts = [typed("acc", account) for account in place.accounts]
    created = create_api_key(
        program=place.program,
        name="bench",
        scopes=["ledger:read", "ledger:write"],
        now=clock.read(),
    )
    return accounts, created.secret


@contextmanager
def _serving(home: Path) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    server = subprocess.Popen(
        [
            str(Path(sys.executable).with_name("granian")),
            *("--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)),
            *("--workers", str(WORKERS), "--blocking-threads", str(THREADS)),
            *("--no-log", "punchcard.project.wsgi:application"),
        ],
        cwd=home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                break
            except OSError:
                time.sleep(0.1)
        yield port
    finally:
        server.terminate()
        server.wait(30)


def _load(
    kind: str,
    clients: int,
    port: int,
    key: str,
    accounts: list[str],
    seconds: float,
) -> tuple[int, float, Extras]:
    processes = min(clients, 4)
    each = clients // processes
    done, elapsed = fan_out(
        work, kind, each, port, key, accounts, processes=processes, seconds=seconds
    )
    return done * (BATCH if kind == "batch" else 1), elapsed, {}


def work(
    number: int,
    ready: Ready,
    kind: str,
    clients: int,
    port: int,
    key: str,
    accounts: list[str],
) -> int:
    """Send requests over `clients` connections until the deadline."""
    tag = f"{secrets.token_hex(4)}-{number}"
    connections = [
        socket.create_connection(("127.0.0.1", port), 30) for _ in range(clients)
    ]
    for connection in connections:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sent = done = 0
    deadline: float | None = None
    while deadline is None or time.perf_counter() < deadline:
        for connection in connections:
            sent += 1
            connection.sendall(_request(kind, f"{tag}-{sent}", sent, key, accounts))
        for connection in connections:
            _read_answer(connection)
        if deadline is None and sent >= 8 * clients:
            deadline = ready()
            done = 0
            continue
        done += clients
    for connection in connections:
        connection.close()
    return done


def _request(
    kind: str, reference: str, sent: int, key: str, accounts: list[str]
) -> bytes:
    if kind == "floor":
        head = "GET /v1/ping HTTP/1.1\r\n"
        body = b""
    else:
        account = accounts[hash(reference) % len(accounts)]
        body = json.dumps({"points": 1 + sent % 90}).encode()
        head = f"POST /v1/accounts/{account}/earn HTTP/1.1\r\n"
        head += f"Idempotency-Key: {reference}\r\n"
        if kind == "batch":
            head = "POST /v1/entries:batch HTTP/1.1\r\n"
            body = json.dumps(
                {
                    "commands": [
                        {
                            "type": "earn",
                            "account": accounts[(hash(reference) + n) % len(accounts)],
                            "points": 1 + n % 90,
                            "key": f"{reference}-{n}",
                        }
                        for n in range(BATCH)
                    ]
                }
            ).encode()
        head += "Content-Type: application/json\r\n"
    head += f"Host: localhost\r\nAuthorization: Bearer {key}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _read_answer(connection: socket.socket) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65_536)
        if not part:
            raise RuntimeError("the server closed the connection")
        data += part
    head, _, rest = data.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    if status >= 300:
        raise RuntimeError(f"answered {status}: {rest[:300]!r}")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    missing = length - len(rest)
    while missing > 0:
        missing -= len(connection.recv(65_536))

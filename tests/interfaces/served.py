"""The API served by a process of its own, which can be told to die.

`python -m tests.interfaces.served`: says its port on its first line of output. A
request with the header `X-Die` has its work done and committed, and then the process
kills itself (SIGKILL) before a byte of the answer is sent.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import quote, urlencode
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import httpx
from django.db import connection

from tests.secret import SECRET_KEY

ROOT = Path(__file__).resolve().parents[2]
BACKLOG = 128
PATIENCE_SECONDS = 60


class Served:
    """A server process."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.address = f"http://127.0.0.1:{port}"

    def send(
        self, method: str, path: str, secret: str, body: Any, **headers: str
    ) -> httpx.Response:
        """Send a request of its own connection, and return the answer."""
        return httpx.request(
            method,
            f"{self.address}{path}",
            json=body,
            headers={"Authorization": f"Bearer {secret}", **headers},
            timeout=PATIENCE_SECONDS,
        )

    def died(self) -> bool:
        """Wait for its end; say whether it was killed."""
        return self.process.wait(PATIENCE_SECONDS) == -signal.SIGKILL


@contextmanager
def serving() -> Iterator[Served]:
    """Serve the tests' database from another process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.interfaces.served"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": _url()} | _MUST_BE_SAID,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield Served(process, int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


_MUST_BE_SAID = {
    "PUNCHCARD_SECRET_KEY": SECRET_KEY,
    "PUNCHCARD_ALLOWED_HOSTS": "127.0.0.1",
}


def _url() -> str:
    known = connection.settings_dict
    who = quote(known["USER"], safe="")
    if known["PASSWORD"]:
        who += f":{quote(known['PASSWORD'], safe='')}"
    where = {"host": known["HOST"]} | ({"port": known["PORT"]} if known["PORT"] else {})
    return f"postgresql://{who}@/{quote(known['NAME'], safe='')}?{urlencode(where)}"


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = BACKLOG


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _main() -> None:
    from django.db import connections

    from punchcard.project.wsgi import application

    def mortal(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        response = application(environ, start)
        if "HTTP_X_DIE" in environ:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return [b"".join(response)]
        finally:
            response.close()
            # Every request has a thread of its own here, and so a connection.
            connections.close_all()

    with _Server(("127.0.0.1", 0), _Quiet) as server:
        server.set_app(mortal)
        print(server.server_port, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "punchcard.project.settings"
    _main()

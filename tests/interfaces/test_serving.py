"""Real servers: several workers, told to stop while they work."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psycopg
import pytest
from prometheus_client.mmap_dict import MmapedDict

from punchcard.project.servers.postgres import PostgresServer
from tests.interfaces.test_console import Console, await_health, free_port, read_until
from tests.interfaces.test_metrics import numbers

TOKEN = "sixteen characters at least"
PATIENCE_SECONDS = 60


class Serving:
    """`punchcard up`, over a database of its own."""

    def __init__(self, process: subprocess.Popen[str], port: int, home: Path) -> None:
        self.process = process
        self.address = f"http://127.0.0.1:{port}"
        self.home = home
        self.printed = read_until(process, "Ctrl-C")
        await_health(port)

    @property
    def secret(self) -> str:
        found = re.search(r"sk_test_[\w-]+", " ".join(self.printed))
        assert found is not None
        return found[0]

    def get(self, path: str, secret: str = "") -> httpx.Response:
        headers = {"Authorization": f"Bearer {secret or self.secret}"}
        url = f"{self.address}{path}"
        return httpx.get(url, headers=headers, timeout=PATIENCE_SECONDS)

    def post(self, path: str, body: object, key: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.secret}", "Idempotency-Key": key}
        url = f"{self.address}{path}"
        return httpx.post(url, json=body, headers=headers, timeout=PATIENCE_SECONDS)

    def workers(self) -> list[str]:
        """Return its forks that are alive: no fork is the database's server."""
        pid = str(self.process.pid)
        started = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [child for child in started if _lives(child) and _is_fork(child, pid)]

    def counted(self, worker: str) -> float:
        """Return how many pings one of its processes has answered."""
        file = self.home / "metrics" / f"counter_{worker}.db"
        if not file.exists():
            return 0
        values = MmapedDict.read_all_values_from_file(file)
        return sum(
            value
            for key, value, *_ in values
            if "http_requests_total" in key and "/v1/ping" in key
        )

    def session(self) -> psycopg.Connection[tuple[object, ...]]:
        address = PostgresServer(self.home).dsn()
        return psycopg.connect(**address, autocommit=True)


@pytest.fixture
def serving(migrated: Path) -> Iterator[Serving]:
    with tempfile.TemporaryDirectory(prefix="punchcard-serving-") as folder:
        extra = {"PUNCHCARD_METRICS_TOKEN": TOKEN, "PUNCHCARD_LOG": "WARNING"}
        console = Console(Path(folder) / "home", Path(folder), extra)
        shutil.copytree(migrated, console.home, symlinks=True)
        port = free_port()
        words = ("up", "--web-only", "--port", port, "--workers", 2)
        process = console.start(*words, start_new_session=True)
        try:
            yield Serving(process, port, console.home)
        finally:
            # The workers too: nobody else would end them.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            console.run("down")


def test_two_workers_count_together(serving: Serving) -> None:
    workers = serving.workers()
    assert len(workers) == 2
    asked, deadline = 0, time.monotonic() + PATIENCE_SECONDS
    # Which of them gets a connection is the kernel's choice; one may still be starting.
    while min(serving.counted(worker) for worker in workers) < 5:
        assert time.monotonic() < deadline, asked
        assert serving.get("/v1/ping").status_code == 204
        asked += 1
    told = numbers(serving.get("/metrics", TOKEN).text)
    labels = {"method": "GET", "route": "/v1/ping", "status": "204"}
    assert told["punchcard_http_requests_total", frozenset(labels.items())] == asked
    assert sum(serving.counted(worker) for worker in workers) == asked


def test_told_to_stop_it_answers_what_is_under_way(serving: Serving) -> None:
    assert serving.post("/v1/members", {"external_id": "anna"}, "m").status_code == 201
    answers: list[httpx.Response] = []

    def earn() -> None:
        path = "/v1/accounts/ext:anna@points/earn"
        answers.append(serving.post(path, {"points": 5}, "slow"))

    with serving.session() as session, session.transaction():
        # Whoever wants an account's lock waits until this transaction ends.
        session.execute("LOCK TABLE ledger_account IN EXCLUSIVE MODE")
        asking = threading.Thread(target=earn)
        asking.start()
        _await_waiting(serving)
        before = len(serving.workers())
        serving.process.send_signal(signal.SIGTERM)
        _await_fewer(serving, before)
        assert not answers
    asking.join(PATIENCE_SECONDS)
    assert [answer.status_code for answer in answers] == [201]
    out, err = serving.process.communicate(timeout=PATIENCE_SECONDS)
    assert serving.process.returncode == 0, err
    assert "Stopped." in out
    with serving.session() as session:
        found = session.execute("SELECT available FROM ledger_account").fetchall()
    assert found == [(5,)]


def _lives(pid: str) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def _is_fork(child: str, parent: str) -> bool:
    one, other = (Path(f"/proc/{pid}/cmdline") for pid in (child, parent))
    with suppress(OSError):
        return one.read_bytes() == other.read_bytes()
    return False


def _await_waiting(serving: Serving) -> None:
    """Wait until a request waits for the lock."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with serving.session() as session:
        for _ in range(PATIENCE_SECONDS * 100):
            row = session.execute(waiting).fetchone()
            if row is not None and row[0]:
                return
            session.execute("SELECT pg_sleep(0.01)")
    raise AssertionError("the request never came to the lock")


def _await_fewer(serving: Serving, before: int) -> None:
    """Wait until a worker that had nothing to do has gone."""
    for _ in range(PATIENCE_SECONDS * 100):
        if len(serving.workers()) < before:
            return
        time.sleep(0.01)
    raise AssertionError("no worker ever stopped")

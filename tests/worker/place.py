"""A home of its own, with its servers, its workers and whoever sends them tasks."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import Context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
from celery import Celery

from punchcard.project import env
from punchcard.project.servers.postgres import PostgresServer
from punchcard.project.servers.valkey import ValkeyServer
from tests.sizes import size

COMMAND = Path(sys.executable).with_name("punchcard")
REPOSITORY = Path(__file__).parents[2]
TASK_SECONDS = 6
"""After so long a killed worker's task is another's."""

PATIENCE = 120.0
COMMAND_SECONDS = size(120, 1_800)


@dataclass
class Place:
    """A home, and what runs in it."""

    home: Path
    logs: list[Path] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    """What its processes are told besides."""

    @property
    def database(self) -> PostgresServer:
        return PostgresServer(self.home)

    @property
    def broker(self) -> ValkeyServer:
        return ValkeyServer(self.home)

    @property
    def seals(self) -> list[Path]:
        return sorted((self.home / "seals").glob("*.seal"))

    @property
    def env(self) -> dict[str, str]:
        ours = ("DATABASE_URL", "REDIS_URL")
        kept = {k: v for k, v in os.environ.items() if k not in ours}
        return kept | {
            "PUNCHCARD_HOME": str(self.home),
            "PUNCHCARD_TASK_SECONDS": str(TASK_SECONDS),
            "PYTHONPATH": str(REPOSITORY),
            **self.settings,
        }

    def run(self, *words: object, code: int = 0) -> str:
        done = subprocess.run(
            [COMMAND, *map(str, words)],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        assert done.returncode == code, (words, done)
        return done.stdout + done.stderr

    def running(self, *words: object, ready: str) -> AbstractContextManager[Running]:
        """Run a command beside us, from when it says `ready` until the block ends."""
        return self._beside([COMMAND, *map(str, words)], ready)

    def beside(
        self, module: str, *words: object, said: str = ""
    ) -> AbstractContextManager[Running]:
        """Run a module of the tests beside us; it is told something to begin with."""
        return self._beside([sys.executable, "-m", module, *map(str, words)], "", said)

    @contextmanager
    def _beside(
        self, argv: list[str | Path], ready: str, said: str = ""
    ) -> Iterator[Running]:
        path = self.home / f"run-{len(self.logs)}.log"
        self.logs.append(path)
        with path.open("wb") as log, tempfile.TemporaryFile() as told:
            told.write(said.encode())
            told.seek(0)
            process = subprocess.Popen(
                argv,
                env=self.env,
                stdin=told,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        made = Running(process, path)
        try:
            made.says(ready)
            yield made
        finally:
            made.kill()

    def worker(self, name: str = "worker", *words: object) -> Any:
        return self.running("worker", "--name", name, *words, ready=f"{name}@.* ready")

    def send(self, task: str, *, queue: str, **headers: str) -> str:
        """Send a task as any process would; return its id."""
        with Celery(broker=env.broker(self.broker.url).celery) as sender:
            name = f"punchcard.{task}"
            # Of no request that an earlier test of this process has made.
            sent = Context().run(sender.send_task, name, queue=queue, headers=headers)
            return str(sent.id)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(**self.database.dsn()) as connection:
            return connection.execute(query).fetchall()  # type: ignore[call-overload]

    def hurry(self) -> None:
        """Let beat send each second what it would send each minute."""
        with psycopg.connect(**self.database.dsn()) as connection:
            connection.execute(
                "UPDATE django_celery_beat_intervalschedule SET every = 1"
            )
            connection.execute(
                "INSERT INTO django_celery_beat_periodictasks VALUES (1, now())"
                " ON CONFLICT (ident) DO UPDATE SET last_update = now()"
            )

    @contextmanager
    def accounts_locked(self) -> Iterator[None]:
        """Let nobody read an account, so that what needs them takes its time."""
        with psycopg.connect(**self.database.dsn()) as connection:
            connection.execute("LOCK TABLE ledger_account IN ACCESS EXCLUSIVE MODE")
            yield
            connection.rollback()

    def someone_waits_for_accounts(self) -> bool:
        return bool(
            self.rows(
                "SELECT 1 FROM pg_locks WHERE NOT granted"
                " AND relation = 'ledger_account'::regclass"
            )
        )


@dataclass
class Running:
    """A command that runs beside us."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text()

    def says(self, pattern: str, *, times: int = 1) -> None:
        """Wait until it has said something, so many times."""

        def heard() -> bool:
            # Looked at before the log: its last words count.
            ended = self.process.poll() is not None
            if len(re.findall(pattern, self.said)) >= times:
                return True
            assert not ended, self.said
            return False

        until(heard, lambda: self.said)

    def state(self) -> str:
        """Return what the kernel says it does: R, S, T (stopped), Z..."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0]

    def children(self) -> list[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def kill(self) -> None:
        """End it and all its children, as a power cut would."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=PATIENCE)

    def stop(self) -> int:
        """Ask it to stop; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE)


@contextmanager
def standing_still(*runs: Running) -> Iterator[None]:
    """Let none of them go on until the block ends; one may be killed in it."""
    for run in runs:
        run.process.send_signal(signal.SIGSTOP)
    for run in runs:
        until(lambda run=run: run.state() == "T", lambda: run.said)  # type: ignore[misc]
    try:
        yield
    finally:
        for run in runs:
            run.process.send_signal(signal.SIGCONT)


def a_free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def answers(url: str) -> bool:
    """Whether an installation answers there."""
    try:
        return httpx.get(f"{url}/health/live").is_success
    except httpx.TransportError:
        return False


def until(
    holds: Callable[[], bool],
    told: Callable[[], object] = lambda: "",
    *,
    of: float = PATIENCE,
) -> None:
    """Wait until something holds; fail when that takes longer than `of` seconds."""
    deadline = time.monotonic() + of
    while not holds():
        assert time.monotonic() < deadline, told()
        time.sleep(0.05)

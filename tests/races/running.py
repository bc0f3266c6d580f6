"""Start processes of a plan, watch the database meanwhile, and read what stands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from django.db import connections

from punchcard.kernel import sql
from punchcard.kernel.ids import typed
from tests.builders import rows
from tests.races import history
from tests.races.replaying import LOT, Rows, replay
from tests.races.worker import CHANGED, Plan

REPOSITORY = Path(__file__).resolve().parents[2]
READY_SECONDS = 240.0
"""In which spawned processes have imported Django and connected, or have ended."""


def write_plan(plan: Plan) -> Path:
    """Write the plan where the processes read it."""
    path = Path(plan.folder) / "plan.json"
    path.write_bytes(msgspec.json.encode(plan))
    return path


class Forked:
    """A process of the plan, which is nobody's child here."""

    def __init__(self, pid: int, folder: Path) -> None:
        self.pid = pid
        self._ended = folder / f"ended-{pid}"

    def kill(self) -> None:
        """Kill it, where it still runs."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def poll(self) -> int | None:
        """Return how it ended; None while it runs."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            said = self._ended.exists()
            return int(self._ended.read_text()) if said else -signal.SIGKILL
        return None

    def wait(self, timeout: float) -> int:
        """Wait for its end; return how it ended."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            assert time.monotonic() < deadline, f"{self.pid} goes on"
            time.sleep(0.01)
        return code


class Nursery:
    """Starts the processes of a plan: it has imported what they need."""

    def __init__(self, plan: Plan, **environment: str) -> None:
        self.folder = Path(plan.folder)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.races.worker", self.folder / "plan.json"],
            cwd=REPOSITORY,
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def spawn(self, number: int) -> Forked:
        """Start the process of this number."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()
        return Forked(int(self._process.stdout.readline()), self.folder)

    def close(self) -> None:
        """Start no more."""
        self._process.communicate()


def start(plan: Plan, numbers: range) -> None:
    """Let the processes go, all together, once all of them are ready."""
    folder = Path(plan.folder)
    deadline = time.monotonic() + READY_SECONDS
    while not all((folder / f"ready-{number}").exists() for number in numbers):
        assert time.monotonic() < deadline, [said(plan, n) for n in numbers]
        time.sleep(0.02)
    started = folder / "start.new"
    started.write_text(repr(time.time() + 0.05))
    started.rename(folder / "start")


def logged(plan: Plan) -> int:
    """Return how many bytes the processes have logged: how much they have done."""
    return sum(log.stat().st_size for log in Path(plan.folder).glob("worker-*.log"))


def said(plan: Plan, number: int) -> str:
    """Return the last that a process wrote to its error output."""
    path = Path(plan.folder) / f"worker-{number}.err"
    return path.read_text(errors="replace")[-3000:]


class Watch:
    """How often a backend was seen to wait for a lock, and who was."""

    def __init__(self) -> None:
        self.samples = 0
        self.waits = 0


@contextmanager
def watching(using: str = "default") -> Iterator[Watch]:
    """Sample the backends of this database every few milliseconds."""
    watch, done = Watch(), threading.Event()
    parameters = connections[using].get_connection_params()
    parameters = {k: v for k, v in parameters.items() if k in _ADDRESS}

    def sample() -> None:
        with psycopg.connect(**parameters, autocommit=True) as connection:
            while not done.wait(0.02):
                row = connection.execute(_WAITS).fetchone()
                assert row is not None
                watch.samples += 1
                watch.waits += row[0]

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield watch
    finally:
        done.set()
        thread.join()


_ADDRESS = {"dbname", "user", "password", "host", "port"}
_WAITS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def somebody_waits_for_us(seconds: float = 60.0) -> bool:
    """Wait until another backend waits for a lock of this one's transaction."""
    # Not pg_stat_activity: a transaction sees one snapshot of it for ever.
    query = (
        "SELECT count(*) FROM pg_locks WHERE NOT granted"
        " AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    )
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if rows(query)[0][0]:
            return True
        time.sleep(0.01)
    return False


def deadlocks(using: str = "default") -> int:
    """Return how many deadlocks this database has seen."""
    time.sleep(1.1)  # A backend tells its figures at most once a second.
    cursor = sql.cursor(using=using)
    cursor.execute("SELECT pg_stat_clear_snapshot()")
    cursor.execute(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    return int(cursor.fetchall()[0][0])


def entries_of(
    accounts: Sequence[UUID], using: str = "default"
) -> dict[UUID, list[dict[str, Any]]]:
    """Return the entries of each account, by sequence."""
    cursor = sql.cursor(using=using)
    cursor.execute(
        """
        SELECT account_id, sequence, type, amount, available, pending, reserved,
            balance, pending_after, reserved_after, lifetime_after, effective_at,
            relates_to, transfer_id AS transfer, other_account_id AS other_account,
            other_sequence, metadata::text AS metadata, key
        FROM ledger_entry WHERE account_id = ANY(%s) ORDER BY account_id, sequence
        """,
        (sql.Uuids(accounts),),
    )
    assert cursor.description is not None
    names = [column.name for column in cursor.description]
    found: defaultdict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for row in cursor:
        found[row[0]].append(dict(zip(names, row, strict=True)))
    return found


def rows_of(accounts: Sequence[UUID], using: str = "default") -> Rows:
    """Return what stands in the database of these accounts."""
    return Rows(
        entries=entries_of(accounts, using),
        lots=_by_account(_LOTS, accounts, using),
        holds=_by_account(_HOLDS, accounts, using),
        status={a: of[0][0] for a, of in _by_account(_STATUS, accounts, using).items()},
    )


_LOTS = f"""
    SELECT account_id, {", ".join(LOT)} FROM ledger_lot
    WHERE account_id = ANY(%s) ORDER BY account_id, sequence, n
"""
_HOLDS = """
    SELECT account_id, sequence, points, expires_at, open FROM ledger_hold
    WHERE account_id = ANY(%s) ORDER BY account_id, sequence
"""
_STATUS = "SELECT id, status FROM ledger_account WHERE id = ANY(%s)"
_AUDITED = """
    SELECT fields::text FROM kernel_audit WHERE action = %s AND target = ANY(%s)
"""


def _by_account(
    query: str, accounts: Sequence[UUID], using: str
) -> dict[UUID, list[tuple[Any, ...]]]:
    cursor = sql.cursor(using=using)
    cursor.execute(query.encode(), (sql.Uuids(accounts),))
    found: defaultdict[UUID, list[tuple[Any, ...]]] = defaultdict(list)
    for account, *row in cursor:
        found[account].append(tuple(row))
    return found


def changes_of(
    accounts: Sequence[UUID], using: str = "default"
) -> list[history.Changed]:
    """Return the changes of status that the audit knows."""
    targets = [typed("acc", account) for account in accounts]
    cursor = sql.cursor(using=using)
    cursor.execute(_AUDITED.encode(), (CHANGED, sql.Texts(targets)))
    return [msgspec.json.decode(text, type=history.Changed) for (text,) in cursor]


def check_all(
    seen: history.History,
    rounds: list[list[UUID]],
    until: datetime,
    using: str = "default",
) -> Counter[str]:
    """Replay the rounds, in parallel: they have no account in common.

    All accounts were settled last at `until`. Where a change of status was lost with
    its connection, the audit says whether it happened.

    Raises:
        AssertionError: an answer, a row or a look is not what the model says.
    """
    accounts = [account for of in rounds for account in of]
    rows, changes = rows_of(accounts, using), changes_of(accounts, using)
    audited = Counter(change.name for change in changes)
    assert all(count == 1 for count in audited.values()), audited.most_common(3)
    unknown = [change for change in seen.changes if change not in changes]
    assert not unknown, f"acknowledged, and not in the audit: {unknown[:3]}"
    seen = msgspec.structs.replace(seen, changes=changes)
    parts = [(seen.of(set(of)), rows.of(of), until) for of in rounds]
    # Spawned: a child must not inherit our connections.
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        return sum(pool.map(replay, *zip(*parts, strict=True)), Counter())

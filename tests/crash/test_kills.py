"""SIGKILL under load: an application process, a backend, the whole cluster.

Workers post with keys and, when their connection breaks, ask again with the same keys
on a new one. Afterwards what was acknowledged is there once, what was not is there
whole or not at all, and the history is one that the serial model has.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections

from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import transaction
from punchcard.ledger.commands import Settle
from punchcard.ledger.operations import open_accounts, post
from punchcard.programs.models import Program, Wallet
from punchcard.project.servers.postgres import PostgresServer, temporary
from tests.builders import START
from tests.races import history
from tests.races.load import POLICY
from tests.races.running import check_all, entries_of, said, spawn, start, write_plan
from tests.races.worker import Plan
from tests.sizes import size

ALIAS = "crash"
PROCESSES = 6
ACCOUNTS = 5
ROUND_SECONDS = 1.0
SECONDS = size(6, 60)
SECONDS_MAX = 20 * SECONDS
"""A slow machine may take longer until there were enough kills."""
KILLS_LEAST = size(3, 20)
PAUSE = (0.3, 0.9)
"""Seconds of load between two kills."""


@pytest.fixture(scope="module")
def server(test_database: None) -> Iterator[PostgresServer]:
    """Run a server of our own, migrated, known to Django as another database."""
    with temporary("pc-crash-") as made:
        address = made.dsn()
        connections.databases[ALIAS] = connections.databases["default"] | {
            "NAME": address["dbname"],
            "USER": address["user"],
            "PASSWORD": "",
            "HOST": address["host"],
            "PORT": str(address["port"]),
        }
        try:
            yield made
        finally:
            connections[ALIAS].close()
            del connections.databases[ALIAS]


@pytest.fixture
def plan(server: PostgresServer, committing: None, tmp_path: Path) -> Plan:
    """Plan a run on new accounts of that server."""
    call_command("migrate", database=ALIAS, verbosity=0)
    name = f"p{new_id().hex}"
    program = Program.objects.using(ALIAS).create(
        slug=name, name=name, mode="test", currency="EUR", created_at=START
    )
    wallet = Wallet.objects.using(ALIAS).create(
        program=program, code="points", name="Points", created_at=START, **POLICY
    )
    rounds = [_accounts(wallet.id) for _ in range(int(SECONDS / ROUND_SECONDS) + 1)]
    plan = Plan(
        database=connections.databases[ALIAS]["NAME"],
        folder=str(tmp_path),
        program=program.id,
        rounds=rounds,
        round_seconds=ROUND_SECONDS,
        seconds=SECONDS_MAX,
        origin=START,
        scale=500,
        survives=True,
    )
    write_plan(plan)
    return plan


def _accounts(wallet: UUID) -> list[UUID]:
    with transaction(using=ALIAS):
        opened = open_accounts(
            wallet=wallet,
            holder_kind="member",
            holders=[new_id() for _ in range(ACCOUNTS)],
            now=START,
            using=ALIAS,
        )
    return list(opened.values())


class Run:
    """The processes of a plan, replaced when they are killed."""

    def __init__(self, plan: Plan, server: PostgresServer) -> None:
        self.plan, self.server = plan, server
        self.environment = {"PUNCHCARD_HOME": str(server.home)}
        self.environment["DATABASE_URL"] = _url(server)
        self.environment["PUNCHCARD_SECRET_KEY"] = "only for tests"
        self.environment["PUNCHCARD_ALLOWED_HOSTS"] = "localhost"
        self.workers = [self._spawn(number) for number in range(PROCESSES)]
        self.kills = 0
        start(plan, range(PROCESSES))

    def _spawn(self, number: int) -> subprocess.Popen[bytes]:
        return spawn(self.plan, number, **self.environment)

    def lasts(self) -> bool:
        """Wait a moment under load; say whether there is time for one more kill."""
        time.sleep(random.uniform(*PAUSE))
        passed = time.time() - self.plan.starts
        enough = passed > SECONDS and self.kills >= KILLS_LEAST
        return not enough and passed < SECONDS_MAX

    def kill_worker(self) -> None:
        """Kill one application process, and start the one that comes after it."""
        number = random.randrange(PROCESSES)
        ready = Path(self.plan.folder) / f"ready-{number}"
        ready.unlink(missing_ok=True)
        self.workers[number].kill()
        self.workers[number].wait()
        self.kills += 1
        self.workers[number] = self._spawn(number)
        while not ready.exists() and self.workers[number].poll() is None:
            time.sleep(0.01)

    def kill_backend(self) -> None:
        """Kill a backend at work, one at COMMIT rather: all connections are lost."""
        with (
            suppress(psycopg.Error),
            psycopg.connect(**self.server.dsn(), autocommit=True) as connection,
        ):
            for _ in range(200):
                row = connection.execute(_AT_WORK).fetchone()
                if row is not None:
                    os.kill(row[0], signal.SIGKILL)
                    self.kills += 1
                    return
                time.sleep(0.002)

    def kill_cluster(self) -> None:
        """Kill every process of the server, and start it again."""
        for pid in _processes_of(self.server):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.kills += 1
        self.server.ensure()

    def finish(self) -> list[history.Call]:
        """Wait until every process has been answered all that it asked."""
        (Path(self.plan.folder) / "stop").touch()
        for number, worker in enumerate(self.workers):
            assert worker.wait(120) == 0, said(self.plan, number)
        # Its sessions are gone, or its server was: connect anew.
        connections[ALIAS].close()
        calls = [
            call
            for number in range(PROCESSES)
            for call in history.read(self.plan.log(number))
        ]
        assert all(call.answered for call in calls)
        return calls


def _url(server: PostgresServer) -> str:
    address = server.dsn()
    return (
        f"postgresql://{address['user']}@/{address['dbname']}"
        f"?host={address['host']}&port={address['port']}"
    )


_AT_WORK = """
    SELECT pid FROM pg_stat_activity
    WHERE application_name = 'punchcard' AND state = 'active'
        AND backend_type = 'client backend' AND pid <> pg_backend_pid()
    ORDER BY query ILIKE 'commit%' DESC LIMIT 1
"""


def _processes_of(server: PostgresServer) -> list[int]:
    """List the server's processes, the first of them first: it starts no new ones."""
    found = [first] if (first := server.pid()) else []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink() == server.data:
                found.append(int(process.name))
    return found


def test_a_killed_application_process_loses_and_doubles_nothing(
    plan: Plan, server: PostgresServer
) -> None:
    run = Run(plan, server)
    while run.lasts():
        run.kill_worker()
    calls = run.finish()
    # Asked more than once: a process was killed before it wrote the answer down.
    hits = sum(call.times > 1 for call in calls)
    _check(run, calls, hits)


def test_a_killed_backend_loses_and_doubles_nothing(
    plan: Plan, server: PostgresServer
) -> None:
    run = Run(plan, server)
    while run.lasts():
        run.kill_backend()
    calls = run.finish()
    _check(run, calls, sum(bool(call.lost) for call in calls))


def test_a_killed_cluster_loses_and_doubles_nothing(
    plan: Plan, server: PostgresServer
) -> None:
    run = Run(plan, server)
    while run.lasts():
        run.kill_cluster()
    calls = run.finish()
    _check(run, calls, sum(bool(call.lost) for call in calls))


def _check(run: Run, calls: list[history.Call], hits: int) -> None:
    from punchcard.ledger.verifying import verify

    accounts = [account for of in run.plan.rounds for account in of]
    end = run.plan.now() + timedelta(days=2)
    with transaction(using=ALIAS):
        post(commands=[Settle(account=a) for a in accounts], now=end, using=ALIAS)
    whole = _check_whole_or_not_at_all(calls)
    counts = check_all(calls, run.plan.rounds, end, ALIAS)
    _check_acknowledged_is_there_once(calls, accounts)
    report = verify(accounts=accounts, using=ALIAS)
    breaches = [breach for check in report.checks for breach in check.breaches]
    assert not breaches, breaches[:10]
    lost = Counter(each.committing for call in calls for each in call.lost)
    print(
        f"{run.kills} kills, {hits} posts in flight hit ({lost[True]} seen to break at"
        f" COMMIT; {whole['there']} were there, {whole['not there']} were not),"
        f" {len(calls)} posts: {dict(counts)}"
    )
    assert run.kills >= KILLS_LEAST, "too few kills"
    assert hits > 0, "no kill hit a post in flight"


def _check_whole_or_not_at_all(calls: list[history.Call]) -> Counter[str]:
    """Check posts that were asked again: all of it had happened, or nothing."""
    seen: Counter[str] = Counter()
    for call in calls:
        assert call.answered is not None
        # Keys that only this post has, and only once in it.
        keys = Counter(
            command.key for command in call.asked.commands if hasattr(command, "key")
        )
        own = {
            outcome.replayed
            for command, outcome in zip(
                call.asked.commands, call.answered.outcomes, strict=True
            )
            if not isinstance(command, Settle)
            and command.key
            and not command.key.startswith("shared")
            and keys[command.key] == 1
        }
        assert len(own) <= 1, f"half a post was there: {call}"
        if call.lost or call.times > 1:
            seen["there" if True in own else "not there"] += 1
    return seen


def _check_acknowledged_is_there_once(
    calls: list[history.Call], accounts: list[UUID]
) -> None:
    entries = entries_of(accounts, ALIAS)
    kept = {
        (account, entry["sequence"]): entry["key"]
        for account, of in entries.items()
        for entry in of
    }
    keys = Counter((a, k) for (a, _), k in kept.items() if k is not None)
    assert not [key for key, count in keys.items() if count > 1]
    for call in calls:
        assert call.answered is not None
        for outcome in call.answered.outcomes:
            if outcome.entry is not None:
                where = (outcome.account, outcome.entry.sequence)
                assert kept[where] == outcome.entry.key, call

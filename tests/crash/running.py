"""Processes under load that are killed and replaced, and what must hold afterwards."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psycopg
from django.core.management import call_command
from django.db import connections

from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import transaction
from punchcard.ledger.commands import Settle
from punchcard.ledger.operations import open_accounts, post
from punchcard.ledger.outcomes import NOT_APPLIED
from punchcard.programs.models import Program, Wallet
from punchcard.project.servers.postgres import PostgresServer, temporary
from tests.builders import START
from tests.races import history
from tests.races.load import POLICY
from tests.races.running import (
    Nursery,
    check_all,
    entries_of,
    logged,
    said,
    start,
    write_plan,
)
from tests.races.worker import Plan
from tests.secret import SECRET_KEY

ALIAS = "crash"
ACCOUNTS = 5
ROUND_SECONDS = 2.0
PATIENCE_SECONDS = 240.0


def make_plan(folder: Path, *, seconds: float, at_most: float) -> Plan:
    """Plan a run on new accounts of the server that Django knows as `ALIAS`."""
    call_command("migrate", database=ALIAS, verbosity=0)
    name = f"p{new_id().hex}"
    program = Program.objects.using(ALIAS).create(
        slug=name, name=name, mode="test", currency="EUR", created_at=START
    )
    wallet = Wallet.objects.using(ALIAS).create(
        program=program, code="points", name="Points", created_at=START, **POLICY
    )
    rounds = [_accounts(wallet.id) for _ in range(int(seconds / ROUND_SECONDS) + 1)]
    plan = Plan(
        database=connections.databases[ALIAS]["NAME"],
        folder=str(folder),
        program=program.id,
        rounds=rounds,
        round_seconds=ROUND_SECONDS,
        seconds=at_most,
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

    def __init__(
        self,
        plan: Plan,
        server: PostgresServer,
        processes: int,
        host: str = "",
        **environment: str,
    ) -> None:
        self.plan, self.server = plan, server
        self.environment = {
            "PUNCHCARD_HOME": str(server.home),
            "DATABASE_URL": url_of(server, host),
            "PUNCHCARD_SECRET_KEY": SECRET_KEY,
            "PUNCHCARD_ALLOWED_HOSTS": "localhost",
            **environment,
        }
        self.kills: Counter[str] = Counter()
        self.tally = history.Tally(map(plan.log, range(processes)))
        self.nursery = Nursery(plan, **self.environment)
        self.workers = [self.nursery.spawn(number) for number in range(processes)]
        start(plan, range(processes))

    @property
    def passed(self) -> float:
        """Seconds since the start."""
        return time.time() - self.plan.starts

    def work(self, amount: int) -> None:
        """Wait until the processes have logged so many bytes more."""
        wanted, deadline = (
            logged(self.plan) + amount,
            time.monotonic() + PATIENCE_SECONDS,
        )
        while logged(self.plan) < wanted:
            assert time.monotonic() < deadline, "nothing happens any more"
            time.sleep(0.02)

    def kill_worker(self) -> None:
        """Kill one application process, and start the one that comes after it."""
        number = random.randrange(len(self.workers))
        ready = Path(self.plan.folder) / f"ready-{number}"
        ready.unlink(missing_ok=True)
        self.workers[number].kill()
        self.workers[number].wait(PATIENCE_SECONDS)
        self.kills["worker"] += 1
        self.workers[number] = self.nursery.spawn(number)
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
                    self.kills["backend"] += 1
                    return
                time.sleep(0.002)

    def kill_cluster(self) -> None:
        """Kill every process of the server, and start it again."""
        for pid in _processes_of(self.server):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.kills["cluster"] += 1
        self.server.ensure()

    def finish(self) -> history.History:
        """Wait until every process has been answered all that it asked."""
        (Path(self.plan.folder) / "stop").touch()
        self.nursery.close()
        for number, worker in enumerate(self.workers):
            assert worker.wait(PATIENCE_SECONDS) == 0, said(self.plan, number)
        # Its sessions are gone, or its server was: connect anew.
        connections[ALIAS].close()
        numbers = range(len(self.workers))
        seen = history.merge(history.read(self.plan.log(n)) for n in numbers)
        assert all(call.answered for call in seen.calls)
        return seen


def url_of(server: PostgresServer, host: str = "", port: object = "") -> str:
    """Return the address of a server, or of what stands before it."""
    address = server.dsn()
    return (
        f"postgresql://{address['user']}@/{address['dbname']}"
        f"?host={host or address['host']}&port={port or address['port']}"
    )


@contextmanager
def known_server() -> Iterator[PostgresServer]:
    """Run a server of our own, known to Django as another database."""
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
            # This thread's connection knows the server that has gone.
            del connections[ALIAS], connections.databases[ALIAS]


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


def check(run: Run, seen: history.History) -> Counter[str]:
    """Check that all that was seen is there, once, as a serial ledger has it.

    Returns what happened, by code.

    Raises:
        AssertionError: something acknowledged is missing, is there twice, or differs.
    """
    from punchcard.ledger.verifying import verify

    accounts = [account for of in run.plan.rounds for account in of]
    end = run.plan.now() + timedelta(days=2)
    with transaction(using=ALIAS):
        post(commands=[Settle(account=a) for a in accounts], now=end, using=ALIAS)
    whole = _check_whole_or_not_at_all(seen.calls)
    counts = check_all(seen, run.plan.rounds, end, ALIAS)
    _check_acknowledged_is_there_once(seen.calls, accounts)
    report = verify(accounts=accounts, using=ALIAS)
    breaches = [breach for check in report.checks for breach in check.breaches]
    assert not breaches, breaches[:10]
    lost = Counter(each.committing for call in seen.calls for each in call.lost)
    print(
        f"{dict(run.kills)} killed, {lost.total()} posts lost their connection"
        f" ({lost[True]} at COMMIT); of posts asked again {whole['there']} were there,"
        f" {whole['not there']} were not; {len(seen.calls)} posts: {dict(counts)}"
    )
    return counts


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
            and outcome.code != NOT_APPLIED
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

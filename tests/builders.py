"""What tests are built from: a program with its wallet, accounts, posts."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from punchcard.journeys.relay_events import relay_events
from punchcard.kernel import sql
from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import transaction
from punchcard.ledger.commands import Command
from punchcard.ledger.operations import open_accounts, post
from punchcard.ledger.outcomes import Outcome
from punchcard.programs.models import Program, Wallet

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Ledger:
    """One wallet with accounts, and an instant that tests move by hand."""

    program: UUID
    wallet: UUID
    now: datetime = START
    accounts: list[UUID] = field(default_factory=list)

    def account(self) -> UUID:
        """Open one more account."""
        return self.open(1)[0]

    def open(self, count: int) -> list[UUID]:
        """Open that many accounts."""
        with transaction():
            opened = open_accounts(
                wallet=self.wallet,
                holder_kind="member",
                holders=[new_id() for _ in range(count)],
                now=self.now,
            )
        self.accounts += opened.values()
        return list(opened.values())

    def post(self, *commands: Command, **options: Any) -> list[Outcome]:
        """Post in a transaction of its own, at this ledger's instant."""
        options.setdefault("now", self.now)
        with transaction():
            return post(commands=commands, **options)

    def one(self, command: Command, **options: Any) -> Outcome:
        """Post one command and return its outcome."""
        return self.post(command, **options)[0]

    def pass_days(self, days: float) -> None:
        """Let time pass; nothing is written."""
        self.now += DAY * days


def a_ledger(**policy: Any) -> Ledger:
    """Create a program with a wallet of this policy, committed."""
    program = Program.objects.create(
        slug=f"p{secrets.token_hex(6)}",
        name="Test program",
        mode="test",
        currency="EUR",
        time_zone=policy.pop("time_zone", "UTC"),
        created_at=START,
    )
    wallet = Wallet.objects.create(
        program=program, code="points", name="Points", created_at=START, **policy
    )
    return Ledger(program=program.id, wallet=wallet.id)


def rows(query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    cursor = sql.cursor()
    cursor.execute(query.encode(), parameters or None)
    return cursor.fetchall()


def relay_all(**sizes: int) -> None:
    """Relay until nothing waits, in batches of these sizes."""
    while relay_events(**sizes).taken:
        pass


def forget_by_hand(program: UUID, *, upto: int) -> None:
    """Take the beginning of a program's log away, as time does."""
    with transaction():
        rows("SELECT set_config('punchcard.forgetting', 'events', true)")
        rows(
            "DELETE FROM kernel_event WHERE program_id = %s AND position <= %s"
            " RETURNING 1",
            (program, upto),
        )

"""The sweep: what fell due is written, also where nobody comes to ask.

Note [No account stops a sweep]: the sweep goes through what is due in one order, and
meets each account once. A batch that is refused because one of its accounts is harmed
is settled in halves, down to that account, which is told and passed by. Frozen
accounts come last, one by one: whoever calls freezes the harmed ones, so that the next
sweep begins with the sound.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from uuid import UUID

import django.db
import msgspec
import psycopg

from punchcard.kernel import sql
from punchcard.kernel.transactions import transaction
from punchcard.ledger.commands import Settle
from punchcard.ledger.operations import post

BATCH = 1_000
"""Accounts in one transaction."""

REFUSED_MOST = 100
"""Open accounts that are refused, until a sweep gives up: it may be our own fault."""

# What harmed rows make of the guards, and of the rules. No lost connection, no missing
# column: those are nobody's harm, and all accounts'.
_HARM = (
    django.db.IntegrityError,
    django.db.DataError,
    psycopg.IntegrityError,
    psycopg.DataError,
    ArithmeticError,
    LookupError,
    TypeError,
    ValueError,
)

_BEGINNING = (datetime.min.replace(tzinfo=UTC), UUID(int=0))

Place = tuple[datetime, UUID]
"""(due time, account): where in the order of what is due."""

logger = logging.getLogger(__name__)


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep did, and what it left."""

    settled: int
    """Accounts."""
    refused: dict[UUID, str]
    """Open accounts whose rows are harmed -> what the database, or a rule, said."""
    stuck: int
    """Accounts that are not open, and are harmed."""
    more: bool
    """Whether it ended before it had been through all that was due."""


def settle_due(
    *,
    now: datetime,
    program: UUID | None = None,
    seconds: float | None = None,
    batch: int = BATCH,
    using: str = "default",
) -> Swept:
    """Write what fell due up to `now`, on every account of a live clock.

    Opens its own transactions, one per batch, and begins none when the `seconds` are
    over. Several may run at once: each takes accounts that no other has locked. Twice
    is once. A test program that has a clock of its own is settled only when it is
    named. See Note [No account stops a sweep].

    Raises:
        TransactionError: a transaction is open.
        OperationalError: (Django's or psycopg's) the database cannot be reached.
    """
    ends_at = None if seconds is None else perf_counter() + seconds
    sweep = _Sweep(now, program, ends_at, using)
    refused = sweep.go_through("open", batch)
    stuck = {} if sweep.more else sweep.go_through("not open", 1)
    return Swept(
        settled=sweep.settled, refused=refused, stuck=len(stuck), more=sweep.more
    )


def has_more_due(*, now: datetime, than: int = BATCH, using: str = "default") -> bool:
    """Return whether something fell due on more accounts than so many."""
    cursor = sql.cursor(using=using)
    cursor.execute(
        f"SELECT count(*) FROM (SELECT 1 {_DUE} LIMIT %(most)s) due".encode(),
        {"now": now, "program": None, "most": than + 1},
        prepare=True,
    )
    ((found,),) = cursor.fetchall()
    return bool(found > than)


@dataclass
class _Sweep:
    now: datetime
    program: UUID | None
    ends_at: float | None
    using: str
    settled: int = 0
    more: bool = False
    refused: dict[UUID, str] = field(default_factory=dict)

    def go_through(self, status: str, batch: int) -> dict[UUID, str]:
        """Settle what is due of one status; return what was refused of it."""
        self.refused = {}
        place = _BEGINNING
        while not self.more:
            due: list[Place] = []
            try:
                with transaction(using=self.using):
                    due = self._claim(status, place, batch)
                    self._post([account for _, account in due])
                self.settled += len(due)
            except _HARM:
                if not due:
                    raise
                self._settle_apart([account for _, account in due])
            if len(due) < batch:
                break
            place = due[-1]
            late = self.ends_at is not None and perf_counter() >= self.ends_at
            given_up = status == "open" and len(self.refused) >= REFUSED_MOST
            self.more = late or given_up
        return self.refused

    def _settle_apart(self, accounts: Sequence[UUID]) -> None:
        """Settle once more, then in halves, down to the one that is refused."""
        try:
            with transaction(using=self.using):
                self._post(accounts)
            self.settled += len(accounts)
        except _HARM as error:
            if len(accounts) == 1:
                logger.exception("account %s cannot be settled", accounts[0])
                # The first line names the rule; what follows may be a whole row.
                said = str(error).partition("\n")[0]
                self.refused[accounts[0]] = f"{type(error).__name__}: {said}"
                return
            half = len(accounts) // 2
            for part in (accounts[:half], accounts[half:]):
                self._settle_apart(part)

    def _post(self, accounts: Sequence[UUID]) -> None:
        commands = [Settle(account=account) for account in accounts]
        post(commands=commands, now=self.now, using=self.using)

    def _claim(self, status: str, after: Place, batch: int) -> list[Place]:
        cursor = sql.cursor(using=self.using)
        cursor.execute(
            _CLAIM,
            {
                "now": self.now,
                "program": self.program,
                "open": status == "open",
                "after": after[0],
                "after_account": after[1],
                "batch": batch,
            },
            prepare=True,
        )
        return cursor.fetchall()


_DUE = """
    FROM ledger_account a
    WHERE a.next_due_at <= %(now)s AND a.wallet_id IN (
        SELECT w.id FROM programs_wallet w
        JOIN programs_program p ON p.id = w.program_id
        WHERE CASE WHEN %(program)s::uuid IS NULL THEN p.clock_at IS NULL
            ELSE p.id = %(program)s END)
"""
_CLAIM = f"""
    SELECT a.next_due_at, a.id {_DUE}
        AND (a.status = 'open') = %(open)s
        AND (a.next_due_at, a.id) > (%(after)s, %(after_account)s)
    ORDER BY a.next_due_at, a.id
    LIMIT %(batch)s
    FOR NO KEY UPDATE OF a SKIP LOCKED
""".encode()

"""What rooms announce: written with the change, told to the event log by a relay.

What the ledger's entries announce is not written here a second time: its own outbox
names the entries. Rows leave this table when they enter the log (`events`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from punchcard.kernel import clock, sql
from punchcard.kernel.ids import new_id
from punchcard.kernel.log_context import request_id
from punchcard.kernel.transactions import require_transaction


class Announcement(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that happened, for everybody who listens."""

    program: UUID
    type: str
    """`<subject>.<what happened to it>`, as in `member.enrolled`."""
    member: UUID | None = None
    account: UUID | None = None
    after: int | None = None
    """With an account: after which of its entries."""
    data: dict[str, Any] = {}
    """Facts without personal data: of personal fields only the names."""


class Announced(msgspec.Struct, frozen=True, kw_only=True):
    """An announcement as it left the outbox; `n` counts them in their order."""

    n: int
    id: UUID
    program: UUID
    type: str
    member: UUID | None
    account: UUID | None
    after: int | None
    data: dict[str, Any]
    request_id: str | None
    created_at: datetime


def announce(*, announcements: Sequence[Announcement]) -> None:
    """Write announcements with what they announce; one statement.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    if not announcements:
        return
    sql.cursor().execute(
        """
        INSERT INTO kernel_outbox (event_id, program_id, type, member_id, account_id,
            after_sequence, data, request_id, created_at)
        SELECT id, program, type, member, account, after, data::jsonb, %(request)s,
            %(now)s
        FROM unnest(%(ids)s, %(programs)s, %(types)s, %(members)s, %(accounts)s,
            %(afters)s, %(data)s) WITH ORDINALITY
            AS new (id, program, type, member, account, after, data, place)
        ORDER BY place
        """,
        {
            "now": clock.read(),
            # See Note [A request's id goes along].
            "request": request_id() or None,
            "ids": sql.Uuids([new_id() for _ in announcements]),
            "programs": sql.Uuids([said.program for said in announcements]),
            "types": sql.Texts([said.type for said in announcements]),
            "members": sql.Uuids([said.member for said in announcements]),
            "accounts": sql.Uuids([said.account for said in announcements]),
            "afters": sql.Int8s([said.after for said in announcements]),
            "data": sql.Jsons([said.data for said in announcements]),
        },
        prepare=True,
    )


def take_announced(*, limit: int, accounts: Collection[UUID] = ()) -> list[Announced]:
    """Take the oldest announcements out, and all about these accounts, in order.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    cursor = sql.cursor()
    cursor.execute(
        """
        WITH taken AS (
            DELETE FROM kernel_outbox WHERE n IN (
                (SELECT n FROM kernel_outbox ORDER BY n LIMIT %(limit)s)
                UNION
                SELECT n FROM kernel_outbox WHERE account_id = ANY(%(accounts)s))
            RETURNING n, event_id, program_id, type, member_id, account_id,
                after_sequence, data::text, request_id, created_at
        )
        SELECT * FROM taken ORDER BY n
        """,
        {"limit": limit, "accounts": sql.Uuids(list(accounts))},
        prepare=True,
    )
    return [_announced(*row) for row in cursor]


def _announced(
    n: int,
    identity: UUID,
    program: UUID,
    type_: str,
    member: UUID | None,
    account: UUID | None,
    after: int | None,
    data: str,
    request: str | None,
    created_at: datetime,
) -> Announced:
    return Announced(
        n=n,
        id=identity,
        program=program,
        type=type_,
        member=member,
        account=account,
        after=after,
        data=msgspec.json.decode(data),
        request_id=request,
        created_at=created_at,
    )


WAITING_MOST = 100_000
"""How much of a backlog is counted."""


class Backlog(msgspec.Struct, frozen=True):
    """What of an outbox no relay has taken yet."""

    rows: int
    """At most `WAITING_MOST`."""
    oldest: datetime | None


def look_at_announced() -> Backlog:
    """Return how much waits, and since when."""
    cursor = sql.cursor()
    cursor.execute(
        "SELECT count(*), min(created_at) FROM (SELECT created_at FROM kernel_outbox"
        " ORDER BY n LIMIT %(most)s) AS waiting",
        {"most": WAITING_MOST},
    )
    ((rows, oldest),) = cursor
    return Backlog(rows, oldest)

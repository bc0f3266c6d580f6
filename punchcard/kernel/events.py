"""The event log: what happened in a program, numbered 1, 2, 3 …, never changed.

What is old is forgotten, from the beginning of the log on.

Note [Whoever reads a place has read all before it]: a number that is given out early
and committed late is jumped over by a reader who remembers the last number it saw.
So only one transaction at a time appends: it takes a lock that it keeps until it has
committed, and numbers its events from the last one committed. Places become visible
in their order and without gaps, to any reader, whatever else goes on.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import msgspec

from punchcard.kernel import clock, sql
from punchcard.kernel.transactions import require_transaction

_LOCK = 0x6576656E7473
"""Of the database: whoever has it, appends."""

_APPEND: LiteralString = """
    WITH new AS MATERIALIZED (
        SELECT * FROM unnest(%(ids)s, %(programs)s, %(types)s, %(accounts)s,
            %(sequences)s, %(members)s, %(data)s, %(requests)s, %(created)s)
            WITH ORDINALITY AS n (id, program, type, account, sequence, member, data,
            request, created, place)
    ), begun AS MATERIALIZED (
        SELECT program, coalesce(l.position, 0) AS last,
            greatest(l.appended_at, %(now)s) AS appended
        FROM (SELECT DISTINCT program FROM new) AS programs
        LEFT JOIN LATERAL (
            SELECT e.position, e.appended_at FROM kernel_event e
            WHERE e.program_id = program ORDER BY e.position DESC LIMIT 1) l ON true
    ), told AS (
        INSERT INTO kernel_told AS t (account_id, last_sequence)
        SELECT account, max(sequence) FROM new WHERE sequence IS NOT NULL
        GROUP BY account
        ON CONFLICT (account_id) DO UPDATE SET last_sequence = excluded.last_sequence
        WHERE t.last_sequence < excluded.last_sequence
    )
    INSERT INTO kernel_event (program_id, position, id, type, account_id, sequence,
        member_id, data, request_id, created_at, appended_at)
    SELECT program, last + row_number() OVER (PARTITION BY program ORDER BY place),
        id, type, account, sequence, member, data::jsonb, request, created, appended
    FROM new JOIN begun USING (program)
"""
_FORGET: LiteralString = """
    WITH RECURSIVE programs AS (
        (SELECT program_id FROM kernel_event ORDER BY program_id LIMIT 1)
        UNION ALL
        SELECT (SELECT e.program_id FROM kernel_event e
            WHERE e.program_id > p.program_id ORDER BY e.program_id LIMIT 1)
        FROM programs p WHERE p.program_id IS NOT NULL
    ), begun AS (
        SELECT p.program_id, (SELECT e.position FROM kernel_event e
            WHERE e.program_id = p.program_id ORDER BY e.position DESC LIMIT 1) AS last
        FROM programs p
        WHERE (SELECT e.appended_at FROM kernel_event e
            WHERE e.program_id = p.program_id ORDER BY e.position LIMIT 1) < %(before)s
    ), old AS (
        SELECT b.program_id, e.position FROM begun b CROSS JOIN LATERAL (
            SELECT o.position, o.appended_at FROM kernel_event o
            WHERE o.program_id = b.program_id AND o.position < b.last
            ORDER BY o.position LIMIT %(most)s) e
        WHERE e.appended_at < %(before)s
        ORDER BY b.program_id, e.position LIMIT %(most)s
    )
    DELETE FROM kernel_event e USING old
    WHERE e.program_id = old.program_id AND e.position = old.position
"""
_LIST: LiteralString = """
    SELECT id, position, type, account_id, sequence, member_id, data::text, request_id,
        created_at
    FROM kernel_event WHERE program_id = %(program)s AND position > %(after)s
"""
_NARROWED: dict[str, LiteralString] = {
    "types": "AND type = ANY(%(types)s)",
    "account": "AND account_id = %(account)s",
    "member": "AND member_id = %(member)s",
    "created_from": "AND created_at >= %(created_from)s",
    "created_to": "AND created_at < %(created_to)s",
}


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something to append to the log."""

    id: UUID
    program: UUID
    type: str
    account: UUID | None = None
    sequence: int | None = None
    """The account's entry that it is, if it is one."""
    member: UUID | None = None
    data: dict[str, Any] = {}
    request_id: str | None = None
    created_at: datetime


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """An event at its place in its program's log."""

    id: UUID
    position: int
    type: str
    account: UUID | None
    sequence: int | None
    member: UUID | None
    data: dict[str, Any]
    request_id: str | None
    created_at: datetime


def begin_appending() -> bool:
    """Become the one who appends, until this transaction ends; False: another is.

    See Note [Whoever reads a place has read all before it].

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    cursor = sql.cursor()
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (_LOCK,), prepare=True)
    return bool(cursor.fetchall()[0][0])


def last_sequences(*, accounts: Collection[UUID]) -> dict[UUID, int]:
    """Return the last entry of each account that was told; 0: none was."""
    # In the log too: a relay of before may have appended what it did not write down.
    cursor = sql.cursor()
    cursor.execute(
        """
        SELECT account, greatest(0, (
            SELECT t.last_sequence FROM kernel_told t WHERE t.account_id = account), (
            SELECT e.sequence FROM kernel_event e
            WHERE e.account_id = account AND e.sequence IS NOT NULL
            ORDER BY e.sequence DESC LIMIT 1))
        FROM unnest(%s) AS asked (account)
        """,
        (sql.Uuids(list(accounts)),),
        prepare=True,
    )
    return dict(cursor.fetchall())


def append_events(*, events: Sequence[NewEvent]) -> None:
    """Append events in this order, by whoever has begun to; one statement.

    Raises:
        TransactionError: no transaction is open.
        UniqueViolation: (psycopg's) an entry is in the log already, or somebody
            appends who has not begun to.
    """
    require_transaction()
    if not events:
        return
    sql.cursor().execute(
        _APPEND,
        {
            "now": clock.read(),
            "ids": sql.Uuids([event.id for event in events]),
            "programs": sql.Uuids([event.program for event in events]),
            "types": sql.Texts([event.type for event in events]),
            "accounts": sql.Uuids([event.account for event in events]),
            "sequences": sql.Int8s([event.sequence for event in events]),
            "members": sql.Uuids([event.member for event in events]),
            "data": sql.Jsons([event.data for event in events]),
            "requests": sql.Texts([event.request_id for event in events]),
            "created": sql.Instants([event.created_at for event in events]),
        },
        prepare=True,
    )


def forget_events(*, before: datetime, most: int) -> int:
    """Take away up to so many that were appended before; return how many.

    Of each program they go from the beginning of its log on, and its last one stays:
    so there are no gaps in what stays, and the next one has the next number.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    cursor = sql.cursor()
    cursor.execute("SELECT set_config('punchcard.forgetting', 'events', true)")
    cursor.execute(_FORGET, {"before": before, "most": most})
    return cursor.rowcount


def last_position(*, program: UUID) -> int:
    """Return where this program's log ends; 0 where it is empty."""
    cursor = sql.cursor()
    cursor.execute(
        "SELECT position FROM kernel_event WHERE program_id = %s"
        " ORDER BY position DESC LIMIT 1",
        (program,),
    )
    row = cursor.fetchone()
    return 0 if row is None else int(row[0])


def first_position(*, program: UUID) -> int:
    """Return where this program's log begins; 1 where nothing was forgotten."""
    cursor = sql.cursor()
    cursor.execute(
        "SELECT position FROM kernel_event WHERE program_id = %s"
        " ORDER BY position LIMIT 1",
        (program,),
    )
    row = cursor.fetchone()
    return 1 if row is None else int(row[0])


def list_events(
    *,
    program: UUID,
    limit: int,
    after: int = 0,
    types: Collection[str] | None = None,
    account: UUID | None = None,
    member: UUID | None = None,
    created_from: datetime | None = None,
    created_to: datetime | None = None,
) -> list[EventView]:
    """Return this program's events after a place, in their order, `limit` of them.

    `created_from` is included, `created_to` is not.
    """
    asked = {
        "types": None if types is None else sql.Texts(list(types)),
        "account": account,
        "member": member,
        "created_from": created_from,
        "created_to": created_to,
    }
    narrowed = [_NARROWED[name] for name, value in asked.items() if value is not None]
    cursor = sql.cursor()
    cursor.execute(
        f"{_LIST} {' '.join(narrowed)} ORDER BY position LIMIT %(limit)s".encode(),
        {"program": program, "after": after, "limit": limit, **asked},
    )
    return [_event(*row) for row in cursor]


def _event(
    identity: UUID,
    position: int,
    type_: str,
    account: UUID | None,
    sequence: int | None,
    member: UUID | None,
    data: str,
    request: str | None,
    created_at: datetime,
) -> EventView:
    return EventView(
        id=identity,
        position=position,
        type=type_,
        account=account,
        sequence=sequence,
        member=member,
        data=msgspec.json.decode(data),
        request_id=request,
        created_at=created_at,
    )

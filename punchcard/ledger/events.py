"""What the ledger announces: each entry, under the name of what it means.

The outbox names the entries that nobody has told of yet. An account's posts wait for
each other, so whoever sees one of its entries sees all before it: what waits of an
account is read as one stretch, from the last entry told to the last that waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias
from uuid import UUID

import msgspec

from punchcard.kernel import sql
from punchcard.kernel.ids import typed
from punchcard.kernel.outbox import WAITING_MOST, Backlog
from punchcard.kernel.transactions import require_transaction

EntryEvent: TypeAlias = Literal[
    "points.earned",
    "points.pending",
    "points.activated",
    "points.cancelled",
    "points.redeemed",
    "points.expired",
    "points.reversed",
    "points.refunded",
    "points.adjusted",
    "points.transferred",
    "hold.created",
    "hold.captured",
    "hold.voided",
    "hold.expired",
]
AccountEvent: TypeAlias = Literal[
    "account.frozen", "account.unfrozen", "account.closed"
]

_FILES = Path(__file__).parent / "sql"
_WAITING = sql.load(_FILES / "waiting.sql")
_HAPPENED = sql.load(_FILES / "happened.sql")

_TYPES: dict[str, EntryEvent] = {
    "earn": "points.earned",
    "redeem": "points.redeemed",
    "reserve": "hold.created",
    "capture": "hold.captured",
    "void": "hold.voided",
    "refund": "points.refunded",
    "reverse": "points.reversed",
    "adjust": "points.adjusted",
    "transfer_out": "points.transferred",
    "transfer_in": "points.transferred",
    "activate": "points.activated",
    "cancel": "points.cancelled",
    "release": "points.activated",
    "expire": "points.expired",
}
"""Type of an entry -> what it is called where nothing else tells it apart."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Entries of one account that one post wrote, and nobody has told of yet."""

    account: UUID
    first_sequence: int
    last_sequence: int


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as everybody may hear of it: numbers, instants and ids."""

    program: UUID
    type: EntryEvent
    account: UUID
    sequence: int
    member: UUID | None
    data: dict[str, Any]
    request_id: str | None
    recorded_at: datetime


def name_entry(*, type: str, pending: int, by_time: bool) -> EntryEvent:  # noqa: A002
    """Return what an entry is called: by its type, and what tells two of it apart."""
    if type == "earn" and pending:
        return "points.pending"
    if type == "void" and by_time:
        return "hold.expired"
    return _TYPES[type]


def find_waiting(*, posts: int, entries: int) -> list[Waiting]:
    """Return what has waited longest: of so many posts, or about so many entries."""
    cursor = sql.cursor()
    cursor.execute(_WAITING, {"posts": posts, "entries": entries}, prepare=True)
    return [
        Waiting(account=account, first_sequence=first, last_sequence=last)
        for account, first, last in cursor
    ]


def read_happenings(
    *, after: Mapping[UUID, int], upto: Mapping[UUID, int]
) -> list[Happening]:
    """Return the entries of these accounts after one up to another, in their order."""
    cursor = sql.cursor()
    accounts = list(upto)
    cursor.execute(
        _HAPPENED,
        {
            "accounts": sql.Uuids(accounts),
            "after": sql.Int8s([after[account] for account in accounts]),
            "upto": sql.Int8s([upto[account] for account in accounts]),
        },
        prepare=True,
    )
    return [_happening(*row) for row in cursor]


def mark_relayed(*, waiting: Sequence[Waiting], now: datetime) -> None:
    """Let these wait no longer; one statement.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    if not waiting:
        return
    sql.cursor().execute(
        """
        UPDATE ledger_outbox o SET relayed_at = %(now)s
        FROM unnest(%(accounts)s, %(firsts)s) AS told (account_id, first_sequence)
        WHERE o.account_id = told.account_id
            AND o.first_sequence = told.first_sequence
        """,
        {
            "now": now,
            "accounts": sql.Uuids([row.account for row in waiting]),
            "firsts": sql.Int8s([row.first_sequence for row in waiting]),
        },
        prepare=True,
    )


def forget_relayed(*, before: datetime, most: int) -> int:
    """Take away up to so many rows that were told before; return how many.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    cursor = sql.cursor()
    cursor.execute(
        """
        DELETE FROM ledger_outbox WHERE (account_id, first_sequence) IN (
            SELECT account_id, first_sequence FROM ledger_outbox
            WHERE relayed_at < %(before)s ORDER BY relayed_at LIMIT %(most)s)
        """,
        {"before": before, "most": most},
    )
    return cursor.rowcount


def _happening(
    program: UUID,
    holder_kind: str,
    holder: UUID,
    account: UUID,
    sequence: int,
    type_: str,
    by_time: bool,  # noqa: FBT001
    recorded_at: datetime,
    request_id: str | None,
    *said: Any,
) -> Happening:
    named = zip(_SAID, said, strict=True)
    data = {name: value for name, value in named if value is not None}
    if "transfer" in data:
        data["transfer"] = {
            "id": data["transfer"],
            "account": typed("acc", data.pop("other_account")),
            "sequence": data.pop("other_sequence"),
        }
    return Happening(
        program=program,
        type=name_entry(type=type_, pending=data["pending"], by_time=by_time),
        account=account,
        sequence=sequence,
        member=holder if holder_kind == "member" else None,
        data={"entry": type_} | data,
        request_id=request_id,
        recorded_at=recorded_at,
    )


_SAID = (
    "source amount available pending reserved balance pending_after reserved_after"
    " lifetime_after effective_at relates_to available_at expires_at transfer"
    " other_account other_sequence"
).split()
"""What is told of an entry, in the order of `happened.sql`. Not what callers write
freely (key, reference, description, metadata, actor): that may name a person."""


def look_at_outbox() -> Backlog:
    """Return how much waits and since when; what is not waiting is not read."""
    cursor = sql.cursor()
    cursor.execute(
        "SELECT count(*), min(recorded_at) FROM (SELECT recorded_at FROM ledger_outbox"
        " WHERE relayed_at IS NULL ORDER BY recorded_xid LIMIT %(most)s) AS waiting",
        {"most": WAITING_MOST},
    )
    ((rows, oldest),) = cursor
    return Backlog(rows, oldest)

"""Reads of the ledger: accounts, entries, lots, holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, LiteralString, TypeVar
from uuid import UUID

import msgspec

from punchcard.kernel import sql
from punchcard.ledger import errors
from punchcard.ledger.commands import LotName
from punchcard.ledger.outcomes import Entry
from punchcard.ledger.reading import read_accounts, read_live_lots
from punchcard.ledger.rules.settling import settle
from punchcard.ledger.rules.state import Lot

_FILES = Path(__file__).parent / "sql"
_WANTED = sql.load(_FILES / "entries.sql")
_LOT = sql.load(_FILES / "lots_as_of.sql")
_HOLD = sql.load(_FILES / "holds_as_of.sql")

View = TypeVar("View", bound=msgspec.Struct)


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account as its row stands; what fell due since is not yet in it."""

    account: UUID
    wallet: UUID
    holder_kind: str
    holder: UUID
    available: int
    pending: int
    reserved: int
    lifetime: int
    last_sequence: int
    status: str
    effective_at: datetime | None
    next_due_at: datetime | None
    opened_at: datetime


class LotView(msgspec.Struct, frozen=True, kw_only=True):
    """What can still be spent of one credit."""

    sequence: int
    n: int
    root: int
    credited: int
    remaining: int
    lapsed: int
    state: str
    validity: str | None
    available_at: datetime | None
    expires_at: datetime | None


class HoldView(msgspec.Struct, frozen=True, kw_only=True):
    """Points set aside by the `reserve` of this sequence, and what became of them."""

    sequence: int
    points: int
    open: bool
    """As of the instant asked for."""
    expires_at: datetime
    opened_at: datetime
    reference_type: str | None
    reference_id: str | None
    resolved_by: int | None
    """None too: it ran out of time, and nothing has been written since."""
    captured: int
    """What of it was spent in the end."""


class OutstandingView(msgspec.Struct, frozen=True, kw_only=True):
    """What all accounts of a wallet hold; what fell due since is not yet in it."""

    wallet: UUID
    available: int
    """Of the accounts that owe nothing."""
    pending: int
    reserved: int
    owed: int


class AllocationView(msgspec.Struct, frozen=True, kw_only=True):
    """Entry `sequence` took from (-) or gave back to (+) lot `lot_sequence.lot_n`."""

    sequence: int
    lot_sequence: int
    lot_n: int
    points: int


class KnownKey(msgspec.Struct, frozen=True, kw_only=True):
    """What an idempotency key stands for in an account."""

    amount: int | None
    """Of the entry that has it; None: a refusal has it."""


class EntryDetail(msgspec.Struct, frozen=True, kw_only=True):
    """An entry with the lots it opened, the lots it used, and who used its lots."""

    entry: Entry
    opened: list[LotView]
    allocations: list[AllocationView]
    used_by: list[AllocationView]
    """What other entries took from, or gave back to, the lots that it opened."""
    related: list[int]
    """Sequences of the entries that undo, capture or release it."""


_ACCOUNT: LiteralString = """
    SELECT id, wallet_id, holder_kind, holder_id, available, pending, reserved,
        lifetime, last_sequence, status, effective_at, next_due_at, opened_at
    FROM ledger_account a
"""
ENTRY: LiteralString = """
    SELECT account_id, sequence, type, source, amount, available, pending, reserved,
        balance, pending_after, reserved_after, lifetime_after, key, fingerprint,
        reference_type, reference_id, relates_to, transfer_id, other_account_id,
        other_sequence, referred_member_id, description, metadata::text, available_at,
        expires_at, validity, effective_at, recorded_at, actor, hash
    FROM ledger_entry
"""
"""What an `Entry` is made of, in its order."""


def find_accounts(
    *, wallet: UUID, holder_kind: str, holders: Sequence[UUID], using: str = "default"
) -> dict[UUID, UUID]:
    """Return holder -> account for those holders that have one in `wallet`."""
    cursor = sql.cursor(using=using)
    cursor.execute(
        """
        SELECT holder_id, account_id FROM ledger_account_holder
        WHERE wallet_id = %s AND holder_kind = %s AND holder_id = ANY(%s)
        """,
        (wallet, holder_kind, sql.Uuids(list(holders))),
        prepare=True,
    )
    return dict(cursor.fetchall())


def find_wallets(
    *, accounts: Sequence[UUID], using: str = "default"
) -> dict[UUID, UUID]:
    """Return account -> wallet for those accounts that exist."""
    cursor = sql.cursor(using=using)
    cursor.execute(
        "SELECT id, wallet_id FROM ledger_account WHERE id = ANY(%s)",
        (sql.Uuids(accounts),),
        prepare=True,
    )
    return dict(cursor.fetchall())


def find_holders(
    *, accounts: Sequence[UUID], using: str = "default"
) -> dict[UUID, tuple[str, UUID]]:
    """Return account -> kind and id of its holder, for those accounts that exist."""
    cursor = sql.cursor(using=using)
    cursor.execute(
        "SELECT id, holder_kind, holder_id FROM ledger_account WHERE id = ANY(%s)",
        (sql.Uuids(accounts),),
        prepare=True,
    )
    return {account: (kind, holder) for account, kind, holder in cursor}


def get_account(*, account: UUID, using: str = "default") -> AccountView:
    """Return one account.

    Raises:
        AccountNotFound: there is none with this id.
    """
    cursor = sql.cursor(using=using)
    cursor.execute(_ACCOUNT + "WHERE id = %s", (account,), prepare=True)
    row = cursor.fetchone()
    if row is None:
        raise errors.AccountNotFound
    return view_of(AccountView, row)


def list_accounts(
    *, holder_kind: str, holder: UUID, using: str = "default"
) -> list[AccountView]:
    """Return a holder's accounts, in the order in which they were opened."""
    cursor = sql.cursor(using=using)
    cursor.execute(
        _ACCOUNT
        + """
        WHERE id IN (SELECT h.account_id FROM ledger_account_holder h
                     WHERE h.holder_id = %s AND h.holder_kind = %s)
        ORDER BY id
        """,
        (holder, holder_kind),
        prepare=True,
    )
    return [view_of(AccountView, row) for row in cursor]


def list_entries(
    *,
    account: UUID,
    limit: int,
    before_sequence: int | None = None,
    after_sequence: int | None = None,
    types: Sequence[str] | None = None,
    sources: Sequence[str] | None = None,
    reference_type: str | None = None,
    reference_id: str | None = None,
    effective_from: datetime | None = None,
    effective_to: datetime | None = None,
    newest_first: bool = True,
    using: str = "default",
) -> list[Entry]:
    """Return up to `limit` entries of an account by sequence; times are [from, to)."""
    order: LiteralString = "DESC" if newest_first else "ASC"
    cursor = sql.cursor(using=using)
    cursor.execute(
        ENTRY + _WANTED + order + " LIMIT %(limit)s",
        {
            "account": account,
            "before": before_sequence,
            "after": after_sequence,
            "types": None if types is None else sql.Texts(types),
            "sources": None if sources is None else sql.Texts(sources),
            "reference_type": reference_type,
            "reference_id": reference_id,
            "start": effective_from,
            "end": effective_to,
            "limit": limit,
        },
        # Planned anew each time: which filters are given decides which index serves.
        prepare=False,
    )
    return [view_of(Entry, row) for row in cursor]


def get_entry(
    *, account: UUID, sequence: int, as_of: datetime, using: str = "default"
) -> EntryDetail:
    """Return one entry with its lots, both ways; the lots as of an instant.

    Raises:
        EntryNotFound: the account has no entry of this sequence.
    """
    with sql.one_moment(using=using) as cursor:
        named = (account, sequence)
        cursor.execute(
            ENTRY + "WHERE account_id = %s AND sequence = %s", named, prepare=True
        )
        row = cursor.fetchone()
        if row is None:
            raise errors.EntryNotFound
        entry = view_of(Entry, row)
        wanted: LiteralString = "AND sequence = %(sequence)s ORDER BY n"
        opened = _read_lots(cursor, account, as_of, wanted, {"sequence": sequence})
        allocations: list[list[AllocationView]] = []
        for column in ("sequence", "lot_sequence"):
            cursor.execute(_ALLOCATIONS[column], named, prepare=True)
            allocations.append([view_of(AllocationView, row) for row in cursor])
        cursor.execute(
            "SELECT sequence FROM ledger_entry"
            " WHERE account_id = %s AND relates_to = %s ORDER BY sequence",
            named,
            prepare=True,
        )
        return EntryDetail(
            entry=entry,
            opened=opened,
            allocations=allocations[0],
            used_by=allocations[1],
            related=[row[0] for row in cursor],
        )


_ALLOCATIONS: dict[str, LiteralString] = {
    "sequence": "SELECT sequence, lot_sequence, lot_n, points FROM ledger_allocation"
    " WHERE account_id = %s AND sequence = %s ORDER BY n",
    "lot_sequence": "SELECT sequence, lot_sequence, lot_n, points"
    " FROM ledger_allocation WHERE account_id = %s AND lot_sequence = %s"
    " ORDER BY sequence, n",
}


_LOTS_UP: LiteralString = """
    AND (%(after)s::bigint IS NULL OR (sequence, n) > (%(after)s, %(after_n)s))
    ORDER BY sequence, n LIMIT %(limit)s
"""
_LOTS_DOWN: LiteralString = """
    AND (%(after)s::bigint IS NULL OR (sequence, n) < (%(after)s, %(after_n)s))
    ORDER BY sequence DESC, n DESC LIMIT %(limit)s
"""


def list_lots(
    *,
    account: UUID,
    limit: int,
    as_of: datetime | None = None,
    after: LotName | None = None,
    states: Sequence[str] | None = None,
    newest_first: bool = False,
    using: str = "default",
) -> list[LotView]:
    """Return up to `limit` lots of an account by (sequence, n), after `after`.

    With `as_of`, what will have fallen due by then is in them, as in a balance.
    """
    wanted: LiteralString = """
        AND (%(states)s::text[] IS NULL OR coalesce(c.state, l.state) = ANY(%(states)s))
    """ + (_LOTS_DOWN if newest_first else _LOTS_UP)
    asked: dict[str, Any] = {
        "after": after and after[0],
        "after_n": after and after[1],
        "states": None if states is None else sql.Texts(states),
        "limit": limit,
    }
    with sql.one_moment(using=using) as cursor:
        return _read_lots(cursor, account, as_of, wanted, asked)


def find_lot(
    *, account: UUID, lot: LotName, as_of: datetime, using: str = "default"
) -> LotView | None:
    """Return one lot as of an instant, or None."""
    with sql.one_moment(using=using) as cursor:
        wanted: LiteralString = "AND (sequence, n) = (%(sequence)s, %(n)s)"
        asked = dict(zip(("sequence", "n"), lot, strict=True))
        found = _read_lots(cursor, account, as_of, wanted, asked)
        return found[0] if found else None


def _read_lots(
    cursor: Any,
    account: UUID,
    as_of: datetime | None,
    wanted: LiteralString,
    asked: Mapping[str, Any],
) -> list[LotView]:
    changed = [] if as_of is None else _changed_by(cursor, account, as_of)
    given = {
        "account": account,
        "sequences": sql.Int8s([lot.sequence for lot in changed]),
        "ns": sql.Int8s([lot.n for lot in changed]),
        "remaining": sql.Int8s([lot.remaining for lot in changed]),
        "lapsed": sql.Int8s([lot.lapsed for lot in changed]),
        "changed": sql.Texts([lot.state for lot in changed]),
    }
    cursor.execute(_LOT + wanted, {**given, **asked}, prepare=True)
    return [view_of(LotView, row) for row in cursor]


def _changed_by(cursor: Any, account: UUID, as_of: datetime) -> list[Lot]:
    """Return the lots that time changes up to an instant, as they will be then."""
    states = read_accounts(cursor, [account], lock=False)
    moving = [state for state in states.values() if state.due_by(as_of)]
    read_live_lots(cursor, moving)
    for state in moving:
        settle(state, as_of, as_of)
    return [lot for state in moving for lot in state.lots.values() if lot.changed]


_HOLDS_UP: LiteralString = """
    AND (%(after)s::bigint IS NULL OR h.sequence > %(after)s)
    ORDER BY h.sequence LIMIT %(limit)s
"""
_HOLDS_DOWN: LiteralString = """
    AND (%(after)s::bigint IS NULL OR h.sequence < %(after)s)
    ORDER BY h.sequence DESC LIMIT %(limit)s
"""


def list_holds(
    *,
    account: UUID,
    limit: int,
    as_of: datetime,
    after: int | None = None,
    is_open: bool | None = None,
    newest_first: bool = True,
    using: str = "default",
) -> list[HoldView]:
    """Return up to `limit` holds of an account by sequence, after `after`."""
    cursor = sql.cursor(using=using)
    cursor.execute(
        _HOLD
        + """
        AND (%(open)s::boolean IS NULL
            OR (h.open AND h.expires_at > %(as_of)s) = %(open)s)
        """
        + (_HOLDS_DOWN if newest_first else _HOLDS_UP),
        {
            "account": account,
            "as_of": as_of,
            "after": after,
            "open": is_open,
            "limit": limit,
        },
        prepare=False,
    )
    return [view_of(HoldView, row) for row in cursor]


def find_hold(
    *, account: UUID, sequence: int, as_of: datetime, using: str = "default"
) -> HoldView | None:
    """Return one hold as of an instant, or None."""
    cursor = sql.cursor(using=using)
    asked = {"account": account, "sequence": sequence, "as_of": as_of}
    cursor.execute(_HOLD + "AND h.sequence = %(sequence)s", asked, prepare=True)
    row = cursor.fetchone()
    return None if row is None else view_of(HoldView, row)


def sum_outstanding(*, using: str = "default") -> list[OutstandingView]:
    """Return what is held in each wallet: reads every account, once."""
    cursor = sql.cursor(using=using)
    cursor.execute(
        "SELECT wallet_id, sum(greatest(available, 0))::bigint, sum(pending)::bigint,"
        " sum(reserved)::bigint, sum(greatest(-available, 0))::bigint"
        " FROM ledger_account GROUP BY wallet_id ORDER BY wallet_id"
    )
    return [view_of(OutstandingView, row) for row in cursor]


def find_key(*, account: UUID, key: str, using: str = "default") -> KnownKey | None:
    """Return what a key of the account stands for, or None."""
    cursor = sql.cursor(using=using)
    cursor.execute(
        "SELECT amount FROM ledger_entry WHERE account_id = %(account)s"
        " AND key = %(key)s UNION ALL SELECT NULL FROM ledger_refusal"
        " WHERE account_id = %(account)s AND key = %(key)s",
        {"account": account, "key": key},
        prepare=True,
    )
    row = cursor.fetchone()
    return None if row is None else KnownKey(amount=row[0])


def view_of(kind: type[View], row: Sequence[Any]) -> View:
    """Return a struct of a row that has its fields in their order."""
    return kind(**dict(zip(kind.__struct_fields__, row, strict=True)))

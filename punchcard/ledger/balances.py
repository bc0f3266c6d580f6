"""Balances as of any instant, past or future, and sums over a stretch of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from punchcard.kernel import sql
from punchcard.ledger import errors
from punchcard.ledger.reading import read_accounts, read_live_lots
from punchcard.ledger.rules.lots import open_lots
from punchcard.ledger.rules.settling import settle
from punchcard.ledger.rules.state import Account

_FILES = Path(__file__).parent / "sql"
_PAST = sql.load(_FILES / "past.sql")
_QUALIFYING = sql.load(_FILES / "qualifying.sql")
_SOONEST = sql.load(_FILES / "soonest.sql")


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """The four numbers as of an instant, and what expires next of what is available."""

    account: UUID
    as_of: datetime
    available: int = 0
    pending: int = 0
    reserved: int = 0
    lifetime: int = 0
    next_expiry_points: int = 0
    next_expires_at: datetime | None = None


def balance_as_of(*, account: UUID, as_of: datetime, using: str = "default") -> Balance:
    """Return an account's balance as of an instant, past or future; write nothing.

    Raises:
        AccountNotFound: there is none with this id.
    """
    found = balances_as_of(accounts=[account], as_of=as_of, using=using)
    if not found:
        raise errors.AccountNotFound
    return found[account]


def balances_as_of(
    *, accounts: Sequence[UUID], as_of: datetime, using: str = "default"
) -> dict[UUID, Balance]:
    """Return balances as of an instant, past or future, for those that exist.

    Up to an account's last entry: the numbers after its last entry that took effect
    by then. Later: what time will have done by then, decided on a copy.
    """
    with sql.one_moment(using=using) as cursor:
        states = read_accounts(cursor, accounts, lock=False)
        past, quiet, moving = [], [], []
        for state in states.values():
            if state.effective_at is not None and state.effective_at > as_of:
                past.append(state)
            elif state.due_by(as_of):
                moving.append(state)
            else:
                quiet.append(state)
        found = _past_balances(cursor, past, as_of)
        found |= _quiet_balances(cursor, quiet, as_of)
        read_live_lots(cursor, moving)
        for state in moving:
            settle(state, as_of, as_of)
            lots = open_lots(state)
            expires_at = lots[0].expires_at if lots else None
            next_ones = [lot for lot in lots if lot.expires_at == expires_at]
            points = sum(lot.remaining for lot in next_ones)
            found[state.id] = _balance(state, as_of, expires_at, points)
        return found


def _quiet_balances(
    cursor: Any, states: Sequence[Account], as_of: datetime
) -> dict[UUID, Balance]:
    """Return balances where nothing falls due by then: the rows are the answer."""
    expiring = [state.id for state in states if state.next_due_at is not None]
    soonest = {}
    if expiring:
        cursor.execute(_SOONEST, (sql.Uuids(expiring),), prepare=True)
        soonest = {account: (at, points) for account, at, points in cursor}
    return {
        state.id: _balance(state, as_of, *soonest.get(state.id, (None, 0)))
        for state in states
    }


def _balance(
    state: Account, as_of: datetime, expires_at: datetime | None, expiring: int
) -> Balance:
    idles_at = state.idles_at if state.available > 0 else None
    if idles_at and (expires_at is None or idles_at <= expires_at):
        expires_at, expiring = idles_at, state.available
    return Balance(
        account=state.id,
        as_of=as_of,
        available=state.available,
        pending=state.pending,
        reserved=state.reserved,
        lifetime=state.lifetime,
        next_expires_at=expires_at,
        next_expiry_points=expiring if expires_at else 0,
    )


def _past_balances(
    cursor: Any, states: Sequence[Account], as_of: datetime
) -> dict[UUID, Balance]:
    if not states:
        return {}
    accounts = sql.Uuids([state.id for state in states])
    cursor.execute(_PAST, {"accounts": accounts, "as_of": as_of}, prepare=True)
    by_id = {state.id: state for state in states}
    found = {}
    for account, *facts, took_effect, active_at in cursor:
        then = by_id[account]
        then.available, then.pending, then.reserved, then.lifetime = facts[:4]
        then.effective_at, then.active_at = took_effect, active_at
        found[account] = _balance(then, as_of, *facts[4:])
    return found


def qualifying_points(
    *,
    accounts: Sequence[UUID],
    since: datetime,
    until: datetime,
    sources: Sequence[str] | None = None,
    using: str = "default",
) -> dict[UUID, int]:
    """Return what each account earned in [since, until) and nobody took back since.

    An earn counts when it took effect; what was reversed or cancelled of it does not,
    whenever that was: who buys, climbs and returns the goods has not earned. Accounts
    without any are left out. `sources`: of earns that count; None: all.
    """
    cursor = sql.cursor(using=using)
    asked = {
        "accounts": sql.Uuids(list(accounts)),
        "since": since,
        "until": until,
        "sources": None if sources is None else sql.Texts(sources),
    }
    cursor.execute(_QUALIFYING, asked, prepare=True)
    return dict(cursor.fetchall())

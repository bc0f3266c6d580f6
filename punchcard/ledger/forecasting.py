"""What lapses when, of an account or of a whole wallet, if nobody earns or spends."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import sql as composing

from punchcard.kernel import sql
from punchcard.ledger import errors
from punchcard.ledger.reading import read_accounts, read_live_lots
from punchcard.ledger.rules.foreseeing import By, Expiry, Lapse, expiries, lapses
from punchcard.ledger.rules.state import Account

__all__ = ["CHUNK", "FOREVER", "By", "Expiry", "list_expiries", "scan_expiries"]

FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
CHUNK = 2_000


def list_expiries(
    *,
    account: UUID,
    as_of: datetime,
    until: datetime = FOREVER,
    by: By = "instant",
    using: str = "default",
) -> list[Expiry]:
    """Return what lapses of an account in (as_of, until], the next first.

    Nothing is written: time passes on a copy, where pending points become available
    when they will, holds run out, and idle points lapse. Of points that wait for an
    event nobody knows.

    Raises:
        AccountNotFound: there is none with this id.
    """
    with sql.one_moment(using=using) as cursor:
        states = read_accounts(cursor, [account], lock=False)
        if not states:
            raise errors.AccountNotFound
        found = _foreseen(cursor, list(states.values()), as_of, until)
        return expiries(found, by, states[account].policy.zone)


def scan_expiries(
    *, wallet: UUID, as_of: datetime, until: datetime = FOREVER, by: By = "month"
) -> Generator[list[Expiry], None, None]:
    """Yield what lapses of a wallet in (as_of, until], chunk of accounts by chunk.

    The same period comes again with another chunk. Memory stays flat: the open
    transaction, a snapshot, holds the list of the accounts.

    Raises:
        TransactionError: no transaction is open.
    """
    query = composing.SQL(
        "SELECT id FROM ledger_account WHERE wallet_id = {wallet}"
        " AND next_due_at <= {until} ORDER BY id"
    ).format(wallet=wallet, until=until)
    for rows in sql.scan("scanned_account", query, chunk=CHUNK):
        cursor = sql.cursor()
        states = read_accounts(cursor, [account for (account,) in rows], lock=False)
        moving = list(states.values())
        found = _foreseen(cursor, moving, as_of, until)
        yield expiries(found, by, moving[0].policy.zone)


def _foreseen(
    cursor: Any, accounts: Sequence[Account], as_of: datetime, until: datetime
) -> list[Lapse]:
    moving = [state for state in accounts if state.due_by(until)]
    read_live_lots(cursor, moving)
    return [lapse for state in moving for lapse in lapses(state, as_of, until)]

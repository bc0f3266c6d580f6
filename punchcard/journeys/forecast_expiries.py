"""Forecast what lapses of a wallet, period by period, if nobody earns or spends."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from punchcard.kernel.transactions import snapshot
from punchcard.ledger.forecasting import FOREVER, By, Expiry, scan_expiries


def forecast_expiries(
    *,
    wallet: UUID,
    as_of: datetime,
    until: datetime = FOREVER,
    by: By = "month",
) -> list[Expiry]:
    """Return what lapses of all accounts in (as_of, until], the next period first.

    All of it is read from one snapshot, chunk by chunk: nobody is counted twice.

    Raises:
        TransactionError: a transaction is open already.
    """
    found: dict[str, Expiry] = {}
    with snapshot():
        for chunk in scan_expiries(wallet=wallet, as_of=as_of, until=until, by=by):
            for expiry in chunk:
                known = found.get(expiry.period)
                found[expiry.period] = _together(known, expiry) if known else expiry
    return sorted(found.values(), key=lambda expiry: expiry.first_at)


def _together(one: Expiry, other: Expiry) -> Expiry:
    return msgspec.structs.replace(
        one,
        first_at=min(one.first_at, other.first_at),
        last_at=max(one.last_at, other.last_at),
        points=one.points + other.points,
    )

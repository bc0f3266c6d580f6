"""Write what time has done to points, and now and then add up what members hold."""

from __future__ import annotations

from datetime import datetime, timedelta

from punchcard.kernel.readings import last_read
from punchcard.ledger.operations import settle_due

from .take_readings import OUTSTANDING, measure_outstanding

MEASURED_EVERY = timedelta(minutes=5)
"""Adding up reads every account, so not each of many sweeps does it."""


def settle_due_points(
    *,
    now: datetime,
    until: datetime | None = None,
    measured_every: timedelta = MEASURED_EVERY,
) -> int:
    """Write the releases and expiries up to an instant; return how many accounts.

    Left out, `until` is now. Any number may do it at once. See
    Note [What costs a scan is not read when asked].

    Raises:
        TransactionError: a transaction is open.
        OperationalError: (Django's or psycopg's) the database cannot be reached.
    """
    settled = settle_due(now=until or now)
    read_at = last_read(name=OUTSTANDING)
    if read_at is None or now - read_at >= measured_every:
        measure_outstanding(now=now)
    return settled

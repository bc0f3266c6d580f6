"""Write what time has done to points, and now and then add up what members hold."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from punchcard.kernel.readings import last_read
from punchcard.ledger.sweeping import Swept, settle_due

from .freeze_harmed import freeze_harmed
from .take_readings import OUTSTANDING, measure_outstanding

MEASURED_EVERY = timedelta(minutes=5)
"""Adding up reads every account, so not each of many sweeps does it."""


def settle_due_points(
    *,
    now: datetime,
    until: datetime | None = None,
    seconds: float | None = None,
    measured_every: timedelta = MEASURED_EVERY,
) -> Swept:
    """Write the releases and expiries up to an instant; say what was done and left.

    Left out, `until` is now. Any number may do it at once; with `seconds` it ends soon
    after so long. See Note [What costs a scan is not read when asked].

    Raises:
        TransactionError: a transaction is open.
        OperationalError: (Django's or psycopg's) the database cannot be reached.
    """
    swept = settle_or_freeze(now=until or now, seconds=seconds)
    read_at = last_read(name=OUTSTANDING)
    if read_at is None or now - read_at >= measured_every:
        measure_outstanding(now=now)
    return swept


def settle_or_freeze(
    *, now: datetime, program: UUID | None = None, seconds: float | None = None
) -> Swept:
    """Settle what fell due, in a transaction for each batch; twice is once.

    An account that refuses it is harmed: it is frozen, the audit says why, and whoever
    called shall tell. The others are settled all the same.

    Raises:
        TransactionError: a transaction is open.
        OperationalError: (Django's or psycopg's) the database cannot be reached.
    """
    swept = settle_due(now=now, program=program, seconds=seconds)
    for account, said in swept.refused.items():
        freeze_harmed(account=account, reason=f"sweep: {said}")
    return swept

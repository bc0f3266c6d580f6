"""Let what remains of a lot lapse before its time."""

from __future__ import annotations

from datetime import datetime

from punchcard.ledger.outcomes import Outcome

from .correcting_lots import LAPSE, LotCorrection, correct_lot


def lapse_lot(
    *, correction: LotCorrection, now: datetime, dry_run: bool = False
) -> list[Outcome]:
    """Take points of an open lot away for good; answer the one outcome.

    Raises:
        AboveAdjustLimit: these are more points than the author may correct.
        OutcomeUnknown: the connection was lost at COMMIT and did not come back.
        OperationalError: (Django's or psycopg's) the database cannot be reached;
            nothing was applied.
    """
    return correct_lot(
        verb=LAPSE, correction=correction, renewal=None, now=now, dry_run=dry_run
    )

"""Give what remains of a lot a new expiry."""

from __future__ import annotations

from datetime import datetime

from punchcard.ledger.outcomes import Outcome

from .correcting_lots import EXTEND, LotCorrection, Renewal, correct_lot


def extend_lot(
    *,
    correction: LotCorrection,
    renewal: Renewal,
    now: datetime,
    dry_run: bool = False,
) -> list[Outcome]:
    """Move points of an open lot into a lot of its own, with a new expiry.

    A pair of adjusts, both or none: the balance and the lifetime stay as they are.
    Answers both outcomes; a refusal is one of them.

    Raises:
        AboveAdjustLimit: these are more points than the author may correct.
        OutcomeUnknown: the connection was lost at COMMIT and did not come back.
        OperationalError: (Django's or psycopg's) the database cannot be reached;
            nothing was applied.
    """
    return correct_lot(
        verb=EXTEND, correction=correction, renewal=renewal, now=now, dry_run=dry_run
    )

"""Forget what has expired: kept answers, links, sessions, attempts, jobs, events.

Whoever makes one takes a few old ones away; where nobody comes any more, this does it.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from punchcard.access.operations import expiry
from punchcard.kernel.answers import forget_expired_answers
from punchcard.kernel.events import forget_events
from punchcard.kernel.jobs import forget_jobs
from punchcard.kernel.transactions import transaction
from punchcard.ledger.events import forget_relayed

MOST = 5_000
"""Rows of the event log, and of the outbox, that one transaction takes away."""


def forget_expired(*, now: datetime) -> int:
    """Take it away, some of it in each transaction; return how many rows."""
    forgotten = 0
    while True:
        with transaction():
            some = forget_expired_answers(now=now) + expiry.forget_expired(now=now)
            some += forget_jobs(now=now)
        if not some:
            return forgotten + _forget_told(now)
        forgotten += some


def _forget_told(now: datetime) -> int:
    """Forget what was told so long ago that nobody reads on from there any more."""
    forgotten = 0
    while True:
        with transaction():
            some = forget_relayed(before=now - settings.OUTBOX_KEPT, most=MOST)
            if settings.EVENTS_KEPT is not None:
                some += forget_events(before=now - settings.EVENTS_KEPT, most=MOST)
        if not some:
            return forgotten
        forgotten += some

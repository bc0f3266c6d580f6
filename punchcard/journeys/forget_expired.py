"""Forget what has expired: answers that were kept, links, sessions, attempts, jobs.

Whoever makes one takes a few old ones away; where nobody comes any more, this does it.
"""

from __future__ import annotations

from datetime import datetime

from punchcard.access.operations import expiry
from punchcard.kernel.answers import forget_expired_answers
from punchcard.kernel.jobs import forget_jobs
from punchcard.kernel.transactions import transaction


def forget_expired(*, now: datetime) -> int:
    """Take it away, some of it in each transaction; return how many rows."""
    forgotten = 0
    while True:
        with transaction():
            some = forget_expired_answers(now=now) + expiry.forget_expired(now=now)
            some += forget_jobs(now=now)
        if not some:
            return forgotten
        forgotten += some

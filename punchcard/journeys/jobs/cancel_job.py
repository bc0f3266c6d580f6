"""Cancel a job: it ends where it stands."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from punchcard.kernel import clock, jobs
from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.jobs import CANCELLED, JobView, get_job_for_change
from punchcard.kernel.transactions import transaction


def cancel_job(*, program: UUID, job: UUID, author: Author, now: datetime) -> JobView:
    """End a job; what it has done stays done. Twice is once.

    Raises:
        JobNotFound: the program has no such job.
        JobEnded: it succeeded or failed before.
    """
    with transaction():
        before = get_job_for_change(program=program, job=job)
        found = jobs.cancel_job(program=program, job=job, now=clock.read())
        if before.status != CANCELLED:
            fields = {"kind": found.kind, "rows_done": found.rows_done}
            change = Change(
                action="job.cancelled", target=typed("job", job), fields=fields
            )
            record_changes(author=author, changes=[change], now=now)
    return found

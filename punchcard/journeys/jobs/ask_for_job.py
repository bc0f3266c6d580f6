"""Ask for a job: written down, and done by whoever works on jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from punchcard.kernel import clock
from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.jobs import JobView, create_job
from punchcard.kernel.transactions import transaction


def ask_for_job(
    *,
    author: Author,
    kind: str,
    options: dict[str, Any],
    takes_file: bool,
    now: datetime,
) -> JobView:
    """Write down what is to be done; `now` is the program's time.

    Raises:
        TooManyJobs: the program has 100 that have not ended.
    """
    with transaction():
        job = create_job(
            author=author,
            kind=kind,
            options=options,
            takes_file=takes_file,
            asked_at=now,
            now=clock.read(),
        )
        change = Change(
            action="job.created", target=typed("job", job.id), fields={"kind": kind}
        )
        record_changes(author=author, changes=[change], now=now)
    return job

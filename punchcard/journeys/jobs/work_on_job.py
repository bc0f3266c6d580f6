"""Work on a job: take it up where it stands, say how far it is, and end it.

See Note [Only the last one writes] in `kernel/job_work.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import IO, Any
from uuid import UUID

import msgspec

from punchcard.journeys.retrying import surely
from punchcard.kernel import clock, job_work
from punchcard.kernel.job_files import Fault, write_file
from punchcard.kernel.jobs import Failure, JobView, keep_result
from punchcard.kernel.transactions import transaction

FRUITLESS_MAX = 5
"""Attempts that ended without a word, and without anything done: then it has failed."""

logger = logging.getLogger(__name__)


def take_up_job(*, job: UUID) -> JobView | None:
    """Begin to work on a job; None: there is nothing to do any more.

    A job at which five attempts have died before anything was done has failed.
    """
    with transaction():
        found = job_work.take_up(job=job, now=clock.read())
        if found is None or found.fruitless <= FRUITLESS_MAX:
            return found
        detail = f"It was begun {FRUITLESS_MAX} times and never came further."
        failure = Failure(code="unexpected", detail=detail)
        job_work.fail(job=job, attempt=found.attempt, failure=failure, now=clock.read())
    logger.error("job %s has failed: %s", job, detail)
    return None


def keep_progress(
    *,
    job: JobView,
    rows_done: int,
    rows_total: int | None = None,
    tally: msgspec.Struct | None = None,
    faults: Sequence[Fault] = (),
) -> None:
    """Say how far a job is, in a transaction of its own; again is once.

    Raises:
        JobLeft: it was cancelled, or another one took it up.
    """

    def keep() -> None:
        told: dict[str, Any] | None
        told = None if tally is None else msgspec.to_builtins(tally)
        job_work.keep_progress(
            job=job.id,
            attempt=job.attempt,
            rows_done=rows_done,
            rows_total=rows_total,
            tally=told,
            faults=faults,
        )

    surely(keep)


def complete_job(*, job: JobView, result: IO[bytes] | None = None) -> None:
    """End a job that is done, with what it has made.

    Raises:
        JobLeft: it was cancelled, or another one took it up.
    """
    with transaction():
        job_work.require_ours(job=job.id, attempt=job.attempt)
        if result is not None:
            result.seek(0)
            length, _ = write_file(job=job.id, part="result", file=result)
            keep_result(job=job.id, length=length)
        job_work.succeed(job=job.id, attempt=job.attempt, now=clock.read())


def fail_job(*, job: JobView, failure: Failure) -> None:
    """End a job that cannot be done.

    Raises:
        JobLeft: it was cancelled, or another one took it up.
    """
    with transaction():
        job_work.fail(
            job=job.id, attempt=job.attempt, failure=failure, now=clock.read()
        )

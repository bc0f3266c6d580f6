"""What a worker does about jobs: each that is open, one after the other."""

from __future__ import annotations

import logging
from uuid import UUID

from punchcard.interfaces.importing.csv_files import BadFile
from punchcard.interfaces.jobs.exports import run_export
from punchcard.interfaces.jobs.imports import run_import
from punchcard.interfaces.jobs.kinds import (
    ExportBalances,
    ExportEntries,
    ExportMembers,
    options_of,
)
from punchcard.journeys.jobs.work_on_job import fail_job, take_up_job
from punchcard.journeys.retrying import LOST
from punchcard.kernel.ids import typed
from punchcard.kernel.job_work import JobLeft, find_open
from punchcard.kernel.jobs import Failure, JobView
from punchcard.kernel.locks import holding
from punchcard.kernel.log_context import note, request_id

_LOOKED_AT = 100

logger = logging.getLogger(__name__)


def work_on_jobs() -> int:
    """Do every job that is open and that nobody works on; return how many were begun.

    One that stops for a reason nobody foresaw stays open, for the next look.

    Raises:
        OperationalError: (Django's or psycopg's) the database was lost; the job goes
            on where it stands, when it is looked for again.
    """
    tried: set[UUID] = set()
    begun = 0
    while found := find_open(limit=_LOOKED_AT, without=tried):
        for job in found:
            tried.add(job)
            with holding(f"job {job}") as held:
                begun += held and _work_on(job)
    return begun


def _work_on(identity: UUID) -> bool:
    """Do a job that nobody else does; return whether there was anything to do."""
    job = take_up_job(job=identity)
    if job is None:
        return False
    name = f"{job.kind} {typed('job', job.id)}"
    before = request_id()
    note(request_id=job.request_id or typed("job", job.id))
    try:
        _run(job)
        logger.info("%s: done", name)
    except JobLeft:
        logger.info("%s: cancelled, or another's", name)
    except BadFile as error:
        logger.info("%s: failed: %s", name, error)
        fail_job(job=job, failure=Failure(code=error.code, detail=str(error)))
    except LOST:
        raise
    except Exception:
        # It stays open: `take_up_job` gives it up, when it never comes further.
        logger.exception("%s: stopped, attempt %d", name, job.attempt)
    finally:
        note(request_id=before)
    return True


def _run(job: JobView) -> None:
    options = options_of(job.kind, job.options)
    if isinstance(options, ExportMembers | ExportBalances | ExportEntries):
        run_export(job, options)
    else:
        run_import(job, options)

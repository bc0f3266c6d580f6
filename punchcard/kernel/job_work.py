"""The one who works on a job: takes it up, says how far it is, and ends it.

Note [Only the last one writes]: whoever takes a job up gets the next number. All that
is written for the job asks for this number in the same transaction, so that one who
was thought dead, and is not, can write no more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from punchcard.kernel import sql
from punchcard.kernel.job_files import Fault
from punchcard.kernel.jobs import (
    COLUMNS,
    FAILED,
    SUCCEEDED,
    Failure,
    JobView,
    end_job,
    read_jobs,
)
from punchcard.kernel.transactions import require_transaction


class JobLeft(Exception):
    """The job is not ours any more: it was cancelled, or another one took it up."""


def find_open(*, limit: int, without: Collection[UUID] = ()) -> list[UUID]:
    """Return jobs that have something to do, the oldest first."""
    cursor = sql.cursor()
    cursor.execute(
        "SELECT id FROM kernel_job WHERE status IN ('queued', 'running')"
        " AND NOT id = ANY(%s) ORDER BY id LIMIT %s",
        (sql.Uuids(list(without)), limit),
    )
    return [row[0] for row in cursor]


def take_up(*, job: UUID, now: datetime) -> JobView | None:
    """Begin to work on a job; None: there is nothing to do any more.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    found = read_jobs(
        """
        UPDATE kernel_job SET status = 'running', attempt = attempt + 1,
            fruitless = fruitless + 1, started_at = coalesce(started_at, %(now)s)
        WHERE id = %(job)s AND status IN ('queued', 'running')
        RETURNING
        """
        + COLUMNS,
        {"job": job, "now": now},
    )
    return found[0] if found else None


def require_ours(*, job: UUID, attempt: int) -> JobView:
    """Return a job that is ours, which nobody changes until we have committed.

    Raises:
        TransactionError: no transaction is open.
        JobLeft: it was cancelled, or another one took it up.
    """
    require_transaction()
    found = read_jobs(
        f"""
        SELECT {COLUMNS} FROM kernel_job
        WHERE id = %(job)s AND attempt = %(attempt)s AND status = 'running'
        FOR UPDATE
        """,
        {"job": job, "attempt": attempt},
    )
    if not found:
        raise JobLeft
    return found[0]


def keep_progress(
    *,
    job: UUID,
    attempt: int,
    rows_done: int,
    rows_before: int | None = None,
    rows_total: int | None = None,
    tally: dict[str, Any] | None = None,
    faults: Sequence[Fault] = (),
) -> dict[str, Any]:
    """Write how far the job is, with what it did; return the tally that stands there.

    With `rows_before` it is written once: where it stands already, as the answer to
    a COMMIT was lost, nothing is written again.

    Raises:
        TransactionError: no transaction is open.
        JobLeft: it was cancelled, or another one took it up.
    """
    found = require_ours(job=job, attempt=attempt)
    if rows_before is not None and found.rows_done == rows_done > rows_before:
        return found.tally
    cursor = sql.cursor()
    cursor.execute(
        """
        UPDATE kernel_job SET rows_done = %(done)s,
            rows_total = coalesce(%(total)s, rows_total),
            tally = coalesce(%(tally)s::jsonb, tally),
            fruitless = CASE WHEN rows_done < %(done)s THEN 0 ELSE fruitless END
        WHERE id = %(job)s
        """,
        {
            "job": job,
            "done": rows_done,
            "total": rows_total,
            "tally": None if tally is None else msgspec.json.encode(tally).decode(),
        },
    )
    _write_faults(job, faults)
    return found.tally if tally is None else tally


def succeed(*, job: UUID, attempt: int, now: datetime) -> JobView:
    """End a job that is done.

    Raises:
        TransactionError: no transaction is open.
        JobLeft: it was cancelled, or another one took it up.
    """
    require_ours(job=job, attempt=attempt)
    return end_job(job=job, status=SUCCEEDED, now=now)


def fail(*, job: UUID, attempt: int, failure: Failure, now: datetime) -> JobView:
    """End a job that cannot be done.

    Raises:
        TransactionError: no transaction is open.
        JobLeft: it was cancelled, or another one took it up.
    """
    require_ours(job=job, attempt=attempt)
    return end_job(job=job, status=FAILED, now=now, failure=failure)


def _write_faults(job: UUID, faults: Sequence[Fault]) -> None:
    if not faults:
        return
    sql.cursor().execute(
        'INSERT INTO kernel_job_fault (job_id, line, "column", reason, value)'
        " SELECT %s, * FROM unnest(%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (
            job,
            sql.Int8s([fault.line for fault in faults]),
            sql.Texts([_storable(fault.column) for fault in faults]),
            sql.Texts([_storable(fault.reason) for fault in faults]),
            sql.Texts([_storable(fault.value) for fault in faults]),
        ),
    )


def _storable(text: str) -> str:
    """Return text as PostgreSQL takes it: without NUL, and what is no UTF-8 shown."""
    return text.replace("\0", "\\x00").encode(errors="backslashreplace").decode()

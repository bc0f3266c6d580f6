"""Jobs: long work that somebody asked for, and what is known of it.

Note [A job is in the database]: what a job has done stands in its row, in the
transaction that did it. Nobody's memory and no message is needed to go on with it:
whoever finds it open, and can hold its lock, takes it up where it stands.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import msgspec

from punchcard.kernel import sql
from punchcard.kernel.audit import Author
from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import require_transaction

AWAITING: Final = "awaiting_file"
QUEUED: Final = "queued"
RUNNING: Final = "running"
SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"
STATUSES = (AWAITING, QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED)
OPEN = (AWAITING, QUEUED, RUNNING)

KEPT = timedelta(days=7)
"""How long a job is known after its end, and what it made can be fetched."""

AWAITED = timedelta(days=1)
"""How long a job waits for its file."""

OPEN_MAX = 100
"""Jobs of one program that have not ended."""

COLUMNS: LiteralString = """
    id, program_id, kind, status, options::text, actor, request_id, asked_at,
    created_at, started_at, ended_at, attempt, fruitless, rows_total, rows_done,
    tally::text, failure::text, input_digest, result_bytes
"""
"""What a `JobView` is made of, in its order."""


class JobNotFound(LookupError):
    """There is no such job."""

    code = "job_not_found"


class JobEnded(Exception):
    """The job has ended."""

    code = "job_ended"


class JobHasFile(Exception):
    """The job has its file already, and it is another one."""

    code = "job_has_file"


class JobTakesNoFile(Exception):
    """A job of this kind reads no file."""

    code = "job_takes_no_file"


class JobHasNoResult(Exception):
    """The job has made nothing that could be fetched, or it is there no longer."""

    code = "job_has_no_result"


class TooManyJobs(Exception):
    """The program has as many jobs that have not ended as it may have."""

    code = "too_many_jobs"


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a job failed."""

    code: str
    detail: str


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """A job as it stands."""

    id: UUID
    program: UUID
    kind: str
    status: str
    options: dict[str, Any]
    actor: str
    request_id: str | None
    asked_at: datetime
    """In the program's time; the other instants are not."""
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    attempt: int
    fruitless: int
    """Attempts that were begun since anything was done."""
    rows_total: int | None
    """None: not known yet."""
    rows_done: int
    tally: dict[str, Any]
    failure: Failure | None
    input_digest: bytes | None
    result_bytes: int | None

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.status in OPEN

    @property
    def author(self) -> Author:
        """Who answers for what it does."""
        return Author(
            actor=self.actor, program=self.program, request_id=self.request_id
        )


def create_job(
    *,
    author: Author,
    kind: str,
    options: dict[str, Any],
    takes_file: bool,
    asked_at: datetime,
    now: datetime,
) -> JobView:
    """Write a job down, to be done when it has its file, or at once.

    Raises:
        TransactionError: no transaction is open.
        TooManyJobs: the program has 100 that have not ended.
    """
    require_transaction()
    cursor = sql.cursor()
    # Those who ask at once wait for each other: a hundred are a hundred.
    cursor.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
        (f"jobs of {author.program}",),
    )
    cursor.execute(
        "SELECT count(*) FROM kernel_job WHERE program_id = %s AND ended_at IS NULL",
        (author.program,),
    )
    if cursor.fetchall()[0][0] >= OPEN_MAX:
        raise TooManyJobs
    return _one(
        """
        INSERT INTO kernel_job (id, program_id, kind, status, options, actor,
            request_id, asked_at, created_at, attempt, fruitless, rows_done, tally)
        VALUES (%(id)s, %(program)s, %(kind)s, %(status)s, %(options)s, %(actor)s,
            %(request)s, %(asked)s, %(now)s, 0, 0, 0, '{}')
        """,
        {
            "id": new_id(),
            "program": author.program,
            "kind": kind,
            "status": AWAITING if takes_file else QUEUED,
            "options": msgspec.json.encode(options).decode(),
            "actor": author.actor,
            "request": author.request_id,
            "asked": asked_at,
            "now": now,
        },
    )


def get_job(*, program: UUID, job: UUID) -> JobView:
    """Return a job of the program.

    Raises:
        JobNotFound: the program has none with this id.
    """
    return _found(_read("id = %(job)s", {"job": job, "program": program}))


def get_job_for_change(*, program: UUID, job: UUID) -> JobView:
    """Return a job of the program, which nobody else changes until we are done.

    Raises:
        TransactionError: no transaction is open.
        JobNotFound: the program has none with this id.
    """
    require_transaction()
    return _found(_read("id = %(job)s", {"job": job, "program": program}, lock=True))


def list_jobs(
    *,
    program: UUID,
    limit: int,
    after: UUID | None = None,
    newest_first: bool = True,
    status: str | None = None,
    kind: str | None = None,
) -> list[JobView]:
    """Return the program's jobs in the order of asking, `limit` of them."""
    conditions: list[LiteralString] = ["true"]
    if after is not None:
        conditions.append("id < %(after)s" if newest_first else "id > %(after)s")
    if status is not None:
        conditions.append("status = %(status)s")
    if kind is not None:
        conditions.append("kind = %(kind)s")
    order: LiteralString = "DESC" if newest_first else "ASC"
    return _read(
        " AND ".join(conditions) + f" ORDER BY id {order} LIMIT %(limit)s",
        {
            "program": program,
            "after": after,
            "status": status,
            "kind": kind,
            "limit": limit,
        },
    )


def queue_job(*, job: UUID, input_digest: bytes) -> None:
    """Let a job that has its file now be done.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    sql.cursor().execute(
        "UPDATE kernel_job SET status = 'queued', input_digest = %s"
        " WHERE id = %s AND status = 'awaiting_file'",
        (input_digest, job),
    )


def keep_result(*, job: UUID, length: int) -> None:
    """Note that a job has made a file of so many bytes.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    sql.cursor().execute(
        "UPDATE kernel_job SET result_bytes = %s WHERE id = %s", (length, job)
    )


def cancel_job(*, program: UUID, job: UUID, now: datetime) -> JobView:
    """End a job where it stands: what it has done stays done. Twice is once.

    Raises:
        TransactionError: no transaction is open.
        JobNotFound: the program has none with this id.
        JobEnded: it succeeded or failed before.
    """
    found = get_job_for_change(program=program, job=job)
    if found.status == CANCELLED:
        return found
    if not found.is_open:
        raise JobEnded
    return end_job(job=job, status=CANCELLED, now=now)


def end_job(
    *, job: UUID, status: str, now: datetime, failure: Failure | None = None
) -> JobView:
    """End a job; its input is forgotten, and of one that did not succeed the result.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    told = None if failure is None else msgspec.json.encode(failure).decode()
    sql.cursor().execute(
        "DELETE FROM kernel_job_file"
        " WHERE job_id = %s AND (part = 'input' OR %s::text <> 'succeeded')",
        (job, status),
    )
    return _one(
        """
        UPDATE kernel_job SET status = %(status)s::text, ended_at = %(now)s,
            failure = %(failure)s,
            result_bytes =
                CASE WHEN %(status)s::text = 'succeeded' THEN result_bytes END
        WHERE id = %(job)s
        """,
        {"job": job, "status": status, "now": now, "failure": told},
    )


def forget_jobs(*, now: datetime, most: int = 100) -> int:
    """Take away jobs that ended a week ago, with what they made; return how many.

    Those that have waited for their file for a day are cancelled, and counted too.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    cursor = sql.cursor()
    cursor.execute(
        """
        UPDATE kernel_job SET status = 'cancelled', ended_at = %(now)s WHERE id IN (
            SELECT id FROM kernel_job
            WHERE status = 'awaiting_file' AND created_at <= %(awaited)s
            ORDER BY id LIMIT %(most)s FOR UPDATE SKIP LOCKED)
        """,
        {"now": now, "awaited": now - AWAITED, "most": most},
    )
    cancelled = cursor.rowcount
    cursor.execute(
        """
        WITH old AS MATERIALIZED (
            SELECT id FROM kernel_job WHERE ended_at <= %(until)s
            ORDER BY ended_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
        ), files AS (
            DELETE FROM kernel_job_file WHERE job_id IN (SELECT id FROM old)
        ), faults AS (
            DELETE FROM kernel_job_fault WHERE job_id IN (SELECT id FROM old)
        )
        DELETE FROM kernel_job WHERE id IN (SELECT id FROM old)
        """,
        {"until": now - KEPT, "most": most},
    )
    return cancelled + cursor.rowcount


def _found(rows: list[JobView]) -> JobView:
    if not rows:
        raise JobNotFound
    return rows[0]


def _read(
    condition: LiteralString, parameters: dict[str, Any], *, lock: bool = False
) -> list[JobView]:
    locking: LiteralString = " FOR UPDATE" if lock else ""
    return read_jobs(
        f"SELECT {COLUMNS} FROM kernel_job WHERE program_id = %(program)s"
        f" AND {condition}{locking}",
        parameters,
    )


def _one(statement: LiteralString, parameters: dict[str, Any]) -> JobView:
    """Run a statement that writes one job, and return it."""
    (found,) = read_jobs(f"{statement} RETURNING {COLUMNS}", parameters)
    return found


def read_jobs(statement: LiteralString, parameters: dict[str, Any]) -> list[JobView]:
    """Run a statement that answers `COLUMNS`; return the jobs."""
    cursor = sql.cursor()
    cursor.execute(statement, parameters)
    return [_view(row) for row in cursor]


def _view(row: Any) -> JobView:
    said = dict(zip(JobView.__struct_fields__, row, strict=True))
    for name in ("options", "tally"):
        said[name] = msgspec.json.decode(said[name])
    if said["failure"] is not None:
        said["failure"] = msgspec.json.decode(said["failure"], type=Failure)
    return JobView(**said)

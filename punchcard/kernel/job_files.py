"""The files of jobs, in pieces: what one reads, what one makes, and its broken rows.

They are kept in the database, since whoever works on a job may be on another machine
than who took its file.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import IO, Literal, NamedTuple
from uuid import UUID

from punchcard.kernel import sql
from punchcard.kernel.transactions import require_transaction

PIECE_BYTES = 1024 * 1024

Part = Literal["input", "result"]


class Fault(NamedTuple):
    """What is wrong with one row of a job's file, and where."""

    line: int
    column: str
    reason: str
    value: str


def write_file(*, job: UUID, part: Part, file: IO[bytes]) -> tuple[int, bytes]:
    """Write a file from where it stands, in place of an earlier one.

    Returns its length and its SHA-256.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    cursor = sql.cursor()
    cursor.execute(
        "DELETE FROM kernel_job_file WHERE job_id = %s AND part = %s", (job, part)
    )
    length, n, digest = 0, 0, hashlib.sha256()
    while piece := file.read(PIECE_BYTES):
        cursor.execute(
            "INSERT INTO kernel_job_file (job_id, part, n, content)"
            " VALUES (%s, %s, %s, %s)",
            (job, part, n, piece),
        )
        length, n = length + len(piece), n + 1
        digest.update(piece)
    return length, digest.digest()


def open_file(*, job: UUID, part: Part) -> io.BufferedReader:
    """Return the file, fetched piece by piece as it is read; empty: there is none."""
    return io.BufferedReader(_Pieces(job, part), PIECE_BYTES)


def each_fault(*, job: UUID, chunk: int = 1_000) -> Iterator[Fault]:
    """Yield a job's broken rows in the order of the file."""
    after = -1
    while faults := list_faults(job=job, limit=chunk, after=after):
        yield from faults
        after = faults[-1].line


def list_faults(*, job: UUID, limit: int, after: int = -1) -> list[Fault]:
    """Return broken rows in the order of the file, `limit` of them, after a line."""
    cursor = sql.cursor()
    cursor.execute(
        'SELECT line, "column", reason, value FROM kernel_job_fault'
        " WHERE job_id = %s AND line > %s ORDER BY line LIMIT %s",
        (job, after, limit),
    )
    return [Fault(*row) for row in cursor]


class _Pieces(io.RawIOBase):
    """The pieces of a file, one behind the other."""

    def __init__(self, job: UUID, part: Part) -> None:
        self._job, self._part = job, part
        self._n, self._rest = 0, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = memoryview(self._next())
        length = min(len(buffer), len(self._rest))
        buffer[:length] = self._rest[:length]
        self._rest = self._rest[length:]
        return length

    def _next(self) -> bytes:
        cursor = sql.cursor()
        cursor.execute(
            "SELECT content FROM kernel_job_file"
            " WHERE job_id = %s AND part = %s AND n = %s",
            (self._job, self._part, self._n),
        )
        self._n += 1
        row = cursor.fetchone()
        return b"" if row is None else bytes(row[0])


def withhold_files(*, program: UUID) -> None:
    """Take away what the program's jobs have made and told of anybody; two statements.

    A job that is making a file begins anew. What is still to be read stays: it says
    what its sender wants now.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    cursor = sql.cursor()
    cursor.execute(
        """
        WITH ours AS MATERIALIZED (
            SELECT id FROM kernel_job WHERE program_id = %s ORDER BY id FOR UPDATE
        ), told AS (
            UPDATE kernel_job_fault SET value = ''
            WHERE job_id IN (SELECT id FROM ours) AND value <> ''
        )
        DELETE FROM kernel_job_file
        WHERE job_id IN (SELECT id FROM ours) AND part = 'result'
        """,
        (program,),
    )
    cursor.execute(
        """
        UPDATE kernel_job SET result_bytes = NULL,
            status = CASE WHEN is_making THEN 'queued' ELSE status END,
            attempt = attempt + CASE WHEN is_making THEN 1 ELSE 0 END,
            rows_done = CASE WHEN is_making THEN 0 ELSE rows_done END
        FROM (SELECT id AS made,
                status = 'running' AND input_digest IS NULL AS is_making
            FROM kernel_job WHERE program_id = %(program)s) AS of_program
        WHERE id = made AND (is_making OR result_bytes IS NOT NULL)
        """,
        {"program": program},
    )

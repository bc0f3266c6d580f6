"""Give a job the file that it waits for."""

from __future__ import annotations

import hashlib
from typing import IO
from uuid import UUID

from punchcard.kernel.job_files import PIECE_BYTES, write_file
from punchcard.kernel.jobs import (
    AWAITING,
    JobEnded,
    JobHasFile,
    JobView,
    get_job,
    get_job_for_change,
    queue_job,
)
from punchcard.kernel.transactions import transaction


def give_file(*, program: UUID, job: UUID, file: IO[bytes]) -> JobView:
    """Keep the file of a job that reads one, and queue it; the same again is once.

    Raises:
        JobNotFound: the program has no such job.
        JobHasFile: it has another one.
        JobEnded: it was cancelled before it had one.
    """
    with transaction():
        found = get_job_for_change(program=program, job=job)
        if found.status != AWAITING:
            if found.input_digest is None:
                raise JobEnded
            if found.input_digest != _digest(file):
                raise JobHasFile
            return found
        _, digest = write_file(job=job, part="input", file=file)
        queue_job(job=job, input_digest=digest)
        return get_job(program=program, job=job)


def _digest(file: IO[bytes]) -> bytes:
    digest = hashlib.sha256()
    while piece := file.read(PIECE_BYTES):
        digest.update(piece)
    return digest.digest()

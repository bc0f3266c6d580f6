"""What a job reads, what it makes, and the rows that it could not apply."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import chain
from shutil import copyfileobj
from tempfile import SpooledTemporaryFile
from typing import IO

import msgspec

from punchcard.interfaces.api.endpoint import (
    Answer,
    Call,
    Endpoint,
    NoBody,
    NoQuery,
    Operation,
    operation,
)
from punchcard.interfaces.api.files import Csv, announced_bytes, received_file
from punchcard.interfaces.api.pagination import (
    Cursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    paginate,
)
from punchcard.interfaces.jobs.kinds import (
    COLUMNS,
)
from punchcard.interfaces.worker.sending import send_for_jobs
from punchcard.journeys.jobs.give_file import give_file
from punchcard.kernel.ids import typed
from punchcard.kernel.job_files import (
    PIECE_BYTES,
    Fault,
    each_fault,
    list_faults,
    open_file,
)
from punchcard.kernel.jobs import (
    JobHasNoResult,
    JobTakesNoFile,
)

from .job_answers import (
    JobAnswer,
    RowError,
    has_result,
    job_of,
    render_job,
    require_scopes,
)
from .reading import SequencePlace

_ERRORS = "job errors"
_IN_MEMORY_BYTES = 4 * 1024 * 1024


class ErrorsQuery(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Query of the errors of a job."""

    limit: Limit = 50
    cursor: Cursor | None = None


class FileOfJob(Endpoint):
    """`/v1/jobs/{job}/file`."""

    @operation(
        Operation(
            id="sendJobFile",
            summary="Send the file of an import",
            description=(
                "The file as it is: CSV in UTF-8, plain or packed with gzip or xz. Its "
                "first line names the columns. The import begins then; the same file "
                "again changes nothing."
            ),
            tag="jobs",
            scope="jobs:write",
            takes_file=True,
            answers={202: JobAnswer},
            refusals=(
                "job_not_found",
                "job_takes_no_file",
                "job_has_file",
                "job_ended",
            ),
        )
    )
    def put(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Send the file of an import."""
        length = announced_bytes(call.request)
        found = job_of(call)
        require_scopes(call.caller, found.kind, found.options)
        if found.kind not in COLUMNS:
            raise JobTakesNoFile
        with received_file(call.request, length) as file:
            job = give_file(program=call.program.id, job=found.id, file=file)
        send_for_jobs()
        where = f"/v1/jobs/{typed('job', job.id)}"
        return Answer(body=render_job(job), status=202, headers={"Location": where})


class ErrorsOfJob(Endpoint):
    """`/v1/jobs/{job}/errors`."""

    @operation(
        Operation(
            id="listJobErrors",
            summary="List the rows of an import that could not be applied",
            description="In the order of the file. Also while the job is running.",
            tag="jobs",
            scope="jobs:read",
            query=ErrorsQuery,
            answers={200: Page[RowError]},
            refusals=("job_not_found", "invalid_cursor"),
        )
    )
    def get(self, call: Call[NoBody, ErrorsQuery]) -> Answer:
        """List the broken rows."""
        query = call.query
        job = job_of(call)
        require_scopes(call.caller, job.kind, job.options)
        kind = f"{_ERRORS}:{job.id}"
        place = decode_cursor(query.cursor, kind, tuple[str, SequencePlace])
        page = paginate(
            list_faults(
                job=job.id, limit=query.limit + 1, after=place[0] if place else -1
            ),
            limit=query.limit,
            render=lambda fault: RowError(**fault._asdict()),
            cursor=lambda fault: encode_cursor(kind, fault.line),
        )
        return Answer(body=page)


class ResultOfJob(Endpoint):
    """`/v1/jobs/{job}/result`."""

    @operation(
        Operation(
            id="getJobResult",
            summary="Fetch what a job has made",
            description=(
                "CSV in UTF-8: of an export its rows, of an import those that could "
                "not be applied, with line, column, reason and value. Kept for a week; "
                "taken away when a member of the program is erased."
            ),
            tag="jobs",
            scope="jobs:read",
            answers={200: Csv},
            refusals=("job_not_found", "job_has_no_result"),
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Fetch the result."""
        job = job_of(call)
        require_scopes(call.caller, job.kind, job.options)
        if not has_result(job):
            raise JobHasNoResult
        # Put together before it is sent: who reads slowly holds nothing open.
        file: IO[bytes] = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115
        if job.kind in COLUMNS:
            file.writelines(_lines(each_fault(job=job.id)))
        else:
            copyfileobj(open_file(job=job.id, part="result"), file, PIECE_BYTES)
        file.seek(0)
        name = f"{job.kind}_{typed('job', job.id)}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Answer(file=file, media_type=Csv.MEDIA_TYPE, headers=headers)


def _lines(faults: Iterable[Fault]) -> Iterator[bytes]:
    """Yield the lines of a file of broken rows, as the console makes it."""
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\n")
    for row in chain([Fault._fields], faults):
        line.seek(0)
        line.truncate()
        writer.writerow(row)
        yield line.getvalue().encode()

"""Jobs: imports and exports, asked for and done meanwhile."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import msgspec
from msgspec import Meta

from punchcard.interfaces.api.endpoint import (
    Answer,
    Call,
    Endpoint,
    NoBody,
    NoQuery,
    Operation,
    operation,
)
from punchcard.interfaces.api.pagination import (
    Cursor,
    Limit,
    NewestFirst,
    Page,
    page_by_id,
)
from punchcard.interfaces.api.problems import FieldError, Problem
from punchcard.interfaces.api.references import read_id
from punchcard.interfaces.jobs.kinds import (
    COLUMNS,
    AnyJob,
    ImportBalances,
    Kind,
    kind_of,
)
from punchcard.interfaces.worker.sending import send_for_jobs
from punchcard.journeys.jobs.ask_for_job import ask_for_job
from punchcard.journeys.jobs.cancel_job import cancel_job
from punchcard.kernel.ids import typed
from punchcard.kernel.jobs import (
    JobNotFound,
    list_jobs,
)
from punchcard.kernel.transactions import after_commit
from punchcard.programs.errors import WalletNotFound
from punchcard.programs.queries import find_wallet_by_code

from .job_answers import JobAnswer, Status, job_of, render_job, require_scopes

_CURSOR = "jobs"


class JobsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of the list of jobs."""

    limit: Limit = 50
    cursor: Cursor | None = None
    sort: NewestFirst = "-created_at"
    status: Annotated[Status, Meta(description="How it stands.")] | None = None
    kind: Annotated[Kind, Meta(description="What was asked for.")] | None = None


class Jobs(Endpoint):
    """`/v1/jobs`."""

    @operation(
        Operation(
            id="createJob",
            summary="Ask for an import or an export",
            description=(
                "It is done by a worker: look at it until it has ended. An import "
                "waits until its file is sent. What a job may do is what its caller "
                "may: besides `jobs:write`, an import of members needs "
                "`members:write`, one of orders `ledger:earn` and `members:write`, one "
                "of balances `ledger:adjust` (and `members:write` where it enrols); an "
                "export of members needs `members:export`, the others `ledger:read` "
                "and `members:read`."
            ),
            tag="jobs",
            scope="jobs:write",
            body=AnyJob,
            answers={202: JobAnswer},
            refusals=("wallet_not_found", "too_many_jobs"),
            key="optional",
            example={"kind": "import_orders", "points_per_unit": "1"},
        )
    )
    def post(self, call: Call[AnyJob, NoQuery]) -> Answer:
        """Ask for a job."""
        kind = kind_of(call.body)
        told = msgspec.to_builtins(call.body)
        told.pop("kind")
        require_scopes(call.caller, kind, told)
        _check(call)
        job = ask_for_job(
            author=call.author,
            kind=kind,
            options=told,
            takes_file=kind in COLUMNS,
            now=call.now,
        )
        if kind not in COLUMNS:
            after_commit(send_for_jobs)
        where = f"/v1/jobs/{typed('job', job.id)}"
        return Answer(body=render_job(job), status=202, headers={"Location": where})

    @operation(
        Operation(
            id="listJobs",
            summary="List jobs",
            description="The newest first. A job is known for a week after its end.",
            tag="jobs",
            scope="jobs:read",
            query=JobsQuery,
            answers={200: Page[JobAnswer]},
            refusals=("invalid_cursor",),
        )
    )
    def get(self, call: Call[NoBody, JobsQuery]) -> Answer:
        """List jobs."""
        query = call.query
        page = page_by_id(
            query,
            _CURSOR,
            read=partial(
                list_jobs,
                program=call.program.id,
                status=query.status,
                kind=query.kind,
            ),
            render=render_job,
        )
        return Answer(body=page)


class OneJob(Endpoint):
    """`/v1/jobs/{job}`."""

    @operation(
        Operation(
            id="getJob",
            summary="Look up a job",
            tag="jobs",
            scope="jobs:read",
            answers={200: JobAnswer},
            refusals=("job_not_found",),
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Look up a job."""
        return Answer(body=render_job(job_of(call)))


class CancelJob(Endpoint):
    """`/v1/jobs/{job}/cancel`."""

    @operation(
        Operation(
            id="cancelJob",
            summary="Cancel a job",
            description=(
                "It ends where it stands: `rows` says how far it came, and what it has "
                "done stays done. Twice is once."
            ),
            tag="jobs",
            scope="jobs:write",
            answers={200: JobAnswer},
            refusals=("job_not_found", "job_ended"),
            key="optional",
        )
    )
    def post(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Cancel a job."""
        job = cancel_job(
            program=call.program.id,
            job=read_id("job", call.path["job"], JobNotFound),
            author=call.author,
            now=call.now,
        )
        return Answer(body=render_job(job))


def _check(call: Call[AnyJob, NoQuery]) -> None:
    """Refuse what can be seen to be wrong before there is a file.

    Raises:
        WalletNotFound: the program has no wallet with this code.
        Problem: `malformed`; nobody can have held it yet, or no column is called so.
    """
    wallet = getattr(call.body, "wallet", None)
    if wallet is not None and not find_wallet_by_code(
        program=call.program.id, code=wallet
    ):
        raise WalletNotFound
    wrong: list[FieldError] = []
    if isinstance(call.body, ImportBalances) and (call.body.at or call.now) > call.now:
        detail = "It is later than now: nobody has held it yet."
        wrong.append(FieldError(code="malformed", detail=detail, pointer="/at"))
    columns = COLUMNS.get(kind_of(call.body))
    for name in getattr(call.body, "columns", {}):
        if columns is not None and name not in columns.all:
            detail = f"Our columns are: {', '.join(columns.all)}."
            where = f"/columns/{name}"
            wrong.append(FieldError(code="malformed", detail=detail, pointer=where))
    if wrong:
        raise Problem("malformed", wrong[0].detail, errors=wrong)

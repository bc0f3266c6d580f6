"""What a job looks like to callers, and who may see it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from punchcard.interfaces.api import texts
from punchcard.interfaces.api.authentication import Caller
from punchcard.interfaces.api.endpoint import (
    Call,
)
from punchcard.interfaces.api.permissions import require_scope
from punchcard.interfaces.api.references import read_id
from punchcard.interfaces.importing.tally import Tally
from punchcard.interfaces.jobs.kinds import (
    COLUMNS,
    scopes_of,
)
from punchcard.kernel.ids import typed
from punchcard.kernel.jobs import (
    JobNotFound,
    JobView,
    get_job,
)

from .shapes import JsonObject

Status = Literal[
    "awaiting_file", "queued", "running", "succeeded", "failed", "cancelled"
]


class WalletRows(msgspec.Struct, frozen=True, kw_only=True):
    """What a file of balances brought into a wallet."""

    members: Annotated[int, Meta(description="Who hold some of it.")]
    lots: int
    points: int
    new_lots: int
    new_points: int


class JobRows(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job is, and what became of the rows; they add up to `done`."""

    total: Annotated[int | None, Meta(description="Null: not known yet.")]
    done: int
    applied: Annotated[int, Meta(description="They changed something.")]
    known: Annotated[int, Meta(description="They stood here already.")]
    nothing: Annotated[int, Meta(description="They say nothing to be applied.")]
    broken: Annotated[int, Meta(description="See the errors.")]
    members_created: int
    wallets: Annotated[
        dict[str, WalletRows], Meta(description="Of balances: by the wallet's code.")
    ]


class JobFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a job failed."""

    code: Annotated[str, Meta(examples=["bad_file"])]
    detail: Annotated[str, Meta(examples=["The file is empty."])]


class JobAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A job as it stands."""

    id: Annotated[str, texts.type_id("job")]
    kind: Annotated[str, Meta(examples=["import_orders"])]
    status: Status
    options: Annotated[JsonObject, Meta(description="What it was told.")]
    rows: JobRows
    failure: Annotated[JobFailure | None, Meta(examples=[None])]
    has_result: Annotated[bool, Meta(description="Whether `result` answers a file.")]
    created_by: texts.Actor
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class RowError(msgspec.Struct, frozen=True, kw_only=True):
    """A row that could not be applied."""

    line: Annotated[int, Meta(description="1 is the header.", examples=[7])]
    column: Annotated[str, Meta(description="As the file calls it.")]
    reason: Annotated[str, Meta(examples=["is later than now"])]
    value: Annotated[str, Meta(description="What stands there.")]


def render_job(job: JobView) -> JobAnswer:
    """Return a job as callers see it."""
    tally = msgspec.convert(job.tally, Tally)
    return JobAnswer(
        id=typed("job", job.id),
        kind=job.kind,
        status=job.status,  # type: ignore[arg-type]
        options=msgspec.Raw(msgspec.json.encode(job.options)),
        rows=JobRows(
            total=job.rows_total,
            done=job.rows_done,
            applied=tally.applied,
            known=tally.known,
            nothing=tally.nothing,
            broken=tally.broken,
            members_created=tally.members,
            wallets={
                code: msgspec.convert(one, WalletRows, from_attributes=True)
                for code, one in tally.wallets.items()
            },
        ),
        failure=None
        if job.failure is None
        else JobFailure(code=job.failure.code, detail=job.failure.detail),
        has_result=has_result(job),
        created_by=job.actor,
        created_at=job.created_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
    )


def job_of(call: Call[Any, Any]) -> JobView:
    """Return the job that the path names.

    Raises:
        JobNotFound: the program has none with this id.
    """
    identity: UUID = read_id("job", call.path["job"], JobNotFound)
    return get_job(program=call.program.id, job=identity)


def require_scopes(caller: Caller, kind: str, told: dict[str, Any]) -> None:
    """Refuse who could not do, call by call, what the job does.

    Raises:
        Problem: `forbidden`; says which scope is needed.
    """
    for scope in scopes_of(kind, told):
        require_scope(caller, scope)


def has_result(job: JobView) -> bool:
    """Whether there is something to be fetched."""
    if job.kind in COLUMNS:
        return not job.is_open and job.rows_total is not None
    return job.result_bytes is not None

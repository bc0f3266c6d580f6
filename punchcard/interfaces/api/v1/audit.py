"""The audit: who changed what, when."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from punchcard.interfaces.api import texts
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
    Page,
    page_by_id,
)
from punchcard.interfaces.api.references import read_id
from punchcard.kernel.audit import (
    AuditRowNotFound,
    AuditView,
    get_change,
    list_changes,
)
from punchcard.kernel.ids import typed

from .bodies import Instant

_CURSOR = "audit"


class AuditAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One change: it never changes itself."""

    id: Annotated[str, Meta(examples=["aud_01h455vb4pex5vsknk084sn02q"])]
    actor: Annotated[
        str,
        Meta(
            description="`usr_…`, `key_…`, `console` or `system`.",
            examples=["usr_01h455vb4pex5vsknk084sn02q"],
        ),
    ]
    action: Annotated[str, Meta(examples=["member.changed"])]
    target: Annotated[str, Meta(examples=["mem_01h455vb4pex5vsknk084sn02q"])]
    fields: Annotated[
        dict[str, Any],
        Meta(
            description="Facts; of personal data only the names of the fields.",
            examples=[{"fields": ["email"]}],
        ),
    ]
    request_id: str | None
    at: datetime


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of the audit."""

    limit: Limit = 50
    cursor: Cursor | None = None
    sort: Annotated[
        Literal["-at", "at"], Meta(description="With `-`: the newest first.")
    ] = "-at"
    actor: (
        Annotated[
            str,
            Meta(
                description="Who did it.",
                max_length=60,
                pattern=texts.whole(texts.PRINTABLE),
            ),
        ]
        | None
    ) = None
    action: (
        Annotated[
            str,
            Meta(
                description="What was done, as in `member.erased`.",
                max_length=60,
                pattern=texts.whole(texts.PRINTABLE),
            ),
        ]
        | None
    ) = None
    target: (
        Annotated[
            str,
            Meta(
                description="To what, by its id.",
                max_length=80,
                pattern=texts.whole(texts.PRINTABLE),
            ),
        ]
        | None
    ) = None
    at_from: Instant | None = msgspec.field(name="at.gte", default=None)
    at_to: Instant | None = msgspec.field(name="at.lt", default=None)


class AuditRows(Endpoint):
    """`/v1/audit`."""

    @operation(
        Operation(
            id="listAudit",
            summary="List the audit",
            description="Every change by a person, in the program; the newest first.",
            tag="audit",
            scope="audit:read",
            query=AuditQuery,
            answers={200: Page[AuditAnswer]},
            refusals=("invalid_cursor",),
        )
    )
    def get(self, call: Call[NoBody, AuditQuery]) -> Answer:
        """List the audit."""
        query = call.query
        page = page_by_id(
            query,
            _CURSOR,
            read=partial(
                list_changes,
                program=call.program.id,
                actor=query.actor,
                action=query.action,
                target=query.target,
                at_from=query.at_from,
                at_to=query.at_to,
            ),
            render=render_audit_row,
        )
        return Answer(body=page)


class OneAuditRow(Endpoint):
    """`/v1/audit/{row}`."""

    @operation(
        Operation(
            id="getAuditRow",
            summary="Look up a row of the audit",
            tag="audit",
            scope="audit:read",
            answers={200: AuditAnswer},
            refusals=("audit_row_not_found",),
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Look up a row of the audit."""
        row = read_id("aud", call.path["row"], AuditRowNotFound)
        return Answer(
            body=render_audit_row(get_change(program=call.program.id, row=row))
        )


def render_audit_row(row: AuditView) -> AuditAnswer:
    """Return a row of the audit as callers see it."""
    return AuditAnswer(
        id=typed("aud", row.id),
        actor=row.actor,
        action=row.action,
        target=row.target,
        fields=row.fields,
        request_id=row.request_id,
        at=row.at,
    )

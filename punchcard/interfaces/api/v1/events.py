"""The event log, read on and on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from punchcard.interfaces.api import texts
from punchcard.interfaces.api.endpoint import (
    Answer,
    Call,
    Endpoint,
    NoBody,
    Operation,
    operation,
)
from punchcard.interfaces.api.pagination import (
    Cursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    paginate,
)
from punchcard.interfaces.api.problems import Problem
from punchcard.interfaces.api.references import (
    NOBODY,
    Names,
    resolve_accounts,
    resolve_members,
)
from punchcard.kernel.events import (
    EventView,
    first_position,
    last_position,
    list_events,
)
from punchcard.kernel.ids import typed

from .bodies import AccountText, Instant, MemberText
from .reading import SequencePlace

_CURSOR = "events"

EventType = Literal[
    "points.earned",
    "points.pending",
    "points.activated",
    "points.cancelled",
    "points.redeemed",
    "points.expired",
    "points.reversed",
    "points.refunded",
    "points.adjusted",
    "points.transferred",
    "hold.created",
    "hold.captured",
    "hold.voided",
    "hold.expired",
    "account.frozen",
    "account.unfrozen",
    "account.closed",
    "member.enrolled",
    "member.changed",
    "member.erased",
    "order.recorded",
    "order.paid",
    "order.reopened",
    "order.cancelled",
    "order.returned",
    "activity.recorded",
]


class EventAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened: it never changes."""

    id: Annotated[str, texts.type_id("evt")]
    position: Annotated[
        int,
        Meta(
            description="Its number in the program's log: 1, 2, 3 …, without gaps.",
            examples=[1],
        ),
    ]
    type: Annotated[
        str,
        Meta(
            description="There will be more: pass over what you do not know.",
            examples=["points.earned"],
            extra_json_schema={"maxLength": 60, "pattern": r"^[a-z_]+\.[a-z_]+$"},
        ),
    ]
    account: texts.AccountId | None
    sequence: Annotated[
        int | None, Meta(description="The account's entry that it is.", examples=[1])
    ]
    member: texts.MemberId | None
    data: Annotated[
        dict[str, Any],
        Meta(
            description="Facts: numbers, instants and ids; never personal data.",
            examples=[
                {
                    "entry": "earn",
                    "source": "purchase",
                    "amount": 120,
                    "available": 120,
                    "pending": 0,
                    "reserved": 0,
                    "balance": 120,
                    "pending_after": 0,
                    "reserved_after": 0,
                    "lifetime_after": 120,
                    "effective_at": "2030-01-01T12:00:00Z",
                    "available_at": "2030-01-01T12:00:00Z",
                }
            ],
        ),
    ]
    request_id: Annotated[
        str | None,
        Meta(
            description=(
                "`X-Request-Id` of the call that it happened in, or the id of the task."
            ),
            examples=["0197d1c2f1e47a3b9d5e6f708192a3b4"],
            extra_json_schema={"maxLength": 128},
        ),
    ]
    created_at: Annotated[datetime, Meta(examples=["2030-01-01T12:00:01Z"])]


class EventPage(Page[EventAnswer], frozen=True, kw_only=True):
    """One page of the log, and where to go on when there is more."""

    resume_cursor: Annotated[
        str,
        Meta(
            description="For `cursor`, now or later: what comes after this page.",
            examples=["WyJldmVudHMiLDFd"],
        ),
    ]


class EventsQuery(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Query of the event log."""

    limit: Limit = 50
    cursor: Cursor | None = None
    type: (
        Annotated[
            list[EventType],
            Meta(description="May be given more than once.", max_length=20),
        ]
        | None
    ) = None
    account: AccountText | None = None
    member: MemberText | None = None
    created_from: Instant | None = msgspec.field(name="created_at.gte", default=None)
    created_to: Instant | None = msgspec.field(name="created_at.lt", default=None)


class Events(Endpoint):
    """`/v1/events`."""

    @operation(
        Operation(
            id="listEvents",
            summary="Read the event log",
            description=(
                "What happened in the program, the oldest first. Nothing becomes "
                "visible before something with a lower position: whoever goes on from "
                "`resume_cursor`, which is there on the last page too, misses nothing. "
                "An account or a member that the program has not has no events."
            ),
            tag="events",
            scope="events:read",
            query=EventsQuery,
            answers={200: EventPage},
            refusals=("invalid_cursor", "cursor_expired"),
        )
    )
    def get(self, call: Call[NoBody, EventsQuery]) -> Answer:
        """Read the event log."""
        query, program = call.query, call.program.id
        place = decode_cursor(query.cursor, _CURSOR, tuple[str, SequencePlace])
        after = place[0] if place else 0
        account = member = None
        if query.account is not None:
            found = resolve_accounts(program=program, texts=[query.account])
            account = found[query.account]
        if query.member is not None:
            known = resolve_members(program=program, texts=[query.member])
            member = known.get(query.member, NOBODY)
        # Looked at before the events: up to here they were all there to be narrowed.
        seen = last_position(program=program)
        rows = list_events(
            program=program,
            limit=query.limit + 1,
            after=after,
            types=query.type,
            account=account,
            member=member,
            created_from=query.created_from,
            created_to=query.created_to,
        )
        # Asked after the events were read: what was forgotten before then is missed.
        if place and after + 1 < first_position(program=program):
            raise Problem("cursor_expired")
        return Answer(body=_page(rows, query.limit, max(after, seen)))


def _page(rows: list[EventView], limit: int, seen: int) -> EventPage:
    """Return a page; who has it all goes on from what was seen, told or left out."""
    names = Names()
    page = paginate(
        rows,
        limit=limit,
        render=lambda event: render_event(event, names),
        cursor=_cursor_of,
    )
    end = max(seen, rows[-1].position) if rows else seen
    return EventPage(
        data=page.data,
        has_more=page.has_more,
        next_cursor=page.next_cursor,
        resume_cursor=page.next_cursor or encode_cursor(_CURSOR, end),
    )


def _cursor_of(event: EventView) -> str:
    return encode_cursor(_CURSOR, event.position)


def render_event(event: EventView, names: Names) -> EventAnswer:
    """Return an event as callers see it."""
    return EventAnswer(
        id=typed("evt", event.id),
        position=event.position,
        type=event.type,
        account=None if event.account is None else names.account(event.account),
        sequence=event.sequence,
        member=None if event.member is None else names.member(event.member),
        data=event.data,
        request_id=event.request_id,
        created_at=event.created_at,
    )

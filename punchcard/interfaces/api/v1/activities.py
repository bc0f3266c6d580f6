"""Activities: recorded, listed, looked up."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from punchcard.earning.queries import find_activity_decisions
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
from punchcard.interfaces.api.order_problems import order_problem
from punchcard.interfaces.api.order_references import resolve_activity
from punchcard.interfaces.api.pagination import (
    Cursor,
    Limit,
    NewestFirst,
    Page,
    page_by_id,
)
from punchcard.journeys.orders.record_activities import record_activities
from punchcard.orders.errors import OrderMalformed
from punchcard.orders.queries import ActivityFilters, ActivityView, list_activities

from .bodies import Instant
from .decision_shapes import EarningDecisionAnswer, render_decision
from .earned import Entries, Takings, earned_by
from .order_bodies import ActivityBody
from .order_outcomes import (
    ActivityOutcomeAnswer,
    Rehearsed,
    activity_outcome,
    rules_at,
)
from .order_places import places_said
from .order_shapes import ActivityAnswer, codes_of, render_activity
from .order_translating import look_up, new_activity
from .sought import SoughtMember, member_sought

_CURSOR = "activities"

SoughtType = Annotated[
    str,
    Meta(
        description="What they did.",
        max_length=40,
        pattern=texts.whole(texts.WORD),
        examples=["review"],
    ),
]
SoughtActivity = Annotated[
    str,
    Meta(
        description="Your id.",
        max_length=200,
        pattern=texts.whole(texts.PRINTABLE),
        examples=["review-1"],
    ),
]


class ActivitiesQuery(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Query of the list of activities."""

    limit: Limit = 50
    cursor: Cursor | None = None
    sort: NewestFirst = "-created_at"
    member: SoughtMember | None = None
    type: SoughtType | None = None
    external_id: SoughtActivity | None = None
    occurred_from: Instant | None = msgspec.field(name="occurred_at.gte", default=None)
    occurred_to: Instant | None = msgspec.field(name="occurred_at.lt", default=None)


class ActivityDetailAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An activity, and what was decided about it."""

    activity: ActivityAnswer
    decision: EarningDecisionAnswer | None
    taken: Takings
    entries: Entries


class Activities(Endpoint):
    """`/v1/activities`."""

    @operation(
        Operation(
            id="recordActivity",
            summary="Record an activity",
            description=(
                "Something that a member did beside buying: a review, a check-in, a "
                "birthday. It earns by the rules in force when it happened. Its "
                "external id makes it one activity, however often it is told. With "
                "`at` a dry run judges it as if it happened then."
            ),
            tag="activities",
            scope="orders:write",
            body=ActivityBody,
            query=Rehearsed,
            answers={201: ActivityOutcomeAnswer, 200: ActivityOutcomeAnswer},
            refusals=(
                "member_not_found",
                "member_erased",
                "activity_type_unknown",
                "activity_facts_malformed",
                "activity_reused",
            ),
            key="optional",
            one_transaction=False,
        )
    )
    def post(self, call: Call[ActivityBody, Rehearsed]) -> Answer:
        """Record an activity."""
        at = rules_at(call.query)
        program, body = call.program.id, call.body
        (place,) = places_said(call.caller, {"": body.place})
        if isinstance(place, OrderMalformed):
            raise order_problem(place)
        known = look_up(program=program, members=[body.member])
        (told,) = record_activities(
            program=program,
            activities=[new_activity(body, known=known, place=place)],
            now=call.now,
            author=call.author,
            dry_run=call.query.dry_run,
            rules_at=at,
        )
        codes = codes_of(program=program, places=[place])
        outcome = activity_outcome(told, codes)
        if not told.created or call.query.dry_run:
            return Answer(body=outcome)
        location = {"Location": f"/v1/activities/{outcome.activity.id}"}
        return Answer(body=outcome, status=201, headers=location)

    @operation(
        Operation(
            id="listActivities",
            summary="List activities",
            description=(
                "In the order of recording, the newest first. A member is shown their "
                "own."
            ),
            tag="activities",
            scope="orders:read",
            narrowed=True,
            query=ActivitiesQuery,
            answers={200: Page[ActivityAnswer]},
            refusals=("invalid_cursor",),
        )
    )
    def get(self, call: Call[NoBody, ActivitiesQuery]) -> Answer:
        """List activities."""
        query, program = call.query, call.program.id
        filters = ActivityFilters(
            member=member_sought(call.caller, query.member),
            type=query.type,
            external_id=query.external_id,
            occurred_from=query.occurred_from,
            occurred_to=query.occurred_to,
        )
        codes: dict[UUID, str] = {}

        def read(**asked: Any) -> list[ActivityView]:
            found = list_activities(program=program, filters=filters, **asked)
            places = [activity.place for activity in found]
            codes.update(codes_of(program=program, places=places))
            return found

        return Answer(
            body=page_by_id(
                query,
                _CURSOR,
                read=read,
                render=lambda activity: render_activity(activity, codes),
            )
        )


class OneActivity(Endpoint):
    """`/v1/activities/{activity}`."""

    @operation(
        Operation(
            id="getActivity",
            summary="Look up an activity",
            description=(
                "With what it earned: by which rules, what each rule said, and the "
                "entries. An erased member's says nothing but that it happened."
            ),
            tag="activities",
            scope="orders:read",
            answers={200: ActivityDetailAnswer},
            refusals=("activity_not_found",),
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Look up an activity."""
        program = call.program.id
        activity = resolve_activity(program=program, text=call.path["activity"])
        codes = codes_of(program=program, places=[activity.place])
        found = find_activity_decisions(program=program, activities=[activity.id])
        decision = found.get(activity.id)
        earned = earned_by([] if decision is None else [decision])
        detail = ActivityDetailAnswer(
            activity=render_activity(activity, codes),
            decision=None if decision is None else render_decision(decision),
            taken=earned.taken,
            entries=earned.entries,
        )
        return Answer(body=detail)

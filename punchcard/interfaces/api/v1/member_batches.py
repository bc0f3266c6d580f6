"""Many members in one call, each with its own outcome."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from punchcard.interfaces.api.endpoint import (
    Answer,
    Call,
    Endpoint,
    NoQuery,
    Operation,
    operation,
)
from punchcard.interfaces.api.problems import TABLE
from punchcard.journeys.enrol_members import enrol_each
from punchcard.members.errors import MemberMalformed
from punchcard.members.operations import Enrolled
from punchcard.members.queries import MemberView, get_members

from .people import MemberAnswer, MemberBody, render_member, to_new_member

MEMBERS_MAX = 10_000
CREATED = "created"
EXISTING = "existing"


class MemberBatch(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Members to enrol, in this order."""

    members: Annotated[list[MemberBody], Meta(min_length=1, max_length=MEMBERS_MAX)]


class EnrolledAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one of them."""

    code: Annotated[
        str,
        Meta(
            description="`created`, `existing` (unchanged), or `malformed`.",
            examples=[CREATED],
        ),
    ]
    status: Annotated[
        int,
        Meta(
            description="The HTTP status that the single call would have had.",
            examples=[201],
        ),
    ]
    member: MemberAnswer | None = None
    pointer: Annotated[
        str | None, Meta(description="What is malformed, as in `/members/3/email`.")
    ] = None
    detail: str | None = None


class MemberBatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One outcome each, in the order sent."""

    data: list[EnrolledAnswer]
    created: Annotated[int, Meta(examples=[1])]
    existing: Annotated[int, Meta(examples=[0])]
    refused: Annotated[int, Meta(examples=[0])]


class EnrolBatch(Endpoint):
    """`POST /v1/members:batch`."""

    @operation(
        Operation(
            id="enrolMembers",
            summary="Enrol up to 10,000 members",
            description=(
                "Answers 200 whatever became of them: look at each outcome. Those that "
                "are what they must be are enrolled, all together or, if we fail, none "
                "at all. A batch can be sent again as it was. A type error refuses the "
                "whole batch."
            ),
            tag="members",
            scope="members:write",
            body=MemberBatch,
            answers={200: MemberBatchAnswer},
            key="optional",
        )
    )
    def post(self, call: Call[MemberBatch, NoQuery]) -> Answer:
        """Enrol a batch."""
        enrolled = enrol_each(
            program=call.program.id,
            members=[to_new_member(body, call.now) for body in call.body.members],
            author=call.author,
            now=call.now,
        )
        done = [each for each in enrolled if isinstance(each, Enrolled)]
        views = get_members(
            program=call.program.id, members=[member.id for member in done]
        )
        created = sum(member.created for member in done)
        answer = MemberBatchAnswer(
            data=[_outcome(each, views) for each in enrolled],
            created=created,
            existing=len(done) - created,
            refused=len(enrolled) - len(done),
        )
        return Answer(body=answer)


def _outcome(
    each: Enrolled | MemberMalformed, views: dict[UUID, MemberView]
) -> EnrolledAnswer:
    if isinstance(each, MemberMalformed):
        return EnrolledAnswer(
            code=each.code,
            status=TABLE[each.code].status,
            pointer=f"/members/{each.position}/{each.field}",
            detail=str(each),
        )
    return EnrolledAnswer(
        code=CREATED if each.created else EXISTING,
        status=201 if each.created else 200,
        member=render_member(views[each.id]),
    )

"""Memberships: what a person is in the program, with places and limits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from punchcard.access.errors import MembershipNotFound, UserNotFound
from punchcard.access.operations.memberships import Terms
from punchcard.access.queries import (
    MembershipView,
    Role,
    get_membership,
    list_memberships,
    scopes_of_role,
)
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
    NewestFirst,
    Page,
    page_by_id,
)
from punchcard.interfaces.api.permissions import require_giveable
from punchcard.interfaces.api.problems import FieldError, Problem
from punchcard.interfaces.api.references import EXTERNAL, read_id, resolve_members
from punchcard.journeys.people.change_membership import (
    change_membership,
    remove_membership,
)
from punchcard.journeys.people.invite_user import restore_user
from punchcard.kernel import clock
from punchcard.kernel.ids import IdError, typed, untyped
from punchcard.programs.queries import find_places

from .bodies import Instant

PLACES_MAX = 100
_CURSOR = "memberships"
_SAMPLE = "01h455vb4pex5vsknk084sn02q"

Email = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=254,
        pattern=texts.whole(r"^[!-~]+@[!-~]+$"),
        description="ASCII; capital letters make no difference.",
        examples=["anna@example.com"],
        extra_json_schema={"format": "email"},
    ),
]
PersonName = Annotated[
    str,
    Meta(
        max_length=200,
        pattern=texts.whole(texts.PRINTABLE_OR_NONE),
        description="Printable; may be empty.",
        examples=["Anna"],
    ),
]
MemberText = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=204,
        pattern=r"^[^\u0000]+$",
        description="`mem_…`, or `ext:<external id>`: of the role `member`.",
        examples=["ext:anna"],
    ),
]
PlaceText = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=80,
        pattern=r"^[^\u0000]+$",
        description="`plc_…`, or `ext:<code>`.",
        examples=["ext:old-town"],
    ),
]
Places = Annotated[
    list[PlaceText],
    Meta(max_length=PLACES_MAX, description="Of the role `cashier`: where."),
]
AdjustLimit = Annotated[
    int,
    Meta(
        ge=0,
        le=10**15,
        description="Of the role `support`: points of one adjustment at most (1000).",
    ),
]
Status = Literal["invited", "active", "disabled"]
SoughtRole = Annotated[Role, Meta(description="Those with this role.")]
SoughtStatus = Annotated[Status, Meta(description="Those who are this.")]


class MembershipBody(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Somebody who belonged to the program before, and is to belong to it again."""

    user: Annotated[
        str,
        Meta(
            max_length=30,
            pattern=texts.whole("^usr_[0-9a-z]{26}$"),
            examples=[f"usr_{_SAMPLE}"],
        ),
    ]
    role: Role
    name: PersonName = ""
    member: MemberText | None = None
    places: Places = []
    adjust_limit: AdjustLimit | None = None


class MembershipPatch(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What is to be different; the rest stays, as far as the role has a use for it."""

    role: Role | UnsetType = UNSET
    name: PersonName | UnsetType = UNSET
    member: MemberText | UnsetType | None = UNSET
    places: Places | UnsetType = UNSET
    adjust_limit: AdjustLimit | UnsetType = UNSET


class MembershipAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is in the program."""

    id: Annotated[str, Meta(examples=[f"mbr_{_SAMPLE}"])]
    user: Annotated[str, Meta(examples=[f"usr_{_SAMPLE}"])]
    role: Role
    status: Status
    member: Annotated[str | None, Meta(description="Of the role `member`: `mem_…`.")]
    places: Annotated[list[str], Meta(description="Of the role `cashier`: `plc_…`.")]
    adjust_limit: Annotated[
        int | None,
        Meta(description="Of the role `support`: points of one adjustment at most."),
    ]
    created_at: datetime
    accepted_at: datetime | None


class MembershipsQuery(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Query of the list of memberships."""

    limit: Limit = 50
    cursor: Cursor | None = None
    sort: NewestFirst = "-created_at"
    created_from: Instant | None = msgspec.field(name="created_at.gte", default=None)
    created_to: Instant | None = msgspec.field(name="created_at.lt", default=None)
    role: SoughtRole | None = None
    status: SoughtStatus | None = None


class Memberships(Endpoint):
    """`/v1/memberships`."""

    @operation(
        Operation(
            id="createMembership",
            summary="Let somebody in again",
            description=(
                "Of a user who was removed from the program. Who never belonged to it "
                "is invited: `POST /v1/users`."
            ),
            tag="users",
            scope="users:write",
            body=MembershipBody,
            answers={201: MembershipAnswer},
            refusals=("user_not_found", "membership_exists"),
            key="optional",
        )
    )
    def post(self, call: Call[MembershipBody, NoQuery]) -> Answer:
        """Let somebody in again."""
        body = call.body
        require_giveable(call.caller, scopes_of_role(body.role))
        user = read_id("usr", body.user, UserNotFound)
        restored = restore_user(
            program=call.program.id,
            user=user,
            terms=read_terms(call, body),
            author=call.author,
            now=clock.read(),
        )
        answer = render_membership(restored)
        where = {"Location": f"/v1/memberships/{answer.id}"}
        return Answer(body=answer, status=201, headers=where)

    @operation(
        Operation(
            id="listMemberships",
            summary="List memberships",
            description="In the order of invitation, the newest first.",
            tag="users",
            scope="users:read",
            query=MembershipsQuery,
            answers={200: Page[MembershipAnswer]},
            refusals=("invalid_cursor",),
        )
    )
    def get(self, call: Call[NoBody, MembershipsQuery]) -> Answer:
        """List memberships."""
        query = call.query
        page = page_by_id(
            query,
            _CURSOR,
            read=partial(
                list_memberships,
                program=call.program.id,
                created_from=query.created_from,
                created_to=query.created_to,
                role=query.role,
                status=query.status,
            ),
            render=render_membership,
        )
        return Answer(body=page)


class OneMembership(Endpoint):
    """`/v1/memberships/{membership}`."""

    @operation(
        Operation(
            id="getMembership",
            summary="Look up a membership",
            description="Role, places and limits of one person in the program.",
            tag="users",
            scope="users:read",
            answers={200: MembershipAnswer},
            refusals=("membership_not_found",),
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Look up a membership."""
        return Answer(body=render_membership(_membership(call)))

    @operation(
        Operation(
            id="changeMembership",
            summary="Change what somebody is",
            description=(
                "With another role, what only the old one has a use for goes. Takes "
                "effect with the person's next call."
            ),
            tag="users",
            scope="users:write",
            body=MembershipPatch,
            answers={200: MembershipAnswer},
            refusals=("membership_not_found", "last_admin"),
            key="optional",
            example={"role": "cashier", "places": ["ext:old-town"]},
        )
    )
    def patch(self, call: Call[MembershipPatch, NoQuery]) -> Answer:
        """Change what somebody is."""
        found = _membership(call)
        given = _given(call)
        for role in {found.role, given.get("role", found.role)}:
            require_giveable(call.caller, scopes_of_role(role))
        changed = change_membership(
            program=call.program.id,
            membership=found.id,
            given=given,
            author=call.author,
            now=clock.read(),
        )
        return Answer(body=render_membership(changed))

    @operation(
        Operation(
            id="removeMembership",
            summary="Take somebody out of the program",
            description="At once. Who they are in other programs stays as it is.",
            tag="users",
            scope="users:write",
            answers={204: None},
            refusals=("membership_not_found", "last_admin"),
        )
    )
    def delete(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Take somebody out."""
        found = _membership(call)
        require_giveable(call.caller, scopes_of_role(found.role))
        remove_membership(
            program=call.program.id,
            membership=found.id,
            author=call.author,
            now=clock.read(),
        )
        return Answer(status=204)


def render_membership(view: MembershipView) -> MembershipAnswer:
    """Return a membership as callers see it."""
    return MembershipAnswer(
        id=typed("mbr", view.id),
        user=typed("usr", view.user),
        role=view.role,
        status=view.status,  # type: ignore[arg-type]  # one of these three
        member=None if view.member is None else typed("mem", view.member),
        places=[typed("plc", place) for place in view.places],
        adjust_limit=view.adjust_limit,
        created_at=view.created_at,
        accepted_at=view.accepted_at,
    )


def read_terms(call: Call[Any, Any], body: Any) -> Terms:
    """Return what somebody is to be, by a body that has these fields.

    Raises:
        Problem: `malformed`; names a member or a place that the program has not.
    """
    return Terms(
        role=body.role,
        name=body.name,
        member=None if body.member is None else _member(call, body.member),
        places=_places(call, body.places),
        adjust_limit=body.adjust_limit,
    )


def _given(call: Call[MembershipPatch, NoQuery]) -> dict[str, Any]:
    body = call.body
    given: dict[str, Any] = {
        name: value
        for name in ("role", "name", "adjust_limit")
        if (value := getattr(body, name)) is not UNSET
    }
    if body.member is not UNSET:
        given["member"] = None if body.member is None else _member(call, body.member)
    if body.places is not UNSET:
        given["places"] = _places(call, body.places)
    return given


def _membership(call: Call[Any, Any]) -> MembershipView:
    membership = read_id("mbr", call.path["membership"], MembershipNotFound)
    return get_membership(program=call.program.id, membership=membership)


def _member(call: Call[Any, Any], text: str) -> UUID:
    found = resolve_members(program=call.program.id, texts=[text])
    if text not in found:
        raise _unknown("member_not_found", "There is no such member.", "/member")
    return found[text]


def _places(call: Call[Any, Any], texts: Sequence[str]) -> list[UUID]:
    """Return the places that the texts name; one statement."""
    ids: dict[str, UUID] = {}
    codes: dict[str, str] = {}
    for text in texts:
        if text.startswith(EXTERNAL):
            codes[text] = text[len(EXTERNAL) :]
            continue
        try:
            ids[text] = untyped("plc", text)
        except IdError:
            continue
    if not texts:
        return []
    known = find_places(program=call.program.id, ids=ids.values(), codes=codes.values())
    by_code = {place.code: place.id for place in known}
    own = set(by_code.values())
    found = {text: place for text, place in ids.items() if place in own}
    found |= {text: by_code[code] for text, code in codes.items() if code in by_code}
    for position, text in enumerate(texts):
        if text not in found:
            pointer = f"/places/{position}"
            raise _unknown("place_not_found", "There is no such place.", pointer)
    return [found[text] for text in texts]


def _unknown(code: str, detail: str, pointer: str) -> Problem:
    wrong = FieldError(code=code, detail=detail, pointer=pointer)
    return Problem("malformed", detail, errors=[wrong])

"""Users of the program: invited, listed, called something, shut out."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from punchcard.access.errors import UserNotFound
from punchcard.access.queries import (
    MembershipView,
    Role,
    get_membership_of_user,
    list_memberships,
    scopes_of_role,
)
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
from punchcard.interfaces.api.references import read_id
from punchcard.journeys.people.change_membership import (
    change_membership,
    disable_in_program,
    enable_in_program,
)
from punchcard.journeys.people.invite_user import invite_again, invite_user
from punchcard.kernel import clock

from .bodies import Instant
from .memberships import (
    AdjustLimit,
    Email,
    MembershipAnswer,
    MemberText,
    PersonName,
    Places,
    SoughtRole,
    SoughtStatus,
    Status,
    read_terms,
    render_membership,
)

_CURSOR = "users"


class InvitationBody(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Somebody who is wanted in the program, and as what."""

    email: Email
    role: Role
    name: PersonName = ""
    member: MemberText | None = None
    places: Places = []
    adjust_limit: AdjustLimit | None = None


class UserPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the program calls somebody."""

    name: PersonName


class UserAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A person of the program."""

    id: Annotated[str, Meta(examples=["usr_01h455vb4pex5vsknk084sn02q"])]
    email: Email
    name: Annotated[
        str,
        Meta(description="What the program calls them; else what they say they are."),
    ]
    status: Status
    membership: MembershipAnswer
    created_at: Annotated[datetime, Meta(description="When they were invited.")]


class UsersQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of the list of users."""

    limit: Limit = 50
    cursor: Cursor | None = None
    sort: NewestFirst = "-created_at"
    created_from: Instant | None = msgspec.field(name="created_at.gte", default=None)
    created_to: Instant | None = msgspec.field(name="created_at.lt", default=None)
    email: Email | None = None
    role: SoughtRole | None = None
    status: SoughtStatus | None = None


class Users(Endpoint):
    """`/v1/users`."""

    @operation(
        Operation(
            id="inviteUser",
            summary="Invite somebody",
            description=(
                "Sends a letter with a link that is good once, for 7 days. Nobody "
                "gives a role that may do more than they may themselves."
            ),
            tag="users",
            scope="users:write",
            body=InvitationBody,
            answers={201: UserAnswer},
            refusals=("membership_exists",),
            key="optional",
            example={
                "email": "anna@example.com",
                "role": "cashier",
                "places": ["ext:old-town"],
            },
        )
    )
    def post(self, call: Call[InvitationBody, NoQuery]) -> Answer:
        """Invite somebody."""
        require_giveable(call.caller, scopes_of_role(call.body.role))
        invited = invite_user(
            program=call.program.id,
            email=call.body.email,
            terms=read_terms(call, call.body),
            author=call.author,
            now=clock.read(),
        )
        answer = render_user(invited)
        where = {"Location": f"/v1/users/{answer.id}"}
        return Answer(body=answer, status=201, headers=where)

    @operation(
        Operation(
            id="listUsers",
            summary="List users",
            description="In the order of invitation, the newest first.",
            tag="users",
            scope="users:read",
            query=UsersQuery,
            answers={200: Page[UserAnswer]},
            refusals=("invalid_cursor",),
        )
    )
    def get(self, call: Call[NoBody, UsersQuery]) -> Answer:
        """List users."""
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
                email=None if query.email is None else query.email.lower(),
            ),
            render=render_user,
        )
        return Answer(body=page)


class OneUser(Endpoint):
    """`/v1/users/{user}`."""

    @operation(
        Operation(
            id="getUser",
            summary="Look up a user",
            description="A person of the program, with what they are in it.",
            tag="users",
            scope="users:read",
            answers={200: UserAnswer},
            refusals=("user_not_found",),
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Look up a user."""
        return Answer(body=render_user(_user(call)))

    @operation(
        Operation(
            id="changeUser",
            summary="Call somebody something",
            description=(
                "In this program. Their own name, language, address and password are "
                "theirs alone to change."
            ),
            tag="users",
            scope="users:write",
            body=UserPatch,
            answers={200: UserAnswer},
            refusals=("user_not_found",),
            key="optional",
        )
    )
    def patch(self, call: Call[UserPatch, NoQuery]) -> Answer:
        """Call somebody something."""
        found = _user(call)
        require_giveable(call.caller, scopes_of_role(found.role))
        changed = change_membership(
            program=call.program.id,
            membership=found.id,
            given={"name": call.body.name},
            author=call.author,
            now=clock.read(),
        )
        return Answer(body=render_user(changed))


class InviteAgain(Endpoint):
    """`/v1/users/{user}/invite`."""

    @operation(
        Operation(
            id="inviteAgain",
            summary="Send an invitation once more",
            description="To somebody who has not come yet; the link before is over.",
            tag="users",
            scope="users:write",
            answers={202: UserAnswer},
            refusals=("user_not_found",),
            key="optional",
        )
    )
    def post(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Send an invitation once more."""
        found = _user(call)
        require_giveable(call.caller, scopes_of_role(found.role))
        invited = invite_again(
            program=call.program.id,
            user=found.user,
            author=call.author,
            now=clock.read(),
        )
        return Answer(body=render_user(invited), status=202)


class DisableUser(Endpoint):
    """`/v1/users/{user}/disable`."""

    @operation(
        Operation(
            id="disableUser",
            summary="Shut somebody out",
            description=(
                "Of this program, at once: every token ends. Twice is once. Who they "
                "are in other programs stays as it is."
            ),
            tag="users",
            scope="users:write",
            answers={200: UserAnswer},
            refusals=("user_not_found", "last_admin"),
            key="optional",
        )
    )
    def post(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Shut somebody out."""
        found = _user(call)
        require_giveable(call.caller, scopes_of_role(found.role))
        disabled = disable_in_program(
            program=call.program.id,
            user=found.user,
            author=call.author,
            now=clock.read(),
        )
        return Answer(body=render_user(disabled))


class EnableUser(Endpoint):
    """`/v1/users/{user}/enable`."""

    @operation(
        Operation(
            id="enableUser",
            summary="Let somebody in again",
            description="Who was shut out by `disable`. They sign in anew.",
            tag="users",
            scope="users:write",
            answers={200: UserAnswer},
            refusals=("user_not_found",),
            key="optional",
        )
    )
    def post(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Let somebody in again."""
        found = _user(call)
        require_giveable(call.caller, scopes_of_role(found.role))
        enabled = enable_in_program(
            program=call.program.id,
            user=found.user,
            author=call.author,
            now=clock.read(),
        )
        return Answer(body=render_user(enabled))


def render_user(view: MembershipView) -> UserAnswer:
    """Return a person of the program as callers see them."""
    membership = render_membership(view)
    return UserAnswer(
        id=membership.user,
        email=view.email,
        name=view.name,
        status=membership.status,
        membership=membership,
        created_at=view.created_at,
    )


def _user(call: Call[Any, Any]) -> MembershipView:
    user = read_id("usr", call.path["user"], UserNotFound)
    return get_membership_of_user(program=call.program.id, user=user)

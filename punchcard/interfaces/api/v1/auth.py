"""How people are let in: tokens, passwords, and who somebody is."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from punchcard.access.operations.sessions import TokenPair
from punchcard.access.queries import get_membership, get_user
from punchcard.interfaces.api import texts
from punchcard.interfaces.api.addresses import throttled_address
from punchcard.interfaces.api.endpoint import (
    Answer,
    Call,
    Endpoint,
    NoBody,
    NoQuery,
    Operation,
    Visit,
    operation,
)
from punchcard.interfaces.api.permissions import ANY_USER, ANYONE
from punchcard.interfaces.api.problems import Problem
from punchcard.interfaces.api.request_ids import request_id
from punchcard.journeys.people.change_profile import change_profile
from punchcard.journeys.people.reset_password import (
    change_password,
)
from punchcard.journeys.people.sign_in import refresh_session, sign_in, sign_out
from punchcard.kernel import clock

from .memberships import Email, MembershipAnswer, PersonName, render_membership

_SAMPLE = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.cGFydC1vZi1hLXRva2Vu"

Password = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=1_000,
        description="At least 10 characters; not a common one, not like the address.",
        examples=["correct horse battery"],
        extra_json_schema={"format": "password", "pattern": r"^[\s\S]+$"},
    ),
]
RefreshToken = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=2_000,
        pattern=texts.whole(r"^[A-Za-z0-9_.-]+$"),
        description="The refresh token; good once.",
        examples=[_SAMPLE],
    ),
]
Language = Annotated[
    str,
    Meta(
        max_length=35,
        pattern=texts.whole(r"^([A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4})?$"),
        description="BCP 47; empty: not known.",
        examples=["fr-CH"],
    ),
]
ProgramSlug = Annotated[
    str,
    Meta(
        max_length=63,
        pattern=texts.whole(r"^[a-z0-9](-?[a-z0-9])*$"),
        description="The program's slug; may be left out where there is just one.",
        examples=["cafe-lune"],
    ),
]


class TokenBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who signs in, and to what."""

    email: Email
    password: Password
    program: ProgramSlug | None = None


class TokenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is let in with."""

    access: Annotated[
        str,
        Meta(description="For `Authorization: Bearer …`.", examples=[_SAMPLE]),
    ]
    refresh: RefreshToken
    expires_in: Annotated[
        int, Meta(description="Seconds that `access` is good.", examples=[900])
    ]
    refresh_expires_in: Annotated[
        int, Meta(description="Seconds that `refresh` is good.", examples=[2_592_000])
    ]
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105


class RefreshBody(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A refresh token."""

    refresh: RefreshToken


class ChangePasswordBody(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The password until now, and the one from now on."""

    current_password: Password
    new_password: Password


class ProfileBody(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What is to be different; the rest stays."""

    name: PersonName | UnsetType = UNSET
    language: Language | UnsetType = UNSET


class MeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in."""

    id: Annotated[str, Meta(examples=["usr_01h455vb4pex5vsknk084sn02q"])]
    email: Email
    name: str
    language: str
    program: ProgramSlug
    membership: MembershipAnswer


class Token(Endpoint):
    """`/v1/auth/token`."""

    @operation(
        Operation(
            id="signIn",
            summary="Sign in",
            description=(
                "Tokens for a person in one program. After 5 wrong passwords it is "
                "shut for 15 minutes, for whoever has the address and for nobody alike."
            ),
            tag="auth",
            scope=ANYONE,
            body=TokenBody,
            answers={200: TokenAnswer},
            refusals=("invalid_credentials", "program_required", "too_many_attempts"),
        )
    )
    def post(self, visit: Visit[TokenBody]) -> Answer:
        """Sign in."""
        body = visit.body
        pair = sign_in(
            email=body.email,
            password=body.password,
            program=body.program,
            address=visit.address,
            now=clock.read(),
        )
        return Answer(body=_render_pair(pair))


class Refresh(Endpoint):
    """`/v1/auth/refresh`."""

    @operation(
        Operation(
            id="refreshToken",
            summary="Get new tokens for a refresh token",
            description=(
                "The refresh token is used up. One that was used up before is in two "
                "hands: all sessions of this person in the program end."
            ),
            tag="auth",
            scope=ANYONE,
            body=RefreshBody,
            answers={200: TokenAnswer},
            refusals=("unauthenticated",),
        )
    )
    def post(self, visit: Visit[RefreshBody]) -> Answer:
        """Refresh."""
        pair = refresh_session(
            refresh=visit.body.refresh,
            request_id=visit.request_id,
            now=clock.read(),
        )
        return Answer(body=_render_pair(pair))


class Revoke(Endpoint):
    """`/v1/auth/revoke`."""

    @operation(
        Operation(
            id="revokeToken",
            summary="Sign out",
            description=(
                "Ends the session of a refresh token, its access tokens included. Of "
                "what is no token, or is over, there is nothing to end: 204 too."
            ),
            tag="auth",
            scope=ANYONE,
            body=RefreshBody,
            answers={204: None},
        )
    )
    def post(self, visit: Visit[RefreshBody]) -> Answer:
        """Sign out."""
        sign_out(refresh=visit.body.refresh, now=clock.read())
        return Answer(status=204)


class ChangePassword(Endpoint):
    """`/v1/auth/change-password`."""

    @operation(
        Operation(
            id="changePassword",
            summary="Choose another password",
            description=(
                "Signs the person out everywhere; the tokens of the answer are the "
                "only ones that are good then."
            ),
            tag="auth",
            scope=ANY_USER,
            body=ChangePasswordBody,
            answers={200: TokenAnswer},
            refusals=("invalid_credentials", "too_many_attempts"),
        )
    )
    def post(self, call: Call[ChangePasswordBody, NoQuery]) -> Answer:
        """Choose another password."""
        caller = call.caller
        if caller.user is None or caller.membership is None:
            raise Problem("forbidden")
        pair = change_password(
            user=caller.user,
            program=caller.program.id,
            membership=caller.membership,
            current=call.body.current_password,
            wanted=call.body.new_password,
            address=throttled_address(call.request),
            request_id=request_id(call.request),
            now=clock.read(),
        )
        return Answer(body=_render_pair(pair))


class Me(Endpoint):
    """`/v1/auth/me`."""

    @operation(
        Operation(
            id="getMe",
            summary="Who am I?",
            description="The person who is signed in, and what they are here.",
            tag="auth",
            scope=ANY_USER,
            answers={200: MeAnswer},
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Say who is signed in."""
        return Answer(body=_me(call))

    @operation(
        Operation(
            id="changeMe",
            summary="Change my name or language",
            description="What a program calls somebody is its own.",
            tag="auth",
            scope=ANY_USER,
            body=ProfileBody,
            answers={200: MeAnswer},
            key="optional",
        )
    )
    def patch(self, call: Call[ProfileBody, NoQuery]) -> Answer:
        """Change the profile."""
        if call.caller.user is None:
            raise Problem("forbidden")
        name, language = call.body.name, call.body.language
        change_profile(
            user=call.caller.user,
            name=None if name is UNSET else name,
            language=None if language is UNSET else language,
            author=call.author,
            now=clock.read(),
        )
        return Answer(body=_me(call))


def _me(call: Call[Any, Any]) -> MeAnswer:
    caller = call.caller
    if caller.user is None or caller.membership is None:
        raise Problem("forbidden")
    user = get_user(user=caller.user)
    membership = get_membership(program=caller.program.id, membership=caller.membership)
    shown = render_membership(membership)
    return MeAnswer(
        id=shown.user,
        email=user.email,
        name=user.name,
        language=user.language,
        program=caller.program.slug,
        membership=shown,
    )


def _render_pair(pair: TokenPair) -> TokenAnswer:
    return TokenAnswer(
        access=pair.access,
        refresh=pair.refresh,
        expires_in=int(pair.access_lifetime.total_seconds()),
        refresh_expires_in=int(pair.refresh_lifetime.total_seconds()),
    )

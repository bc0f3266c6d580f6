"""What begins or ends with a letter: registering, invitations, forgotten passwords."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from punchcard.interfaces.api import texts
from punchcard.interfaces.api.endpoint import (
    Answer,
    Endpoint,
    Operation,
    Visit,
    operation,
)
from punchcard.interfaces.api.permissions import ANYONE
from punchcard.journeys.people.accept_invitation import Newcomer, accept_invitation
from punchcard.journeys.people.register_user import (
    confirm_registration,
    register_user,
)
from punchcard.journeys.people.reset_password import (
    request_password_reset,
    reset_password,
)
from punchcard.kernel import clock

from .auth import Language, Password, ProgramSlug
from .memberships import Email, PersonName

_SAMPLE = "q3Tn2l0vJ7x5Y8mB1cR4wZ6dK9fH0sUaE-GiVo_LpNk"

LinkToken = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        pattern=texts.whole(r"^[A-Za-z0-9_-]+$"),
        description="From the letter; good once.",
        examples=[_SAMPLE],
    ),
]


class RegisterBody(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Somebody who wants to be a member."""

    email: Email
    password: Password
    program: ProgramSlug | None = None
    name: PersonName = ""
    language: Language = ""


class LinkBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The token of a letter."""

    token: LinkToken


class AcceptBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who was invited."""

    token: LinkToken
    password: Annotated[
        Password | None,
        Meta(description="Of who has none yet; who has one leaves it out."),
    ] = None
    email: Annotated[
        Email | None,
        Meta(description="With the link of the first admin alone."),
    ] = None
    name: PersonName = ""


class ForgotBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who forgot a password."""

    email: Email


class ResetBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The token of a letter, and the password from now on."""

    token: LinkToken
    password: Password


class LetterAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """That a letter is on its way, to whomever it is."""

    status: Literal["letter_sent"] = "letter_sent"


class Register(Endpoint):
    """`/v1/auth/register`."""

    @operation(
        Operation(
            id="register",
            summary="Register as a member",
            description=(
                "Sends a letter. User and member are made when its token comes back "
                "to `verify`. The answer is the same for an address that is known: "
                "its letter says so."
            ),
            tag="auth",
            scope=ANYONE,
            body=RegisterBody,
            answers={202: LetterAnswer},
            refusals=("program_not_found", "too_many_attempts"),
        )
    )
    def post(self, visit: Visit[RegisterBody]) -> Answer:
        """Register."""
        body = visit.body
        register_user(
            email=body.email,
            password=body.password,
            name=body.name,
            language=body.language,
            program=body.program,
            address=visit.address,
            now=clock.read(),
        )
        return Answer(body=LetterAnswer(), status=202)


class Verify(Endpoint):
    """`/v1/auth/verify`."""

    @operation(
        Operation(
            id="verifyEmail",
            summary="Confirm a registration",
            description="With the token of the letter; then the person can sign in.",
            tag="auth",
            scope=ANYONE,
            body=LinkBody,
            answers={204: None},
            refusals=("link_invalid", "too_many_attempts"),
        )
    )
    def post(self, visit: Visit[LinkBody]) -> Answer:
        """Confirm."""
        confirm_registration(
            token=visit.body.token,
            address=visit.address,
            request_id=visit.request_id,
            now=clock.read(),
        )
        return Answer(status=204)


class Accept(Endpoint):
    """`/v1/auth/accept`."""

    @operation(
        Operation(
            id="acceptInvitation",
            summary="Accept an invitation",
            description=(
                "With the token of the letter, and a password where there is none yet. "
                "The link that `punchcard up` prints takes the address of the first "
                "admin too."
            ),
            tag="auth",
            scope=ANYONE,
            body=AcceptBody,
            answers={204: None},
            refusals=(
                "link_invalid",
                "invalid_credentials",
                "membership_exists",
                "too_many_attempts",
            ),
            example={
                "token": _SAMPLE,
                "password": "correct horse battery",
                "name": "Anna",
            },
        )
    )
    def post(self, visit: Visit[AcceptBody]) -> Answer:
        """Accept."""
        body = visit.body
        accept_invitation(
            token=body.token,
            newcomer=Newcomer(password=body.password, email=body.email, name=body.name),
            address=visit.address,
            request_id=visit.request_id,
            now=clock.read(),
        )
        return Answer(status=204)


class ForgotPassword(Endpoint):
    """`/v1/auth/forgot-password`."""

    @operation(
        Operation(
            id="forgotPassword",
            summary="Ask for a letter to choose another password",
            description="The same answer for every address, known or not.",
            tag="auth",
            scope=ANYONE,
            body=ForgotBody,
            answers={202: LetterAnswer},
            refusals=("too_many_attempts",),
        )
    )
    def post(self, visit: Visit[ForgotBody]) -> Answer:
        """Ask for a letter."""
        request_password_reset(
            email=visit.body.email, address=visit.address, now=clock.read()
        )
        return Answer(body=LetterAnswer(), status=202)


class ResetPassword(Endpoint):
    """`/v1/auth/reset`."""

    @operation(
        Operation(
            id="resetPassword",
            summary="Choose another password by a letter",
            description="Signs the person out everywhere.",
            tag="auth",
            scope=ANYONE,
            body=ResetBody,
            answers={204: None},
            refusals=("link_invalid", "too_many_attempts"),
        )
    )
    def post(self, visit: Visit[ResetBody]) -> Answer:
        """Choose another password."""
        reset_password(
            token=visit.body.token,
            password=visit.body.password,
            address=visit.address,
            request_id=visit.request_id,
            now=clock.read(),
        )
        return Answer(status=204)

"""JSON Web Tokens of people: what is written into them, and what is believed of them.

simplejwt signs and checks: signature and algorithm, expiry, "not before", issuer,
audience, kind. Whether a good token still counts is not said in it: the session, the
membership and the user are looked up, so that disabling acts at once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

import msgspec
from django.conf import settings
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, Token

from punchcard.kernel.ids import IdError, typed, untyped

_TEXT_MAX = 2_000


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says of its bearer."""

    user: UUID
    program: UUID
    membership: UUID
    session: UUID
    token: UUID
    version: int
    """Of all tokens of this user."""


class TokenPair(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is let in with; the refresh token is good once."""

    access: str
    refresh: str
    access_lifetime: timedelta
    refresh_lifetime: timedelta


ACCESS_LIFETIME = cast("timedelta", settings.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"])
REFRESH_LIFETIME = cast("timedelta", settings.SIMPLE_JWT["REFRESH_TOKEN_LIFETIME"])


class RefreshToken(Token):
    """Without the list of simplejwt's own, which keeps the tokens readable."""

    token_type = "refresh"  # noqa: S105
    lifetime = REFRESH_LIFETIME


def sign_pair(*, claims: Claims, now: datetime) -> TokenPair:
    """Return an access token and a refresh token that say this."""
    return TokenPair(
        access=_sign(AccessToken(), claims, now, ACCESS_LIFETIME),
        refresh=_sign(RefreshToken(), claims, now, REFRESH_LIFETIME),
        access_lifetime=ACCESS_LIFETIME,
        refresh_lifetime=REFRESH_LIFETIME,
    )


def read_access(text: str) -> Claims | None:
    """Return what an access token says, or None of what is none, or good no more."""
    return _read(AccessToken, text)


def read_refresh(text: str) -> Claims | None:
    """Return what a refresh token says, or None of what is none, or good no more."""
    return _read(RefreshToken, text)


def _sign(token: Token, claims: Claims, now: datetime, lifetime: timedelta) -> str:
    token.set_iat(at_time=now)
    token.set_exp(from_time=now, lifetime=lifetime)
    token["jti"] = claims.token.hex
    token["sub"] = typed("usr", claims.user)
    token["program"] = typed("prg", claims.program)
    token["membership"] = typed("mbr", claims.membership)
    token["session"] = claims.session.hex
    token["version"] = claims.version
    return str(token)


def _read(kind: type[Token], text: str) -> Claims | None:
    if len(text) > _TEXT_MAX or not text.isascii():
        return None
    try:
        said = kind(text)  # type: ignore[arg-type]  # its stub asks for a Token
        return Claims(
            user=untyped("usr", said["sub"]),
            program=untyped("prg", said["program"]),
            membership=untyped("mbr", said["membership"]),
            session=UUID(hex=said["session"]),
            token=UUID(hex=said["jti"]),
            version=int(said["version"]),
        )
    except (TokenError, IdError, KeyError, TypeError, ValueError, AttributeError):
        # After the signature only a token of another issue of ours can lack a claim.
        return None

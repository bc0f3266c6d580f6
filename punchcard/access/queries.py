"""Reads of access: who shows this credential, and what may they do?"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import msgspec

from punchcard.kernel import sql

from . import errors
from .models import ApiKey, Link, Session
from .rules import (
    COMMAND_SCOPES,
    ROLES,
    SCOPES,
    Role,
    Scope,
    scopes_of_role,
    with_implied,
)
from .tokens import read_access

__all__ = [
    "COMMAND_SCOPES",
    "ROLES",
    "SCOPES",
    "Role",
    "Scope",
    "scopes_of_role",
    "with_implied",
]

USED_AGAIN = timedelta(minutes=1)
"""How exactly the last use of a key is known."""


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """An API key that is good now."""

    id: UUID
    program: UUID
    scopes: frozenset[str]
    """With those that they imply."""
    networks: list[str]
    """CIDR; empty: it may come from anywhere."""
    last_used_at: datetime | None


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A user who is signed in to a program now."""

    user: UUID
    membership: UUID
    program: UUID
    role: Role
    scopes: frozenset[str]
    places: frozenset[UUID]
    member: UUID | None
    adjust_limit: int | None
    session: UUID


class UserView(msgspec.Struct, frozen=True, kw_only=True):
    """A user as it stands."""

    id: UUID
    email: str
    name: str
    language: str
    email_verified_at: datetime | None
    disabled_at: datetime | None
    token_version: int
    created_at: datetime
    last_login: datetime | None


class MembershipView(msgspec.Struct, frozen=True, kw_only=True):
    """What a user is in a program."""

    id: UUID
    program: UUID
    program_slug: str
    user: UUID
    email: str
    name: str
    """What the program calls them, or once they have come, they themselves."""
    role: Role
    member: UUID | None
    places: list[UUID]
    adjust_limit: int | None
    created_at: datetime
    accepted_at: datetime | None
    disabled_at: datetime | None
    removed_at: datetime | None

    @property
    def status(self) -> str:
        """`invited`, `active` or `disabled`."""
        if self.disabled_at is not None:
            return "disabled"
        return "invited" if self.accepted_at is None else "active"


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """One sign-in."""

    created_at: datetime
    refreshed_at: datetime | None
    expires_at: datetime
    revoked_at: datetime | None


class LinkView(msgspec.Struct, frozen=True, kw_only=True):
    """A link that can be used now."""

    purpose: str
    user: UUID | None
    program: UUID | None
    email: str
    name: str
    language: str
    password: str
    """The hash of the password that a registration chose."""


class ApiKeyView(msgspec.Struct, frozen=True, kw_only=True):
    """An API key as it stands; never its secret."""

    id: UUID
    name: str
    prefix: str
    last4: str
    public: str | None
    scopes: list[str]
    networks: list[str]
    previous_until: datetime | None
    created_at: datetime
    rotated_at: datetime | None
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


def hash_secret(secret: str) -> bytes:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def authenticate(*, secret: str, now: datetime) -> Credential | None:
    """Return which key the secret stands for, or None; one indexed statement.

    `now` is the real instant: a test program's clock keeps no key alive.
    """
    cursor = sql.cursor()
    parameters = {"hash": hash_secret(secret), "now": now}
    cursor.execute(_OF_KEY, parameters, prepare=True)
    row = cursor.fetchone()
    if row is None:
        return None
    return Credential(
        id=row[0],
        program=row[1],
        scopes=with_implied(row[2]),
        networks=row[3],
        last_used_at=row[4],
    )


def authenticate_person(*, token: str, now: datetime) -> Person | None:
    """Return who is signed in with an access token, or None; one statement.

    Whoever was disabled, removed or signed out is so at once, whatever the token says.
    """
    claims = read_access(token)
    if claims is None:
        return None
    cursor = sql.cursor()
    parameters = {
        "session": claims.session,
        "membership": claims.membership,
        "program": claims.program,
        "user": claims.user,
        "version": claims.version,
        "now": now,
    }
    cursor.execute(_OF_SESSION, parameters, prepare=True)
    row = cursor.fetchone()
    if row is None:
        return None
    role, member, adjust_limit, places = row
    return Person(
        user=claims.user,
        membership=claims.membership,
        program=claims.program,
        role=role,
        scopes=scopes_of_role(role),
        places=frozenset(places),
        member=member,
        adjust_limit=adjust_limit,
        session=claims.session,
    )


def find_user(*, email: str) -> UserView | None:
    """Return the user with this address, or None; one statement, either way."""
    return _user("email = %s", email)


def get_user(*, user: UUID) -> UserView:
    """Return a user.

    Raises:
        UserNotFound: there is none with this id.
    """
    found = _user("id = %s", user)
    if found is None:
        raise errors.UserNotFound
    return found


def find_password(*, user: UUID | None) -> str | None:
    """Return what is stored of a user's password; one statement, also for None."""
    cursor = sql.cursor()
    cursor.execute("SELECT password FROM access_user WHERE id = %s::uuid", (user,))
    row = cursor.fetchone()
    return None if row is None else row[0]


def get_membership(*, program: UUID, membership: UUID) -> MembershipView:
    """Return a membership of this program that was not removed.

    Raises:
        MembershipNotFound: it has none with this id.
    """
    found = _memberships("m.program_id = %s AND m.id = %s", (program, membership))
    if not found:
        raise errors.MembershipNotFound
    return found[0]


def get_membership_of_user(*, program: UUID, user: UUID) -> MembershipView:
    """Return what a user is in this program.

    Raises:
        UserNotFound: the user is nothing there.
    """
    found = _memberships("m.program_id = %s AND m.user_id = %s", (program, user))
    if not found:
        raise errors.UserNotFound
    return found[0]


def list_memberships_of_user(*, user: UUID | None) -> list[MembershipView]:
    """Return what a user is, and where, by program; one statement, also for None."""
    return _memberships("m.user_id = %s::uuid ORDER BY p.slug", (user,))


def list_memberships_of_member(*, program: UUID, member: UUID) -> list[MembershipView]:
    """Return who can sign in as a member, or could, by the time of the invitation."""
    condition: LiteralString = "m.program_id = %s AND m.member = %s ORDER BY m.id"
    return _memberships(condition, (program, member), which="WHERE ")


def list_sessions(*, membership: UUID) -> list[SessionView]:
    """Return when somebody signed in, the oldest first; what expired is forgotten."""
    fields = SessionView.__struct_fields__
    rows = Session.objects.filter(membership_id=membership).order_by("id")
    return [SessionView(**row) for row in rows.values(*fields)]


def list_memberships(
    *,
    program: UUID,
    limit: int,
    after: UUID | None = None,
    newest_first: bool = True,
    role: str | None = None,
    status: str | None = None,
    email: str | None = None,
    created_from: datetime | None = None,
    created_to: datetime | None = None,
) -> list[MembershipView]:
    """Return memberships in the order of invitation, after one of them."""
    beyond, order = ("<", "DESC") if newest_first else (">", "ASC")
    condition = f"""
        m.program_id = %(program)s
        AND (%(after)s::uuid IS NULL OR m.id {beyond} %(after)s)
        AND (%(role)s::text IS NULL OR m.role = %(role)s)
        AND (%(status)s::text IS NULL OR %(status)s = CASE
            WHEN m.disabled_at IS NOT NULL THEN 'disabled'
            WHEN m.accepted_at IS NULL THEN 'invited' ELSE 'active' END)
        AND (%(email)s::text IS NULL OR u.email = %(email)s)
        AND (%(from)s::timestamptz IS NULL OR m.created_at >= %(from)s)
        AND (%(to)s::timestamptz IS NULL OR m.created_at < %(to)s)
        ORDER BY m.id {order} LIMIT %(limit)s
    """
    parameters = {
        "program": program,
        "after": after,
        "role": role,
        "status": status,
        "email": email,
        "from": created_from,
        "to": created_to,
        "limit": limit,
    }
    return _memberships(condition, parameters)


def find_link(*, token: str, purposes: Sequence[str], now: datetime) -> LinkView | None:
    """Return the link of this token if it can be used now for such a purpose."""
    rows = Link.objects.filter(
        hash=hash_secret(token),
        purpose__in=purposes,
        used_at=None,
        expires_at__gt=now,
    )
    return _link(rows.values_list(*_LINK_FIELDS).first())


def get_api_key(*, program: UUID, key: UUID) -> ApiKeyView:
    """Return an API key of this program.

    Raises:
        ApiKeyNotFound: it has none with this id.
    """
    rows = ApiKey.objects.filter(pk=key, program_id=program)
    row = rows.values(*ApiKeyView.__struct_fields__).first()
    if row is None:
        raise errors.ApiKeyNotFound
    return ApiKeyView(**row)


def list_api_keys(
    *,
    program: UUID,
    limit: int,
    after: UUID | None = None,
    newest_first: bool = True,
    created_from: datetime | None = None,
    created_to: datetime | None = None,
) -> list[ApiKeyView]:
    """Return API keys, those that are over too, in the order they were made."""
    rows = ApiKey.objects.filter(program_id=program)
    if after is not None:
        rows = rows.filter(id__lt=after) if newest_first else rows.filter(id__gt=after)
    if created_from is not None:
        rows = rows.filter(created_at__gte=created_from)
    if created_to is not None:
        rows = rows.filter(created_at__lt=created_to)
    ordered = rows.order_by("-id" if newest_first else "id")
    fields = ordered.values(*ApiKeyView.__struct_fields__)
    return [ApiKeyView(**row) for row in fields[:limit]]


# Read on every call of the API, so in plain prepared SQL.
_OF_KEY: LiteralString = """
    SELECT id, program_id, scopes, networks, last_used_at FROM access_api_key
    WHERE (hash = %(hash)s OR (previous_hash = %(hash)s AND previous_until > %(now)s))
        AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > %(now)s)
"""
_OF_SESSION: LiteralString = """
    SELECT m.role, m.member, m.adjust_limit, ARRAY(
        SELECT place_id FROM access_membership_place WHERE membership_id = m.id
    )
    FROM access_session s
    JOIN access_membership m ON m.id = s.membership_id
    JOIN access_user u ON u.id = m.user_id
    WHERE s.id = %(session)s AND s.revoked_at IS NULL AND s.expires_at > %(now)s
        AND m.id = %(membership)s AND m.program_id = %(program)s
        AND m.accepted_at IS NOT NULL AND m.disabled_at IS NULL
        AND m.removed_at IS NULL
        AND u.id = %(user)s AND u.disabled_at IS NULL AND u.token_version = %(version)s
"""
_MEMBERSHIP: LiteralString = """
    SELECT m.id, m.program_id, p.slug, m.user_id, u.email,
        -- What people say of themselves is nobody's business before they have come.
        CASE WHEN m.name <> '' OR m.accepted_at IS NULL THEN m.name ELSE u.name END,
        m.role, m.member, ARRAY(
            SELECT place_id FROM access_membership_place
            WHERE membership_id = m.id ORDER BY place_id
        ), m.adjust_limit, m.created_at, m.accepted_at, m.disabled_at, m.removed_at
    FROM access_membership m
    JOIN access_user u ON u.id = m.user_id
    JOIN programs_program p ON p.id = m.program_id
"""
_PRESENT: LiteralString = "WHERE m.removed_at IS NULL AND "
_LINK_FIELDS = (
    "purpose",
    "user_id",
    "program_id",
    "email",
    "name",
    "language",
    "password",
)


def _user(condition: LiteralString, value: object) -> UserView | None:
    cursor = sql.cursor()
    cursor.execute(
        "SELECT id, email, name, language, email_verified_at, disabled_at,"
        " token_version, created_at, last_login FROM access_user WHERE " + condition,
        (value,),
    )
    row = cursor.fetchone()
    names = UserView.__struct_fields__
    return None if row is None else UserView(**dict(zip(names, row, strict=True)))


def _memberships(
    condition: LiteralString, parameters: Any, *, which: LiteralString = _PRESENT
) -> list[MembershipView]:
    cursor = sql.cursor()
    cursor.execute(_MEMBERSHIP + which + condition, parameters)
    names = MembershipView.__struct_fields__
    return [MembershipView(**dict(zip(names, row, strict=True))) for row in cursor]


def _link(row: Sequence[Any] | None) -> LinkView | None:
    if row is None:
        return None
    return LinkView(**dict(zip(LinkView.__struct_fields__, row, strict=True)))

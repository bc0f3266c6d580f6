"""Links: ways in that go by mail, for one purpose, once, and not for long.

A link can be nobody's: a letter about an address that we do not know is made with as
much work as any other, so that no clock tells who has an account.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from django.db import connection

from punchcard.access import errors
from punchcard.access.models import Link
from punchcard.access.queries import LinkView, hash_secret
from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import require_transaction

FIRST_ADMIN = Link.Purpose.FIRST_ADMIN.value
INVITATION = Link.Purpose.INVITATION.value
REGISTRATION = Link.Purpose.REGISTRATION.value
PASSWORD_RESET = Link.Purpose.PASSWORD_RESET.value

LIFETIMES = {
    FIRST_ADMIN: timedelta(days=1),
    INVITATION: timedelta(days=7),
    REGISTRATION: timedelta(days=2),
    PASSWORD_RESET: timedelta(hours=1),
}
_RANDOM_BYTES = 32
_PURGED = 100


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """Who somebody says they are; believed when the letter has reached them."""

    email: str
    name: str
    language: str
    password: str
    """Hashed."""


def make_link(
    *,
    purpose: str,
    now: datetime,
    user: UUID | None = None,
    program: UUID | None = None,
    registration: Registration | None = None,
) -> str:
    """Make a link and return its token: the only time that it is seen.

    An earlier one of the same user, purpose and program is good no more.
    """
    require_transaction()
    token = secrets.token_urlsafe(_RANDOM_BYTES)
    said = {} if registration is None else msgspec.structs.asdict(registration)
    link = Link(
        id=new_id(),
        purpose=purpose,
        hash=hash_secret(token),
        user_id=user,
        program_id=program,
        created_at=now,
        expires_at=now + LIFETIMES[purpose],
        **said,
    )
    with connection.cursor() as cursor:
        cursor.execute(_SUPERSEDE, [now, user, purpose, program, purpose])
        cursor.execute(_PURGE, [now, _PURGED])
    link.save(force_insert=True)
    return token


def use_link(*, token: str, purpose: str, now: datetime) -> LinkView:
    """Use up the link of this token, and return what it is for.

    Raises:
        LinkInvalid: unknown, used or expired, or for another purpose.
    """
    require_transaction()
    with connection.cursor() as cursor:
        # One statement: of two who come at once, one is let in. Who somebody said
        # they are is with the user from now on, and nowhere else.
        cursor.execute(_USE, [hash_secret(token), purpose, now, now])
        row = cursor.fetchone()
    if row is None:
        raise errors.LinkInvalid
    return LinkView(**dict(zip(LinkView.__struct_fields__, row, strict=True)))


def forget_links(*, user: UUID, purpose: str) -> None:
    """Remove the links of a user that were sent for this purpose."""
    require_transaction()
    Link.objects.filter(user_id=user, purpose=purpose).delete()


_SUPERSEDE = """
    UPDATE access_link SET used_at = %s
    WHERE user_id = %s::uuid AND purpose = %s AND used_at IS NULL
        AND (program_id = %s::uuid OR %s = 'password_reset')
"""
_PURGE = """
    DELETE FROM access_link WHERE id IN (
        SELECT id FROM access_link WHERE expires_at <= %s
        ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED
    )
"""
_USE = """
    WITH old AS (
        SELECT * FROM access_link
        WHERE hash = %s AND purpose = %s AND used_at IS NULL AND expires_at > %s
        FOR UPDATE
    )
    UPDATE access_link l
    SET used_at = %s, email = '', name = '', language = '', password = ''
    FROM old WHERE l.id = old.id
    RETURNING old.purpose, old.user_id, old.program_id, old.email, old.name,
        old.language, old.password
"""

"""Sessions: one for each sign-in; its refresh token changes with every use."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from django.db import connection

from punchcard.access.models import Session
from punchcard.access.tokens import (
    REFRESH_LIFETIME,
    Claims,
    TokenPair,
    read_refresh,
    sign_pair,
)
from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import require_transaction

__all__ = [
    "Refreshed",
    "TokenPair",
    "open_session",
    "revoke_session",
    "rotate_session",
]


class Refreshed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a refresh token that was shown."""

    pair: TokenPair | None
    """None: it is not good."""
    reused: UUID | None = None
    """Membership whose token was shown a second time; all its sessions are over."""
    program: UUID | None = None


def open_session(
    *, user: UUID, program: UUID, membership: UUID, version: int, now: datetime
) -> TokenPair:
    """Sign somebody in; what they are is looked up with every call."""
    require_transaction()
    _forget_expired(membership, now)
    session = Session(
        id=new_id(),
        membership_id=membership,
        token=new_id(),
        created_at=now,
        expires_at=now + REFRESH_LIFETIME,
    )
    session.save(force_insert=True)
    claims = Claims(
        user=user,
        program=program,
        membership=membership,
        session=session.id,
        token=session.token,
        version=version,
    )
    return sign_pair(claims=claims, now=now)


def rotate_session(*, refresh: str, now: datetime) -> Refreshed:
    """Give a new pair for a refresh token, which is good for nothing from now on.

    One that was used already is in two hands: every session of its membership ends.
    """
    require_transaction()
    claims = read_refresh(refresh)
    if claims is None:
        return Refreshed(pair=None)
    # All of them, and first: a reuse ends all, and whoever else does waits meanwhile.
    _lock(membership_id=claims.membership)
    fresh = msgspec.structs.replace(claims, token=new_id())
    parameters = {
        **msgspec.structs.asdict(claims),
        "fresh": fresh.token,
        "now": now,
        "until": now + REFRESH_LIFETIME,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ROTATE, parameters)
        if cursor.rowcount:
            return Refreshed(pair=sign_pair(claims=fresh, now=now))
    return Refreshed(pair=None, reused=_end_reused(claims, now), program=claims.program)


def revoke_session(*, refresh: str, now: datetime) -> None:
    """Sign somebody out: the whole session of this refresh token; nobody else's."""
    require_transaction()
    claims = read_refresh(refresh)
    if claims is not None:
        sessions = Session.objects.filter(
            pk=claims.session,
            membership_id=claims.membership,
            membership__user_id=claims.user,
            membership__program_id=claims.program,
            membership__user__token_version=claims.version,
            revoked_at=None,
        )
        sessions.update(revoked_at=now)


def end_sessions(*, now: datetime, **whose: UUID) -> None:
    """End all sessions of a membership (`membership_id`) or of a user."""
    require_transaction()
    Session.objects.filter(pk__in=_lock(**whose)).update(revoked_at=now)


_ROTATE = """
    UPDATE access_session s
    SET token = %(fresh)s, refreshed_at = %(now)s, expires_at = %(until)s
    FROM access_membership m JOIN access_user u ON u.id = m.user_id
    WHERE s.id = %(session)s AND s.token = %(token)s
        AND s.revoked_at IS NULL AND s.expires_at > %(now)s
        AND m.id = s.membership_id AND m.id = %(membership)s
        AND m.program_id = %(program)s AND m.accepted_at IS NOT NULL
        AND m.disabled_at IS NULL AND m.removed_at IS NULL
        AND u.id = %(user)s AND u.disabled_at IS NULL AND u.token_version = %(version)s
"""


def _lock(**whose: UUID) -> list[UUID]:
    """Lock the sessions that go on, in one order; return which."""
    sessions = Session.objects.filter(revoked_at=None, **whose)
    locked = sessions.order_by("id").select_for_update(of=("self",))
    return list(locked.values_list("id", flat=True))


def _end_reused(claims: Claims, now: datetime) -> UUID | None:
    alive = Session.objects.filter(
        pk=claims.session, membership_id=claims.membership, revoked_at=None
    )
    used = alive.exclude(token=claims.token)
    if not used.filter(expires_at__gt=now).exists():
        return None
    end_sessions(now=now, membership_id=claims.membership)
    return claims.membership


def _forget_expired(membership: UUID, now: datetime) -> None:
    expired = Session.objects.filter(membership_id=membership, expires_at__lte=now)
    # What somebody is busy with is forgotten another time.
    free = expired.select_for_update(skip_locked=True).values_list("id", flat=True)
    Session.objects.filter(pk__in=list(free)).delete()

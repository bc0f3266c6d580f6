"""API keys: made, rotated and revoked; a secret is never shown again."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_network
from uuid import UUID

import msgspec
from django.db import connection

from punchcard.access import errors
from punchcard.access.models import ApiKey
from punchcard.access.queries import USED_AGAIN, hash_secret
from punchcard.access.rules import PUBLISHABLE_SCOPES, SCOPES
from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import require_transaction

NAME_MAX = 200
NETWORKS_MAX = 100
OVERLAP_MAX = timedelta(days=7)
SECRET, PUBLISHABLE = "secret", "publishable"
_RANDOM_BYTES = 32
_LETTERS = {SECRET: "sk", PUBLISHABLE: "pk"}


class CreatedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key with its secret: the only time that it is seen."""

    id: UUID
    secret: str


def create_api_key(
    *,
    program: UUID,
    mode: str,
    name: str,
    scopes: Sequence[str],
    now: datetime,
    expires_at: datetime | None = None,
    kind: str = SECRET,
    networks: Sequence[str] = (),
) -> CreatedKey:
    """Make an API key for a program of this mode, and return its secret.

    Raises:
        AccessMalformed: the name, an unknown scope, none at all, one that is not for
            publishable keys, no network, too many of them, or a past expiry.
    """
    require_transaction()
    if not 1 <= len(name) <= NAME_MAX or not name.isprintable():
        detail = f"The name is 1 to {NAME_MAX} printable characters."
        raise errors.AccessMalformed("name", detail)
    _require_scopes(kind, scopes)
    if expires_at is not None and expires_at <= now:
        raise errors.AccessMalformed("expires_at", "The expiry is in the past.")
    prefix = f"{_LETTERS[kind]}_{mode}_"
    secret = _new_secret(prefix)
    key = ApiKey(
        id=new_id(),
        program_id=program,
        name=name,
        prefix=prefix,
        last4=secret[-4:],
        hash=hash_secret(secret),
        public=secret if kind == PUBLISHABLE else None,
        scopes=sorted(set(scopes)),
        networks=_networks(networks),
        created_at=now,
        expires_at=expires_at,
    )
    key.save(force_insert=True)
    return CreatedKey(id=key.id, secret=secret)


def rotate_api_key(
    *, program: UUID, key: UUID, overlap: timedelta, now: datetime
) -> CreatedKey:
    """Give a key a new secret; the one before it goes on for the overlap.

    A secret that was still going on from a rotation before is good no more.

    Raises:
        AccessMalformed: the overlap is longer than 7 days.
        ApiKeyNotFound: the program has no such key.
        ApiKeyEnded: it was revoked, or has expired.
    """
    require_transaction()
    if not timedelta() <= overlap <= OVERLAP_MAX:
        raise errors.AccessMalformed("overlap", "The overlap is at most 7 days.")
    rows = ApiKey.objects.select_for_update()
    row = rows.filter(pk=key, program_id=program).first()
    if row is None:
        raise errors.ApiKeyNotFound
    over = row.expires_at is not None and row.expires_at <= now
    if over or row.revoked_at is not None:
        raise errors.ApiKeyEnded
    secret = _new_secret(row.prefix)
    ApiKey.objects.filter(pk=key).update(
        hash=hash_secret(secret),
        last4=secret[-4:],
        public=None if row.public is None else secret,
        previous_hash=row.hash if overlap else None,
        previous_until=now + overlap if overlap else None,
        rotated_at=now,
    )
    return CreatedKey(id=key, secret=secret)


def revoke_api_key(*, program: UUID, key: UUID, now: datetime) -> bool:
    """Make a key useless from now on; False if it was already.

    Raises:
        ApiKeyNotFound: the program has no such key.
    """
    require_transaction()
    keys = ApiKey.objects.filter(pk=key, program_id=program)
    if not keys.exists():
        raise errors.ApiKeyNotFound
    return bool(keys.filter(revoked_at=None).update(revoked_at=now))


def note_use(*, key: UUID, now: datetime) -> None:
    """Note that a key was used, unless that is known to the minute.

    A statement of its own, seldom sent, that waits for nobody: a till that is busy
    does not queue at its own key.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NOTE_USE, [now, key, now - USED_AGAIN])


_NOTE_USE = """
    UPDATE access_api_key SET last_used_at = %s WHERE id = (
        SELECT id FROM access_api_key
        WHERE id = %s AND (last_used_at IS NULL OR last_used_at <= %s)
        FOR UPDATE SKIP LOCKED
    )
"""


def _new_secret(prefix: str) -> str:
    return prefix + secrets.token_urlsafe(_RANDOM_BYTES)


def _require_scopes(kind: str, scopes: Sequence[str]) -> None:
    if kind not in _LETTERS:
        detail = f"The kind is `{SECRET}` or `{PUBLISHABLE}`."
        raise errors.AccessMalformed("kind", detail)
    allowed = PUBLISHABLE_SCOPES if kind == PUBLISHABLE else set(SCOPES)
    if not scopes or not set(scopes) <= allowed:
        known = ", ".join(scope for scope in SCOPES if scope in allowed)
        detail = f"The scopes are at least one of: {known}."
        raise errors.AccessMalformed("scopes", detail)


def _networks(texts: Sequence[str]) -> list[str]:
    if len(texts) > NETWORKS_MAX:
        detail = f"At most {NETWORKS_MAX} networks."
        raise errors.AccessMalformed("networks", detail)
    try:
        return sorted({str(ip_network(text)) for text in texts})
    except ValueError as error:
        detail = f"{error}: say an address or a network, as in 192.0.2.0/24."
        raise errors.AccessMalformed("networks", detail) from None

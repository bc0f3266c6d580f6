"""Writes of access: API keys are made and revoked, never shown again."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import require_transaction

from . import errors
from .models import ApiKey
from .queries import SCOPES, hash_secret

NAME_MAX = 200
_RANDOM_BYTES = 32


class CreatedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A new key with its secret: the only time that it is seen."""

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
) -> CreatedKey:
    """Make an API key for a program of this mode, and return its secret.

    Raises:
        AccessMalformed: the name, an unknown scope, none at all, or a past expiry.
    """
    require_transaction()
    if not 1 <= len(name) <= NAME_MAX or not name.isprintable():
        detail = f"The name is 1 to {NAME_MAX} printable characters."
        raise errors.AccessMalformed("name", detail)
    if not scopes or not set(scopes) <= set(SCOPES):
        detail = f"The scopes are at least one of: {', '.join(SCOPES)}."
        raise errors.AccessMalformed("scopes", detail)
    if expires_at is not None and expires_at <= now:
        raise errors.AccessMalformed("expires_at", "The expiry is in the past.")
    prefix = f"sk_{mode}_"
    secret = prefix + secrets.token_urlsafe(_RANDOM_BYTES)
    key = ApiKey(
        id=new_id(),
        program_id=program,
        name=name,
        prefix=prefix,
        last4=secret[-4:],
        hash=hash_secret(secret),
        scopes=sorted(set(scopes)),
        created_at=now,
        expires_at=expires_at,
    )
    key.save(force_insert=True)
    return CreatedKey(id=key.id, secret=secret)


def revoke_api_key(*, program: UUID, key: UUID, now: datetime) -> None:
    """Make a key useless from now on; revoking twice is once.

    Raises:
        ApiKeyNotFound: the program has no such key.
    """
    require_transaction()
    keys = ApiKey.objects.filter(pk=key, program_id=program)
    if not keys.exists():
        raise errors.ApiKeyNotFound
    keys.filter(revoked_at=None).update(revoked_at=now)

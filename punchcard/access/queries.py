"""Reads of access: who shows this secret, and what may they do."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal, TypeAlias, get_args
from uuid import UUID

import msgspec
from django.db import connection

Scope: TypeAlias = Literal[
    "members:read", "members:write", "ledger:read", "ledger:write", "clock:write"
]
SCOPES: tuple[str, ...] = get_args(Scope)


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """An API key that is good now."""

    id: UUID
    program: UUID
    scopes: frozenset[str]


def hash_secret(secret: str) -> bytes:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def authenticate(*, secret: str, now: datetime) -> Credential | None:
    """Return whom the secret stands for, or None; one indexed statement.

    `now` is the real instant: a test program's clock keeps no key alive.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, program_id, scopes FROM access_api_key"
            " WHERE hash = %s AND revoked_at IS NULL"
            " AND (expires_at IS NULL OR expires_at > %s)",
            [hash_secret(secret), now],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    return Credential(id=row[0], program=row[1], scopes=frozenset(row[2]))

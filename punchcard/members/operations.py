"""Writes of members."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from django.db import connection

from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import require_transaction

from . import errors

EXTERNAL_ID_MAX = 200


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """A member, and whether this call made it."""

    id: UUID
    external_id: str
    created_at: datetime
    created: bool


def enrol_members(
    *, program: UUID, external_ids: Sequence[str], now: datetime
) -> list[Enrolled]:
    """Make those members that are not there yet; answer all, in the order asked.

    Two statements, whatever the number; the same external id twice is one member.

    Raises:
        ExternalIdMalformed: one is not 1 to 200 printable characters; nothing is made.
    """
    require_transaction()
    for position, text in enumerate(external_ids):
        if not 1 <= len(text) <= EXTERNAL_ID_MAX or not _is_plain(text):
            raise errors.ExternalIdMalformed(position)
    # Sorted, so that two batches over the same members wait and don't deadlock.
    wanted = sorted(set(external_ids))
    if not wanted:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO members_member (id, program_id, external_id, created_at)"
            " SELECT id, %s, external_id, %s"
            " FROM unnest(%s::uuid[], %s::text[]) WITH ORDINALITY"
            " AS new (id, external_id, n) ORDER BY n"
            " ON CONFLICT (program_id, external_id) DO NOTHING RETURNING id",
            [program, now, [new_id() for _ in wanted], wanted],
        )
        made = {row[0] for row in cursor.fetchall()}
        cursor.execute(
            "SELECT external_id, id, created_at FROM members_member"
            " WHERE program_id = %s AND external_id = ANY(%s)",
            [program, wanted],
        )
        rows = {row[0]: row for row in cursor.fetchall()}
    return [
        Enrolled(
            id=rows[text][1],
            external_id=text,
            created_at=rows[text][2],
            created=rows[text][1] in made,
        )
        for text in external_ids
    ]


def _is_plain(text: str) -> bool:
    return text.isprintable() and text.strip() == text

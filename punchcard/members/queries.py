"""Reads of members: frozen structs out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from django.db import connection

from . import errors
from .models import Member

_FIELDS = ("id", "external_id", "created_at")


class MemberView(msgspec.Struct, frozen=True, kw_only=True):
    """A member as it stands."""

    id: UUID
    external_id: str
    created_at: datetime


def get_member(*, program: UUID, member: UUID) -> MemberView:
    """Return a member of this program.

    Raises:
        MemberNotFound: the program has none with this id.
    """
    found = Member.objects.filter(pk=member, program_id=program)
    row = found.values_list(*_FIELDS).first()
    if row is None:
        raise errors.MemberNotFound
    return MemberView(id=row[0], external_id=row[1], created_at=row[2])


def find_members(*, program: UUID, external_ids: Sequence[str]) -> dict[str, UUID]:
    """Return the members that there are, by external id; one statement."""
    # PostgreSQL knows no NUL in text, so such an id is nobody's.
    asked = [text for text in external_ids if "\0" not in text]
    if not asked:
        return {}
    with connection.cursor() as cursor:
        # One array, not thousands of parameters: Django's `__in` would make those.
        cursor.execute(
            "SELECT external_id, id FROM members_member"
            " WHERE program_id = %s AND external_id = ANY(%s)",
            [program, asked],
        )
        return dict(cursor.fetchall())


def find_ids(*, program: UUID, members: Sequence[UUID]) -> set[UUID]:
    """Return those of the ids that are members of this program; one statement."""
    if not members:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM members_member WHERE program_id = %s AND id = ANY(%s)",
            [program, list(members)],
        )
        return {row[0] for row in cursor.fetchall()}


def list_members(
    *,
    program: UUID,
    limit: int,
    after: UUID | None = None,
    newest_first: bool = True,
    created_from: datetime | None = None,
    created_to: datetime | None = None,
) -> list[MemberView]:
    """Return members in the order of enrolment, `limit` of them, after a member.

    `created_from` is included, `created_to` is not.
    """
    rows = Member.objects.filter(program_id=program)
    if after is not None:
        rows = rows.filter(id__lt=after) if newest_first else rows.filter(id__gt=after)
    if created_from is not None:
        rows = rows.filter(created_at__gte=created_from)
    if created_to is not None:
        rows = rows.filter(created_at__lt=created_to)
    ordered = rows.order_by("-id" if newest_first else "id")
    return [
        MemberView(id=row[0], external_id=row[1], created_at=row[2])
        for row in ordered.values_list(*_FIELDS)[:limit]
    ]

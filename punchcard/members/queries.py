"""Reads of members: frozen structs out."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from django.db import connection
from psycopg import sql as composing

from punchcard.kernel import sql
from punchcard.kernel.transactions import require_transaction

from . import errors
from .person import FIELDS, NOBODY, Address, Consent, Person, decided

__all__ = ["Address", "Consent", "MemberView", "Person", "decided"]

_SELECT = f"""
    SELECT m.id, m.external_id, m.created_at, m.version, m.erased_at,
        p.member_id IS NOT NULL, {", ".join(f"p.{name}" for name in FIELDS)}
    FROM members_member m LEFT JOIN members_person p ON p.member_id = m.id
"""
_OWN = 6
"""Columns before the person's."""


class MemberView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A member as it stands."""

    id: UUID
    external_id: str
    created_at: datetime
    version: int
    erased_at: datetime | None
    person: Person

    @property
    def status(self) -> Literal["active", "erased"]:
        """Whether there is still somebody."""
        return "active" if self.erased_at is None else "erased"


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Which members are wanted; None: whichever."""

    created_from: datetime | None = None
    """Included."""
    created_to: datetime | None = None
    """Not included."""
    external_id: str | None = None
    email: str | None = None
    """In whatever letters, large or small."""
    phone: str | None = None
    tag: str | None = None
    erased: bool | None = None


ALL = Filters()
_CONDITIONS = {
    "created_from": "m.created_at >= %(created_from)s",
    "created_to": "m.created_at < %(created_to)s",
    "external_id": "m.external_id = %(external_id)s",
    "email": ("p.program_id = %(program)s AND lower(p.email) = lower(%(email)s)"),
    "phone": "p.program_id = %(program)s AND p.phone = %(phone)s",
    "tag": "p.tags @> ARRAY[%(tag)s]::varchar[]",
    "erased": "(m.erased_at IS NOT NULL) = %(erased)s",
}


def get_member(*, program: UUID, member: UUID) -> MemberView:
    """Return a member of this program.

    Raises:
        MemberNotFound: the program has none with this id.
    """
    found = get_members(program=program, members=[member])
    if member not in found:
        raise errors.MemberNotFound
    return found[member]


def get_members(*, program: UUID, members: Sequence[UUID]) -> dict[UUID, MemberView]:
    """Return those of the members that are this program's; one statement."""
    if not members:
        return {}
    # IS TRUE: while PostgreSQL knows little of the table, it would take the index of
    # programs, and look at all the members that a program has.
    where = "WHERE (m.program_id = %s) IS TRUE AND m.id = ANY(%s)"
    rows = _read(f"{_SELECT} {where}", [program, list(members)])
    return {member.id: member for member in rows}


def lock_member(*, program: UUID, member: UUID) -> MemberView:
    """Return a member, and keep everybody else from changing it meanwhile.

    Raises:
        MemberNotFound: the program has none with this id.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM members_member WHERE program_id = %s AND id = %s FOR UPDATE",
            [program, member],
        )
    # Read after the lock is had: another one may have changed the person meanwhile.
    return get_member(program=program, member=member)


def lock_members(*, program: UUID, members: Sequence[UUID]) -> dict[UUID, MemberView]:
    """Return those of the members that are this program's, each locked till the end.

    They are locked by id, so that two who want the same wait and don't deadlock; two
    statements.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    if not members:
        return {}
    sql.cursor().execute(
        "SELECT FROM members_member WHERE program_id = %s AND id = ANY(%s)"
        " ORDER BY id FOR NO KEY UPDATE",
        (program, sql.Uuids(members)),
        prepare=True,
    )
    # Read after the locks are had: another one may have changed a person meanwhile.
    return get_members(program=program, members=members)


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
    cursor = sql.cursor()
    cursor.execute(
        "SELECT id FROM members_member WHERE program_id = %s AND id = ANY(%s)",
        (program, sql.Uuids(members)),
        prepare=True,
    )
    return {row[0] for row in cursor}


def find_erasures(
    *, program: UUID, members: Sequence[UUID]
) -> dict[UUID, datetime | None]:
    """Return when members of this program were erased, None of most; one statement."""
    if not members:
        return {}
    cursor = sql.cursor()
    cursor.execute(
        "SELECT id, erased_at FROM members_member"
        " WHERE (program_id = %s) IS TRUE AND id = ANY(%s)",
        (program, sql.Uuids(members)),
        prepare=True,
    )
    return dict(cursor.fetchall())


def name_members(*, program: UUID, members: Sequence[UUID]) -> dict[UUID, str]:
    """Return member -> external id for those that are the program's; one statement."""
    if not members:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, external_id FROM members_member"
            " WHERE program_id = %s AND id = ANY(%s)",
            [program, list(members)],
        )
        return dict(cursor.fetchall())


def list_members(
    *,
    program: UUID,
    limit: int,
    after: UUID | None = None,
    newest_first: bool = True,
    filters: Filters = ALL,
) -> list[MemberView]:
    """Return members in the order of enrolment, `limit` of them, after a member."""
    wanted = {
        name: value
        for name, value in msgspec.structs.asdict(filters).items()
        if value is not None
    }
    # PostgreSQL knows no NUL in text, so nobody has one.
    if any(isinstance(value, str) and "\0" in value for value in wanted.values()):
        return []
    conditions = ["m.program_id = %(program)s", *(_CONDITIONS[name] for name in wanted)]
    if after is not None:
        conditions.append("m.id < %(after)s" if newest_first else "m.id > %(after)s")
    return _read(
        f"{_SELECT} WHERE {' AND '.join(conditions)}"
        f" ORDER BY m.id {'DESC' if newest_first else 'ASC'} LIMIT %(limit)s",
        {"program": program, "after": after, "limit": limit, **wanted},
    )


def _read(statement: str, parameters: Any) -> list[MemberView]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [_view(row) for row in cursor.fetchall()]


def _view(row: Sequence[Any]) -> MemberView:
    return MemberView(
        id=row[0],
        external_id=row[1],
        created_at=row[2],
        version=row[3],
        erased_at=row[4],
        person=_person(row[_OWN:]) if row[5] else NOBODY,
    )


def _person(columns: Sequence[Any]) -> Person:
    said = dict(zip(FIELDS, columns, strict=True))
    for name in ("address", "attributes", "consents"):
        # A cursor of Django's gives JSON as the text that it is.
        if isinstance(said[name], str):
            said[name] = msgspec.json.decode(said[name])
    return msgspec.convert(said, Person)


def list_member_ids(*, program: UUID, limit: int, after: UUID | None) -> list[UUID]:
    """Return members' ids in the order of enrolment, `limit` of them, after one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM members_member"
            " WHERE program_id = %(program)s"
            " AND (%(after)s::uuid IS NULL OR id > %(after)s)"
            " ORDER BY id LIMIT %(limit)s",
            {"program": program, "after": after, "limit": limit},
        )
        return [row[0] for row in cursor.fetchall()]


def scan_members(
    *, program: UUID, chunk: int
) -> Generator[list[tuple[str, UUID]], None, None]:
    """Yield all members as (external id, id), by external id as text, in chunks.

    Memory stays flat: the open transaction holds the list.

    Raises:
        TransactionError: no transaction is open.
    """
    # Sorted once by the server: pages by key would sort anew for each page where
    # the database's own collation is not by code point.
    query = composing.SQL(
        "SELECT external_id, id FROM members_member WHERE program_id = {}"
        ' ORDER BY external_id COLLATE "C"'
    ).format(program)
    yield from sql.scan("sorted_member", query, chunk=chunk)

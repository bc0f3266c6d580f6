"""Writes of members."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection

from punchcard.kernel.ids import new_id
from punchcard.kernel.outbox import Announcement, announce
from punchcard.kernel.transactions import require_transaction

from . import errors
from .events import MemberEvent
from .person import (
    EXTERNAL_ID_MAX,
    FIELDS,
    NOBODY,
    NewMember,
    Person,
    check_external_id,
    check_person,
    merge,
)
from .queries import MemberView, lock_member

__all__ = ["EXTERNAL_ID_MAX", "Enrolled", "Erased", "NewMember"]

ENROLMENT_PATIENCE = "10s"

_COLUMNS = ", ".join(FIELDS)
_KNOW = f"""
    INSERT INTO members_person (member_id, program_id, {_COLUMNS})
    SELECT member, %(program)s, email, phone, given_name, family_name, birth_date,
        language, address, attributes,
        ARRAY(SELECT json_array_elements_text(tags)), consents
    FROM json_to_recordset(%(people)s::json) AS person (
        member uuid, email text, phone text, given_name text, family_name text,
        birth_date date, language text, address jsonb, attributes json, tags json,
        consents jsonb)
    ON CONFLICT (member_id) DO UPDATE SET
        {", ".join(f"{name} = excluded.{name}" for name in FIELDS)}
"""


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """A member, and whether this call made it."""

    id: UUID
    external_id: str
    created_at: datetime
    created: bool


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """A member after a change, and the names of the fields that are other now."""

    member: MemberView
    fields: list[str]


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What a member was called, for whoever must forget it too."""

    external_id: str
    email: str | None
    phone: str | None


def find_malformed(
    *, members: Sequence[NewMember], now: datetime
) -> dict[int, errors.MemberMalformed]:
    """Return what is wrong with whom, by their place in the list."""
    found = {}
    for position, member in enumerate(members):
        try:
            _check(member, now, position)
        except errors.MemberMalformed as error:
            found[position] = error
    return found


def enrol_members(
    *,
    program: UUID,
    now: datetime,
    members: Sequence[NewMember] = (),
    external_ids: Sequence[str] = (),
) -> list[Enrolled]:
    """Make those members that are not there yet; answer all, in the order asked.

    `external_ids` are members of whom nothing else is known. Who is there already
    stays as they are. Four statements at most; the same external id twice is one
    member, the first.

    Raises:
        MemberMalformed: one is not what it must be (`ExternalIdMalformed`, or another
            field); nothing is made.
    """
    require_transaction()
    asked = [*members, *(NewMember(external_id=text) for text in external_ids)]
    for position, member in enumerate(asked):
        _check(member, now, position)
    people: dict[str, Person] = {}
    for member in asked:
        people.setdefault(member.external_id, member.person)
    if not people:
        return []
    # Sorted, so that two batches over the same members wait and don't deadlock.
    wanted = sorted(people)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO members_member (id, program_id, external_id, created_at)"
            " SELECT id, %s, external_id, %s"
            " FROM unnest(%s::uuid[], %s::text[]) WITH ORDINALITY"
            " AS new (id, external_id, n) ORDER BY n"
            " ON CONFLICT (program_id, external_id) DO NOTHING"
            " RETURNING id, external_id",
            [program, now, [new_id() for _ in wanted], wanted],
        )
        made = dict(cursor.fetchall())
        cursor.execute(
            "SELECT external_id, id, created_at FROM members_member"
            " WHERE program_id = %s AND external_id = ANY(%s)",
            [program, wanted],
        )
        rows = {row[0]: row for row in cursor.fetchall()}
    _know(program, _said_of(made, people))
    _announce("member.enrolled", program, {member: {} for member in made})
    enrolled = []
    for member in asked:
        _, identity, created_at = rows[member.external_id]
        created = made.pop(identity, None) is not None
        enrolled.append(
            Enrolled(
                id=identity,
                external_id=member.external_id,
                created_at=created_at,
                created=created,
            )
        )
    return enrolled


def change_member(
    *,
    program: UUID,
    member: UUID,
    changes: Mapping[str, Any],
    now: datetime,
    versions: Collection[int] | None = None,
) -> Changed:
    """Say some fields of a person anew; see `person.merge`. No news, no new version.

    Raises:
        MemberNotFound: the program has no such member.
        MemberErased: nothing can be known of them any more.
        MemberChanged: they are of none of these versions (None: whichever).
        MemberMalformed: a field would not be what it must be.
    """
    require_transaction()
    found = lock_member(program=program, member=member)
    if found.erased_at is not None:
        raise errors.MemberErased
    if versions is not None and found.version not in versions:
        raise errors.MemberChanged(found.version)
    person = merge(found.person, changes)
    check_person(person, now=now)
    fields = _differing(person, found.person)
    if not fields:
        return Changed(member=found, fields=[])
    _know(program, {member: person})
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE members_member SET version = version + 1 WHERE id = %s", [member]
        )
    said = {"fields": fields, "version": found.version + 1}
    _announce("member.changed", program, {member: said})
    known = msgspec.structs.replace(found, person=person, version=found.version + 1)
    return Changed(member=known, fields=fields)


def introduce_members(*, program: UUID, people: Mapping[UUID, Person]) -> set[UUID]:
    """Say who members are of whom nothing was ever said; return who they were.

    Whoever was known once, or changed, or erased, stays as they are. Three statements.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE members_member m SET version = version + 1"
            " WHERE program_id = %s AND id = ANY(%s) AND version = 1 AND NOT EXISTS"
            " (SELECT FROM members_person p WHERE p.member_id = m.id) RETURNING id",
            [program, list(people)],
        )
        strangers = {row[0] for row in cursor.fetchall()}
    _know(program, {member: people[member] for member in strangers})
    news = {
        member: {"fields": _differing(people[member], NOBODY), "version": 2}
        for member in sorted(strangers)
    }
    _announce("member.changed", program, news)
    return strangers


def erase_member(*, program: UUID, member: UUID, now: datetime) -> Erased | None:
    """Forget who a member is; return what they were called, None if already forgotten.

    The member stays, for the ledger's sake, under an external id that means nothing.

    Raises:
        MemberNotFound: the program has no such member.
    """
    require_transaction()
    found = lock_member(program=program, member=member)
    if found.erased_at is not None:
        return None
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM members_person WHERE member_id = %s", [member])
        cursor.execute(
            "UPDATE members_member SET external_id = %s, erased_at = %s,"
            " version = version + 1 WHERE id = %s",
            [f"erased-{new_id().hex}", max(now, found.created_at), member],
        )
    _announce("member.erased", program, {member: {"version": found.version + 1}})
    return Erased(
        external_id=found.external_id,
        email=found.person.email,
        phone=found.person.phone,
    )


def keep_member(*, program: UUID, member: UUID) -> None:
    """Refuse somebody erased, and keep this one from being erased until the COMMIT.

    Raises:
        MemberNotFound: the program has no such member.
        MemberErased: there is nobody any more.
    """
    require_transaction()
    if lock_member(program=program, member=member).erased_at is not None:
        raise errors.MemberErased


def await_enrolments() -> None:
    """Wait for enrolments under way, and keep new ones waiting until the COMMIT.

    See Note [No member without an account] in `journeys/create_wallet.py`.

    Raises:
        TransactionError: no transaction is open.
        OperationalError: an enrolment has not ended in time.
    """
    require_transaction()
    with connection.cursor() as cursor:
        # Whoever waits for this lock makes all later enrolments wait with it.
        cursor.execute(f"SET LOCAL lock_timeout = '{ENROLMENT_PATIENCE}'")
        cursor.execute("LOCK TABLE members_member IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute("SET LOCAL lock_timeout = DEFAULT")


def _check(member: NewMember, now: datetime, position: int) -> None:
    check_external_id(member.external_id, position=position)
    check_person(member.person, now=now, position=position)


def _said_of(
    made: Mapping[UUID, str], people: Mapping[str, Person]
) -> dict[UUID, Person]:
    """Return those of whom something is said: of a stranger there is no row at all."""
    return {
        member: people[text] for member, text in made.items() if people[text] != NOBODY
    }


def _differing(person: Person, other: Person) -> list[str]:
    """Return the names of the fields in which two people differ."""
    return [name for name in FIELDS if getattr(person, name) != getattr(other, name)]


def _announce(
    type_: MemberEvent, program: UUID, said: Mapping[UUID, dict[str, Any]]
) -> None:
    """Announce what happened to members; of who they are, only names of fields."""
    announce(
        announcements=[
            Announcement(program=program, type=type_, member=member, data=data)
            for member, data in said.items()
        ]
    )


def _know(program: UUID, people: Mapping[UUID, Person]) -> None:
    """Write what is known of some people; one statement, or none for nobody."""
    known = [
        {"member": member, **msgspec.structs.asdict(person)}
        for member, person in people.items()
    ]
    if not known:
        return
    with connection.cursor() as cursor:
        encoded = msgspec.json.encode(known).decode()
        cursor.execute(_KNOW, {"program": program, "people": encoded})

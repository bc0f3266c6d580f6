"""Import members: who they are elsewhere, and an account in every wallet here.

One batch is one transaction. An interrupted import begins again from its start: whoever
is there already is recognised, and nobody is overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.members import operations as members
from punchcard.members.operations import NewMember
from punchcard.members.queries import MemberView, Person, get_members
from punchcard.programs.queries import list_wallets

from .open_member_accounts import open_member_accounts
from .retrying import UNEXPECTED, in_one_transaction

NOBODY = Person()


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one of them."""

    code: str
    """`enrolled`, `known`, `conflict`, `unexpected`; or `introduced`: was there, but
    nothing had ever been said of them."""
    fields: tuple[str, ...] = ()
    """Of a conflict: what is known otherwise, as in `email` or `address/city`."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Where the members go, and on whose word."""

    author: Author
    program: UUID


def import_members(
    *,
    terms: Terms,
    people: Sequence[NewMember],
    now: datetime,
    along: Callable[[list[Result]], object] | None = None,
) -> list[Result]:
    """Enrol those who are not there yet, with accounts: one transaction.

    Of a member who is there, what is said must be what is known: what differs is a
    conflict, named and not written. What the database refuses unexpectedly fails alone.
    `along` is called with the results, in their transaction.

    Raises:
        MemberMalformed: one is not what it must be; nothing is written.
        OperationalError: (Django's or psycopg's) the database cannot be reached;
            import the same batch again to know, and to have it once.
    """
    return in_one_transaction(
        people,
        lambda some: _import_batch(terms, some, now),
        lambda _: [Result(code=UNEXPECTED)],
        join=lambda parts: [result for part in parts for result in part],
        along=along,
    )


def _import_batch(
    terms: Terms, people: Sequence[NewMember], now: datetime
) -> list[Result]:
    enrolled = members.enrol_members(program=terms.program, members=people, now=now)
    open_member_accounts(
        wallets=list_wallets(program=terms.program),
        members=[member.id for member in enrolled],
        now=now,
    )
    said = {
        member.id: person.person
        for member, person in zip(enrolled, people, strict=True)
        if not member.created
    }
    known = get_members(program=terms.program, members=list(said))
    introduced = members.introduce_members(
        program=terms.program,
        people={
            member: person
            for member, person in said.items()
            if person != NOBODY and _is_stranger(known[member])
        },
    )
    changes = [
        Change(action="member.enrolled", target=typed("mem", member.id))
        for member in enrolled
        if member.created
    ]
    changes += [
        Change(
            action="member.changed",
            target=typed("mem", member),
            fields={"fields": sorted(_plain(said[member]))},
        )
        for member in sorted(introduced)
    ]
    record_changes(author=terms.author, changes=changes, now=now)
    return [
        Result(code="enrolled")
        if member.created
        else Result(code="introduced")
        if member.id in introduced
        else _compare(known[member.id].person, person.person)
        for member, person in zip(enrolled, people, strict=True)
    ]


def _is_stranger(member: MemberView) -> bool:
    return member.version == 1 and member.person == NOBODY


def _compare(known: Person, said: Person) -> Result:
    fields = tuple(_differences(_plain(known), _plain(said)))
    return Result(code="conflict" if fields else "known", fields=fields)


def _plain(person: Person) -> dict[str, Any]:
    """Return what is said of a person, as JSON would have it."""
    plain: dict[str, Any] = msgspec.to_builtins(person)
    return {name: value for name, value in plain.items() if value not in (None, [], {})}


def _differences(known: Mapping[str, Any], said: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is said and known otherwise; what is not said may be known."""
    for name, value in said.items():
        other = known.get(name)
        if value == other:
            continue
        if isinstance(value, dict) and isinstance(other, dict):
            yield from (f"{name}/{inner}" for inner in _differences(other, value))
        elif not _is_part(value, other):
            yield name


def _is_part(value: object, known: object) -> bool:
    """Whether a list's items are all in the known one: tags, decisions."""
    if not isinstance(value, list) or not isinstance(known, list):
        return False
    return all(item in known for item in value)

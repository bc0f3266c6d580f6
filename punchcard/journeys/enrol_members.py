"""Enrol members: the members, and their account in every wallet of the program."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import transaction
from punchcard.members import operations
from punchcard.members.errors import MemberMalformed
from punchcard.members.operations import Enrolled, NewMember
from punchcard.programs.queries import list_wallets

from .open_member_accounts import open_member_accounts


def enrol_members(
    *,
    program: UUID,
    now: datetime,
    members: Sequence[NewMember] = (),
    external_ids: Sequence[str] = (),
    author: Author | None = None,
) -> list[Enrolled]:
    """Make the members that are not there yet, with accounts; answer all, in order.

    `external_ids` are members of whom nothing else is known. Enrolling twice is
    enrolling once; a wallet made since gets its accounts then.

    Raises:
        MemberMalformed: one is not what it must be; nothing is made.
    """
    with transaction():
        enrolled = operations.enrol_members(
            program=program, now=now, members=members, external_ids=external_ids
        )
        open_member_accounts(
            wallets=list_wallets(program=program),
            members=sorted({member.id for member in enrolled}),
            now=now,
        )
        if author is not None and author.is_person:
            made = [member for member in enrolled if member.created]
            record_changes(
                author=author,
                changes=[
                    Change(action="member.enrolled", target=typed("mem", member.id))
                    for member in made
                ],
                now=now,
            )
    return enrolled


def enrol_each(
    *,
    program: UUID,
    now: datetime,
    members: Sequence[NewMember],
    author: Author | None = None,
) -> list[Enrolled | MemberMalformed]:
    """Enrol those that are what they must be; answer for each, in order."""
    wrong = operations.find_malformed(members=members, now=now)
    good = [member for place, member in enumerate(members) if place not in wrong]
    enrolled = iter(
        enrol_members(program=program, now=now, members=good, author=author)
    )
    return [
        wrong[place] if place in wrong else next(enrolled)
        for place in range(len(members))
    ]

"""Erase a member: the person is gone, the ledger stays whole.

What goes: everything known of the person, the external id, who could sign in as the
member, what their activities said, kept answers that name them, and what jobs of the
program have made. What stays: the member's id, accounts, entries and orders, which name
nobody, that there were activities, and what the audit says was done, by ids.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from punchcard.access.operations import erasure as access
from punchcard.earning.operations import forget_inputs
from punchcard.kernel.answers import withhold_answers
from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.job_files import withhold_files
from punchcard.kernel.transactions import transaction
from punchcard.members import operations as members
from punchcard.members.queries import MemberView, get_member
from punchcard.orders.operations import forget_facts


def erase_member(
    *, program: UUID, member: UUID, author: Author, now: datetime
) -> MemberView:
    """Forget who a member is; erasing twice is erasing once.

    Raises:
        MemberNotFound: the program has no such member.
    """
    with transaction():
        erased = members.erase_member(program=program, member=member, now=now)
        if erased is not None:
            people = access.forget_member(
                program=program, member=member, address=erased.email
            )
            forget_facts(program=program, member=member)
            forget_inputs(program=program, member=member)
            _withhold(program, member, erased, people)
            withhold_files(program=program)
            change = Change(
                action="member.erased",
                target=typed("mem", member),
                fields={"users": [typed("usr", person.user) for person in people]},
            )
            # Whoever asks for it: an erasure must be shown to have been done.
            record_changes(author=author, changes=[change], now=now)
        return get_member(program=program, member=member)


def _withhold(
    program: UUID,
    member: UUID,
    erased: members.Erased,
    people: list[access.Forgotten],
) -> None:
    """Empty the kept answers that are about the member, or who could sign in so."""
    known_by = {erased.external_id, erased.email, erased.phone}
    names = {typed("mem", member), *known_by}
    for person in people:
        names.add(typed("mbr", person.membership))
        known_by.add(person.email)
        of_user = [typed("usr", person.user), person.email]
        # Of somebody who stays in another program, only this one's answers.
        for where in person.programs:
            withhold_answers(program=where, naming=of_user)
    withhold_answers(
        program=program,
        naming=sorted(name for name in names if name),
        # A refusal says the address that was asked: also one that nobody has.
        steps=sorted(f"ext:{name}" for name in known_by if name),
    )

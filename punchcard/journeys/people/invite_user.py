"""Invite somebody into a program, once more, or again after they were removed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from punchcard.access import errors
from punchcard.access.operations import links
from punchcard.access.operations.links import make_link
from punchcard.access.operations.memberships import (
    Terms,
    create_membership,
    restore_membership,
)
from punchcard.access.operations.passwords import read_email, require_name
from punchcard.access.operations.users import ensure_user
from punchcard.access.queries import (
    MembershipView,
    get_membership,
    get_membership_of_user,
)
from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import transaction
from punchcard.programs.queries import get_program

from .letters import send_after_commit, write_invitation, write_welcome_back
from .standing_for import require_member


def invite_user(
    *, program: UUID, email: str, terms: Terms, author: Author, now: datetime
) -> MembershipView:
    """Note whom an admin wants in a program, and send a letter with a link.

    Who is a user of other programs stays the same user; this program learns nothing
    of them before they come.

    Raises:
        AccessMalformed: no e-mail address, a name, or terms that do not fit the role.
        MembershipExists: this person belongs to the program already.
    """
    known_as = read_email(email)
    require_name(terms.name)
    with transaction():
        require_member(program=program, member=terms.member)
        user = ensure_user(email=known_as, now=now)
        membership = create_membership(
            program=program, user=user.id, terms=terms, now=now
        )
        token = make_link(
            purpose=links.INVITATION, user=user.id, program=program, now=now
        )
        changes = [
            Change(action="user.invited", target=typed("usr", user.id)),
            _created(membership, terms.role),
        ]
        record_changes(author=author, changes=changes, now=now)
        view = get_membership(program=program, membership=membership)
        name = get_program(program=program).name
    letter = write_invitation(to=known_as, program=name, role=terms.role, token=token)
    send_after_commit(letter)
    return view


def invite_again(
    *, program: UUID, user: UUID, author: Author, now: datetime
) -> MembershipView:
    """Send another letter to somebody who was invited; the link before is over.

    Raises:
        UserNotFound: the program has invited no such user, or they have come.
    """
    with transaction():
        found = get_membership_of_user(program=program, user=user)
        if found.accepted_at is not None:
            raise errors.UserNotFound
        token = make_link(purpose=links.INVITATION, user=user, program=program, now=now)
        change = Change(action="user.invited", target=typed("usr", user))
        record_changes(author=author, changes=[change], now=now)
        name = get_program(program=program).name
    letter = write_invitation(
        to=found.email, program=name, role=found.role, token=token
    )
    send_after_commit(letter)
    return found


def restore_user(
    *, program: UUID, user: UUID, terms: Terms, author: Author, now: datetime
) -> MembershipView:
    """Let somebody in again who was removed, and had come before.

    Raises:
        AccessMalformed: a name, or terms that do not fit the role.
        UserNotFound: the user never belonged to the program, or never came.
        MembershipExists: the user belongs to the program.
    """
    require_name(terms.name)
    with transaction():
        require_member(program=program, member=terms.member)
        membership = restore_membership(
            program=program, user=user, terms=terms, now=now
        )
        changes = [_created(membership, terms.role)]
        record_changes(author=author, changes=changes, now=now)
        view = get_membership(program=program, membership=membership)
        name = get_program(program=program).name
    letter = write_welcome_back(to=view.email, program=name, role=terms.role)
    send_after_commit(letter)
    return view


def _created(membership: UUID, role: str) -> Change:
    return Change(
        action="membership.created",
        target=typed("mbr", membership),
        fields={"role": role},
    )

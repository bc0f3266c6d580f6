"""Change what somebody is in a program: role, places, limit; shut out, remove."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from punchcard.access.operations import memberships
from punchcard.access.operations.passwords import require_name
from punchcard.access.queries import (
    MembershipView,
    get_membership,
    get_membership_of_user,
)
from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import transaction

from .standing_for import require_member


def change_membership(
    *,
    program: UUID,
    membership: UUID,
    given: dict[str, Any],
    author: Author,
    now: datetime,
) -> MembershipView:
    """Set those of the terms that are given.

    Raises:
        AccessMalformed: a name, or terms that do not fit the role.
        MembershipNotFound: the program has none with this id.
        LastAdmin: the program would have no admin any more.
    """
    require_name(given.get("name", ""))
    with transaction():
        require_member(program=program, member=given.get("member"))
        changed = memberships.change_membership(
            program=program, membership=membership, given=given
        )
        view = get_membership(program=program, membership=membership)
        if changed:
            change = Change(
                action="membership.changed",
                target=typed("mbr", membership),
                fields={"changed": changed, "role": view.role},
            )
            record_changes(author=author, changes=[change], now=now)
    return view


def remove_membership(
    *, program: UUID, membership: UUID, author: Author, now: datetime
) -> None:
    """Take somebody out of a program; who they are elsewhere stays as it is.

    Raises:
        MembershipNotFound: the program has none with this id.
        LastAdmin: the program would have no admin any more.
    """
    with transaction():
        memberships.remove_membership(program=program, membership=membership, now=now)
        change = Change(action="membership.removed", target=typed("mbr", membership))
        record_changes(author=author, changes=[change], now=now)


def disable_in_program(
    *, program: UUID, user: UUID, author: Author, now: datetime
) -> MembershipView:
    """Shut somebody out of this program, at once, and of no other; twice is once.

    Raises:
        UserNotFound: the program has no such user.
        LastAdmin: the program would have no admin any more.
    """
    with transaction():
        found = get_membership_of_user(program=program, user=user)
        if memberships.disable_membership(
            program=program, membership=found.id, now=now
        ):
            change = Change(action="user.disabled", target=typed("usr", user))
            record_changes(author=author, changes=[change], now=now)
        return get_membership(program=program, membership=found.id)


def enable_in_program(
    *, program: UUID, user: UUID, author: Author, now: datetime
) -> MembershipView:
    """Let somebody in again; twice is once.

    Raises:
        UserNotFound: the program has no such user.
    """
    with transaction():
        found = get_membership_of_user(program=program, user=user)
        if memberships.enable_membership(program=program, membership=found.id):
            change = Change(action="user.enabled", target=typed("usr", user))
            record_changes(author=author, changes=[change], now=now)
        return get_membership(program=program, membership=found.id)

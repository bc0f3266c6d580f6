"""Forgetting people: what access knows of a member who is erased."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
from django.db.models import Q

from punchcard.access.models import Link, Membership, User
from punchcard.kernel.transactions import require_transaction


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """One who could sign in as the member, for whoever must forget them too."""

    user: UUID
    membership: UUID
    email: str
    programs: list[UUID]
    """In which nothing of them is left: this one, and where they were removed before,
    if the user is gone too."""


def forget_member(
    *, program: UUID, member: UUID, address: str | None = None
) -> list[Forgotten]:
    """Take away who could sign in as this member, or is about to.

    A user who is somebody elsewhere stays there; one who is nobody any more is gone.
    Of registrations that wait to be confirmed go those under the same addresses;
    `address` is the member's own.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    theirs = Membership.objects.filter(program_id=program, member=member)
    # The users first, as everybody else does.
    users = User.objects.filter(pk__in=list(theirs.values_list("user_id", flat=True)))
    emails = dict(users.select_for_update().order_by("id").values_list("id", "email"))
    rows = list(theirs.select_for_update(of=("self",)).order_by("id"))
    elsewhere = _elsewhere([row.user_id for row in rows], [row.pk for row in rows])
    gone = [
        row.user_id
        for row in rows
        if all(removed for _, removed in elsewhere[row.user_id])
    ]
    forgotten = [
        Forgotten(
            user=row.user_id,
            membership=row.pk,
            email=emails[row.user_id],
            programs=[program]
            + [other for other, _ in elsewhere[row.user_id] if row.user_id in gone],
        )
        for row in rows
    ]
    here = [person.email for person in forgotten]
    if address is not None:
        here.append(address.lower())
    everywhere = Q(email__in=[emails[user] for user in gone])
    Link.objects.filter(Q(email__in=here, program_id=program) | everywhere).delete()
    Membership.objects.filter(pk__in=[row.pk for row in rows]).delete()
    User.objects.filter(pk__in=gone).delete()
    return forgotten


def _elsewhere(
    users: Sequence[UUID], but: Sequence[UUID]
) -> dict[UUID, list[tuple[UUID, bool]]]:
    """Return where else users are, or were: the program, and whether removed."""
    found: dict[UUID, list[tuple[UUID, bool]]] = {user: [] for user in users}
    others = Membership.objects.filter(user_id__in=users).exclude(pk__in=but)
    for row in others.order_by("id"):
        found[row.user_id].append((row.program_id, row.removed_at is not None))
    return found

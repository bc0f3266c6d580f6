"""Forgetting people: what access knows of a member who is erased."""

from __future__ import annotations

from uuid import UUID

import msgspec

from punchcard.access.models import Link, Membership, User
from punchcard.kernel.transactions import require_transaction


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """One who could sign in as the member, for whoever must forget them too."""

    user: UUID
    membership: UUID
    email: str
    whole: bool
    """Whether the user is gone too, and not only what they were in this program."""


def forget_member(*, program: UUID, member: UUID) -> list[Forgotten]:
    """Take away who could sign in as this member.

    A user who is somebody elsewhere stays there; one who is nobody any more is gone,
    with whatever of a registration was waiting under the same address.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    memberships = list(
        Membership.objects.filter(program_id=program, member=member)
        .select_for_update(of=("self",))
        .order_by("id")
    )
    users = User.objects.filter(pk__in=[row.user_id for row in memberships])
    emails = dict(users.select_for_update().order_by("id").values_list("id", "email"))
    Membership.objects.filter(pk__in=[row.pk for row in memberships]).delete()
    elsewhere = set(
        Membership.objects.filter(user_id__in=list(emails), removed_at=None)
        .values_list("user_id", flat=True)
        .distinct()
    )
    gone = [user for user in emails if user not in elsewhere]
    Link.objects.filter(email__in=[emails[user] for user in gone]).delete()
    User.objects.filter(pk__in=gone).delete()
    return [
        Forgotten(
            user=row.user_id,
            membership=row.pk,
            email=emails[row.user_id],
            whole=row.user_id not in elsewhere,
        )
        for row in memberships
    ]

"""Somebody who signs in as a member: there must be one, and go on being one."""

from __future__ import annotations

from uuid import UUID

from punchcard.access.errors import AccessMalformed
from punchcard.members.errors import MemberErased, MemberNotFound
from punchcard.members.operations import keep_member


def require_member(*, program: UUID, member: UUID | None) -> None:
    """Refuse a member who is erased; nobody erases this one until the COMMIT.

    Who was erased would be known again by who signs in as them, and as an erasure is
    done once, nobody could take that away. None is nobody, and not refused.

    Raises:
        AccessMalformed: there is no such member, or no longer.
    """
    if member is None:
        return
    try:
        keep_member(program=program, member=member)
    except (MemberNotFound, MemberErased):
        raise AccessMalformed("member", "There is no such member.") from None

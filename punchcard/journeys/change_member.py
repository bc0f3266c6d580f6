"""Change what is known of a member."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import transaction
from punchcard.members import operations
from punchcard.members.queries import MemberView


def change_member(
    *,
    program: UUID,
    member: UUID,
    changes: Mapping[str, Any],
    versions: Collection[int] | None,
    author: Author,
    now: datetime,
) -> MemberView:
    """Say some fields anew, of a member of one of these versions (None: of any).

    Raises:
        MemberNotFound: the program has no such member.
        MemberErased: nothing can be known of them any more.
        MemberChanged: they are of another version.
        MemberMalformed: a field would not be what it must be.
    """
    with transaction():
        changed = operations.change_member(
            program=program, member=member, changes=changes, now=now, versions=versions
        )
        if changed.fields and author.is_person:
            named = Change(
                action="member.changed",
                target=typed("mem", member),
                fields={"fields": changed.fields},
            )
            record_changes(author=author, changes=[named], now=now)
    return changed.member

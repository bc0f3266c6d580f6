"""List every member of a program with what is known of them, as of one moment."""

from __future__ import annotations

from collections.abc import Generator
from uuid import UUID

from punchcard.kernel.transactions import snapshot
from punchcard.members import queries as members
from punchcard.members.queries import MemberView

CHUNK = 1_000


def list_members(*, program: UUID) -> Generator[MemberView, None, None]:
    """Yield the members in the order of their enrolment, without those erased.

    All of it is read from one snapshot, chunk by chunk, so memory stays flat.

    Raises:
        TransactionError: a transaction is open already.
    """
    last: UUID | None = None
    with snapshot():
        while True:
            chunk = members.list_members(
                program=program, limit=CHUNK, after=last, newest_first=False
            )
            yield from (member for member in chunk if member.status == "active")
            if len(chunk) < CHUNK:
                return
            last = chunk[-1].id

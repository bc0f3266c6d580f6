"""Say whether people may register themselves as members of a program."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import transaction
from punchcard.programs.operations import set_self_registration
from punchcard.programs.queries import ProgramView


def open_registration(
    *, program: UUID, allowed: bool, author: Author, now: datetime
) -> ProgramView:
    """Open or close the registration.

    Raises:
        ProgramNotFound: there is no such program.
    """
    with transaction():
        changed = set_self_registration(program=program, allowed=allowed)
        change = Change(
            action="program.changed",
            target=typed("prg", program),
            fields={"self_registration": allowed},
        )
        record_changes(author=author, changes=[change], now=now)
    return changed

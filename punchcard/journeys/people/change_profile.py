"""Change what somebody says of themselves: name and language."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from punchcard.access.operations.passwords import require_language, require_name
from punchcard.access.operations.users import change_profile as change
from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import transaction


def change_profile(
    *,
    user: UUID,
    name: str | None,
    language: str | None,
    author: Author,
    now: datetime,
) -> None:
    """Set what is given.

    Raises:
        AccessMalformed: a name or a language that is none.
    """
    require_name(name or "")
    require_language(language or "")
    with transaction():
        changed = change(user=user, name=name, language=language)
        if changed:
            fact = Change(
                action="user.changed",
                target=typed("usr", user),
                fields={"changed": changed},
            )
            record_changes(author=author, changes=[fact], now=now)

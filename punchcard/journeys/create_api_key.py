"""Create an API key: its secret is seen this once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from punchcard.access.operations import api_keys
from punchcard.access.operations.api_keys import CreatedKey
from punchcard.kernel.audit import CONSOLE, Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import transaction
from punchcard.programs.queries import get_program


def create_api_key(
    *,
    program: UUID,
    name: str,
    scopes: Sequence[str],
    now: datetime,
    expires_at: datetime | None = None,
    kind: str = api_keys.SECRET,
    networks: Sequence[str] = (),
    author: Author | None = None,
) -> CreatedKey:
    """Make an API key of the program and return it with its secret.

    Without an author it is whoever sits at the console.

    Raises:
        ProgramNotFound: there is no such program.
        AccessMalformed: the name, an unknown scope, none at all, one that is not for
            publishable keys, no network, too many of them, or a past expiry.
    """
    with transaction():
        found = get_program(program=program)
        created = api_keys.create_api_key(
            program=program,
            mode=found.mode,
            name=name,
            scopes=scopes,
            now=now,
            expires_at=expires_at,
            kind=kind,
            networks=networks,
        )
        change = Change(
            action="api_key.created",
            target=typed("key", created.id),
            fields={
                "kind": kind,
                "scopes": sorted(set(scopes)),
                "expires_at": None if expires_at is None else expires_at.isoformat(),
            },
        )
        record_changes(
            author=author or Author(actor=CONSOLE, program=program),
            changes=[change],
            now=now,
        )
    return created

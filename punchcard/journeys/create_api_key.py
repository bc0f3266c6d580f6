"""Create an API key: its secret is seen this once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from punchcard.access import operations as access
from punchcard.kernel.transactions import transaction
from punchcard.programs.queries import get_program


def create_api_key(
    *,
    program: UUID,
    name: str,
    scopes: Sequence[str],
    now: datetime,
    expires_at: datetime | None = None,
) -> access.CreatedKey:
    """Make an API key of the program and return it with its secret.

    Raises:
        ProgramNotFound: there is no such program.
        AccessMalformed: the name, an unknown scope, none at all, or a past expiry.
    """
    with transaction():
        found = get_program(program=program)
        return access.create_api_key(
            program=program,
            mode=found.mode,
            name=name,
            scopes=scopes,
            now=now,
            expires_at=expires_at,
        )

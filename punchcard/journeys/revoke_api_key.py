"""Revoke an API key: nobody is let in with it any more."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from punchcard.access.operations import api_keys
from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import transaction


def revoke_api_key(*, program: UUID, key: UUID, author: Author, now: datetime) -> None:
    """Make a key useless from now on; revoking twice is once.

    Raises:
        ApiKeyNotFound: the program has no such key.
    """
    with transaction():
        if api_keys.revoke_api_key(program=program, key=key, now=now):
            change = Change(action="api_key.revoked", target=typed("key", key))
            record_changes(author=author, changes=[change], now=now)

"""Rotate an API key: a new secret, while the old one goes on for a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from punchcard.access.operations import api_keys
from punchcard.access.operations.api_keys import CreatedKey
from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import transaction


def rotate_api_key(
    *, program: UUID, key: UUID, overlap: timedelta, author: Author, now: datetime
) -> CreatedKey:
    """Give a key a new secret, which is seen this once.

    Raises:
        AccessMalformed: the overlap is longer than 7 days.
        ApiKeyNotFound: the program has no such key.
        ApiKeyEnded: it was revoked, or has expired.
    """
    with transaction():
        rotated = api_keys.rotate_api_key(
            program=program, key=key, overlap=overlap, now=now
        )
        change = Change(
            action="api_key.rotated",
            target=typed("key", key),
            fields={"overlap_seconds": int(overlap.total_seconds())},
        )
        record_changes(author=author, changes=[change], now=now)
    return rotated

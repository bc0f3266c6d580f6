"""What `post` answers: for each command, what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

APPLIED = "applied"
NOT_APPLIED = "not_applied"


class Entry(msgspec.Struct, kw_only=True):
    """One immutable row: what happened to one account."""

    account: UUID
    sequence: int
    type: str
    source: str
    amount: int
    available: int = 0
    pending: int = 0
    reserved: int = 0
    balance: int = 0
    pending_after: int = 0
    reserved_after: int = 0
    lifetime_after: int = 0
    key: str | None = None
    fingerprint: bytes | None = None
    reference_type: str | None = None
    reference_id: str | None = None
    relates_to: int | None = None
    transfer: UUID | None = None
    other_account: UUID | None = None
    other_sequence: int | None = None
    referred_member: UUID | None = None
    description: str = ""
    metadata: str = "{}"
    """JSON, as stored: the hash covers this text."""
    available_at: datetime | None = None
    expires_at: datetime | None = None
    validity: str | None = None
    effective_at: datetime
    recorded_at: datetime
    actor: str = "system"
    hash: bytes = b""


class Outcome(msgspec.Struct, kw_only=True):
    """What became of one command.

    `code` is `applied`, a refusal's code (see `errors`), or `not_applied`.
    """

    account: UUID
    code: str = APPLIED
    entry: Entry | None = None
    sequence: int = 0
    """The account's last sequence after the decision."""
    decided_at: datetime | None = None
    details: dict[str, Any] = {}
    replayed: bool = False

    @property
    def applied(self) -> bool:
        """Whether the command took effect (now, or when it was first posted)."""
        return self.code == APPLIED

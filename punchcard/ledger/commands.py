"""What a caller may ask of the ledger: one frozen struct per command.

Amounts are whole minor units of the account's wallet. Instants are aware
datetimes, durations ISO 8601 text ("P3D", "P12M", "PT0S"). `at` is the instant
at which it happened, when that is earlier than now (imports); `None` means now.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What every command that has a key may say."""

    account: UUID
    reference_type: str | None = None
    reference_id: str | None = None
    key: str | None = None
    """Left out only with a reference of type `order`: the key is made from it."""
    at: datetime | None = None
    actor: str = "system"
    description: str | None = None
    metadata: dict[str, object] | None = None


class Earn(Said, frozen=True, kw_only=True, tag="earn"):
    """Credit points: at once, after a pending period, or when an event comes."""

    points: int
    source: str = "purchase"
    pending: str | None = None
    """ISO 8601 duration, or "event"; None: the wallet's pending period."""
    validity: str | None = None
    """ISO 8601 duration counted from the instant the points become available."""
    expires_at: datetime | None = None
    """A stated instant of expiry, in place of `validity`."""
    referred_member: UUID | None = None


class Redeem(Said, frozen=True, kw_only=True, tag="redeem"):
    """Spend points. With `up_to`, at most `points` and at least 1."""

    points: int
    up_to: bool = False
    source: str = "redemption"


class Refund(Said, frozen=True, kw_only=True, tag="refund"):
    """Give back a spend (`redeem` or `capture`), whole or in part."""

    entry: int
    """Sequence of the spend in this account."""
    points: int | None = None
    """None: what is not yet refunded."""
    source: str = "redemption"


class Reverse(Said, frozen=True, kw_only=True, tag="reverse"):
    """Take back an `earn`, whole or in part."""

    entry: int
    """Sequence of the earn in this account."""
    points: int | None = None
    """None: what is neither reversed nor cancelled yet."""
    policy: str | None = None
    """One of `debt`, `cap`, `refuse`; None: the wallet's debt policy."""
    source: str = "purchase"


class Settle(msgspec.Struct, frozen=True, kw_only=True, tag="settle"):
    """Write what fell due. Needs no key; twice is once."""

    account: UUID
    at: datetime | None = None


Command = Earn | Redeem | Refund | Reverse | Settle

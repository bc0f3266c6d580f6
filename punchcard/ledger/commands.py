"""What a caller may ask of the ledger: one frozen struct per command.

Amounts are whole minor units of the account's wallet. Instants are aware
datetimes, durations ISO 8601 text ("P3D", "P12M", "PT0S"). `at` is the instant
at which it happened, when that is earlier than now (imports); `None` means now.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

LotName = tuple[int, int]
"""A lot's name in its account: (sequence of the entry that opened it, n)."""


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


class Reserve(Said, frozen=True, kw_only=True, tag="reserve"):
    """Set points aside for a spend that is not final yet: opens a hold."""

    points: int
    up_to: bool = False
    time_to_live: str | None = None
    """ISO 8601 duration, at most the wallet's maximum; None: that maximum."""
    source: str = "redemption"


class Capture(Said, frozen=True, kw_only=True, tag="capture"):
    """Make a hold a spend, whole or in part; the rest comes back."""

    hold: int
    """Sequence of the reserve in this account."""
    points: int | None = None
    """None: all that is held."""
    source: str = "redemption"


class Void(Said, frozen=True, kw_only=True, tag="void"):
    """Give up a hold: everything comes back."""

    hold: int
    """Sequence of the reserve in this account."""
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


class Adjust(Said, frozen=True, kw_only=True, tag="adjust"):
    """Correct a balance by hand, up or down. Lifetime is not touched."""

    points: int
    """Signed, not 0."""
    reason: str
    """Becomes the entry's description."""
    policy: str | None = None
    """Of a minus: one of `debt`, `cap`, `refuse`; None: `refuse`."""
    validity: str | None = None
    """Of a plus: ISO 8601 duration from now; None: the wallet's validity."""
    expires_at: datetime | None = None
    """Of a plus: a stated instant of expiry, in place of `validity`."""
    lot: LotName | None = None
    """A minus takes from this open lot alone; a plus continues its root."""
    source: str = "admin"


class Transfer(Said, frozen=True, kw_only=True, tag="transfer"):
    """Move points to another account of the same wallet; their expiry goes along."""

    to: UUID
    points: int
    source: str = "transfer"


class Activate(Said, frozen=True, kw_only=True, tag="activate"):
    """Make a pending lot available, whole; its validity starts now."""

    lot: LotName
    source: str = "purchase"


class Cancel(Said, frozen=True, kw_only=True, tag="cancel"):
    """Take a pending lot back, whole."""

    lot: LotName
    source: str = "purchase"


class Settle(msgspec.Struct, frozen=True, kw_only=True, tag="settle"):
    """Write what fell due. Needs no key; twice is once."""

    account: UUID
    at: datetime | None = None


Keyed = (
    Earn
    | Redeem
    | Reserve
    | Capture
    | Void
    | Refund
    | Reverse
    | Adjust
    | Transfer
    | Activate
    | Cancel
)
Command = Keyed | Settle

"""An account while a batch is decided: its numbers, lots, and the rows to write."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from punchcard.kernel.calendar import Duration, add_duration
from punchcard.kernel.validity import Validity
from punchcard.ledger.outcomes import Entry

MAX_POINTS = 2**53 - 1
"""No command lifts |available| + pending + reserved, or lifetime, above this."""

LotId = tuple[int, int]
"""(sequence of the entry that opened it, n)"""


class Policy(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a wallet says about its points; durations parsed, zone resolved."""

    pending_period: Duration
    validity: Validity | None
    grace: Duration
    debt_policy: str
    hold_time_max: Duration
    idle: Duration | None
    per_command: int | None
    per_day: int | None
    per_month: int | None
    zone: ZoneInfo

    @property
    def counts_spends(self) -> bool:
        """Whether what was spent this day or month decides what may be spent."""
        return self.per_day is not None or self.per_month is not None


class Lot(msgspec.Struct, kw_only=True, gc=False):
    """What can still be spent of one credit."""

    sequence: int
    n: int
    root: int
    credited: int
    validity: str | None
    available_at: datetime | None
    expires_at: datetime | None
    activated_by: int | None = None
    remaining: int
    lapsed: int = 0
    state: str
    opened_here: bool = False
    """Opened by this batch: it is inserted, in its final state."""
    changed: bool = False
    """Changed by this batch: it is updated, once, in its final state."""
    activated_here: bool = False
    """Given its dates by this batch."""


class Hold(msgspec.Struct, kw_only=True, gc=False):
    """Points set aside by the `reserve` entry of this sequence."""

    sequence: int
    points: int
    expires_at: datetime
    resolved_by: int | None = None
    opened_here: bool = False
    """Opened by this batch: it is inserted, in its final state."""
    changed: bool = False
    """Resolved by this batch."""
    taken: list[tuple[LotId, int]] = []
    """What the reserve took from which lot, in spending order."""


class Allocation(msgspec.Struct, gc=False):
    """Entry `sequence` took from (-) or gave back to (+) a lot."""

    sequence: int
    n: int
    lot_sequence: int
    lot_n: int
    points: int


class Named(msgspec.Struct, kw_only=True, gc=False):
    """An entry that a command of the batch names, with what was undone of it."""

    type: str
    amount: int
    undone: int = 0
    """Of a spend: refunded. Of an earn: reversed and cancelled."""
    lapsed_counted: int = 0
    """What earlier reverses of this earn found lapsed."""
    taken: list[tuple[LotId, int]] = []
    """Of a spend: what it took from which lot, in the order of taking."""


class Remembered(msgspec.Struct, kw_only=True, gc=False):
    """What an account's key stands for: an entry, or a refusal."""

    fingerprint: bytes
    entry: Entry | None = None
    code: str | None = None
    details: dict[str, object] = {}
    sequence: int = 0
    decided_at: datetime | None = None


class RefusalRow(msgspec.Struct, kw_only=True, gc=False):
    """A refusal to be remembered."""

    key: str
    fingerprint: bytes
    code: str
    details: dict[str, object]
    sequence: int
    decided_at: datetime


class Account(msgspec.Struct, kw_only=True):
    """One account of a batch. `lots` holds those that the batch can need."""

    id: UUID
    wallet: UUID
    policy: Policy
    available: int
    pending: int
    reserved: int
    lifetime: int
    last_sequence: int
    status: str
    effective_at: datetime | None
    hash: bytes
    next_due_at: datetime | None
    active_at: datetime | None
    """When points were last earned, redeemed or captured."""
    lots: dict[LotId, Lot] = {}
    holds: dict[int, Hold] = {}
    named: dict[int, Named] = {}
    keys: dict[str, Remembered] = {}
    spendable: list[Lot] | None = None
    """The open lots in spending order, once a command has asked for them."""
    horizon: datetime | None = None
    """Lots and holds that were not read fall due at this instant or later."""
    spends: list[tuple[datetime, int]] = []
    """(instant, points) spent since the period began, given back as negative; read
    only where a limit of the wallet counts them."""
    names_entries: bool = False
    """A command of the batch names an entry: keep those made here by name."""
    entries: list[Entry] = []
    allocations: list[Allocation] = []
    refusals: list[RefusalRow] = []
    touched: bool = False
    """Its row must be written."""

    def instant(self, wanted: datetime) -> datetime:
        """Return `wanted`, but never before what already took effect here."""
        if self.effective_at is not None and self.effective_at > wanted:
            return self.effective_at
        return wanted

    def due_by(self, instant: datetime) -> bool:
        """Return whether something may have fallen due up to `instant`."""
        return self.next_due_at is not None and self.next_due_at <= instant

    def due_earlier(self, instant: datetime | None) -> None:
        """Note that something falls due at `instant`."""
        if instant is not None and (
            self.next_due_at is None or instant < self.next_due_at
        ):
            self.next_due_at = instant

    @property
    def idles_at(self) -> datetime | None:
        """When all open lots lapse for want of activity; None: that has passed."""
        idle = self.policy.idle
        if idle is None or self.active_at is None or self.effective_at is None:
            return None
        at = add_duration(self.active_at, idle, self.policy.zone)
        return at if at > self.effective_at else None

"""What lapses from here on, if nobody earns or spends: days and months of it.

What can be spent through 31 December lapses at the midnight after it. Like the balance
at that midnight, a period counts what lapses at its end, and not what lapsed at its
beginning: (start, end].
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from punchcard.ledger.rules.settling import settle
from punchcard.ledger.rules.state import Account

By: TypeAlias = Literal["instant", "day", "month"]
_INSTANT = timedelta(microseconds=1)


class Lapse(msgspec.Struct, frozen=True, kw_only=True):
    """Points that lapse at one instant."""

    at: datetime
    points: int


class Expiry(msgspec.Struct, frozen=True, kw_only=True):
    """Points that lapse in one period: an instant, a day or a month."""

    period: str
    """`2026-12` or `2026-12-31` on the program's calendar; an instant in UTC."""
    first_at: datetime
    last_at: datetime
    points: int


def lapses(account: Account, after: datetime, until: datetime) -> list[Lapse]:
    """Let time pass on a copy; return what lapses after an instant, up to another.

    Every pending or open lot and every open hold of the account must have been read.
    """
    settle(account, until, until)
    return [
        Lapse(at=entry.effective_at, points=entry.amount)
        for entry in account.entries
        if entry.type == "expire" and entry.effective_at > after
    ]


def expiries(found: Iterable[Lapse], by: By, zone: ZoneInfo) -> list[Expiry]:
    """Return the sum of what lapses in each period, the next one first."""
    ordered = sorted(found, key=lambda lapse: lapse.at)
    periods = []
    for period, group in groupby(ordered, lambda lapse: _period(lapse.at, by, zone)):
        together = list(group)
        periods.append(
            Expiry(
                period=period,
                first_at=together[0].at,
                last_at=together[-1].at,
                points=sum(lapse.points for lapse in together),
            )
        )
    return periods


def _period(at: datetime, by: By, zone: ZoneInfo) -> str:
    if by == "instant":
        return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    last = (at - _INSTANT).astimezone(zone)
    return f"{last:%Y-%m}" if by == "month" else f"{last:%Y-%m-%d}"

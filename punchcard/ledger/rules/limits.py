"""How much may be spent, and how large numbers may grow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from punchcard.kernel.calendar import Period, day_of, month_of
from punchcard.ledger.rules.refusing import Refused
from punchcard.ledger.rules.state import MAX_POINTS, Account, Policy

SPENDING = frozenset({"redeem", "reserve", "capture", "void", "transfer_out"})
"""Entries that count: what they take is used, what they bring back is not."""


def within_total(
    account: Account, *, available: int = 0, pending: int = 0, lifetime: int = 0
) -> None:
    """Refuse deltas that would lift the total, or lifetime, above 2^53 - 1."""
    total = abs(account.available) + account.pending + account.reserved
    after = abs(account.available + available) + account.pending + pending
    after += account.reserved
    lifted = after > max(total, MAX_POINTS)
    if lifted or account.lifetime + lifetime > MAX_POINTS:
        raise Refused("limit_exceeded", limit="total", maximum=MAX_POINTS)


def spendable(
    account: Account, points: int, at: datetime, *, up_to: bool = False
) -> int:
    """Return the points that the wallet's limits let the account spend at `at`.

    All of `points`; with `up_to`, as many of them as every limit leaves, at least 1.
    """
    policy = account.policy
    if policy.per_command is None and not policy.counts_spends:
        return points
    required = 1 if up_to else points
    for left, facts in _limits(account, policy, at):
        if left < required:
            raise Refused("limit_exceeded", required=required, **facts)
        points = min(points, left)
    return points


def earliest_period(policy: Policy, at: datetime) -> datetime:
    """Return from when on spends must be known, to judge one at `at`."""
    period = day_of if policy.per_month is None else month_of
    return period(at, policy.zone).start


def _limits(
    account: Account, policy: Policy, at: datetime
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (points left, what to say of it) of each limit, the narrowest first."""
    if policy.per_command is not None:
        facts = {"limit": "per_command", "maximum": policy.per_command}
        yield policy.per_command, facts
    if policy.per_day is not None:
        yield _left(account, "per_day", policy.per_day, day_of(at, policy.zone))
    if policy.per_month is not None:
        yield _left(account, "per_month", policy.per_month, month_of(at, policy.zone))


def _left(
    account: Account, name: str, maximum: int, period: Period
) -> tuple[int, dict[str, Any]]:
    since = sum(points for at, points in account.spends if at >= period.start)
    used = max(since, 0)
    return maximum - used, {
        "limit": name,
        "maximum": maximum,
        "used": used,
        "resets_at": period.end.isoformat().replace("+00:00", "Z"),
    }

"""How much of what a rule asks for its caps and its cooldown let through."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from punchcard.earning.decisions import Use, WhyNot
from punchcard.earning.documents import CapPeriod, Rule
from punchcard.earning.purchases import Counter, Used
from punchcard.earning.rules.windows import counter_of
from punchcard.kernel.calendar import add_duration, parse_duration

_NOTHING = Used()
_CODES: Mapping[CapPeriod, WhyNot] = {
    "order": "cap_order",
    "day": "cap_day",
    "week": "cap_week",
    "month": "cap_month",
    "year": "cap_year",
    "ever": "cap_ever",
    "budget": "cap_budget",
}


class Allowed(msgspec.Struct, frozen=True, gc=False):
    """Points that pass, and what stopped the others."""

    points: int
    code: WhyNot | None = None
    detail: str = ""


def allow(
    rule: Rule,
    asked: int,
    at: datetime,
    zone: ZoneInfo,
    used: Mapping[Counter, Used],
) -> Allowed:
    """Return how many of the asked points pass; of several caps the tightest counts."""
    allowed = Allowed(asked)
    if not asked or not is_limited(rule):
        return allowed
    if rule.cooldown is not None:
        last = used.get(counter_of(rule.id, "ever", at, zone), _NOTHING).last_at
        if last is not None and _cools(rule.cooldown, last, at, zone):
            return Allowed(0, "cooldown", rule.cooldown)
    for cap in rule.caps:
        before = _NOTHING
        if cap.per != "order":
            before = used.get(counter_of(rule.id, cap.per, at, zone), _NOTHING)
        if cap.times is not None and before.times >= cap.times:
            detail = f"{before.times} of {cap.times} times"
            return Allowed(0, _CODES[cap.per], detail)
        if cap.points is None:
            continue
        left = max(cap.points - before.points, 0)
        passing = left if cap.over == "reduce" or asked <= left else 0
        if passing < allowed.points:
            detail = f"{before.points} of {cap.points} points"
            allowed = Allowed(passing, _CODES[cap.per], detail)
    return allowed


def _cools(cooldown: str, last: datetime, at: datetime, zone: ZoneInfo) -> bool:
    # Orders can come late: an award after this instant is as near as one before it.
    first, second = min(last, at), max(last, at)
    return second < add_duration(first, parse_duration(cooldown), zone)


def is_limited(rule: Rule) -> bool:
    """Return whether a rule has any cap or cooldown."""
    return bool(rule.caps) or rule.cooldown is not None


def periods_of(rule: Rule) -> tuple[CapPeriod, ...]:
    """Return the periods of what must be known of a rule's past: caps, cooldown."""
    periods = {cap.per: None for cap in rule.caps if cap.per != "order"}
    if rule.cooldown is not None:
        periods["ever"] = None
    return tuple(periods)


def uses_of(rule: Rule, points: int, at: datetime, zone: ZoneInfo) -> list[Use]:
    """Return what granting `points` adds to the counters of a rule."""
    if not points or not is_limited(rule):
        return []
    return [
        Use(counter=counter_of(rule.id, per, at, zone), points=points, times=1)
        for per in periods_of(rule)
    ]

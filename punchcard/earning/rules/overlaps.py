"""What is said twice, or contradicts itself, so that nobody could say what is meant.

Rules that add up are no overlap: that is what `stacking` is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, time
from itertools import pairwise
from typing import NamedTuple

from punchcard.earning.documents import (
    WEEKDAYS,
    Campaign,
    Cap,
    Dates,
    Hours,
    Lines,
    Multiply,
    Rule,
    Ruleset,
)

_DAY = 24 * 60
_WEEK = 7 * _DAY


class Overlap(NamedTuple):
    """Where, below the rule or the ruleset, and what of it."""

    place: str
    detail: str


class _Stretch(NamedTuple):
    starts: int
    ends: int
    of: int


def of_hours(hours: tuple[Hours, ...]) -> Iterator[Overlap]:
    """Yield stretches of the week that share a minute with an earlier one."""
    stretches = sorted(_stretches(hours))
    if not stretches:
        return
    first = stretches[0]
    again = first._replace(starts=first.starts + _WEEK, ends=first.ends + _WEEK)
    seen = set()
    for one, other in pairwise([*stretches, again]):
        pair = min(one.of, other.of), max(one.of, other.of)
        if other.starts < one.ends and one is not other and pair not in seen:
            seen.add(pair)
            day = WEEKDAYS[other.starts % _WEEK // _DAY]
            wall = f"{other.starts % _DAY // 60:02}:{other.starts % 60:02}"
            detail = f"{day} {wall} is in /hours/{pair[0]} already"
            yield Overlap(f"/hours/{pair[1]}", detail)


def _stretches(hours: tuple[Hours, ...]) -> Iterator[_Stretch]:
    for at, stretch in enumerate(hours):
        opens, closes = map(_minutes, (stretch.opens_at, stretch.closes_at))
        length = (closes - opens) % _DAY or _DAY
        for day in stretch.days:
            starts = WEEKDAYS.index(day) * _DAY + opens
            yield _Stretch(starts, starts + length, at)


def _minutes(text: str) -> int:
    wall = time.fromisoformat(text)
    return wall.hour * 60 + wall.minute


def of_caps(caps: tuple[Cap, ...]) -> Iterator[Overlap]:
    """Yield limits of the same thing in the same period."""
    seen: dict[tuple[str, str], int] = {}
    for at, cap in enumerate(caps):
        for what in ("points", "times"):
            if getattr(cap, what) is None:
                continue
            before = seen.setdefault((cap.per, what), at)
            if before != at:
                detail = f"{what} per {cap.per} are capped by /caps/{before} already"
                yield Overlap(f"/caps/{at}/{what}", detail)


def of_lines(lines: Lines) -> Iterator[Overlap]:
    """Yield what is to be included and excluded at once."""
    for kind in ("sku", "category", "brand"):
        included = set(getattr(lines.include, kind))
        for at, name in enumerate(getattr(lines.exclude, kind)):
            if name in included:
                detail = f"{name} is included, and excluded"
                yield Overlap(f"/lines/exclude/{kind}/{at}", detail)


def of_campaign(rule: Rule, ruleset: Ruleset) -> Iterator[Overlap]:
    """Yield a rule's dates when none of them is among its campaign's."""
    campaign = _campaign_of(rule, ruleset)
    if rule.dates is None or campaign is None or campaign.dates is None:
        return
    if not _share_a_day([rule.dates, campaign.dates]):
        detail = f"no day of these is in the campaign {campaign.id}"
        yield Overlap("/dates", detail)


def of_exclusive_groups(ruleset: Ruleset) -> Iterator[Overlap]:
    """Yield rules of which only their ids would say whose group leaves out the other.

    Of several exclusive groups the one with the first rule counts. Where two rules
    have one priority and can match together, which is first would be an accident.
    """
    exclusive = {group.id for group in ruleset.groups if group.exclusive}
    rules = [
        (at, rule)
        for at, rule in enumerate(ruleset.rules)
        if rule.group in exclusive and _can_match(rule, ruleset)
    ]
    told = set()
    for place, (at, other) in enumerate(rules):
        for _, one in rules[:place]:
            groups = frozenset((one.group, other.group))
            if one.priority != other.priority or len(groups) == 1 or groups in told:
                continue
            if _can_meet(one, other, ruleset):
                told.add(groups)
                detail = (
                    f"the groups {one.group} and {other.group} each leave out the "
                    f"other: {one.id} and {other.id} need different priorities"
                )
                yield Overlap(f"/rules/{at}/priority", detail)
                # One word on each rule: else a thousand would have half a million.
                break


def _can_match(rule: Rule, ruleset: Ruleset) -> bool:
    campaign = _campaign_of(rule, ruleset)
    runs = campaign is None or campaign.active
    return rule.active and runs and not isinstance(rule.earn, Multiply)


def _can_meet(one: Rule, other: Rule, ruleset: Ruleset) -> bool:
    """Return whether one order or activity may match both, by what is said plainly."""
    if one.trigger != other.trigger:
        return False
    for field in ("level", "channel", "place"):
        ours, theirs = set(getattr(one, field)), set(getattr(other, field))
        if ours and theirs and not ours & theirs:
            return False
    if not _share_an_amount(one, other):
        return False
    campaigns = (_campaign_of(rule, ruleset) for rule in (one, other))
    dates = [one.dates, other.dates, *(each.dates for each in campaigns if each)]
    return _share_a_day([each for each in dates if each is not None])


def _share_an_amount(one: Rule, other: Rule) -> bool:
    orders = [rule.order for rule in (one, other) if rule.order is not None]
    tops = [order.max for order in orders if order.max is not None]
    return not tops or max(order.min for order in orders) <= min(tops)


def _share_a_day(dates: Sequence[Dates]) -> bool:
    start = max((each.starts_on or date.min for each in dates), default=date.min)
    end = min((each.ends_on or date.max for each in dates), default=date.max)
    return start < end


def _campaign_of(rule: Rule, ruleset: Ruleset) -> Campaign | None:
    named = (each for each in ruleset.campaigns if each.id == rule.campaign)
    return next(named, None)

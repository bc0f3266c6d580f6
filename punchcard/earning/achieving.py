"""How far a member is towards an achievement, and how often it is reached now."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from .documents import Achieve, Campaign, Rule, Ruleset
from .purchases import Counter, Used
from .rules.preparing import in_order
from .rules.windows import counter_of, within_dates


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """`counted` of `target`; what repeats begins at 0 again, and has been `reached`."""

    counted: int
    target: int
    reached: int


def achievement_counter(
    *, rule: str, earn: Achieve, at: datetime, zone: ZoneInfo
) -> Counter:
    """Return the counter of an achievement for the period that contains `at`."""
    return counter_of(rule, earn.per, at, zone)


def achievements_of(ruleset: Ruleset) -> list[tuple[Rule, Achieve]]:
    """Return the rules of a ruleset that count, in the order in which it judges."""
    return [
        (rule, rule.earn)
        for rule in in_order(ruleset.rules)
        if isinstance(rule.earn, Achieve)
    ]


def is_open(*, rule: Rule, ruleset: Ruleset, at: datetime, zone: ZoneInfo) -> bool:
    """Return whether a rule and its campaign are active and within their dates."""
    today = at.astimezone(zone).date()
    campaigns = [one for one in ruleset.campaigns if one.id == rule.campaign]
    parts: tuple[Rule | Campaign, ...] = (rule, *campaigns)
    if rule.campaign is not None and not campaigns:
        return False
    return all(
        one.active and (one.dates is None or within_dates(one.dates, today))
        for one in parts
    )


def progress_of(*, earn: Achieve, used: Used) -> Progress:
    """Return how far a member is within the period of a counter."""
    reached, rest = divmod(used.counted, earn.target)
    if not earn.repeats:
        counted = min(used.counted, earn.target)
        return Progress(counted=counted, target=earn.target, reached=min(reached, 1))
    return Progress(counted=rest, target=earn.target, reached=reached)


def count_on(*, earn: Achieve, used: Used, more: int) -> tuple[int, Progress]:
    """Return how often the target is reached by counting `more`, and what is then."""
    before = progress_of(earn=earn, used=used)
    counted = Used(counted=used.counted + more)
    after = progress_of(earn=earn, used=counted)
    return after.reached - before.reached, after


def undone(*, earn: Achieve, used: Used, less: int) -> int:
    """Return how often the target is not reached any more when `less` is uncounted."""
    rest = Used(counted=max(used.counted - less, 0))
    before, after = progress_of(earn=earn, used=used), progress_of(earn=earn, used=rest)
    return before.reached - after.reached

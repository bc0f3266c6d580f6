"""Does a rule apply to a purchase, and to which of its lines; if not, why not.

What a rule asks is gathered once, when its ruleset is made ready: a purchase is then
asked that alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from punchcard.earning.decisions import WhyNot
from punchcard.earning.documents import Campaign, Dates, LineFilter, Lines, Rule
from punchcard.earning.purchases import Purchase, PurchasedLine
from punchcard.earning.rules.facts import FACTS, MEMBER_FACTS, total_of, values_of
from punchcard.earning.rules.windows import (
    is_birthday,
    stretches_of,
    within_dates,
    within_hours,
)
from punchcard.kernel.conditions import Condition, ConditionFailed, compile_condition


class No(msgspec.Struct, frozen=True, gc=False):
    """Why a rule does not apply."""

    code: WhyNot
    detail: str = ""


class Chosen(msgspec.Struct, frozen=True, gc=False):
    """A line that a rule matches: whole, or one item of it."""

    line: PurchasedLine
    one_item: bool = False


class Setting:
    """What rules are matched against: the purchase, its calendar, its total."""

    def __init__(self, purchase: Purchase, zone: ZoneInfo) -> None:
        self.purchase = purchase
        self.wall = purchase.occurred_at.astimezone(zone)
        """The wall clock of the programme."""
        self.today = self.wall.date()
        self.lines = sorted(purchase.lines, key=attrgetter("n"))
        """In order of their numbers: how they came changes nothing."""
        self.all_lines = [Chosen(line) for line in self.lines]

    @cached_property
    def total(self) -> int:
        """What the customer pays for all lines."""
        return total_of(self.purchase)


Check: TypeAlias = Callable[[Setting], No | None]
Chooser: TypeAlias = Callable[[Setting], Sequence[Chosen]]


def standing(
    rule: Rule, trigger: str, campaigns: Mapping[str | None, Campaign]
) -> No | None:
    """Return why a rule never applies to what has this trigger, or None."""
    if rule.trigger != trigger:
        return No("other_trigger", rule.trigger)
    if not rule.active:
        return No("rule_inactive")
    if rule.campaign is None:
        return None
    campaign = campaigns.get(rule.campaign)
    if campaign is None or not campaign.active:
        return No("campaign_inactive", rule.campaign)
    return None


def checks_of(
    rule: Rule, campaigns: Mapping[str | None, Campaign], segments: Mapping[str, str]
) -> tuple[Check, ...]:
    """Return what is asked of a purchase: the first that says No is the reason.

    Those that cost least come first; lines and caps come after all of them.
    """
    return (
        *_when(rule, campaigns.get(rule.campaign)),
        *_whose(rule),
        *_conditions(rule, segments),
    )


def _when(rule: Rule, campaign: Campaign | None) -> Iterator[Check]:
    if campaign is not None and campaign.dates is not None:
        yield _during(campaign.dates, No("outside_campaign", campaign.id))
    if rule.dates is not None:
        yield _during(rule.dates, No("outside_dates"))
    if not rule.hours:
        return
    stretches = stretches_of(rule.hours)

    def hours(setting: Setting) -> No | None:
        if within_hours(stretches, setting.wall):
            return None
        return No("outside_hours", f"{setting.wall:%a %H:%M}".lower())

    yield hours


def _during(dates: Dates, no: No) -> Check:
    return lambda setting: None if within_dates(dates, setting.today) else no


def _whose(rule: Rule) -> Iterator[Check]:
    if rule.first_purchase:
        later = No("not_first_purchase")
        yield lambda setting: None if setting.purchase.is_first else later
    if rule.birthday is not None:
        yield _birthday(rule.birthday)
    if rule.level:
        yield _one_of("level", "other_level", rule.level)
    if rule.channel:
        yield _one_of("channel", "other_channel", rule.channel)
    if rule.place:
        yield _one_of("place", "other_place", rule.place)
    if rule.order is not None:
        yield _amount(rule.order.min, rule.order.max)


def _birthday(around: str) -> Check:
    no = No("not_birthday")

    def birthday(setting: Setting) -> No | None:
        born_on = setting.purchase.born_on
        return None if is_birthday(around, born_on, setting.today) else no

    return birthday


def _one_of(
    field: Literal["level", "channel", "place"], code: WhyNot, wanted: Sequence[str]
) -> Check:
    def one_of(setting: Setting) -> No | None:
        value = getattr(setting.purchase, field)
        return None if value in wanted else No(code, value)

    return one_of


def _amount(least: int, most: int | None) -> Check:
    def amount(setting: Setting) -> No | None:
        total = setting.total
        if total < least:
            return No("order_below_minimum", f"{total} of {least}")
        if most is not None and total > most:
            return No("order_above_maximum", f"{total} of {most}")
        return None

    return amount


def _conditions(rule: Rule, segments: Mapping[str, str]) -> Iterator[Check]:
    if rule.segments:
        yield _any_of(
            [
                compile_condition(segments[name], variables=MEMBER_FACTS)
                for name in rule.segments
            ],
            No("not_in_segment", ", ".join(rule.segments)),
        )
    if rule.when is not None:
        yield _any_of(
            [compile_condition(rule.when, variables=FACTS)],
            No("condition_false", rule.when),
        )


def _any_of(conditions: Sequence[Condition], no: No) -> Check:
    def any_of(setting: Setting) -> No | None:
        try:
            for condition in conditions:
                if condition.holds(values_of(setting.purchase, condition.names)):
                    return None
        except ConditionFailed as failed:
            return No("condition_failed", str(failed))
        return no

    return any_of


def chooser_of(lines: Lines | None) -> Chooser:
    """Return what finds the lines that a filter leaves, in order of their numbers."""
    if lines is None:
        return lambda setting: setting.all_lines
    include, exclude = _wanted(lines.include), _wanted(lines.exclude)

    def choose(setting: Setting) -> Sequence[Chosen]:
        found = [
            one
            for one in setting.all_lines
            if _included(include, one.line) and not _excluded(exclude, one.line)
        ]
        if lines.select == "all" or not found:
            return found
        return [_one_item(found, cheapest=lines.select == "cheapest")]

    return choose


class _Wanted(msgspec.Struct, frozen=True, gc=False):
    """A filter of lines; an empty set wants nothing in particular."""

    sku: frozenset[str]
    category: frozenset[str]
    brand: frozenset[str]


def _wanted(some: LineFilter) -> _Wanted:
    return _Wanted(frozenset(some.sku), frozenset(some.category), frozenset(some.brand))


def _included(wanted: _Wanted, line: PurchasedLine) -> bool:
    return (
        (not wanted.sku or line.sku in wanted.sku)
        and (not wanted.category or line.category in wanted.category)
        and (not wanted.brand or line.brand in wanted.brand)
    )


def _excluded(unwanted: _Wanted, line: PurchasedLine) -> bool:
    return (
        line.sku in unwanted.sku
        or line.category in unwanted.category
        or line.brand in unwanted.brand
    )


def _one_item(found: Sequence[Chosen], *, cheapest: bool) -> Chosen:
    # Prices are compared as gross_a x quantity_b: exact without a fraction.
    best = found[0].line
    for line in [one.line for one in found[1:]]:
        difference = line.gross * best.quantity - best.gross * line.quantity
        if difference < 0 if cheapest else difference > 0:
            best = line
    return Chosen(best, one_item=True)

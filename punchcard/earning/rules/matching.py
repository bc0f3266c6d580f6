"""Does a rule apply to a purchase, and to which of its lines; if not, why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from punchcard.earning.decisions import WhyNot
from punchcard.earning.documents import Campaign, LineFilter, Lines, Rule, Ruleset
from punchcard.earning.purchases import Purchase, PurchasedLine
from punchcard.earning.rules.facts import FACTS, MEMBER_FACTS, total_of
from punchcard.earning.rules.windows import is_birthday, within_dates, within_hours
from punchcard.kernel.conditions import ConditionFailed, compile_condition


class No(NamedTuple):
    """Why a rule does not apply."""

    code: WhyNot
    detail: str = ""


class Setting(NamedTuple):
    """What rules are matched against: the purchase, its calendar, its facts."""

    purchase: Purchase
    lines: tuple[PurchasedLine, ...]
    """In order of their numbers: how they came changes nothing."""
    zone: ZoneInfo
    values: Mapping[str, Any]
    of_member: Mapping[str, Any]
    campaigns: Mapping[str, Campaign]
    segments: Mapping[str, str]


def setting_of(
    ruleset: Ruleset, purchase: Purchase, zone: ZoneInfo, values: Mapping[str, Any]
) -> Setting:
    """Return what the rules of a ruleset are matched against."""
    return Setting(
        purchase=purchase,
        lines=tuple(sorted(purchase.lines, key=lambda line: line.n)),
        zone=zone,
        values=values,
        of_member={name: values[name] for name in MEMBER_FACTS if name in values},
        campaigns={campaign.id: campaign for campaign in ruleset.campaigns},
        segments=ruleset.segments,
    )


def why_not(rule: Rule, setting: Setting) -> No | None:
    """Return the first reason for which the rule does not apply, or None.

    The reasons that cost least are looked for first; lines and caps come after.
    """
    return (
        _standing(rule, setting)
        or _when(rule, setting)
        or _whose(rule, setting)
        or _amount(rule, setting)
        or _conditions(rule, setting)
    )


def _standing(rule: Rule, setting: Setting) -> No | None:
    if rule.trigger != setting.purchase.trigger:
        return No("other_trigger", rule.trigger)
    if not rule.active:
        return No("rule_inactive")
    if rule.campaign is None:
        return None
    campaign = setting.campaigns.get(rule.campaign)
    if campaign is None or not campaign.active:
        return No("campaign_inactive", rule.campaign)
    at = setting.purchase.occurred_at
    if not within_dates(campaign.dates, at, setting.zone):
        return No("outside_campaign", rule.campaign)
    return None


def _when(rule: Rule, setting: Setting) -> No | None:
    at, zone = setting.purchase.occurred_at, setting.zone
    if not within_dates(rule.dates, at, zone):
        return No("outside_dates")
    if not within_hours(rule.hours, at, zone):
        return No("outside_hours", f"{at.astimezone(zone):%a %H:%M}".lower())
    return None


def _whose(rule: Rule, setting: Setting) -> No | None:
    purchase = setting.purchase
    if rule.first_purchase and not purchase.is_first:
        return No("not_first_purchase")
    if rule.birthday is not None and not is_birthday(
        rule.birthday, purchase.born_on, purchase.occurred_at, setting.zone
    ):
        return No("not_birthday")
    if rule.level and purchase.level not in rule.level:
        return No("other_level", purchase.level)
    if rule.channel and purchase.channel not in rule.channel:
        return No("other_channel", purchase.channel)
    if rule.place and purchase.place not in rule.place:
        return No("other_place", purchase.place)
    return None


def _amount(rule: Rule, setting: Setting) -> No | None:
    if rule.order is None:
        return None
    total = total_of(setting.purchase)
    if total < rule.order.min:
        return No("order_below_minimum", f"{total} of {rule.order.min}")
    if rule.order.max is not None and total > rule.order.max:
        return No("order_above_maximum", f"{total} of {rule.order.max}")
    return None


def _conditions(rule: Rule, setting: Setting) -> No | None:
    try:
        if rule.segments and not any(
            _is_in(setting.segments[name], setting) for name in rule.segments
        ):
            return No("not_in_segment", ", ".join(rule.segments))
        if rule.when is not None:
            condition = compile_condition(rule.when, variables=FACTS)
            if not condition.holds(setting.values):
                return No("condition_false", rule.when)
    except ConditionFailed as failed:
        return No("condition_failed", str(failed))
    return None


def _is_in(segment: str, setting: Setting) -> bool:
    condition = compile_condition(segment, variables=MEMBER_FACTS)
    return condition.holds(setting.of_member)


class Chosen(NamedTuple):
    """A line that a rule matches: whole, or one item of it."""

    line: PurchasedLine
    one_item: bool = False


def chosen_lines(lines: Lines | None, setting: Setting) -> list[Chosen]:
    """Return the lines that a filter leaves, in order of their numbers."""
    if lines is None:
        return [Chosen(line) for line in setting.lines]
    found = [
        line
        for line in setting.lines
        if _included(lines.include, line) and not _excluded(lines.exclude, line)
    ]
    if lines.select == "all" or not found:
        return [Chosen(line) for line in found]
    # Prices are compared as gross_a x quantity_b: exact without a fraction.
    best = found[0]
    for line in found[1:]:
        difference = line.gross * best.quantity - best.gross * line.quantity
        if difference < 0 if lines.select == "cheapest" else difference > 0:
            best = line
    return [Chosen(best, one_item=True)]


def _included(wanted: LineFilter, line: PurchasedLine) -> bool:
    return (
        (not wanted.sku or line.sku in wanted.sku)
        and (not wanted.category or line.category in wanted.category)
        and (not wanted.brand or line.brand in wanted.brand)
    )


def _excluded(unwanted: LineFilter, line: PurchasedLine) -> bool:
    return (
        line.sku in unwanted.sku
        or line.category in unwanted.category
        or line.brand in unwanted.brand
    )

"""What is wrong with a ruleset that its documents cannot say: before it is in force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction

import msgspec

from punchcard.kernel.calendar import Duration, DurationError, parse_duration
from punchcard.kernel.conditions import (
    ConditionMalformed,
    Kind,
    compile_condition,
)
from punchcard.kernel.validity import Validity, parse_validity

from .documents import Achieve, Cap, Dates, Fixed, Hours, Multiply, Rule, Ruleset
from .rules import overlaps
from .rules.facts import FACTS, MEMBER_FACTS


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong, and where: `pointer` as in a JSON pointer, from the ruleset."""

    pointer: str
    code: str
    detail: str


def check(*, ruleset: Ruleset) -> tuple[Mistake, ...]:
    """Return all mistakes of a ruleset, in the order of its document."""
    return tuple(_mistakes(ruleset))


def _mistakes(ruleset: Ruleset) -> Iterator[Mistake]:
    for kind in ("rules", "campaigns", "groups"):
        yield from _twice(kind, [one.id for one in getattr(ruleset, kind)])
    for at, rule in enumerate(ruleset.rules):
        yield from _of_rule(f"/rules/{at}", rule, ruleset)
    for at, campaign in enumerate(ruleset.campaigns):
        yield from _of_dates(f"/campaigns/{at}/dates", campaign.dates)
    for name, text in ruleset.segments.items():
        yield from _of_condition(f"/segments/{name}", text, MEMBER_FACTS)
    yield from _overlaps("", overlaps.of_exclusive_groups(ruleset))


def _twice(kind: str, ids: list[str]) -> Iterator[Mistake]:
    seen: Counter[str] = Counter()
    for at, one in enumerate(ids):
        seen[one] += 1
        if seen[one] == 2:
            yield _mistake(f"/{kind}/{at}/id", "id_twice", f"{one} is there already")


def _of_rule(place: str, rule: Rule, ruleset: Ruleset) -> Iterator[Mistake]:
    yield from _unknown(f"{place}/campaign", rule.campaign, ruleset.campaigns)
    yield from _unknown(f"{place}/group", rule.group, ruleset.groups)
    for at, name in enumerate(rule.segments):
        if name not in ruleset.segments:
            detail = f"there is no segment {name}"
            yield _mistake(f"{place}/segments/{at}", "name_unknown", detail)
    yield from _of_earn(place, rule, ruleset)
    yield from _of_dates(f"{place}/dates", rule.dates)
    yield from _of_hours(f"{place}/hours", rule.hours)
    order = rule.order
    if order is not None and order.max is not None and order.max < order.min:
        detail = f"{order.max} is less than the minimum, {order.min}"
        yield _mistake(f"{place}/order/max", "range_empty", detail)
    if rule.when is not None:
        yield from _of_condition(f"{place}/when", rule.when, FACTS)
    yield from _overlaps(place, overlaps.of_campaign(rule, ruleset))
    yield from _overlaps(place, overlaps.of_hours(rule.hours))
    if rule.lines is not None:
        yield from _overlaps(place, overlaps.of_lines(rule.lines))
    yield from _of_caps(f"{place}/caps", rule.caps)
    yield from _overlaps(place, overlaps.of_caps(rule.caps))
    yield from _of_cooldown(f"{place}/cooldown", rule.cooldown)
    if rule.validity is not None:
        yield from _of_length(f"{place}/validity", rule.validity, parse_validity)


def _unknown(
    place: str, name: str | None, known: Iterable[object]
) -> Iterator[Mistake]:
    if name is not None and name not in {getattr(one, "id", None) for one in known}:
        yield _mistake(place, "name_unknown", f"there is no {name}")


def _of_earn(place: str, rule: Rule, ruleset: Ruleset) -> Iterator[Mistake]:
    earn = rule.earn
    if rule.trigger != "order":
        counts = isinstance(earn, Achieve) and earn.count == "times"
        if not (counts or isinstance(earn, Fixed)) or rule.lines is not None:
            detail = "an activity has no lines: it earns fixed points, or is counted"
            yield _mistake(f"{place}/earn", "needs_an_order", detail)
    if not isinstance(earn, Multiply):
        return
    if Fraction(earn.factor) < 1:
        detail = "a factor below 1 would take away what other rules granted"
        yield _mistake(f"{place}/earn/factor", "factor_below_one", detail)
    if rule.wallet is not None:
        detail = "a multiplier grants where the rule does that it multiplies"
        yield _mistake(f"{place}/wallet", "not_for_multipliers", detail)
    granting = {one.id: one for one in ruleset.rules}
    for at, name in enumerate(earn.rules):
        named = granting.get(name)
        if named is None or isinstance(named.earn, Multiply):
            detail = f"there is no rule {name} that grants by itself"
            yield _mistake(f"{place}/earn/rules/{at}", "name_unknown", detail)


def _of_dates(place: str, dates: Dates | None) -> Iterator[Mistake]:
    if dates is None or dates.starts_on is None or dates.ends_on is None:
        return
    if dates.ends_on <= dates.starts_on:
        detail = f"{dates.ends_on} is not after {dates.starts_on}: no day is left"
        yield _mistake(f"{place}/to", "range_empty", detail)


def _of_hours(place: str, hours: tuple[Hours, ...]) -> Iterator[Mistake]:
    for at, stretch in enumerate(hours):
        if not stretch.days:
            yield _mistake(f"{place}/{at}/days", "range_empty", "no day is named")


def _of_caps(place: str, caps: tuple[Cap, ...]) -> Iterator[Mistake]:
    for at, cap in enumerate(caps):
        if cap.points is None and cap.times is None:
            detail = "say how many points or how many times"
            yield _mistake(f"{place}/{at}", "cap_without_limit", detail)
        if cap.per == "order" and cap.times is not None:
            detail = "a rule grants once an order anyway"
            yield _mistake(f"{place}/{at}/times", "cap_without_sense", detail)


def _of_cooldown(place: str, cooldown: str | None) -> Iterator[Mistake]:
    if cooldown is None:
        return
    yield from _of_length(place, cooldown, parse_duration)


def _of_length(
    place: str, text: str, parse: Callable[[str], Duration | Validity]
) -> Iterator[Mistake]:
    try:
        if parse(text).is_zero:
            yield _mistake(place, "duration_malformed", f"{text} is no time at all")
    except DurationError as error:
        yield _mistake(place, "duration_malformed", str(error))


def _of_condition(
    place: str, text: str, variables: Mapping[str, Kind]
) -> Iterator[Mistake]:
    try:
        compile_condition(text, variables=variables)
    except ConditionMalformed as error:
        yield _mistake(place, "condition_malformed", str(error))


def _overlaps(place: str, found: Iterable[overlaps.Overlap]) -> Iterator[Mistake]:
    for one in found:
        yield _mistake(f"{place}{one.place}", "overlap", one.detail)


def _mistake(place: str, code: str, detail: str) -> Mistake:
    return Mistake(pointer=place, code=code, detail=detail)

"""A wrong configuration is refused with all its mistakes: place, code, reason."""

from __future__ import annotations

from typing import Any

import pytest

from punchcard.earning.checking import Mistake
from punchcard.journeys.configuration.checking import MISTAKES_MAX, check_document
from punchcard.journeys.configuration.document import (
    Document,
    WalletDocument,
    parse_document,
)
from punchcard.journeys.configuration.errors import ConfigurationMalformed
from punchcard.journeys.configuration.structure import THINGS_MAX, WORDS_MAX
from punchcard.journeys.configuration.texts import read_text

POINTS = WalletDocument(code="points", name="Points")
IDLE = WalletDocument(code="miles", name="Miles", scale=2, idle="P1Y")
BASE = "{id: base, earn: {kind: per_spend, points: 1, per: 100, tax: after}}"


def mistakes_of(text: str, *known: WalletDocument) -> list[Mistake]:
    wallets = {wallet.code: wallet for wallet in known or (POINTS,)}
    with pytest.raises(ConfigurationMalformed) as refused:
        check_document(read_text(text), wallets=wallets)
    assert str(refused.value).startswith(refused.value.mistakes[0].pointer)
    return list(refused.value.mistakes)


def a_rule(more: str) -> str:
    return f"earning: {{rules: [{BASE}, {{id: r, {more}}}]}}"


FIXED = "earn: {kind: fixed, points: 5}"
NEVER = f"""
earning:
  campaigns: [{{id: c, dates: {{to: 2026-03-01}}}}]
  rules: [{{id: r, campaign: c, dates: {{from: 2026-03-01}}, {FIXED}}}]
"""
EITHER = f"""
earning:
  groups: [{{id: g, exclusive: true}}, {{id: h, exclusive: true}}]
  rules: [{{id: a, group: g, {FIXED}}}, {{id: b, group: h, {FIXED}}}]
"""


@pytest.mark.parametrize(
    ("text", "pointer", "code", "reason"),
    [
        ("colour: red", "/colour", "unknown_field", "`colour` is not a field here"),
        ("walets: []", "/walets", "unknown_field", "did you mean `wallets`?"),
        ("a/b~c: 1", "/a~1b~0c", "unknown_field", "`a/b~c`"),
        ("12: 1", "/12", "unknown_field", "`12`"),
        ("~: 1", "/None", "unknown_field", "`None`"),
        ("just text", "", "wrong_type", "fields with names, not 'just text'"),
        ("", "", "wrong_type", "fields with names, not null"),
        ("wallets: 5", "/wallets", "wrong_type", "here stands a list, not 5"),
        ("earning: []", "/earning", "wrong_type", "fields with names, not []"),
        ("activities: [review]", "/activities", "wrong_type", "fields with names"),
        # Wallets.
        ("wallets: [{code: a}]", "/wallets/0/name", "missing_field", "is missing"),
        ("wallets: [{code: A, name: x}]", "/wallets/0/code", "wrong_value", "'A'"),
        (
            "wallets: [{code: a, name: A, scale: 10}]",
            "/wallets/0/scale",
            "wrong_value",
            "10: Expected `int` <= 9",
        ),
        (
            "wallets: [{code: a, name: A, scale: two}]",
            "/wallets/0/scale",
            "wrong_type",
            "Expected `int`, got `str`",
        ),
        (
            "wallets: [{code: a, name: A, debt_policy: no}]",
            "/wallets/0/debt_policy",
            "wrong_value",
            "'no' is none of debt, cap, refuse",
        ),
        (
            "wallets: [{code: a, name: A, grace: P}]",
            "/wallets/0/grace",
            "wrong_value",
            "'P': Expected `str` matching",
        ),
        (
            "wallets: [{code: a, name: A, grace: PT}]",
            "/wallets/0/grace",
            "wrong_value",
            "PT",
        ),
        (
            "wallets: [{code: a, name: A, hold_time_max: P0D}]",
            "/wallets/0/hold_time_max",
            "wrong_value",
            "longer than nothing",
        ),
        (
            "wallets: [{code: a, name: A, validity: P1Y/decade}]",
            "/wallets/0/validity",
            "wrong_value",
            "decade",
        ),
        (
            "wallets: [{code: a, name: A}, {code: b, name: B}, {code: a, name: C}]",
            "/wallets/2/code",
            "id_twice",
            "a is there already",
        ),
        (
            "wallets: [{code: points, name: Points, scale: 2}]",
            "/wallets/0/scale",
            "cannot_change",
            "it is 0, and stays so: the amounts",
        ),
        (
            "wallets: [{code: points, name: Points, idle: P1Y}]",
            "/wallets/0/idle",
            "cannot_change",
            "it is null, and stays so: it counts from what was done",
        ),
        (
            'wallets: [{code: points, name: "a\\0b"}]',
            "/wallets/0/name",
            "wrong_value",
            "a character that cannot be kept",
        ),
        # Earning: its structure.
        (
            a_rule("earn: {kind: fixed, points: 1.5}"),
            "/earning/rules/1/earn/points",
            "wrong_type",
            "1.5 is a float: write it as a whole number",
        ),
        (
            a_rule("earn: {kind: multiply, factor: 1.5}"),
            "/earning/rules/1/earn/factor",
            "wrong_type",
            '1.5 is a float: write it as text: "1.5"',
        ),
        (
            a_rule('earn: {kind: multiply, factor: "1,5"}'),
            "/earning/rules/1/earn/factor",
            "wrong_value",
            "'1,5': ",
        ),
        (
            a_rule("earn: {kind: fixd, points: 1}"),
            "/earning/rules/1/earn/kind",
            "wrong_value",
            "'fixd' is none of per_spend, fixed, per_item, multiply, achieve",
        ),
        (
            a_rule("earn: {points: 1}"),
            "/earning/rules/1/earn/kind",
            "missing_field",
            "`kind` is missing",
        ),
        (
            a_rule("earn: fixed"),
            "/earning/rules/1/earn",
            "wrong_type",
            "'fixed'",
        ),
        (
            a_rule("earn: {kind: fixed, points: 1, per: 2}"),
            "/earning/rules/1/earn/per",
            "unknown_field",
            "not a field here",
        ),
        (
            a_rule("earn: {kind: per_spend, points: 1, per: 100}"),
            "/earning/rules/1/earn/tax",
            "missing_field",
            "`tax` is missing",
        ),
        (
            a_rule(f"{FIXED}, dates: {{from: 1 March}}"),
            "/earning/rules/1/dates/from",
            "wrong_value",
            "1 March",
        ),
        (
            a_rule(f"{FIXED}, hours: [{{from: 25:00}}]"),
            "/earning/rules/1/hours/0/from",
            "wrong_value",
            "'25:00'",
        ),
        (
            a_rule(f"{FIXED}, lines: {{include: {{sku: [123]}}}}"),
            "/earning/rules/1/lines/include/sku/0",
            "wrong_type",
            "123 is no text: write it in quotes",
        ),
        (
            "earning: {segments: {Big spenders: 'true'}}",
            "/earning/segments/Big spenders",
            "wrong_value",
            "'Big spenders'",
        ),
        # Earning: what it says.
        (
            a_rule(f"{FIXED}, when: order.total > 'x'"),
            "/earning/rules/1/when",
            "condition_malformed",
            "no matching overload",
        ),
        (
            "earning: {segments: {vip: order.total > 5}}",
            "/earning/segments/vip",
            "condition_malformed",
            "order.total",
        ),
        (
            a_rule(f"{FIXED}, wallet: stars"),
            "/earning/rules/1/wallet",
            "name_unknown",
            "there is no wallet stars",
        ),
        (
            a_rule(f"{FIXED}, campaign: spring"),
            "/earning/rules/1/campaign",
            "name_unknown",
            "there is no spring",
        ),
        (
            f"earning: {{rules: [{BASE}, {BASE}]}}",
            "/earning/rules/1/id",
            "id_twice",
            "base is there already",
        ),
        # Overlaps.
        (
            a_rule(
                f"{FIXED}, hours: [{{days: [sat], from: 22:00, to: 02:00}},"
                " {days: [sun], from: 01:59}]"
            ),
            "/earning/rules/1/hours/1",
            "overlap",
            "sun 01:59 is in /hours/0 already",
        ),
        (
            a_rule(
                f"{FIXED}, hours: [{{days: [mon], to: 00:01}},"
                " {days: [sun], from: 23:00, to: 08:00}]"
            ),
            "/earning/rules/1/hours/1",
            "overlap",
            "mon 00:00 is in /hours/0 already",
        ),
        (
            a_rule(f"{FIXED}, hours: [{{days: [mon, tue, mon]}}]"),
            "/earning/rules/1/hours/0",
            "overlap",
            "mon 00:00 is in /hours/0 already",
        ),
        (
            a_rule(
                f"{FIXED}, caps: [{{per: day, points: 5}},"
                " {per: day, points: 9, over: reject}]"
            ),
            "/earning/rules/1/caps/1/points",
            "overlap",
            "points per day are capped by /caps/0 already",
        ),
        (
            a_rule(
                f"{FIXED}, lines: {{include: {{brand: [a, b]}},"
                " exclude: {brand: [c, b]}}"
            ),
            "/earning/rules/1/lines/exclude/brand/1",
            "overlap",
            "b is included, and excluded",
        ),
        (
            NEVER,
            "/earning/rules/0/dates",
            "overlap",
            "no day of these is in the campaign c",
        ),
        (
            EITHER,
            "/earning/rules/1/priority",
            "overlap",
            "the groups g and h each leave out the other: a and b need different",
        ),
        # Activities and returns.
        (
            "activities: {review: {facts: {stars: float}}}",
            "/activities/review/facts/stars",
            "wrong_value",
            "'float' is none of text, int, bool",
        ),
        (
            "activities: {review: {facts: {stars: int}, required: [stars, text]}}",
            "/activities/review/required/1",
            "name_unknown",
            "there is no fact text",
        ),
        (
            "activities: {review: {}}\n" + a_rule(f"trigger: activity:visit, {FIXED}"),
            "/earning/rules/1/trigger",
            "name_unknown",
            "there is no activity visit",
        ),
        (
            a_rule(f"trigger: activity:check-in, {FIXED}"),
            "/earning/rules/1/trigger",
            "wrong_value",
            "check-in is no type of activities",
        ),
        (
            "activities: {check-in: {}}",
            "/activities/check-in",
            "wrong_value",
            "'check-in'",
        ),
        (
            f"earning: {{groups: [{'{id: g}, ' * (THINGS_MAX + 1)}]}}",
            "/earning/groups",
            "wrong_value",
            "here may stand 1,000, not 1,001",
        ),
        (
            a_rule(f"{FIXED}, level: [{'gold, ' * (WORDS_MAX + 1)}]"),
            "/earning/rules/1/level",
            "wrong_value",
            "here may stand 10,000, not 10,001",
        ),
        (
            "returns: {shortfall: deduct_from_refund}",
            "/returns/value",
            "missing_field",
            "what points are worth",
        ),
    ],
)
def test_a_mistake_has_its_place_and_its_reason(
    text: str, pointer: str, code: str, reason: str
) -> None:
    (mistake,) = mistakes_of(text)
    assert (mistake.pointer, mistake.code) == (pointer, code)
    assert reason in mistake.detail


MANY = """
wallets:
  - {code: points, name: Points, scale: 1, valdity: P1Y, grace: soon}
  - {name: Nobody}
earning:
  stacking: most
  rules:
    - {id: broken, earn: {kind: fixed, points: many}, when: order.total}
    - id: twice
      earn: {kind: multiply, factor: "0.5", rules: [broken, nothing]}
      campaign: spring
      when: order.nope
    - id: fine
      earn: {kind: fixed, points: 1}
      caps: [{per: day}]
      segments: [vip, no]
  campaigns:
    - {id: spring, dates: [now]}
  segments: {vip: 5}
returns: {shortfall: cash}
"""


def test_all_mistakes_are_told_in_the_order_of_the_document() -> None:
    found = [(one.pointer, one.code) for one in mistakes_of(MANY)]
    assert found == [
        ("/wallets/0/scale", "cannot_change"),
        ("/wallets/0/valdity", "unknown_field"),
        ("/wallets/0/grace", "wrong_value"),
        ("/wallets/1/code", "missing_field"),
        ("/earning/stacking", "wrong_value"),
        ("/earning/rules/0/earn/points", "wrong_type"),
        ("/earning/rules/1/earn/factor", "factor_below_one"),
        ("/earning/rules/1/earn/rules/1", "name_unknown"),
        ("/earning/rules/1/when", "condition_malformed"),
        ("/earning/rules/2/caps/0", "cap_without_limit"),
        ("/earning/rules/2/segments/1", "name_unknown"),
        ("/earning/campaigns/0/dates", "wrong_type"),
        ("/earning/segments/vip", "wrong_type"),
        ("/returns/shortfall", "wrong_value"),
    ]
    # The rule `broken`, the campaign and the segment are there, if not fit: whoever
    # names them makes no mistake.


def test_where_a_list_is_none_no_name_is_called_unknown() -> None:
    text = a_rule(f"{FIXED}, campaign: spring, group: x")
    found = mistakes_of(text[:-1] + ", campaigns: spring}")
    assert [one.pointer for one in found] == ["/earning/campaigns"]


def test_hundred_mistakes_are_told_and_no_more() -> None:
    text = "\n".join(f"field_{number}: 1" for number in range(MISTAKES_MAX + 1))
    assert len(mistakes_of(text)) == MISTAKES_MAX


GOOD = [
    # Stretches that touch, caps of several kinds, exclusive groups that cannot meet.
    a_rule(
        f"{FIXED}, hours: [{{days: [sat], from: 22:00, to: 02:00}},"
        " {days: [sun], from: 02:00}, {days: [mon], from: 02:00, to: 22:00}]"
    ),
    a_rule(f"{FIXED}, caps: [{{per: day, points: 5}}, {{per: day, times: 5}}]"),
    a_rule(f"{FIXED}, lines: {{include: {{sku: [a]}}, exclude: {{brand: [a]}}}}"),
    "activities: {visit: {}}\n" + a_rule(f"trigger: activity:visit, {FIXED}"),
    a_rule(f"trigger: activity:visit, {FIXED}"),
    "returns: {shortfall: deduct_from_refund, value: {points: 100, amount: 50}}",
    a_rule(f"{FIXED}, wallet: points"),
    "wallets: [{code: new, name: New}]\n" + a_rule(f"{FIXED}, wallet: new"),
]
APART = [
    ("priority: 1", ""),
    ("level: [gold]", "level: [silver]"),
    ("channel: [web]", "channel: [shop]"),
    ("trigger: activity:a", ""),
    ("active: false", ""),
    ("order: {max: 99}", "order: {min: 100}"),
    ("dates: {to: 2026-03-01}", "dates: {from: 2026-03-01}"),
    ("campaign: off", ""),
    ("campaign: spring", "dates: {from: 2026-06-01}"),
]
GOOD += [
    "earning: {groups: [{id: g, exclusive: true}, {id: h, exclusive: true}],"
    " campaigns: [{id: off, active: false},"
    " {id: spring, dates: {from: 2026-03-01, to: 2026-06-01}}],"
    f" rules: [{{id: a, group: g, {FIXED}, {one}}},"
    f" {{id: b, group: h, {FIXED}, {other}}}]}}"
    for one, other in APART
]


@pytest.mark.parametrize("text", GOOD)
def test_what_can_be_meant_is_not_refused(text: str) -> None:
    document = check_document(read_text(text), wallets={"points": POINTS})
    assert isinstance(document, Document)
    assert document != parse_document({})


def test_idle_may_stay_and_be_said_of_a_new_wallet() -> None:
    text = "wallets: [{code: miles, name: M, scale: 2, idle: P1Y}]"
    assert check_document(read_text(text), wallets={"miles": IDLE}).wallets[0].idle
    assert check_document(read_text(text)).wallets[0].idle == "P1Y"


def test_nothing_that_is_said_wrong_is_echoed_without_end() -> None:
    said: Any = {"x" * 5_000: 1, "returns": {"shortfall": "y" * 5_000}}
    with pytest.raises(ConfigurationMalformed) as refused:
        check_document(said)
    assert all(len(one.pointer) < 200 for one in refused.value.mistakes)
    assert all(len(one.detail) < 300 for one in refused.value.mistakes)

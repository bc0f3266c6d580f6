"""A wrong ruleset is refused before it is in force, with place and reason."""

import msgspec
import pytest

from punchcard.earning.checking import check
from punchcard.earning.documents import Ruleset
from tests.unit.earning.carts import per_spend, ruleset

FIXED = {"kind": "fixed", "points": 7}
GOOD = {
    "rules": [
        {
            "id": "base",
            "name": "A point for a euro",
            "earn": {**per_spend("1.5"), "discounts": "before", "tenders": "all"},
            "lines": {"exclude": {"category": ["tobacco"]}, "select": "dearest"},
            "order": {"min": 100, "max": 100},
            "dates": {"from": "2026-01-01", "to": "2026-01-02"},
            "hours": [{"days": ["mon"], "from": "22:00", "to": "02:00"}],
            "campaign": "spring",
            "group": "g",
            "segments": ["vips"],
            "when": "order.total > 5 && member.level == 'gold'",
            "caps": [{"per": "month", "points": 5, "times": 2, "over": "reject"}],
            "cooldown": "PT1H",
            "rounding": {"mode": "half_even", "per": "line"},
            "validity": "P12M/month",
        },
        {"id": "x", "earn": {"kind": "multiply", "factor": "1.0", "rules": ["base"]}},
        {"id": "hello", "trigger": "activity:sign-up", "earn": FIXED},
    ],
    "campaigns": [{"id": "spring", "dates": {"from": "2026-01-01"}}],
    "groups": [{"id": "g", "stacking": "best", "exclusive": True}],
    "segments": {"vips": "'vip' in member.tags"},
    "stacking": "first",
    "returns": "reevaluate",
}


def test_a_ruleset_with_everything_is_fit_and_comes_back_as_it_was():
    rules = msgspec.convert(GOOD, Ruleset)
    assert check(ruleset=rules) == ()
    assert msgspec.convert(msgspec.to_builtins(rules), Ruleset) == rules
    assert msgspec.json.decode(msgspec.json.encode(rules), type=Ruleset) == rules


@pytest.mark.parametrize(
    ("rule", "also", "pointer", "code", "detail"),
    [
        ({"campaign": "q"}, {}, "/campaign", "name_unknown", "there is no q"),
        ({"group": "q"}, {}, "/group", "name_unknown", "there is no q"),
        ({"segments": ["q"]}, {}, "/segments/0", "name_unknown", "no segment q"),
        (
            {"dates": {"from": "2026-03-01", "to": "2026-03-01"}},
            {},
            "/dates/to",
            "range_empty",
            "no day is left",
        ),
        ({"hours": [{"days": []}]}, {}, "/hours/0/days", "range_empty", "no day"),
        ({"order": {"min": 5, "max": 4}}, {}, "/order/max", "range_empty", "4 is less"),
        (
            {"when": "order.total > 'x'"},
            {},
            "/when",
            "condition_malformed",
            "1:13: found no matching overload for '_>_' applied to '(int, string)'",
        ),
        ({"when": "order.nope"}, {}, "/when", "condition_malformed", "order.nope"),
        ({"when": "order.total"}, {}, "/when", "condition_malformed", "is INT"),
        ({"caps": [{"per": "day"}]}, {}, "/caps/0", "cap_without_limit", "how many"),
        (
            {"caps": [{"per": "order", "times": 1}]},
            {},
            "/caps/0/times",
            "cap_without_sense",
            "anyway",
        ),
        ({"cooldown": "1h"}, {}, "/cooldown", "duration_malformed", "1h"),
        ({"cooldown": "PT0S"}, {}, "/cooldown", "duration_malformed", "no time"),
        (
            {"validity": "1 year"},
            {},
            "/validity",
            "duration_malformed",
            "1 year",
        ),
        (
            {"validity": "P1.5M/--12-31"},
            {},
            "/validity",
            "duration_malformed",
            "fraction of a month",
        ),
        (
            {"earn": {"kind": "multiply", "factor": "0.99"}},
            {},
            "/earn/factor",
            "factor_below_one",
            "take away",
        ),
        (
            {"earn": {"kind": "multiply", "factor": 2, "rules": ["q"]}},
            {},
            "/earn/rules/0",
            "name_unknown",
            "no rule q",
        ),
        (
            {"earn": {"kind": "multiply", "factor": 2, "rules": ["r0"]}},
            {},
            "/earn/rules/0",
            "name_unknown",
            "that grants by itself",
        ),
        (
            {"earn": {"kind": "multiply", "factor": 2}, "wallet": "miles"},
            {},
            "/wallet",
            "not_for_multipliers",
            "where the rule does",
        ),
        (
            {"trigger": "activity:x", "earn": per_spend()},
            {},
            "/earn",
            "needs_an_order",
            "no lines",
        ),
        (
            {
                "trigger": "activity:x",
                "earn": {"kind": "achieve", "points": 1, "target": 2, "count": "items"},
            },
            {},
            "/earn",
            "needs_an_order",
            "no lines",
        ),
        (
            {"trigger": "activity:x", "lines": {}},
            {},
            "/earn",
            "needs_an_order",
            "no lines",
        ),
    ],
)
def test_a_mistake_has_its_place_and_reason(rule, also, pointer, code, detail):
    (mistake,) = check(ruleset=ruleset({"earn": FIXED, **rule}, **also))
    assert (mistake.pointer, mistake.code) == (f"/rules/0{pointer}", code)
    assert detail in mistake.detail


@pytest.mark.parametrize(
    ("document", "pointer", "code"),
    [
        (
            {"rules": [{"id": "a", "earn": FIXED}, {"id": "a", "earn": FIXED}]},
            "/rules/1/id",
            "id_twice",
        ),
        ({"groups": [{"id": "a"}, {"id": "a"}]}, "/groups/1/id", "id_twice"),
        ({"segments": {"s": "order.total > 1"}}, "/segments/s", "condition_malformed"),
        (
            {
                "campaigns": [
                    {"id": "c", "dates": {"from": "2026-02-01", "to": "2026-01-01"}}
                ]
            },
            "/campaigns/0/dates/to",
            "range_empty",
        ),
    ],
)
def test_so_has_a_mistake_outside_of_rules(document, pointer, code):
    (mistake,) = check(ruleset=msgspec.convert(document, Ruleset))
    assert (mistake.pointer, mistake.code) == (pointer, code)


def test_all_mistakes_are_told_in_the_order_of_the_document():
    rules = ruleset(
        {"earn": FIXED, "group": "q", "when": "1"}, {"earn": FIXED, "group": "q"}
    )
    assert [mistake.pointer for mistake in check(ruleset=rules)] == [
        "/rules/0/group",
        "/rules/0/when",
        "/rules/1/group",
    ]


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ({"earns": FIXED}, "earns"),
        ({"earn": {**FIXED, "per": 1}}, "$.rules[0].earn"),
        ({"earn": {"kind": "gift", "points": 1}}, "$.rules[0].earn.kind"),
        ({"earn": {"kind": "fixed", "points": 0}}, "$.rules[0].earn.points"),
        ({"earn": per_spend(1.5)}, "$.rules[0].earn.points"),  # no float
        ({"earn": per_spend("1e3")}, "$.rules[0].earn.points"),
        ({"earn": per_spend("-1")}, "$.rules[0].earn.points"),
        ({"earn": per_spend("1\n")}, "$.rules[0].earn.points"),
        ({"earn": per_spend(per=0)}, "$.rules[0].earn.per"),
        ({"earn": {"kind": "per_spend", "points": 1, "per": 1}}, "tax"),
        ({"earn": FIXED, "id": "A b"}, "$.rules[0].id"),
        ({"earn": FIXED, "trigger": "activity:"}, "$.rules[0].trigger"),
        ({"earn": FIXED, "hours": [{"from": "24:00"}]}, "$.rules[0].hours[0].from"),
        ({"earn": FIXED, "dates": {"from": "2026-02-29"}}, "$.rules[0].dates.from"),
        ({"earn": FIXED, "lines": {"include": {"sku": "A"}}}, "include.sku"),
        ({"earn": FIXED, "when": ""}, "$.rules[0].when"),
    ],
)
def test_what_is_no_document_is_refused_with_its_place(rule, place):
    with pytest.raises(msgspec.ValidationError) as refused:
        ruleset(rule)
    assert place in str(refused.value)

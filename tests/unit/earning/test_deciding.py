"""What rules grant: the vectors, bases, filters, rounding, stacking."""

import pytest

from tests.unit.earning.carts import (
    decided,
    line,
    per_spend,
    points,
    purchase,
    ruleset,
    why,
)

X3 = {"kind": "multiply", "factor": 3}


def fixed(amount):
    return {"kind": "fixed", "points": amount}


VECTOR_CART = purchase(
    line(1, 1200, sku="123", brand="red"),
    line(2, 10000, sku="000", brand="blue"),
    line(3, 4000, sku="0001", category="delivery"),
)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([{"earn": per_spend(4)}], 608),
        ([{"earn": per_spend(4), "lines": {"exclude": {"sku": ["000"]}}}], 208),
        ([{"earn": per_spend(4), "lines": {"exclude": {"brand": ["red"]}}}], 560),
        (
            [
                {
                    "earn": per_spend(4),
                    "lines": {"exclude": {"brand": ["red"], "category": ["delivery"]}},
                }
            ],
            400,
        ),
        ([{"earn": fixed(200), "lines": {"include": {"sku": ["000"]}}}], 200),
        ([{"earn": per_spend(10)}, {"earn": per_spend(4)}], 2128),
        (
            [
                {"earn": fixed(100), "lines": {"include": {"sku": ["123"]}}},
                {"earn": per_spend(4)},
            ],
            708,
        ),
        (
            [
                {"earn": per_spend(4)},
                {"earn": X3, "lines": {"include": {"sku": ["123"]}}},
            ],
            704,
        ),
        (
            [
                {"earn": per_spend(4)},
                {"earn": X3, "lines": {"include": {"brand": ["red"]}}},
            ],
            704,
        ),
        ([{"earn": per_spend(4), "order": {"min": 10000}}], 608),
        ([{"earn": per_spend(4), "order": {"min": 30000}}], 0),
        (
            [
                {"earn": per_spend(4)},
                {"earn": per_spend(10)},
                {"earn": X3, "lines": {"include": {"brand": ["red"]}}},
                {
                    "earn": {"kind": "multiply", "factor": 5},
                    "lines": {"include": {"brand": ["blue"]}},
                },
                {"earn": fixed(200), "lines": {"include": {"sku": ["000"]}}},
            ],
            8264,
        ),
    ],
)
def test_the_vectors_of_open_loyalty(rules, expected):
    assert points(ruleset(*rules), VECTOR_CART) == expected


@pytest.mark.parametrize(
    ("cents", "expected"), [(0, 0), (99, 0), (100, 10), (199, 10), (12345, 1230)]
)
def test_points_for_whole_steps_alone(cents, expected):
    rules = ruleset({"earn": per_spend(10, whole_steps=True)})
    assert points(rules, purchase(cents)) == expected


@pytest.mark.parametrize(
    ("rate", "per", "cents", "expected"),
    [
        (1, 1000, 10500, 10),  # Square: a point for ten dollars, 105 are 10
        (1, 1000, 999, 0),
        ("0.1", 100, 10500, 10),
        ("1.5", 100, 300, 4),
        ("0.333333", 100, 300, 0),
        (3, 7, 10**15, 3 * 10**15 // 7),
    ],
)
def test_a_rate_is_exact_and_rounded_once(rate, per, cents, expected):
    assert points(ruleset({"earn": per_spend(rate, per)}), purchase(cents)) == expected


# 100.00 less 20.00, 15.20 of tax in it; 50.00 without either; shipping 5.95 with 0.95
TAXED = purchase(
    line(1, 10000, discount=2000, tax=1520), 5000, shipping=595, shipping_tax=95
)
ON_TOP = purchase(
    line(1, 10000, discount=2000, tax=1520),
    5000,
    shipping=500,
    shipping_tax=95,
    tax_included=False,
)


@pytest.mark.parametrize(
    ("cart", "basis", "expected"),
    [
        (TAXED, {}, 13000),
        (TAXED, {"tax": "before"}, 11480),
        (TAXED, {"discounts": "before"}, 15000),
        (TAXED, {"tax": "before", "discounts": "before"}, 13480),
        (TAXED, {"shipping": True}, 13595),
        (TAXED, {"shipping": True, "tax": "before"}, 11980),
        (ON_TOP, {}, 14520),
        (ON_TOP, {"tax": "before"}, 13000),
        (ON_TOP, {"discounts": "before"}, 16520),
        (ON_TOP, {"shipping": True}, 15115),
        (ON_TOP, {"shipping": True, "tax": "before"}, 13500),
    ],
)
def test_the_basis_is_as_the_rule_says(cart, basis, expected):
    assert points(ruleset({"earn": per_spend(1, 1, **basis)}), cart) == expected


@pytest.mark.parametrize(
    ("not_money", "tenders", "first", "both"),
    [
        (0, "money", 3000, 4000),
        (1000, "money", 2250, 3000),
        (1, "money", 2999, 3999),  # the cent falls on one line, and on no two
        (3999, "money", 1, 1),
        (4000, "money", 0, 0),
        (9000, "money", 0, 0),
        (1000, "all", 3000, 4000),
    ],
)
def test_what_was_not_paid_with_money_earns_nothing(not_money, tenders, first, both):
    cart = purchase(3000, 1000, not_money=not_money)
    earn = per_spend(1, 1, tenders=tenders)
    assert points(ruleset({"earn": earn}), cart) == both
    only = {"earn": earn, "lines": {"include": {"sku": ["S1"]}}}
    assert points(ruleset(only), cart) == first


def test_tax_goes_along_with_what_was_not_paid_with_money():
    cart = purchase(line(1, 11900, tax=1900), not_money=5950)
    assert points(ruleset({"earn": per_spend(1, 1, tax="before")}), cart) == 5000


def test_shipping_is_of_the_order_and_of_no_line():
    rules = ruleset({"earn": per_spend(1, 1, shipping=True)})
    (award,) = decided(rules, purchase(1000, shipping=500)).awards
    assert [(part.line, part.points) for part in award.parts] == [
        (1, 1000),
        ("shipping", 500),
    ]


ITEMS = purchase(
    line(1, 900, quantity=3, category="cake", brand="x"),
    line(2, 500, quantity=1, category="cake", brand="y"),
    line(3, 200, quantity=1, category="tea", brand="x"),
    line(4, 200, quantity=1, category="tea", brand="y"),
)


@pytest.mark.parametrize(
    ("earn", "lines", "of_lines"),
    [
        ("item", {}, {1: 30, 2: 10, 3: 10, 4: 10}),
        ("item", {"include": {"category": ["cake"]}}, {1: 30, 2: 10}),
        ("item", {"include": {"category": ["cake"], "brand": ["y"]}}, {2: 10}),
        ("item", {"include": {"sku": ["S1", "S4"]}}, {1: 30, 4: 10}),
        ("item", {"exclude": {"category": ["cake"], "brand": ["y"]}}, {3: 10}),
        ("item", {"select": "cheapest"}, {3: 10}),  # of equals the first line
        ("item", {"select": "dearest"}, {2: 10}),
        ("item", {"include": {"brand": ["x"]}, "select": "dearest"}, {1: 10}),
        ("spend", {"include": {"brand": ["x"]}, "select": "dearest"}, {1: 300}),
        ("spend", {"include": {"brand": ["x"]}}, {1: 900, 3: 200}),
        ("fixed", {"include": {"brand": ["x"]}}, {1: 8, 3: 2}),
        ("fixed", {"select": "dearest"}, {2: 10}),
        ("fixed", None, {None: 10}),
        ("item", {"include": {"brand": ["z"]}}, None),
        ("fixed", {"include": {"brand": ["z"]}}, None),
        ("spend", {"include": {"brand": ["z"]}}, None),
    ],
)
def test_lines_are_chosen_and_have_their_points(earn, lines, of_lines):
    kinds = {
        "item": {"kind": "per_item", "points": 10},
        "spend": per_spend(1, 1),
        "fixed": fixed(10),
    }
    rule = {"earn": kinds[earn]} | ({"lines": lines} if lines is not None else {})
    decision = decided(ruleset(rule), ITEMS)
    if of_lines is None:
        assert decision.awards == ()
        assert decision.looked_at[0].code == "no_line_matches"
        assert decision.looked_at[0].matched is False
        return
    (award,) = decision.awards
    assert {part.line: part.points for part in award.parts} == of_lines


@pytest.mark.parametrize(
    ("mode", "per_order", "per_line"),
    [
        # 0.50 + 1.50 + 2.50 + 0.25 + 0.75 = 5.50
        ("floor", 5, 0 + 1 + 2 + 0 + 0),
        ("ceil", 6, 1 + 2 + 3 + 1 + 1),
        ("half_up", 6, 1 + 2 + 3 + 0 + 1),
        ("half_even", 6, 0 + 2 + 2 + 0 + 1),
    ],
)
def test_rounding_is_once_an_order_or_once_a_line(mode, per_order, per_line):
    cart = purchase(50, 150, 250, 25, 75)
    for per, expected in (("order", per_order), ("line", per_line)):
        rule = {"earn": per_spend(), "rounding": {"mode": mode, "per": per}}
        assert points(ruleset(rule), cart) == expected


@pytest.mark.parametrize(
    ("mode", "cents", "expected"),
    [
        ("half_even", 250, 2),
        ("half_even", 350, 4),
        ("half_even", 251, 3),
        ("half_even", 249, 2),
        ("half_up", 250, 3),
        ("half_up", 249, 2),
        ("ceil", 201, 3),
        ("ceil", 200, 2),
        ("floor", 299, 2),
    ],
)
def test_a_half_goes_where_the_rule_says(mode, cents, expected):
    rule = {"earn": per_spend(), "rounding": {"mode": mode}}
    assert points(ruleset(rule), purchase(cents)) == expected


@pytest.mark.parametrize(
    ("factors", "also", "expected"),
    [
        (["2"], {}, 200),
        (["1.5"], {}, 150),
        (["2", "3"], {}, 400),  # the bonuses of a group add up: 1 + 1 + 2
        (["2", "3"], {"stacking": "best"}, 300),
        (["2", "3"], {"stacking": "first"}, 200),
        (["1"], {}, 100),
    ],
)
def test_multipliers_of_a_group_stack_as_it_says(factors, also, expected):
    multipliers = [
        {"id": f"x{n}", "earn": {"kind": "multiply", "factor": factor}}
        for n, factor in enumerate(factors)
    ]
    rules = ruleset({"earn": per_spend()}, *multipliers, **also)
    assert points(rules, purchase(10000)) == expected


def test_multipliers_of_different_groups_multiply():
    rules = ruleset(
        {"earn": per_spend()},
        {"id": "double", "group": "a", "earn": {"kind": "multiply", "factor": 2}},
        {"id": "treble", "group": "b", "earn": {"kind": "multiply", "factor": 3}},
        groups=[{"id": "a"}, {"id": "b"}],
    )
    decision = decided(rules, purchase(10000))
    assert [(one.rule, one.of, one.points) for one in decision.awards] == [
        ("r0", None, 100),
        ("double", "r0", 100),
        ("treble", "r0", 400),
    ]


def test_a_rule_and_its_multiplier_are_rounded_together():
    # 1.60 + 1.60 = 3.20 is 3; each alone would be 1
    rules = ruleset({"earn": per_spend()}, {"earn": X3 | {"factor": 2}})
    assert points(rules, purchase(160)) == 3


def test_a_multiplier_is_for_rates_unless_it_names_its_rules():
    bonus = {"id": "bonus", "earn": fixed(10)}
    items = {"id": "items", "earn": {"kind": "per_item", "points": 1}}
    for named, expected in ([], 10 + 3), (["bonus"], 30 + 1), (["bonus", "items"], 33):
        treble = {"id": "treble", "earn": {**X3, "rules": named}}
        assert points(ruleset(bonus, items, treble), purchase(1000)) == expected


def test_one_item_of_a_line_is_multiplied_and_not_its_others():
    rules = ruleset(
        {"earn": per_spend()}, {"earn": X3, "lines": {"select": "cheapest"}}
    )
    assert points(rules, purchase(line(1, 3000, quantity=3), 9900)) == 30 + 99 + 20


def test_a_multiplier_with_nothing_to_multiply_says_so():
    rules = ruleset({"earn": fixed(10)}, {"id": "treble", "earn": X3})
    assert points(rules, purchase(1000)) == 10
    assert why(rules, purchase(1000)) == {"r0": None, "treble": "nothing_to_multiply"}


STACKED = [
    {"id": "a", "priority": 1, "earn": fixed(10)},
    {"id": "b", "earn": fixed(30)},
    {"id": "c", "earn": fixed(20)},
]


@pytest.mark.parametrize(
    ("stacking", "expected", "reasons"),
    [
        ("sum", 60, {}),
        ("best", 30, {"a": "outdone", "c": "outdone"}),
        ("first", 10, {"b": "outdone", "c": "outdone"}),
    ],
)
def test_rules_stack_as_the_programme_says(stacking, expected, reasons):
    rules = ruleset(*STACKED, stacking=stacking)
    assert points(rules, purchase(100)) == expected
    found = why(rules, purchase(100))
    assert {rule: code for rule, code in found.items() if code} == reasons


def test_of_equally_good_rules_the_first_is_the_best():
    low, high = {"id": "a", "earn": fixed(5)}, {"id": "b", "earn": fixed(5)}
    rules = ruleset(low, {**high, "priority": 1}, stacking="best")
    assert why(rules, purchase(100)) == {"b": None, "a": "outdone"}
    assert why(ruleset(low, high, stacking="best"), purchase(100)) == {
        "a": None,
        "b": "outdone",
    }


def test_what_a_multiplier_adds_is_on_the_lines_that_it_multiplies():
    half = {"kind": "multiply", "factor": "1.5"}
    rules = ruleset(
        {"id": "a", "earn": per_spend(1, 1)},
        {"id": "x", "earn": half, "lines": {"include": {"sku": ["S1"]}}},
        {"id": "y", "earn": half, "lines": {"include": {"sku": ["S2"]}}},
    )
    of_lines = {
        award.rule: {part.line: part.points for part in award.parts}
        for award in decided(rules, purchase(100, 30, 7)).awards
    }
    assert of_lines == {
        "a": {1: 100, 2: 30, 3: 7},
        "x": {1: 50, 2: 0, 3: 0},
        "y": {1: 0, 2: 15, 3: 0},
    }


def test_groups_stack_by_themselves_and_add_up():
    rules = ruleset(
        *[{**rule, "group": "g"} for rule in STACKED],
        {"id": "d", "earn": fixed(1)},
        {"id": "e", "earn": fixed(2)},
        groups=[{"id": "g", "stacking": "best"}],
    )
    assert points(rules, purchase(100)) == 30 + 1 + 2


def test_an_exclusive_group_leaves_out_all_others_once_it_matches():
    groups = [{"id": "g", "exclusive": True}]
    treble = {"id": "x", "earn": X3}
    rules = [{"id": "base", "earn": per_spend()}, treble]
    sale = {"id": "sale", "group": "g", "earn": fixed(5), "channel": ["web"]}
    rules = ruleset(*rules, sale, groups=groups)
    assert points(rules, purchase(1000)) == 30
    assert why(rules, purchase(1000))["sale"] == "other_channel"
    assert points(rules, purchase(1000, channel="web")) == 5
    found = why(rules, purchase(1000, channel="web"))
    assert found == {"base": "excluded", "x": "excluded", "sale": None}


def test_best_counts_what_multipliers_add_and_caps_take():
    rules = [{"id": "spend", "earn": per_spend()}, {"id": "bonus", "earn": fixed(25)}]
    assert points(ruleset(*rules, stacking="best"), purchase(2000)) == 25
    treble = {"id": "x", "earn": X3}
    assert points(ruleset(*rules, treble, stacking="best"), purchase(2000)) == 60
    rules[0]["caps"] = [{"per": "order", "points": 1}]
    assert points(ruleset(*rules, treble, stacking="best"), purchase(2000)) == 25


def test_rules_of_equal_priority_are_looked_at_by_their_ids():
    rules = ruleset(*reversed(STACKED))
    assert list(why(rules, purchase(100))) == ["a", "b", "c"]


def test_an_activity_earns_by_its_own_rules_alone():
    rules = ruleset(
        {"id": "spend", "earn": per_spend()},
        {"id": "review", "trigger": "activity:review", "earn": fixed(50)},
    )
    assert why(rules, purchase(1000)) == {"review": "other_trigger", "spend": None}
    review = purchase(trigger="activity:review")
    assert points(rules, review) == 50
    assert why(rules, review) == {"review": None, "spend": "other_trigger"}
    (award,) = decided(rules, review).awards
    assert [(part.line, part.points) for part in award.parts] == [(None, 50)]


@pytest.mark.parametrize(
    "earn", [per_spend(), fixed(10), {"kind": "per_item", "points": 1}]
)
def test_an_order_without_lines_earns_nothing(earn):
    assert why(ruleset({"earn": earn}), purchase()) == {"r0": "nothing_to_earn_on"}


def test_an_award_says_how_it_came_about():
    rules = ruleset(
        {
            "earn": per_spend("1.5"),
            "campaign": "spring",
            "wallet": "miles",
            "caps": [{"per": "order", "points": 10}],
            "rounding": {"mode": "half_up"},
        },
        {
            "id": "x",
            "earn": X3 | {"factor": "1.25"},
            "lines": {"include": {"sku": ["S1"]}},
        },
        campaigns=[{"id": "spring"}],
    )
    base, bonus = decided(rules, purchase(1000, 500)).awards
    assert (base.rule, base.of, base.campaign, base.wallet) == (
        "r0",
        None,
        "spring",
        "miles",
    )
    assert (base.kind, base.rate, base.per, base.rounding) == (
        "per_spend",
        "3/2",
        100,
        "half_up",
    )
    assert (base.asked, base.cap, base.points) == (23, "cap_order", 10)
    assert [(part.basis, part.factor, part.points) for part in base.parts] == [
        (1000, "1", 7),
        (500, "1", 3),
    ]
    assert (bonus.rule, bonus.of, bonus.wallet, bonus.cap) == (
        "x",
        "r0",
        "miles",
        "cap_order",
    )
    # 26.25 - 22.50, rounded together, then cut down as the rule itself was
    assert (bonus.asked, bonus.points) == (3, 1)
    assert [part.factor for part in bonus.parts] == ["5/4", "1"]


def test_a_rule_that_rounds_to_nothing_says_so():
    assert why(ruleset({"earn": per_spend()}), purchase(99)) == {
        "r0": "rounds_to_nothing"
    }


def test_an_award_ends_as_its_rule_says_or_the_rule_that_it_multiplies():
    rules = ruleset(
        {"id": "a", "earn": per_spend(), "validity": "P1Y"},
        {"id": "b", "earn": per_spend()},
        {"id": "x", "earn": X3},
        {"id": "y", "earn": X3, "validity": "P1M"},
    )
    ends = {
        (one.rule, one.of): one.validity
        for one in decided(rules, purchase(1000)).awards
    }
    assert ends == {
        ("a", None): "P1Y",
        ("b", None): None,
        ("x", "a"): "P1Y",
        ("x", "b"): None,
        ("y", "a"): "P1M",
        ("y", "b"): "P1M",
    }

"""Conditions in CEL: what is refused when saved and where, what holds when run."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from punchcard.kernel.conditions import (
    DEPTH_MAX,
    LENGTH_MAX,
    LIST_MAX,
    ConditionFailed,
    ConditionMalformed,
    compile_condition,
)

VARIABLES = {
    "order.total": "int",
    "order.skus": "texts",
    "order.at": "instant",
    "member.level": "text",
    "member.attributes": "attributes",
    "vip": "bool",
}
VALUES = {
    "order.total": 4200,
    "order.skus": ["A", "B"],
    "order.at": datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
    "member.level": "gold",
    "member.attributes": {"city": "Bern", "children": 2},
    "vip": True,
}


def holds(text, **changed):
    return compile_condition(text, variables=VARIABLES).holds({**VALUES, **changed})


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("true", True),
        ("vip", True),
        ("!vip", False),
        ("order.total >= 4200", True),
        ("order.total > 4200", False),
        ("'A' in order.skus && !('C' in order.skus)", True),
        ("size(order.skus) == 2 || order.skus.size() == 3", True),
        ("member.level in ['silver', 'gold']", True),
        ("member.attributes.city == 'Bern'", True),
        ("member.attributes.city == 7", False),  # of another kind: not equal
        ("has(member.attributes.dog)", False),
        ("has(member.attributes.dog) && member.attributes.dog == 'Rex'", False),
        ("order.at < timestamp('2026-03-29T01:00:00Z')", True),
        ("order.at.getHours('Europe/Berlin') == 1", True),
        ("order.at + duration('30m') > timestamp('2026-03-29T00:59:59Z')", True),
        ("member.level == 'exists('", False),  # a text is no call
        ('member.level == "it\'s //"', False),  # nor a comment
        ("member.level\n  == 'gold'", True),
    ],
)
def test_a_condition_holds_or_does_not(text, answer):
    assert holds(text) is answer


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("order.total > 'x'", (1, 13), "no matching overload for '_>_'"),
        ("order.tot > 1", (1, 6), "undeclared reference to 'order.tot'"),
        ("vip &&\n nobody", (2, 2), "undeclared reference to 'nobody'"),
        ("vip &&", (1, 7), "Syntax error"),
        ("", (1, 1), "Syntax error"),
        ("order.total", (1, 1), "must be true or false, and is INT"),
        ("member.attributes.vip", (1, 1), "must be true or false, and is DYN"),
        ("'vip'", (1, 1), "must be true or false, and is STRING"),
        ("vip and vip", (1, 5), "Syntax error"),
        ("vip; vip", (1, 4), "Syntax error"),
        ("1.0 == order.total", (1, 5), "no matching overload"),
        # what could be slow cannot be called, however it is hidden
        ("order.skus.all(s, s == 'A')", (1, 12), "all cannot be called"),
        ("vip ||\norder.skus . exists (s, true)", (2, 14), "exists cannot be"),
        ("order.skus.map(s, s).size() > 0", (1, 12), "map cannot be called"),
        ("member.level.matches('(a+)+')", (1, 14), "matches cannot be called"),
        ("r'\\' == '' || order.skus.exists(s, true) || ''==''", (1, 1), "written"),
        ("b'x' == b'x'", (1, 1), "without prefix"),
        ("member.level == '''a'''", (1, 18), "written"),
        ("'a", (1, 1), "written"),
        ("vip // always", (1, 5), "comments"),
        ("vip\x01", (1, 4), "control character"),
        ("vip || " * 200 + "vip", (1, 1), f"longer than {LENGTH_MAX}"),
        ("(" * 17 + "vip" + ")" * 17, (1, 17), f"more than {DEPTH_MAX} brackets"),
        ("[" * 17 + "]" * 17 + " == []", (1, 17), f"more than {DEPTH_MAX} brackets"),
    ],
)
def test_what_is_no_condition_is_refused_with_place_and_reason(text, place, reason):
    with pytest.raises(ConditionMalformed) as refused:
        compile_condition(text, variables=VARIABLES)
    assert (refused.value.line, refused.value.column) == place
    assert reason in refused.value.reason
    assert "expecting {" not in refused.value.reason


@pytest.mark.parametrize(
    ("text", "changed", "reason"),
    [
        ("order.total / (order.total - 4200) > 1", {}, "divide by zero"),
        ("order.total * 9223372036854775807 > 1", {}, "integer overflow"),
        ("order.total > 1", {"order.total": 2**63}, "too big"),
        ("order.total > 1", {"order.total": "many"}, "Unexpected value type"),
        ("order.total > 1", {"order.total": None}, "Unexpected value type"),
        ("member.attributes.dog == 'Rex'", {}, "Key not found"),
        ("vip", {"order.skus": ["A"] * (LIST_MAX + 1)}, "order.skus has more than"),
    ],
)
def test_a_condition_without_an_answer_is_neither_true_nor_false(text, changed, reason):
    with pytest.raises(ConditionFailed, match=reason):
        holds(text, **changed)


def test_a_missing_value_fails_only_where_it_is_needed():
    condition = compile_condition("vip || order.total > 1", variables=VARIABLES)
    assert condition.holds({"vip": True}) is True
    with pytest.raises(ConditionFailed, match=r"order\.total"):
        condition.holds({"vip": False})


def test_the_same_text_over_other_names_is_another_condition():
    assert compile_condition("a == 'x'", variables={"a": "text"}).holds({"a": "x"})
    with pytest.raises(ConditionMalformed):
        compile_condition("a == 'x'", variables={"a": "int"})


@given(st.text(alphabet="vip orde.tal'\"rb\\/|&!()[]<>=109`\n", max_size=60))
def test_any_text_is_a_condition_or_is_refused(text):
    try:
        condition = compile_condition(text, variables=VARIABLES)
    except ConditionMalformed as refused:
        assert refused.reason
        assert refused.line >= 1
        assert refused.column >= 1
        return
    try:
        assert condition.holds(VALUES) in (True, False)
    except ConditionFailed as failed:
        assert str(failed)

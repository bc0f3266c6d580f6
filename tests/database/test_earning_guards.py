"""The database is the last judge of awards too: each guard refuses what went around.

Raw SQL by the owner of the tables, triggers on; every attempt is rolled back. One line
per attempt: the name that the error carries, the attempt. `{d}` is the decision of an
order of which a part was taken back, `{a}` that of an activity; `{o}` is an order that
is open.
"""

from __future__ import annotations

import pytest

from punchcard.earning.queries import find_decisions
from tests.builders import rows
from tests.database.test_orders_guards import attempt
from tests.journeys.store import PER_EURO, a_store


@pytest.fixture(scope="module")
def at_hand() -> list[dict[str, str]]:
    """Where the decisions that everybody tries to corrupt are kept."""
    return []


@pytest.fixture
def decisions(committing: None, at_hand: list[dict[str, str]]) -> dict[str, str]:
    if not at_hand:
        store = a_store()
        store.configure(
            {"id": "base", "earn": PER_EURO, "caps": [{"per": "day", "points": 90}]},
            {"id": "more", "earn": {"kind": "fixed", "points": 5}},
            {
                "id": "review",
                "trigger": "activity:review",
                "earn": {"kind": "fixed", "points": 5},
            },
        )
        order = store.bought("o-1", "2x1000")
        unpaid = store.bought("o-2", status="open")
        store.brought_back(order, "r-1", "1x1")
        (activity,) = store.tell(store.did("review"))
        assert order.order is not None
        assert unpaid.order is not None
        assert activity.decision is not None
        (decision,) = find_decisions(program=store.program, orders=[order.order.id])[
            order.order.id
        ]
        named = {"d": decision.id, "a": activity.decision.id, "o": unpaid.order.id}
        at_hand.append({name: f"'{value}'" for name, value in named.items()})
    return at_hand[0]


def decision(order="{o}", activity="NULL", payment=1, points=0, of="{d}"):
    """A new decision, like one that there is."""
    return f"""
        INSERT INTO earning_decision (id, program_id, member_id, order_id, activity_id,
            payment, version, occurred_at, decided_at, points, looked_at, uses, inputs)
        SELECT gen_random_uuid(), program_id, member_id, {order}, {activity}, {payment},
            1, now(), now(), {points}, '[]', '[]', 'null'
        FROM earning_decision WHERE id = {of}"""


def award(n=3, points=0, taken=0, account="gen_random_uuid()", sequence="1",
          refusal="NULL", of="{d}"):  # fmt: skip
    return f"""
        INSERT INTO earning_award (decision_id, n, rule, points, detail, account_id,
            sequence, refusal, taken)
        SELECT {of}, {n}, 'x', {points}, '{{{{}}}}', {account}, {sequence}, {refusal},
            {taken}""".replace("{{}}", "{}")


def taking(n=1, points=1, in_all=11, reason="'returned'", sequence="NULL"):
    return f"""
        INSERT INTO earning_taking (decision_id, n, in_all, points, reason, sequence,
            taken_at)
        SELECT {{d}}, {n}, {in_all}, {points}, {reason}, {sequence}, now()"""


def counter(per="'ever'", member="member_id", points=1):
    return f"""
        INSERT INTO earning_counter (program_id, rule, per, member_id, starts_at,
            points, times, counted)
        SELECT program_id, 'x', {per}, {member}, NULL, {points}, 0, 0
        FROM earning_decision WHERE id = {{d}}"""


def update(table, change):
    key = "id" if table == "decision" else "decision_id"
    return f"UPDATE earning_{table} SET {change} WHERE {key} = {{d}}"


MINE = "(SELECT order_id FROM earning_decision WHERE id = {d})"
DONE = "(SELECT activity_id FROM earning_decision WHERE id = {a})"
ATTEMPTS: list[tuple[str | None, str]] = [
    (None, decision("{o}")),
    (None, update("decision", "uses = '[]'")),
    (None, update("decision", "inputs = 'null'")),
    (None, counter()),
    (None, counter("'budget'", "NULL")),
    ("decision_never_changes", update("decision", "points = 9")),
    ("decision_never_changes", update("decision", "looked_at = '[]'")),
    ("decision_never_changes", update("decision", "version = 2")),
    ("decision_never_deleted", "DELETE FROM earning_decision WHERE id = {d}"),
    ("award_never_changes", update("award", "points = 9")),
    ("award_never_changes", update("award", "detail = '{}'")),
    ("award_never_changes", update("award", "sequence = 9")),
    ("award_never_deleted", "DELETE FROM earning_award WHERE decision_id = {d}"),
    ("award_is_not_given_back", update("award", "taken = 0")),
    ("award_equals_its_takings", update("award", "taken = points")),
    ("taking_never_changes", update("taking", "points = 1")),
    ("taking_never_changes", "DELETE FROM earning_taking WHERE decision_id = {d}"),
    ("decision_once_a_payment", decision(MINE)),
    ("decision_once_an_activity", decision("NULL", DONE)),
    ("decision_is_of_one_thing", decision("{o}", DONE)),
    ("decision_is_of_one_thing", decision("NULL", "NULL")),
    ("decision_numbers_within_range", decision("{o}", payment=0)),
    ("decision_numbers_within_range", decision("{o}", points=-1)),
    ("decision_equals_its_awards", award(points=1)),
    ("decision_equals_its_awards", award(n=4)),
    ("award_taken_within_points", award(taken=1)),
    ("award_has_an_entry_or_a_refusal", award(refusal="'x'")),
    ("award_has_an_entry_or_a_refusal", award(account="NULL")),
    ("award_equals_its_takings", taking()),
    ("taking_adds_up", taking(points=0)),
    ("taking_adds_up", taking(points=12)),
    ("taking_reason_is_known", taking(reason="'lost'")),
    ("taking_entry_is_whole", taking(sequence="1")),
    ("counter_is_one", f"WITH a AS ({counter()}) {counter()}"),
    ("counter_within_range", counter(points=-1)),
    ("counter_of_all_is_a_budget", counter("'ever'", "NULL")),
    ("counter_of_all_is_a_budget", counter("'budget'")),
]


@pytest.mark.parametrize(
    ("guard", "statement"),
    ATTEMPTS,
    ids=[f"{place}-{guard}" for place, (guard, _) in enumerate(ATTEMPTS)],
)
def test_what_went_around_is_refused_by_name(
    decisions: dict[str, str], guard: str | None, statement: str
) -> None:
    for name, value in decisions.items():
        statement = statement.replace(f"{{{name}}}", value)
    assert attempt(statement) == guard


def test_every_guard_of_earning_was_tried() -> None:
    named = rows("""
        SELECT conname::text FROM pg_constraint
        WHERE conrelid::regclass::text LIKE 'earning\\_%' AND contype IN ('c', 'u')
        UNION
        SELECT convert_from(substring(tgargs FOR octet_length(tgargs) - 1), 'UTF8')
        FROM pg_trigger
        WHERE tgrelid::regclass::text LIKE 'earning\\_%' AND tgnargs = 1
    """)
    tried = {guard for guard, _ in ATTEMPTS}
    assert {name for (name,) in named} - tried == set()
    assert len(named) > 14

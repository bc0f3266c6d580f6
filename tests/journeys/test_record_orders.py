"""An order that is paid earns what the rules in force say, once, and says why."""

from __future__ import annotations

import pytest

from punchcard.earning.queries import find_decisions
from punchcard.journeys.erase_member import erase_member
from punchcard.kernel.audit import CONSOLE, Author
from punchcard.ledger.queries import list_entries
from tests.builders import DAY, START
from tests.database.shop import moving
from tests.journeys.store import PER_EURO, Store, a_store


@pytest.fixture
def store() -> Store:
    made = a_store("bo")
    made.configure({"id": "base", "earn": PER_EURO})
    return made


def test_an_order_earns_and_says_by_which_rule(store: Store) -> None:
    answer = store.bought("o-1", "1x1050")
    assert answer.decision is not None
    (award,) = answer.decision.awards
    assert (award.award.rule, award.award.points, award.taken) == ("base", 10, 0)
    assert (answer.decision.version, answer.decision.points) == (1, 10)
    (entry,) = answer.entries
    assert (entry.type, entry.source, entry.amount) == ("earn", "purchase", 10)
    assert (award.account, award.sequence) == (entry.account, entry.sequence)
    assert (entry.reference_type, entry.reference_id) == ("order", "o-1")
    assert entry.metadata == '{"order_amount":1050,"rules":["base"]}'
    assert entry.effective_at == START
    assert store.balance() == 10


def test_twice_is_once(store: Store) -> None:
    first = store.bought("o-1")
    (again,) = store.buy(store.order("o-1"))
    assert (again.created, again.changed, again.entries) == (False, False, ())
    assert again.order == first.order
    assert again.decision == first.decision
    assert store.balance() == 10
    twice = store.buy(store.order("o-2"), store.order("o-2"))
    assert [one.created for one in twice] == [True, False]
    assert twice[0].decision == twice[1].decision
    assert store.balance() == 20


def test_an_open_order_earns_when_it_is_paid(store: Store) -> None:
    opened = store.bought("o-1", status="open")
    assert (opened.decision, opened.entries, store.balance()) == (None, (), 0)
    (paid,) = store.buy(store.order("o-1"))
    assert (paid.created, paid.changed) == (False, True)
    assert paid.order is not None
    assert paid.order.status == "paid"
    assert store.balance() == 10
    (again,) = store.buy(store.order("o-1"))
    assert (again.changed, again.decision) == (False, paid.decision)
    assert store.balance() == 10


def test_a_reopened_order_gives_back_and_earns_again_when_it_is_paid_again(
    store: Store,
) -> None:
    bought = store.bought("o-1")
    assert bought.order is not None
    (reopened,) = store.move(moving(bought.order.id, "reopened"))
    assert [one.points for one in reopened.taken] == [10]
    assert store.balance() == 0
    (told,) = store.buy(store.order("o-1"))
    assert (told.changed, store.balance()) == (False, 0)
    (paid,) = store.move(moving(bought.order.id, "paid"))
    assert paid.decision is not None
    assert (paid.decision.payment, store.balance()) == (2, 10)
    found = find_decisions(program=store.program, orders=[bought.order.id])
    assert [one.payment for one in found[bought.order.id]] == [1, 2]
    (cancelled,) = store.move(moving(bought.order.id, "cancelled"))
    assert [one.points for one in cancelled.taken] == [10]
    (again,) = store.move(moving(bought.order.id, "cancelled"))
    assert (again.changed, again.taken, store.balance()) == (False, (), 0)


def test_a_dry_run_answers_the_same_and_leaves_nothing(store: Store) -> None:
    store.bought("o-0")
    order = store.order("o-1", "3x999")
    (dry,) = store.buy(order, dry_run=True)
    assert store.balance() == 10
    assert dry.created
    (wet,) = store.buy(order)
    assert wet.created
    assert dry.decision is not None
    assert wet.decision is not None
    assert dry.decision.awards == wet.decision.awards
    assert dry.decision.looked_at == wet.decision.looked_at
    assert [one.amount for one in dry.entries] == [one.amount for one in wet.entries]


def test_each_order_is_judged_by_the_rules_in_force_when_it_happened(
    store: Store,
) -> None:
    store.configure({"id": "base", "earn": PER_EURO | {"points": 5}}, at=START + DAY)
    before, after = store.buy(
        store.order("o-1", at=START + DAY / 2), store.order("o-2", at=START + DAY)
    )
    assert before.decision is not None
    assert after.decision is not None
    assert (before.decision.version, before.decision.points) == (1, 10)
    assert (after.decision.version, after.decision.points) == (2, 50)
    (dry,) = store.buy(
        store.order("o-3"), dry_run=True, rules_at=store.now + DAY * 1000
    )
    assert dry.decision is not None
    assert (dry.decision.version, dry.decision.points) == (2, 50)


def test_without_a_configuration_nothing_is_earned() -> None:
    store = a_store()
    answer = store.bought("o-1")
    assert answer.decision is not None
    assert (answer.decision.version, answer.decision.awards) == (None, ())
    assert (answer.entries, store.balance()) == ((), 0)


def test_awards_of_one_order_are_one_entry_but_for_other_lives() -> None:
    store = a_store()
    store.configure(
        {"id": "base", "earn": PER_EURO},
        {"id": "bonus", "earn": {"kind": "fixed", "points": 7}},
        {"id": "short", "earn": {"kind": "fixed", "points": 3}, "validity": "P1M"},
    )
    answer = store.bought("o-1")
    assert [one.amount for one in answer.entries] == [17, 3]
    entries = list_entries(account=store.account().account, limit=10)
    assert [entry.amount for entry in entries] == [3, 17]
    assert entries[0].expires_at is not None


def test_caps_hold_within_a_batch_and_over_batches() -> None:
    store = a_store("bo")
    cap = {"per": "day", "points": 15}
    budget = {"per": "budget", "points": 32}
    store.configure({"id": "base", "earn": PER_EURO, "caps": [cap, budget]})
    granted = []
    for answer in (
        *store.buy(store.order("o-1"), store.order("o-2"), store.order("o-3")),
        *store.buy(store.order("o-4")),
        *store.buy(store.order("o-5", at=START + DAY), store.order("o-6", by="bo")),
    ):
        assert answer.decision is not None
        granted.append(answer.decision.points)
    assert granted == [10, 5, 0, 0, 10, 7]
    assert (store.balance(), store.balance("bo")) == (25, 7)


def test_the_first_purchase_is_one_whatever_comes_along() -> None:
    store = a_store()
    store.configure({"first_purchase": True, "earn": {"kind": "fixed", "points": 100}})
    store.buy(store.order("o-1"), store.order("o-2"), store.order("o-3"))
    assert store.balance() == 100
    store.bought("o-4")
    assert store.balance() == 100


def test_an_order_that_comes_late_is_no_second_first_purchase() -> None:
    store = a_store("bo")
    store.configure({"first_purchase": True, "earn": {"kind": "fixed", "points": 100}})
    first = store.bought("o-1", at=START + DAY)
    store.bought("o-2", at=START)
    assert store.balance() == 100
    assert first.order is not None
    store.move(moving(first.order.id, "cancelled"))
    assert store.balance() == 0
    store.bought("o-3", at=START + DAY * 2)
    assert store.balance() == 0
    alone = store.bought("o-4", by="bo")
    assert alone.order is not None
    store.move(moving(alone.order.id, "cancelled"))
    store.bought("o-5", by="bo")
    assert store.balance("bo") == 100


def test_nobody_buys_who_was_erased_and_what_was_told_before_is_answered() -> None:
    store = a_store("bo")
    store.configure({"id": "base", "earn": PER_EURO})
    told = store.bought("o-1")
    erase_member(
        program=store.program,
        member=store.members["anna"],
        author=Author(actor=CONSOLE, program=store.program),
        now=store.now,
    )
    late, again, other = store.buy(
        store.order("o-2"), store.order("o-1"), store.order("o-3", by="bo")
    )
    assert getattr(late.refusal, "code", None) == "member_erased"
    assert again.decision == told.decision
    assert other.created
    assert (store.balance(), store.balance("bo")) == (10, 10)

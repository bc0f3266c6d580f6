"""Orders told by many at once earn once; caps and first purchases hold for all."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from punchcard.ledger.queries import list_entries
from tests.builders import START, rows
from tests.database.shop import moving, returning
from tests.journeys.store import PER_EURO, Store, a_store
from tests.races.test_contests import at_once
from tests.sizes import size

CROWD = 100


def types(store: Store, name: str = "anna") -> Counter[str]:
    """How many entries of each type a member has."""
    entries = list_entries(account=store.account(name).account, limit=1_000)
    return Counter(entry.type for entry in entries)


def count(store: Store, table: str) -> int:
    query = (
        f"SELECT count(*) FROM {table} WHERE decision_id IN"
        " (SELECT id FROM earning_decision WHERE program_id = %s)"
    )
    return int(rows(query, (store.program,))[0][0])


def bonus(points: int, **also: Any) -> dict[str, Any]:
    return {"id": "bonus", "earn": {"kind": "fixed", "points": points}, **also}


def test_one_order_told_by_a_hundred_at_once_earns_once() -> None:
    store = a_store()
    store.configure({"id": "base", "earn": PER_EURO})
    order = store.order("o", "2x500")
    answers = [one for (one,) in at_once([lambda: store.buy(order)] * CROWD)]
    assert Counter(one.created for one in answers) == {True: 1, False: CROWD - 1}
    assert {one.decision.points for one in answers if one.decision} == {10}
    assert len({one.decision.id for one in answers if one.decision}) == 1
    assert (store.balance(), types(store)) == (10, {"earn": 1})
    assert count(store, "earning_award") == 1


def test_one_return_told_by_a_hundred_at_once_takes_once() -> None:
    store = a_store()
    store.configure({"id": "base", "earn": PER_EURO})
    order = store.bought("o", "2x500").order
    assert order is not None
    asked = returning(order.id, "r", "1x1")
    answers = [one for (one,) in at_once([lambda: store.give_back(asked)] * CROWD)]
    assert Counter(one.created for one in answers) == {True: 1, False: CROWD - 1}
    assert len({one.taken for one in answers}) == 1
    assert (store.balance(), types(store)) == (5, {"earn": 1, "reverse": 1})
    assert count(store, "earning_taking") == 1


def test_of_a_hundred_first_purchases_one_is_the_first() -> None:
    store = a_store()
    store.configure(bonus(100, first_purchase=True))
    told = [[store.order(f"o{n}")] for n in range(CROWD)]
    answers = at_once([partial(store.buy, *orders) for orders in told])
    granted = Counter(one.decision.points for (one,) in answers if one.decision)
    assert granted == {100: 1, 0: CROWD - 1}
    assert store.balance() == 100


def test_a_budget_is_spent_once_by_whoever_comes() -> None:
    names = [f"m{n}" for n in range(20)]
    store = a_store(*names)
    cap = {"per": "budget", "points": 777}
    own = {"per": "ever", "points": 60}
    store.configure(bonus(10, caps=[cap, own]))
    told = [[store.order(f"o{n}-{name}", by=name) for n in range(5)] for name in names]
    at_once([partial(store.buy, *orders) for orders in told])
    assert sum(store.balance(name) for name in names) == 777
    assert max(store.balance(name) for name in names) <= 50


def test_an_order_cancelled_while_it_comes_back_is_taken_back_once() -> None:
    store = a_store()
    store.configure({"id": "base", "earn": PER_EURO})
    for turn in range(size(5, 50)):
        order = store.bought(f"o{turn}", "2x500", at=START).order
        assert order is not None
        at_once(
            [
                partial(store.give_back, returning(order.id, f"r{turn}", "1x1")),
                partial(store.move, moving(order.id, "cancelled")),
                partial(store.give_back, returning(order.id, f"s{turn}", "1x1")),
            ]
        )
        assert store.balance() == 0

"""What orders cost: statements, whatever the batch and however many rules."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import START
from tests.database.shop import returning
from tests.journeys.store import PER_EURO, Store, a_store
from tests.sizes import size

CAPS = [{"per": per, "points": 1_000} for per in ("day", "month", "budget")]


def rules(count: int) -> list[dict[str, Any]]:
    """So many rules, which look at everything there is to look at."""
    return [
        {"id": "base", "earn": PER_EURO, "caps": CAPS},
        {"id": "cond", "earn": PER_EURO, "when": "member.orders_30d >= 0"},
        {"id": "card", "earn": {"kind": "achieve", "points": 5, "target": 3}},
        *(
            {
                "id": f"more-{n}",
                "earn": {"kind": "fixed", "points": 1},
                "lines": {"include": {"sku": [f"s-{n}"]}},
                "caps": CAPS,
            }
            for n in range(count - 3)
        ),
    ]


def a_full_store(count: int) -> Store:
    store = a_store("bo", "cy")
    store.configure(*rules(count))
    # The document is read once a process, and what is first opened is opened once.
    store.buy(*[store.order(f"first-{by}", by=by) for by in store.members])
    return store


@pytest.mark.parametrize("what", ["orders", "returns"])
def test_statements_are_constant(statements: list[str], what: str) -> None:
    counts = set()
    for count in (3, 12, 50):
        store = a_full_store(count)
        for many in (2, size(40, 400)):
            names = [f"{what}-{count}-{many}-{n}" for n in range(many)]
            people = list(store.members)
            orders = [
                store.order(name, "2x500", by=people[n % 3], at=START)
                for n, name in enumerate(names)
            ]
            answers = store.buy(*orders) if what == "returns" else []
            asked = [
                returning(one.order.id, name, "1x1")
                for name, one in zip(names, answers, strict=False)
                if one.order is not None
            ]
            statements.clear()
            if what == "orders":
                done = store.buy(*orders)
                assert all(one.created for one in done)
            else:
                back = store.give_back(*asked)
                assert all(one.created for one in back)
            counts.add(len(statements))
    assert len(counts) == 1, counts
    assert max(counts) <= 30

"""Where money goes back, nothing is taken back before it has arrived."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from punchcard.journeys.orders.answers import OrderAnswer, ReturnAnswer
from punchcard.journeys.orders.settle_refunds import settle_refunds
from punchcard.ledger.commands import Redeem
from punchcard.ledger.queries import list_entries, list_lots
from punchcard.orders.operations import NewTender, RefundOutcome
from tests.builders import DAY, START
from tests.database.shop import moving, returning
from tests.journeys.store import PER_EURO, Store, a_store


@pytest.fixture
def store() -> Store:
    made = a_store(validity="P2Y")
    made.configure({"id": "base", "earn": PER_EURO})
    return made


def give_back(
    store: Store, order: OrderAnswer, name: str, parts: str = ""
) -> ReturnAnswer:
    """Return parts of an order, with a refund that is under way."""
    assert order.order is not None
    said = returning(order.order.id, name, parts)
    (answer,) = store.give_back(replace(said, refund_pending=True))
    return answer


def settle(
    store: Store, back: ReturnAnswer, *, succeeded: bool, **options: Any
) -> ReturnAnswer:
    assert back.returned is not None
    outcome = RefundOutcome(
        returned=back.returned.id, succeeded=succeeded, at=START + DAY * 5
    )
    (answer,) = settle_refunds(
        program=store.program, outcomes=[outcome], now=store.now, **options
    )
    return answer


def stands(answer: ReturnAnswer) -> str:
    if answer.returned is None:
        return str(getattr(answer.refusal, "code", None))
    return answer.returned.refund


def test_nothing_is_taken_before_the_refund_has_succeeded(store: Store) -> None:
    order = store.bought("o-1", "2x500")
    back = give_back(store, order, "r-1", "1x1")
    assert (stands(back), back.taken, store.balance()) == ("pending", (), 10)
    dry = settle(store, back, succeeded=True, dry_run=True)
    assert ([one.points for one in dry.taken], store.balance()) == ([5], 10)
    done = settle(store, back, succeeded=True)
    assert ([one.points for one in done.taken], store.balance()) == ([5], 5)
    again = settle(store, back, succeeded=True)
    assert (again, store.balance()) == (done, 5)
    other = settle(store, back, succeeded=False)
    assert (stands(other), store.balance()) == ("refund_ended", 5)


def test_a_refund_that_fails_takes_nothing_and_may_succeed_later(store: Store) -> None:
    order = store.bought("o-1", "2x500")
    back = give_back(store, order, "r-1")
    assert stands(settle(store, back, succeeded=False)) == "failed"
    assert store.balance() == 10
    done = settle(store, back, succeeded=True)
    assert [one.points for one in done.taken] == [10]
    assert store.balance() == 0


def test_without_a_refund_there_is_no_outcome(store: Store) -> None:
    order = store.bought("o-1")
    back = store.brought_back(order, "r-1")
    assert stands(settle(store, back, succeeded=True)) == "refund_ended"
    assert store.balance() == 0


@pytest.mark.parametrize("turns", ["abc", "acb", "bac", "bca", "cab", "cba"])
def test_returns_that_wait_do_not_count_for_others(store: Store, turns: str) -> None:
    """Three thirds of 10 points: what is taken adds up, whichever is settled first."""
    order = store.bought("o-1", "3x333")
    backs = {
        "a": give_back(store, order, "a", "1x1"),
        "b": give_back(store, order, "b", "1x1"),
        "c": give_back(store, order, "c", "1x1"),
    }
    balances = [store.balance()]
    for name in turns:
        settle(store, backs[name], succeeded=True)
        balances.append(store.balance())
    assert balances == [9, 6, 3, 0]


def test_a_return_at_once_beside_one_that_waits(store: Store) -> None:
    order = store.bought("o-1", "4x250")
    waiting = give_back(store, order, "r-1", "1x2")
    at_once = store.brought_back(order, "r-2", "1x1")
    assert [one.points for one in at_once.taken] == [3]
    assert store.balance() == 7
    assert order.order is not None
    (cancelled,) = store.move(moving(order.order.id, "cancelled"))
    assert [one.points for one in cancelled.taken] == [7]
    late = settle(store, waiting, succeeded=True)
    assert (stands(late), late.taken, store.balance()) == ("succeeded", (), 0)


def test_points_go_back_with_the_refund(store: Store) -> None:
    store.bought("o-0", "1x30000")
    account = store.account().account
    (spent,) = store.post(Redeem(account=account, points=200, key="pay"))
    assert spent.entry is not None
    tenders = (
        NewTender(
            kind="points", amount=200, account=account, sequence=spent.entry.sequence
        ),
        NewTender(kind="card", amount=800),
    )
    order = store.bought("o-1", "2x500", tenders=tenders)
    back = give_back(store, order, "r-1", "1x1")
    assert back.given_back == ()
    done = settle(store, back, succeeded=True)
    assert [one.points for one in done.given_back] == [100]
    assert settle(store, back, succeeded=True) == done
    rest = store.brought_back(order, "r-2")
    assert [one.points for one in rest.given_back] == [100]


def a_deducting_store() -> Store:
    store = a_store(validity="P2Y")
    store.configure(
        {"id": "base", "earn": PER_EURO},
        document={
            "returns": {
                "shortfall": "deduct_from_refund",
                "value": {"points": 1, "amount": 5},
            }
        },
    )
    return store


def test_what_is_deducted_from_a_refund_is_taken_with_the_attempt() -> None:
    store = a_deducting_store()
    order = store.bought("o-1", "2x500")
    store.post(Redeem(account=store.account().account, points=8, key="spent"))
    back = give_back(store, order, "r-1")
    assert (stands(back), back.shortfall, back.deduction) == ("pending", 8, 40)
    assert ([one.points for one in back.taken], store.balance()) == ([10], 0)
    done = settle(store, back, succeeded=True)
    assert (stands(done), store.balance()) == ("succeeded", 0)
    told = (done.taken, done.shortfall, done.deduction, done.entries)
    assert told == (back.taken, 8, 40, back.entries)
    assert settle(store, back, succeeded=True) == done


def test_where_that_refund_fails_the_points_are_there_again() -> None:
    store = a_deducting_store()
    order = store.bought("o-1", "2x500")
    account = store.account().account
    (lot,) = list_lots(account=account, as_of=store.now, limit=5)
    store.post(Redeem(account=account, points=8, key="spent"))
    back = give_back(store, order, "r-1")
    failed = settle(store, back, succeeded=False)
    assert (stands(failed), store.balance()) == ("failed", 2)
    (entry,) = failed.entries
    assert (entry.type, entry.amount, entry.source) == ("adjust", 2, "system")
    assert entry.expires_at == lot.expires_at
    assert (failed.taken, failed.shortfall, failed.deduction) == ((), 0, 0)
    again = settle(store, back, succeeded=False)
    assert (again, store.balance()) == (failed, 2)
    late = settle(store, back, succeeded=True)
    assert (stands(late), store.balance()) == ("refund_ended", 2)
    entries = list_entries(account=account, limit=10, newest_first=False)
    types = [one.type for one in entries]
    assert types == ["earn", "redeem", "reverse", "adjust"]

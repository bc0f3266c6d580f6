"""A return takes back exactly what it had earned, and gives back what paid for it."""

from __future__ import annotations

from typing import Any

import pytest

from punchcard.ledger.commands import Adjust, Earn, Redeem, Reverse
from punchcard.ledger.queries import list_lots
from punchcard.orders.operations import NewTender
from tests.builders import DAY, START
from tests.database.shop import moving, returning
from tests.journeys.store import PER_EURO, Store, a_store


@pytest.fixture
def store() -> Store:
    made = a_store("bo")
    made.configure({"id": "base", "earn": PER_EURO})
    return made


def test_a_return_reverses_what_its_lines_earned(store: Store) -> None:
    order = store.bought("o-1", "1x1000, 2x500")
    assert store.balance() == 20
    back = store.brought_back(order, "r-1", "2x1")
    assert [(one.rule, one.points) for one in back.taken] == [("base", 5)]
    (entry,) = back.entries
    assert (entry.type, entry.amount, entry.relates_to) == ("reverse", 5, 1)
    assert back.taken[0].entry == (entry.account, entry.sequence)
    assert (back.shortfall, back.deduction, back.given_back) == (0, 0, ())
    assert store.balance() == 15
    rest = store.brought_back(order, "r-2")
    assert [one.points for one in rest.taken] == [15]
    assert store.balance() == 0


def test_twice_is_once(store: Store) -> None:
    order = store.bought("o-1", "3x333")
    first = store.brought_back(order, "r-1", "1x1")
    assert order.order is not None
    said = returning(order.order.id, "r-1", "1x1")
    (again,) = store.give_back(said)
    assert not again.created
    assert (again.taken, again.entries) == (first.taken, first.entries)
    assert (again.shortfall, again.deduction) == (first.shortfall, first.deduction)
    made, known = store.give_back(
        returning(order.order.id, "r-2", "1x1"), returning(order.order.id, "r-2", "1x1")
    )
    assert (made.created, known.created) == (True, False)
    assert known.taken == made.taken
    assert store.balance() == 3


def test_many_partial_returns_are_one_full_return(store: Store) -> None:
    order = store.bought("o-1", "7x333 -1, 1x99")
    assert order.order is not None
    taken = 0
    for n in range(7):
        back = store.brought_back(order, f"r-{n}", "1x1")
        taken += sum(one.points for one in back.taken)
    back = store.brought_back(order, "r-7", "2x1")
    assert taken + sum(one.points for one in back.taken) == 24
    assert store.balance() == 0


def test_a_dry_run_is_a_preview(store: Store) -> None:
    order = store.bought("o-1", "2x500")
    assert order.order is not None
    said = returning(order.order.id, "r-1", "1x1")
    (dry,) = store.give_back(said, dry_run=True)
    assert (dry.created, [one.points for one in dry.taken]) == (True, [5])
    assert store.balance() == 10
    (wet,) = store.give_back(said)
    assert [one.points for one in wet.taken] == [5]
    assert store.balance() == 5


def paying(store: Store, points: int) -> NewTender:
    """Spend points of anna's for an order: a cent each."""
    account = store.account().account
    (spent,) = store.post(Redeem(account=account, points=points, key=f"pay-{points}"))
    assert spent.entry is not None
    return NewTender(
        kind="points", amount=points, account=account, sequence=spent.entry.sequence
    )


def test_points_that_paid_go_back_to_the_lots_they_came_from(store: Store) -> None:
    store.bought("o-0", "1x30000")
    account = store.account().account
    lots = list_lots(account=account, as_of=store.now, limit=10)
    tender = paying(store, 250)
    order = store.bought(
        "o-1",
        "2x500",
        tenders=(tender, NewTender(kind="card", amount=750)),
        at=START + DAY,
    )
    assert order.decision is not None
    assert order.decision.points == 7
    back = store.brought_back(order, "r-1", "1x1")
    assert [(one.tender, one.points) for one in back.given_back] == [(1, 125)]
    assert [one.type for one in back.entries] == ["refund", "reverse"]
    rest = store.brought_back(order, "r-2")
    assert [one.points for one in rest.given_back] == [125]
    (known,) = store.give_back(returning(order.order.id, "r-2"))  # type: ignore[union-attr]
    assert known.given_back == rest.given_back
    assert known.entries == rest.entries
    after = list_lots(account=account, as_of=store.now, limit=10)
    assert after[0].remaining == lots[0].remaining == 300


def test_a_points_tender_without_an_entry_gives_nothing_back(store: Store) -> None:
    order = store.bought("o-1", "1x1000", paid="points=400, card=600")
    assert order.decision is not None
    assert order.decision.points == 6
    back = store.brought_back(order, "r-1")
    assert (back.given_back, [one.type for one in back.entries]) == ((), ["reverse"])
    assert store.balance() == 0


def test_only_spends_of_the_member_pay(store: Store) -> None:
    store.bought("o-0", "1x30000")
    account = store.account().account
    for said, by in (
        (NewTender(kind="points", amount=10, account=account, sequence=1), "anna"),
        (NewTender(kind="points", amount=10, account=account, sequence=99), "anna"),
        (paying(store, 10), "bo"),
    ):
        rest = NewTender(kind="card", amount=990)
        order = store.order("o-1", by=by, tenders=(rest, said))
        (answer,) = store.buy(order)
        assert answer.order is None
        assert getattr(answer.refusal, "code", None) == "tender_entry_not_found"


SPENT = "1x1000"


@pytest.mark.parametrize(
    ("shortfall", "balance", "written_off", "deduction"),
    [("debt", -8, 0, 0), ("cap", 0, 8, 0), ("deduct_from_refund", 0, 8, 40)],
)
def test_what_is_spent_already_follows_the_policy(
    shortfall: str, balance: int, written_off: int, deduction: int
) -> None:
    store = a_store()
    returns: dict[str, Any] = {"shortfall": shortfall}
    if shortfall == "deduct_from_refund":
        returns["value"] = {"points": 20, "amount": 100}
    store.configure({"id": "base", "earn": PER_EURO}, document={"returns": returns})
    order = store.bought("o-1", SPENT)
    account = store.account().account
    store.post(Redeem(account=account, points=8, key="spent"))
    back = store.brought_back(order, "r-1")
    assert [one.points for one in back.taken] == [10]
    assert (store.balance(), back.shortfall) == (balance, written_off)
    assert back.deduction == deduction


@pytest.mark.parametrize(("policy", "balance"), [("debt", -8), ("cap", 0)])
def test_without_a_policy_of_its_own_the_wallet_s_counts(
    policy: str, balance: int
) -> None:
    store = a_store(debt_policy=policy)
    store.configure({"id": "base", "earn": PER_EURO})
    order = store.bought("o-1", SPENT)
    store.post(Redeem(account=store.account().account, points=8, key="spent"))
    store.brought_back(order, "r-1")
    assert store.balance() == balance


def test_a_program_may_refuse_a_return_of_what_is_spent(store: Store) -> None:
    made = a_store("bo")
    made.configure(
        {"id": "base", "earn": PER_EURO}, document={"returns": {"shortfall": "refuse"}}
    )
    order, other = made.bought("o-1", SPENT), made.bought("o-2", SPENT, by="bo")
    account = made.account().account
    made.post(Redeem(account=account, points=8, key="spent"))
    assert order.order is not None
    assert other.order is not None
    refused, done = made.give_back(
        returning(order.order.id, "r-1"), returning(other.order.id, "r-2")
    )
    assert getattr(refused.refusal, "code", None) == "points_spent"
    assert refused.order is None
    assert done.created
    assert (made.balance(), made.balance("bo")) == (2, 0)
    (cancelled,) = made.move(moving(order.order.id, "cancelled"))
    assert getattr(cancelled.refusal, "code", None) == "points_spent"
    made.post(Earn(account=account, points=8, key="more"))
    back = made.brought_back(order, "r-1")
    assert [one.points for one in back.taken] == [10]
    assert made.balance() == 0


def test_thresholds_are_looked_at_anew_where_the_program_says_so() -> None:
    for returns, left in (("share", 10 + 100), ("reevaluate", 10)):
        store = a_store()
        store.configure(
            {"id": "base", "earn": PER_EURO},
            {
                "id": "big",
                "earn": {"kind": "fixed", "points": 100},
                "order": {"min": 2000},
                "when": "member.orders == 0",
            },
            returns=returns,
        )
        order = store.bought("o-1", "1x1000, 1x1000")
        assert store.balance() == 120
        store.bought("o-2", "1x0")
        store.brought_back(order, "r-1", "2x1")
        assert store.balance() == left
        store.brought_back(order, "r-2")
        assert store.balance() == 0


def test_what_was_taken_by_hand_is_not_taken_again(store: Store) -> None:
    order = store.bought("o-1", "1x10000")
    account = store.account().account
    store.post(Reverse(account=account, entry=1, points=70, key="by-hand"))
    back = store.brought_back(order, "r-1", "1=5000")
    assert [one.points for one in back.taken] == [50]
    assert [one.amount for one in back.entries] == [30]
    assert store.balance() == 0
    rest = store.brought_back(order, "r-2")
    assert ([one.points for one in rest.taken], rest.entries) == ([50], ())


def test_a_cap_has_room_again_for_what_came_back() -> None:
    store = a_store()
    cap = {"per": "month", "points": 15}
    times = {"per": "month", "times": 2}
    store.configure({"id": "base", "earn": PER_EURO, "caps": [cap, times]})
    first, second = store.bought("o-1"), store.bought("o-2")
    assert store.balance() == 15
    store.brought_back(second, "r-1")
    assert store.balance() == 10
    store.bought("o-3", "1x300")
    assert store.balance() == 13
    store.bought("o-4", "1x300")
    assert store.balance() == 13
    store.brought_back(first, "r-2", "1=500")
    assert store.balance() == 8


STAMPS = {"kind": "achieve", "points": 50, "target": 5, "count": "items"}


def test_a_stamp_comes_off_the_card_with_what_came_back() -> None:
    store = a_store()
    store.configure(
        {"id": "card", "earn": STAMPS | {"repeats": True}},
    )
    first = store.bought("o-1", "4x100")
    second = store.bought("o-2", "3x100", at=START + DAY)
    assert store.balance() == 50
    # 6 are left of 7, the card is full still
    back = store.brought_back(first, "r-1", "1x1")
    assert (back.taken, store.balance()) == ((), 50)
    # 4 are left: the award went with the other order
    back = store.brought_back(first, "r-2", "1x2")
    assert [(one.rule, one.points) for one in back.taken] == [("card", 50)]
    assert store.balance() == 0
    # 5 again
    store.bought("o-3", "1x100", at=START + DAY * 2)
    assert store.balance() == 50
    store.brought_back(second, "r-3")
    assert store.balance() == 0


def test_a_cancelled_order_gives_everything_back(store: Store) -> None:
    store.bought("o-0", "1x30000")
    tender = paying(store, 300)
    order = store.bought(
        "o-1", "2x500", tenders=(tender, NewTender(kind="card", amount=700))
    )
    assert order.order is not None
    store.brought_back(order, "r-1", "1x1")
    (cancelled,) = store.move(moving(order.order.id, "cancelled"))
    assert [one.points for one in cancelled.given_back] == [150]
    assert sum(one.points for one in cancelled.taken) == 3
    assert store.balance() == 300


def test_adjusting_and_ordering_do_not_meet(store: Store) -> None:
    """nopCommerce: +50, -50 for an order, +21 by it, cancelled: 50 again."""
    account = store.account().account
    store.post(Adjust(account=account, points=50, reason="sign-up", key="s"))
    tender = paying(store, 50)
    order = store.bought(
        "o-1", "1x2150", tenders=(tender, NewTender(kind="card", amount=2100))
    )
    assert store.balance() == 21
    assert order.order is not None
    store.move(moving(order.order.id, "cancelled"))
    assert store.balance() == 50

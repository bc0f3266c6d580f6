"""Orders told by many at once: each order and each return has one effect."""

from __future__ import annotations

import random
import threading
from collections import Counter
from functools import partial
from typing import Any

from punchcard.kernel.transactions import transaction
from punchcard.orders import operations, queries
from tests.builders import rows
from tests.database.shop import NOW, Shop, a_shop, moving, returning
from tests.races.running import deadlocks, somebody_waits_for_us
from tests.races.test_contests import at_once
from tests.sizes import size

CROWD = 100


def count(shop: Shop, table: str) -> int:
    """How many rows of the program's orders a table has."""
    key = "id" if table == "orders_order" else "order_id"
    query = (
        f"SELECT count(*) FROM {table} WHERE {key} IN"
        " (SELECT id FROM orders_order WHERE program_id = %s)"
    )
    return int(rows(query, (shop.program,))[0][0])


def announced(shop: Shop) -> Counter[str]:
    query = (
        "SELECT type FROM kernel_outbox WHERE program_id = %s AND type LIKE 'order%%'"
    )
    return Counter(type_ for (type_,) in rows(query, (shop.program,)))


def test_one_order_told_by_a_hundred_at_once_is_one_order() -> None:
    shop = a_shop()
    order = shop.order("o", "2x500, 1x70", paid="card=1000, points=70")
    answers = [one for (one,) in at_once([lambda: shop.record(order)] * CROWD)]
    assert Counter(one.created for one in answers) == {True: 1, False: CROWD - 1}
    first = answers[0].order
    assert first is not None
    assert all(one.order == first for one in answers)
    assert count(shop, "orders_order") == 1
    assert count(shop, "orders_line") == count(shop, "orders_tender") == 2
    assert announced(shop) == {"order.recorded": 1, "order.paid": 1}


def test_two_contents_of_one_order_told_at_once_are_one_order_and_refusals() -> None:
    shop = a_shop()
    told = [shop.order("o", f"1x{1000 + n % 2}") for n in range(CROWD)]
    answers = at_once([partial(shop.record, order) for order in told])
    codes = Counter(one.refusal.code if one.refusal else "known" for (one,) in answers)
    assert codes == {"known": CROWD // 2, "order_reused": CROWD // 2}
    assert Counter(one.created for (one,) in answers)[True] == 1
    assert count(shop, "orders_order") == count(shop, "orders_line") == 1


def test_one_return_told_by_a_hundred_at_once_has_one_effect() -> None:
    shop = a_shop()
    order = shop.recorded("o", "3x100", shipping=10)
    asked = returning(order.id, "r", "1x1", shipping=10)
    answers = [one for (one,) in at_once([lambda: shop.give_back(asked)] * CROWD)]
    assert Counter(one.created for one in answers) == {True: 1, False: CROWD - 1}
    assert len({one.returned for one in answers}) == 1
    after = queries.get_order(program=shop.program, order=order.id)
    assert all(one.order == after for one in answers)
    assert (after.returns, after.returned_amount, after.version) == (1, 110, 2)
    assert count(shop, "orders_return") == 1
    assert announced(shop)["order.returned"] == 1


def test_more_returns_at_once_than_there_are_units_bring_back_every_unit_once() -> None:
    shop = a_shop()
    order = shop.recorded("o", "60x7 -11, 1x5")
    asked = [returning(order.id, f"r{n}", "1x1") for n in range(CROWD)]
    answers = at_once([partial(shop.give_back, one) for one in asked])
    codes = Counter(one.refusal.code if one.refusal else "done" for (one,) in answers)
    assert codes == {"done": 60, "exceeds_order": CROWD - 60}
    after = queries.get_order(program=shop.program, order=order.id)
    assert (after.status, after.returned_amount) == ("partially_returned", 60 * 7 - 11)
    back = [one.returned.amount for (one,) in answers if one.returned]
    assert sum(back) == 60 * 7 - 11
    assert set(back) == {6, 7}


def test_a_return_and_a_cancellation_at_once_come_one_after_the_other() -> None:
    shop = a_shop()
    for turn in range(size(5, 50)):
        order = shop.recorded(f"o{turn}", "2x100")
        (back,), (gone,) = at_once(
            [
                partial(shop.give_back, returning(order.id, f"r{turn}")),
                partial(shop.move, moving(order.id, "cancelled")),
            ]
        )
        after = queries.get_order(program=shop.program, order=order.id)
        refused = [one for one in (back, gone) if one.refusal is not None]
        assert [one.refusal.code for one in refused] == ["order_cannot_move"]
        assert after.status == ("returned" if back.created else "cancelled")
        assert after.returned_amount == (200 if back.created else 0)


def test_a_delivery_waits_for_its_twin_and_makes_the_order_if_that_fails() -> None:
    class Fails(Exception):
        pass

    shop = a_shop()
    order = shop.order("o")
    waited: list[bool] = []

    def first() -> Any:
        try:
            with transaction():
                operations.record_orders(program=shop.program, orders=[order], now=NOW)
                started.set()
                waited.append(somebody_waits_for_us())
                raise Fails
        except Fails:
            return None

    def second() -> Any:
        started.wait(60)
        return shop.record(order)

    started = threading.Event()
    _, (answer,) = at_once([first, second])
    assert waited == [True]
    assert answer.created
    assert count(shop, "orders_order") == 1


def test_batches_over_the_same_orders_in_any_order_never_deadlock() -> None:
    shop = a_shop()
    before = deadlocks()
    orders = [shop.order(f"o{n}", "9x100") for n in range(30)]

    def tell(seed: int) -> Counter[str]:
        dice = random.Random(seed)
        told = shop.record(*dice.sample(orders, len(orders)))
        ids = [one.order.id for one in told if one.order]
        codes: Counter[str] = Counter(one.created for one in told)
        for turn in range(size(3, 30)):
            asked = [
                returning(one, f"{seed}/{turn}/{one}", "1=1")
                for one in dice.sample(ids, 20)
            ]
            codes.update(
                one.refusal.code if one.refusal else "back"
                for one in shop.give_back(*asked)
            )
        return codes

    codes = sum(at_once([partial(tell, seed) for seed in range(8)]), Counter())
    assert (codes[True], codes[False]) == (30, 7 * 30)
    assert codes["back"] == 8 * size(3, 30) * 20
    assert deadlocks() == before
    found = queries.list_orders(program=shop.program, limit=100)
    assert sum(one.returned_amount for one in found) == codes["back"]

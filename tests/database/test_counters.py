"""Counters of earning rules: each is found, and nobody else's."""

from __future__ import annotations

from datetime import timedelta

from punchcard.earning.operations import CounterKey, lock_counters, write_counters
from punchcard.earning.purchases import Counter, Used
from punchcard.kernel.transactions import transaction
from tests.builders import DAY, START
from tests.database.shop import Shop, a_shop

EVER = Counter(rule="r", per="ever")
BUDGET = Counter(rule="r", per="budget")


def of_day(n: int, rule: str = "r") -> Counter:
    start = START + DAY * n
    return Counter(
        rule=rule, per="day", starts_at=start, ends_at=start + timedelta(days=1)
    )


def locked(shop: Shop, *keys: CounterKey) -> list[int]:
    """The points of counters, in the order asked."""
    with transaction():
        found = lock_counters(program=shop.program, wanted=keys)
    return [found[key].points for key in keys]


def write(shop: Shop, points: dict[CounterKey, int]) -> None:
    counted = {key: Used(points=some) for key, some in points.items()}
    with transaction():
        write_counters(program=shop.program, counters=counted)


def test_every_kind_of_counter_is_found_and_no_other_s() -> None:
    shop = a_shop("ben")
    anna, ben = shop.members["anna"], shop.members["ben"]
    written: dict[CounterKey, int] = {
        (anna, EVER): 1,
        (anna, of_day(0)): 2,
        (anna, of_day(1)): 3,
        (anna, of_day(0, "other")): 4,
        (ben, EVER): 5,
    }
    assert locked(shop, (None, BUDGET)) == [0]
    write(shop, written | {(None, BUDGET): 6})
    assert locked(shop, *written, (None, BUDGET)) == [1, 2, 3, 4, 5, 6]
    unknown: list[CounterKey] = [(ben, of_day(0)), (anna, of_day(2))]
    assert locked(shop, *unknown) == [0, 0]
    assert locked(a_shop(), *written, (None, BUDGET)) == [0] * 6

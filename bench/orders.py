"""Orders with rules: recorded, judged, granted; how much rules cost beside the engine.

An order has two lines on average. Of the twelve rules about three grant; fifty are
these and more of the same, of other goods.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from bench import engine
from bench.harness import Bench, Extras
from bench.processes import Ready, fan_out

if TYPE_CHECKING:
    from punchcard.orders.operations import NewOrder

SIZE = 256
MEMBERS = 20_000
PER_EURO = {"kind": "per_spend", "points": 1, "per": 100, "tax": "after"}


def _fixed(points: int) -> dict[str, object]:
    return {"kind": "fixed", "points": points}


def _times(factor: str) -> dict[str, object]:
    return {"kind": "multiply", "factor": factor}


def _of(**wanted: list[str]) -> dict[str, object]:
    return {"include": wanted}


_SHOES = "'shoes' in order.categories && order.items > 5"
_SPRING = {"from": "2020-03-01", "to": "2020-06-01"}
RULES: list[dict[str, Any]] = [
    {"id": "base", "earn": PER_EURO},
    {"id": "coffee", "earn": _times("2"), "lines": _of(category=["coffee"])},
    {"id": "weekend", "earn": _times("1.5"), "hours": [{"days": ["sat", "sun"]}]},
    {"id": "acme", "earn": _fixed(20), "lines": _of(brand=["acme"], sku=["sku-1"])},
    {"id": "large", "earn": _fixed(50), "order": {"min": 15_000}},
    {"id": "welcome", "earn": _fixed(100), "first_purchase": True},
    {"id": "birthday", "earn": _fixed(200), "birthday": "day"},
    {"id": "regulars", "earn": _fixed(5), "segments": ["regulars"]},
    {"id": "shoes", "earn": _fixed(9), "when": _SHOES},
    {"id": "monthly", "earn": _fixed(3), "caps": [{"per": "month", "times": 2}]},
    {"id": "spring", "earn": _fixed(10), "dates": _SPRING},
    {"id": "review", "earn": _fixed(10), "trigger": "activity:review"},
]


def rules(count: int) -> list[dict[str, Any]]:
    """Return that many rules: the twelve, and then more of the same."""
    others = [
        {"id": f"sku-{n}", "earn": _fixed(1), "lines": _of(sku=[f"sku-{n}"])}
        for n in range(count - len(RULES))
    ]
    return [*RULES, *others][:count]


class Shop(NamedTuple):
    """A program with rules, and its members."""

    program: UUID
    members: list[UUID]


def benches(seconds: float) -> list[Bench]:
    """Return benches of orders in batches, by number of rules."""
    return [
        Bench(
            f"orders batch {SIZE}, {count} rules",
            partial(_measure, make_shop(count), seconds),
        )
        for count in (1, 12, 50)
    ]


def make_shop(count: int) -> Shop:
    """Create a program with so many rules in force, and its members with accounts."""
    import msgspec

    from punchcard.journeys.configuration.document import Document, whole
    from punchcard.journeys.create_program import create_program
    from punchcard.journeys.enrol_members import enrol_members
    from punchcard.kernel import clock
    from punchcard.kernel.transactions import transaction
    from punchcard.members.operations import NewMember
    from punchcard.programs.operations import save_configuration

    now = clock.read()
    program = create_program(
        slug=f"bench-{secrets.token_hex(4)}",
        name="Bench",
        mode="live",
        currency="EUR",
        now=now,
    ).program.id
    ruleset = {"rules": rules(count), "segments": {"regulars": "member.orders >= 3"}}
    document = msgspec.convert({"earning": ruleset}, Document)
    with transaction():
        save_configuration(
            program=program,
            document=whole(document),
            effective_from=now - timedelta(days=1),
            note="",
            actor="console",
            now=now,
        )
    members: list[UUID] = []
    for first in range(0, MEMBERS, 2_000):
        enrolled = enrol_members(
            program=program,
            members=[NewMember(external_id=f"m{first + n}") for n in range(2_000)],
            now=now,
        )
        members += [member.id for member in enrolled]
    return Shop(program, members)


def _measure(shop: Shop, seconds: float) -> tuple[int, float, Extras]:
    done, elapsed = fan_out(
        work,
        shop,
        secrets.token_hex(4),
        processes=engine.PROCESSES,
        seconds=seconds,
    )
    return done, elapsed, {"statements_per_op": _statements(shop)}


def _statements(shop: Shop) -> float:
    tag = secrets.token_hex(4)
    orders = _orders(random.Random(tag), shop, tag)
    return engine.counted(lambda: _record(shop, orders)) / SIZE


def _orders(chance: random.Random, shop: Shop, tag: str) -> list[NewOrder]:
    from punchcard.kernel import clock
    from punchcard.orders.operations import NewLine, NewOrder

    now = clock.read()
    return [
        NewOrder(
            external_id=f"{tag}-{number}",
            member=chance.choice(shop.members),
            occurred_at=now,
            currency="EUR",
            channel=chance.choice(("web", "shop")),
            lines=tuple(
                NewLine(
                    sku=f"sku-{chance.randrange(500)}",
                    category=chance.choice(("coffee", "shoes", "books", "tea")),
                    brand=chance.choice(("acme", "other", "third")),
                    quantity=chance.randrange(1, 4),
                    unit_price=chance.randrange(100, 5_000),
                )
                for _ in range(chance.choice((1, 2, 2, 3)))
            ),
        )
        for number in range(SIZE)
    ]


def _record(shop: Shop, orders: Sequence[NewOrder]) -> None:
    from punchcard.journeys.orders.record_orders import record_orders
    from punchcard.kernel import clock

    answers = record_orders(program=shop.program, orders=orders, now=clock.read())
    assert all(answer.created for answer in answers)


def work(number: int, ready: Ready, shop: Shop, tag: str) -> int:
    """Record batches until the deadline; return the orders recorded."""
    engine.setup()
    chance = random.Random(f"{tag}{number}")
    batches = done = 0
    deadline: float | None = None
    while deadline is None or time.perf_counter() < deadline:
        batches += 1
        _record(shop, _orders(chance, shop, f"{tag}-{number}-{batches}"))
        if deadline is not None:
            done += SIZE
        elif batches * SIZE >= engine.WARM_UP_COMMANDS:
            deadline = ready()
    return done

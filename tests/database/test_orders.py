"""Orders in the database: told twice they are one, and they move as they may."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import TransactionError
from punchcard.orders import errors, operations, queries
from punchcard.orders.queries import FactsWanted, Filters
from tests.builders import DAY, START, rows
from tests.database.shop import NOW, Shop, a_shop, moving, returning


@pytest.fixture
def shop() -> Shop:
    return a_shop()


def stands(shop: Shop, order: queries.OrderView) -> queries.OrderView:
    return queries.get_order(program=shop.program, order=order.id)


def announced(shop: Shop) -> list[tuple[str, str]]:
    """What was announced of orders: the event, and the order's status by then."""
    return rows(
        "SELECT type, data->>'status' FROM kernel_outbox"
        " WHERE program_id = %s AND type LIKE 'order.%%' ORDER BY n",
        (shop.program,),
    )


def counts(shop: Shop) -> tuple[int, int, int]:
    """How many orders, lines and tenders there are."""
    found = []
    for table, key in (
        ("orders_order", "id"),
        ("orders_line", "order_id"),
        ("orders_tender", "order_id"),
    ):
        query = (
            f"SELECT count(*) FROM {table} WHERE {key} IN"
            " (SELECT id FROM orders_order WHERE program_id = %s)"
        )
        found.append(rows(query, (shop.program,))[0][0])
    return tuple(found)


def test_an_order_is_read_as_it_was_told(shop: Shop) -> None:
    order = shop.recorded(
        "o",
        "2x300 -50 tax20, 1x100",
        paid="card=600, points=70",
        shipping=30,
        discount=10,
        channel="web",
    )
    assert stands(shop, order) == order
    assert (order.status, order.total, order.not_money) == ("paid", 670, 70)
    assert [one.amount for one in order.lines] == [542, 98]
    assert (order.paid_at, order.created_at) == (START, NOW)
    assert announced(shop) == [("order.recorded", "paid"), ("order.paid", "paid")]


def test_an_order_without_lines_has_one(shop: Shop) -> None:
    order = shop.recorded("o", "", total=700)
    assert [(one.n, one.amount) for one in stands(shop, order).lines] == [(1, 700)]


def test_told_again_it_is_the_order_that_is_there(shop: Shop) -> None:
    order = shop.recorded("o")
    again, open_ = shop.record(shop.order("o"), shop.order("o", status="open"))
    assert (again.created, again.order) == (False, order)
    assert (open_.created, open_.order) == (False, order)
    assert counts(shop) == (1, 1, 1)
    assert len(announced(shop)) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"lines": "1x1001"},
        {"lines": "1x500, 1x500"},
        {"at": START + DAY},
        {"currency": "USD"},
        {"paid": "cash=1000"},
        {"channel": "web"},
    ],
    ids=str,
)
def test_told_otherwise_it_is_refused_and_nothing_changes(
    shop: Shop, other: dict[str, Any]
) -> None:
    order = shop.recorded("o")
    (answer,) = shop.record(shop.order("o", **other))
    assert isinstance(answer.refusal, errors.OrderReused)
    assert (answer.refusal.order, answer.order) == (order.id, None)
    assert stands(shop, order) == order
    assert counts(shop) == (1, 1, 1)


def test_in_one_batch_each_has_its_answer_and_a_refusal_stops_nobody(
    shop: Shop,
) -> None:
    answers = shop.record(
        shop.order("a"),
        shop.order("", "1x1"),
        shop.order("a"),
        shop.order("a", "1x2"),
        shop.order("b", paid="card=1"),
        shop.order("c", "", total=5),
    )
    said = [one.refusal.code if one.refusal else one.created for one in answers]
    assert said == [
        True,
        "malformed",
        False,
        "order_reused",
        "tenders_differ",
        True,
    ]
    assert answers[2].order == answers[0].order
    assert counts(shop) == (2, 2, 2)


def test_an_external_id_is_of_one_program_alone(shop: Shop) -> None:
    ours, theirs = shop.recorded("o"), a_shop().recorded("o", "1x5")
    assert ours.id != theirs.id
    assert queries.get_orders(program=shop.program, orders=[theirs.id]) == {}
    with pytest.raises(errors.OrderNotFound):
        queries.get_order(program=shop.program, order=theirs.id)
    found = queries.find_orders(program=shop.program, external_ids=["o", "p", "\0"])
    assert found == {"o": ours.id}


# Moves: the status before, the move, the status after or the refusal.
MOVES = """
    open      paid       paid
    open      cancelled  cancelled
    open      reopened   order_cannot_move
    paid      paid       same
    paid      cancelled  cancelled
    paid      reopened   reopened
    reopened  paid       paid
    reopened  cancelled  cancelled
    reopened  reopened   same
    cancelled paid       order_cannot_move
    cancelled cancelled  same
    cancelled reopened   order_cannot_move
    partly    paid       order_cannot_move
    partly    cancelled  cancelled
    partly    reopened   order_cannot_move
    returned  paid       order_cannot_move
    returned  cancelled  order_cannot_move
    returned  reopened   order_cannot_move
"""


def an_order(shop: Shop, status: str) -> queries.OrderView:
    order = shop.recorded("o", "2x500", status="open" if status == "open" else "paid")
    if status in {"reopened", "cancelled"}:
        shop.move(moving(order.id, status))
    if status in {"partly", "returned"}:
        shop.give_back(returning(order.id, "r", "1x1" if status == "partly" else ""))
    return stands(shop, order)


@pytest.mark.parametrize("row", MOVES.strip().splitlines(), ids=str.strip)
def test_an_order_moves_as_it_may(shop: Shop, row: str) -> None:
    status, to, expected = row.split()
    before = an_order(shop, status)
    told = len(announced(shop))
    (answer,) = shop.move(moving(before.id, to))
    after = stands(shop, before)
    if expected == to:
        assert (answer.before, answer.order) == (before, after)
        assert (after.status, after.version) == (to, before.version + 1)
        assert after.times_paid == before.times_paid + (to == "paid")
        assert announced(shop)[told:] == [(f"order.{to}", to)]
        return
    assert after == before
    assert len(announced(shop)) == told
    if expected == "same":
        assert (answer.refusal, answer.changed, answer.order) == (None, False, before)
    else:
        assert answer.refusal is not None
        assert answer.refusal.code == expected


def test_what_an_open_order_was_paid_with_is_told_when_it_is_paid(shop: Shop) -> None:
    order = shop.recorded("o", status="open")
    assert (order.tenders, order.paid_at, order.times_paid) == ((), None, 0)
    (short,) = shop.move(moving(order.id, "paid", "card=999"))
    assert isinstance(short.refusal, errors.TendersDiffer)
    assert short.refusal.difference == 1
    shop.move(moving(order.id, "paid", "card=900, points=100"))
    paid = stands(shop, order)
    assert [(one.kind, one.amount) for one in paid.tenders] == [
        ("card", 900),
        ("points", 100),
    ]
    assert (paid.paid_at, paid.times_paid) == (START + DAY, 1)
    (other,) = shop.move(moving(order.id, "paid", "card=1000"))
    assert isinstance(other.refusal, errors.OrderReused)
    (same,) = shop.move(moving(order.id, "paid", "card=900, points=100"))
    assert (same.changed, same.refusal) == (False, None)
    # The order told once more, now with what it was paid with.
    again = shop.record(shop.order("o", paid="card=900, points=100"))[0]
    assert (again.created, again.order) == (False, paid)


def test_an_open_order_that_is_paid_without_a_word_was_paid_with_money(
    shop: Shop,
) -> None:
    order = shop.recorded("o", status="open")
    shop.move(moving(order.id, "paid"))
    (one,) = stands(shop, order).tenders
    assert (one.kind, one.amount) == ("other", 1000)


def test_reopened_and_paid_again_it_was_paid_twice_with_the_same(shop: Shop) -> None:
    order = shop.recorded("o", paid="card=1000")
    shop.move(moving(order.id, "reopened"))
    (other,) = shop.move(moving(order.id, "paid", "cash=1000"))
    assert isinstance(other.refusal, errors.OrderReused)
    shop.move(moving(order.id, "paid"))
    again = stands(shop, order)
    assert (again.status, again.times_paid, again.version) == ("paid", 2, 3)
    assert again.tenders == order.tenders


def test_an_order_moves_once_in_a_batch(shop: Shop) -> None:
    order = shop.recorded("o")
    moves = [moving(order.id, "reopened"), moving(order.id, "paid")]
    first, second = shop.move(*moves)
    assert first.changed
    assert isinstance(second.refusal, errors.OrderMalformed)
    assert stands(shop, order).status == "reopened"


def test_nobody_moves_an_order_of_another_program(shop: Shop) -> None:
    theirs = a_shop()
    order = theirs.recorded("o")
    (moved,) = shop.move(moving(order.id, "cancelled"))
    (back,) = shop.give_back(returning(order.id, "r"))
    for answer in (moved, back):
        assert isinstance(answer.refusal, errors.OrderNotFound)
    assert stands(theirs, order) == order


@pytest.mark.parametrize(
    "write",
    [
        lambda shop: operations.record_orders(program=shop.program, orders=[], now=NOW),
        lambda shop: operations.move_orders(program=shop.program, moves=[], now=NOW),
        lambda shop: operations.record_returns(
            program=shop.program, returns=[], now=NOW
        ),
        lambda shop: queries.lock_orders(program=shop.program, orders=[]),
    ],
    ids=["record", "move", "return", "lock"],
)
def test_orders_are_written_in_a_transaction_alone(shop: Shop, write: Any) -> None:
    with pytest.raises(TransactionError):
        write(shop)


# Lists


def test_orders_are_listed_page_by_page_as_they_were_recorded(shop: Shop) -> None:
    made = [shop.recorded(f"o{n}") for n in range(5)]
    pages, after = [], None
    while page := queries.list_orders(program=shop.program, limit=2, after=after):
        pages.append([one.external_id for one in page])
        after = page[-1].id
    assert pages == [["o4", "o3"], ["o2", "o1"], ["o0"]]
    oldest = queries.list_orders(
        program=shop.program, limit=2, after=made[0].id, newest_first=False
    )
    assert oldest == made[1:3]


def test_orders_are_filtered() -> None:
    shop = a_shop("ben")
    shop.recorded("a", channel="web")
    shop.recorded("b", by="ben", status="open")
    shop.recorded("c", at=START + DAY, by="ben")
    for filters, expected in (
        (Filters(), "cba"),
        (Filters(member=shop.members["ben"]), "cb"),
        (Filters(status="open"), "b"),
        (Filters(channel="web"), "a"),
        (Filters(channel="w\0"), ""),
        (Filters(external_id="c"), "c"),
        (Filters(place=new_id()), ""),
        (Filters(occurred_from=START + DAY), "c"),
        (Filters(occurred_to=START + DAY), "ba"),
        (Filters(member=shop.members["ben"], status="paid"), "c"),
    ):
        found = queries.list_orders(program=shop.program, limit=9, filters=filters)
        assert "".join(one.external_id for one in found) == expected, filters


# What a member bought before


def test_facts_count_what_was_bought_before_and_kept() -> None:
    shop = a_shop("ben")
    first = shop.recorded("1", "2x50")
    second = shop.recorded("2", "1x30", at=START + DAY)
    twin = shop.recorded("3", "1x7", at=START + DAY)
    shop.recorded("4", "1x900", at=START, status="open")
    shop.recorded("5", "1x500", at=START, currency="USD")
    shop.recorded("6", "1x800", at=START, by="ben")
    gone = shop.recorded("7", "1x90")
    shop.move(moving(gone.id, "cancelled"))
    shop.give_back(returning(first.id, "r1", "1x1"), returning(second.id, "r2"))
    table = [
        # before, since, order -> orders, bought, spent, last
        (START, None, None, (0, 0, 0, None)),
        (START, None, first.id, (0, 0, 0, None)),
        (START + DAY, None, None, (2, 2, 50, START)),
        (START + DAY, None, second.id, (2, 2, 50, START)),
        (START + DAY, None, twin.id, (2, 3, 50, START + DAY)),
        (START + DAY * 2, None, None, (3, 4, 57, START + DAY)),
        (START + DAY * 2, START + DAY, None, (1, 2, 7, START + DAY)),
        (START + DAY * 2, START + DAY * 2, None, (0, 0, 0, None)),
    ]
    wanted = [
        FactsWanted(
            member=shop.members["anna"],
            currency="EUR",
            before=before,
            since=since,
            order=order,
        )
        for before, since, order, _ in table
    ]
    found = queries.read_facts(program=shop.program, wanted=wanted)
    for facts, (*asked, expected) in zip(found, table, strict=True):
        assert (facts.orders, facts.bought, facts.spent, facts.last_at) == expected, (
            asked
        )
    # Of another program nothing is known.
    nothing = queries.read_facts(program=a_shop().program, wanted=wanted)
    assert {facts.bought for facts in nothing} == {0}


# Statements


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every statement that psycopg sends, BEGIN and COMMIT aside."""
    found: list[Any] = []
    execute = psycopg.Cursor.execute

    def counted(cursor: Any, query: Any, *args: Any, **options: Any) -> Any:
        found.append(query)
        return execute(cursor, query, *args, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", counted)
    return found


def test_a_batch_of_hundred_sends_no_more_statements_than_one(
    shop: Shop, sent: list[Any]
) -> None:
    def count(work: Any) -> int:
        before = len(sent)
        work()
        return len(sent) - before

    one, many = [shop.order("one")], [shop.order(f"o{i}") for i in range(100)]
    told = [count(lambda some=some: shop.record(*some)) for some in (one, many)]
    again = [count(lambda some=some: shop.record(*some)) for some in (one, many)]
    assert (told, again) == ([2, 2], [5, 5])
    external_ids = [order.external_id for order in (*one, *many)]
    found = queries.find_orders(program=shop.program, external_ids=external_ids)
    ids = [found[text] for text in external_ids]
    back = [
        count(
            lambda some=some: shop.give_back(
                *(returning(order, f"r{order}", "1=1") for order in some)
            )
        )
        for some in (ids[:1], ids[1:])
    ]
    moved = [
        count(lambda some=some: shop.move(*(moving(o, "cancelled") for o in some)))
        for some in (ids[:1], ids[1:])
    ]
    assert (back, moved) == ([7, 7], [6, 6])

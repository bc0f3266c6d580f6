"""The database is the last judge of orders too: each guard refuses what went around.

Raw SQL by the owner of the tables, triggers on; every attempt is rolled back. One line
per attempt: the name that the error carries, the attempt. `{o}` is an order that is
partly returned, `{p}` a paid one, `{n}` one that is open, `{c}` a cancelled one.
"""

from __future__ import annotations

import psycopg
import pytest

from punchcard.kernel import sql
from punchcard.kernel.transactions import transaction
from punchcard.orders.operations import NewActivity, record_activities
from tests.builders import START, rows
from tests.database.shop import NOW, Shop, a_shop, moving, returning


class Undo(Exception):
    """The attempt was let through; take it back."""


@pytest.fixture(scope="module")
def at_hand() -> list[dict[str, str]]:
    """Where the orders that everybody tries to corrupt are kept."""
    return []


@pytest.fixture
def orders(committing: None, at_hand: list[dict[str, str]]) -> dict[str, str]:
    if not at_hand:
        shop: Shop = a_shop()
        paid = "card=750, points=350"
        partly = shop.recorded("o", "3x300 tax20, 1x100", paid=paid, shipping=100)
        whole = shop.recorded("p", "2x50")
        unpaid = shop.recorded("n", "2x50", status="open")
        (answer,) = shop.give_back(returning(partly.id, "r", "1x1", shipping=10))
        assert answer.created
        kept = NewActivity(
            external_id="kept",
            member=shop.members["anna"],
            type="review",
            occurred_at=START,
            facts={"text": "words"},
        )
        with transaction():
            record_activities(program=shop.program, activities=[kept], now=NOW)
        cancelled = shop.recorded("c", "2x50")
        shop.move(moving(cancelled.id, "cancelled"))
        named = {"c": cancelled.id, "o": partly.id, "p": whole.id, "n": unpaid.id}
        at_hand.append({name: f"'{value}'" for name, value in named.items()})
    return at_hand[0]


def attempt(statement: str) -> str | None:
    """Run a statement that is rolled back; return who refused it, or None."""
    try:
        with transaction():
            cursor = sql.cursor()
            cursor.execute(statement.encode())
            assert cursor.rowcount, "the attempt hit no row"
            # What waits for the COMMIT: that lines belong to an order.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            raise Undo
    except psycopg.Error as error:
        return error.diag.constraint_name or error.diag.message_primary
    except Undo:
        return None


ORDER = """
    id, program_id, member_id, external_id, fingerprint, status, currency, tax_included,
    occurred_at, created_at, paid_at, version, times_paid, line_count, shipping, total,
    returns, returned_shipping, returned_amount
"""


def new(status="'paid'", paid_at="now()", times=1, count=1, shipping=0, total=100,
        returned=0, name="'new'", currency="'EUR'", returns=0):  # fmt: skip
    """A new order; alone, or as the first part of a statement with more."""
    return f"""
        INSERT INTO orders_order ({ORDER})
        SELECT gen_random_uuid(), program_id, member_id, {name}, '\\x00', {status},
            {currency}, TRUE, now(), now(), {paid_at}, 1, {times}, {count}, {shipping},
            {total}, {returns}, 0, {returned}
        FROM orders_order WHERE id = {{p}}"""


def line(of="{p}", n=1, quantity=1, price=100, discount=0, shared=0, tax=0,
         amount=100, returned="0, 0, 0, 0, 0"):  # fmt: skip
    return f"""
        INSERT INTO orders_line (order_id, n, quantity, unit_price, discount,
            shared_discount, tax, amount, returned_quantity, returned_amount,
            returned_tax, repriced_quantity, repriced_amount)
        SELECT {of}, {n}, {quantity}, {price}, {discount}, {shared}, {tax}, {amount},
            {returned}"""


def tender(of="{p}", n=1, kind="'card'", amount=100, account="NULL", sequence="NULL"):
    return f"""
        INSERT INTO orders_tender (order_id, n, kind, amount, account_id, sequence,
            returned)
        SELECT {of}, {n}, {kind}, {amount}, {account}, {sequence}, 0"""


def whole(order=None, lines=None, tenders=None):
    """A new order with its line and tender, in one statement."""
    made = [f"made AS ({order or new()} RETURNING id)"]
    for place, part in enumerate(lines or [line("id")]):
        made.append(f"line{place} AS ({part} FROM made)")
    for place, part in enumerate([tender("id")] if tenders is None else tenders):
        made.append(f"tender{place} AS ({part} FROM made)")
    return f"WITH {', '.join(made)} SELECT id FROM made"


def activity(name="'b'", type_="'review'"):
    return f"""
        INSERT INTO orders_activity (id, program_id, member_id, external_id,
            fingerprint, type, facts, occurred_at, created_at)
        SELECT gen_random_uuid(), program_id, member_id, n, '\\x00', {type_}, '{{}}',
            now(), now()
        FROM orders_order, unnest(ARRAY['a', {name}]) AS n WHERE id = {{p}}"""


def activity_then(change):
    """Change an activity that is there."""
    return f"UPDATE orders_activity SET {change} WHERE external_id = 'kept'"


def update(table, change, of="{o}", where="TRUE"):
    key = "id" if table == "order" else "order_id"
    return f"UPDATE orders_{table} SET {change} WHERE {key} = {of} AND {where}"


def moved(status, of="{p}", more=""):
    return update("order", f"status = '{status}', version = version + 1{more}", of)


def back(n=2, amount=100, shipping=0, of="{o}", name="'r2'", refund="'none'",
         withheld="FALSE"):  # fmt: skip
    """A return of an order."""
    return f"""
        INSERT INTO orders_return (id, program_id, order_id, n, external_id,
            fingerprint, occurred_at, created_at, amount, shipping, refund, withheld)
        SELECT gen_random_uuid(), program_id, id, {n}, {name}, '\\x00', now(), now(),
            {amount}, {shipping}, {refund}, {withheld}
        FROM orders_order WHERE id = {of}"""


def returned(amount=100, quantity=0, line_=2, tender_=1, status="partially_returned",
             leave_out=(), order_amount=None, line_amount=None):  # fmt: skip
    """A return by amount and all that belongs to it; of the whole line 2."""
    parts = {
        "return": back(amount=amount),
        "return_line": f"INSERT INTO orders_return_line"
        f" VALUES ({line_}, 2, {quantity}, {amount}, 0, {{o}})",
        "return_tender": "INSERT INTO orders_return_tender"
        f" VALUES ({tender_}, 2, {amount}, {{o}})",
        "line": update(
            "line",
            f"returned_amount = returned_amount + {line_amount or amount},"
            f" repriced_amount = returned_amount + {line_amount or amount},"
            f" returned_quantity = returned_quantity + {quantity}",
            where=f"n = {line_}",
        ),
        "tender": update(
            "tender", f"returned = returned + {amount}", where=f"n = {tender_}"
        ),
        "order": moved(
            status,
            "{o}",
            f", returns = returns + 1, returned_amount = returned_amount +"
            f" {order_amount or amount}",
        ),
    }
    said = [
        f"{name}_part AS ({text} RETURNING 1)"
        for name, text in parts.items()
        if name not in leave_out
    ]
    return f"WITH {', '.join(said)} SELECT 1"


ATTEMPTS = [
    # What is meant to pass, passes: an attempt below differs from one of these.
    (None, whole()),
    (None, whole(new("'open'", "NULL", 0), tenders=[])),
    (None, whole(new(total=0), [line("id", price=0, amount=0)], [])),
    (None, returned()),
    (None, moved("cancelled")),
    (None, moved("reopened")),
    # An order is its lines and its tenders.
    ("order_starts_whole", new("'open'", "NULL", 0)),
    ("order_starts_whole", whole(new(returned=1))),
    ("order_returns_need_its_status", whole(new("'returned'"))),
    ("order_starts_whole", whole(new("'returned'", returns=1))),
    ("order_starts_whole", whole(new("'cancelled'"))),
    (
        "order_equals_its_lines",
        whole(new(total=101), tenders=[tender("id", amount=101)]),
    ),
    ("order_equals_its_lines", whole(new(count=2))),
    ("order_equals_its_lines", whole(lines=[line("id", n=1), line("id", n=2)])),
    (
        "order_equals_its_lines",
        whole(
            new(count=2, total=200),
            [line("id"), line("id", n=3)],
            [tender("id", amount=200)],
        ),
    ),
    ("order_equals_its_lines", whole(lines=[line("id", returned="1, 0, 0, 0, 0")])),
    ("order_equals_its_lines", line("{p}", n=2)),
    ("order_equals_its_lines", line("{n}", n=2, price=0, amount=0)),
    ("order_equals_its_tenders", whole(tenders=[tender("id", amount=99)])),
    ("order_equals_its_tenders", tender("{p}", n=2, amount=1)),
    ("order_equals_its_tenders", tender("{n}", amount=99)),
    ("order_paid_has_tenders", whole(tenders=[])),
    (
        "order_paid_has_tenders",
        moved("paid", "{n}", ", times_paid = 1, paid_at = now()"),
    ),
    # One row by itself.
    ("order_external_id_is_unique", whole(new(name="'p'"))),
    ("order_external_id_is_not_empty", whole(new(name="''"))),
    ("order_status_is_known", whole(new("'lost'"))),
    ("order_currency_is_iso_4217", whole(new(currency="'eur'"))),
    ("order_amounts_within_range", whole(new(shipping=-1))),
    ("order_amounts_within_range", whole(new(shipping=101))),
    ("order_amounts_within_range", whole(new(total=10**15 + 1))),
    ("order_has_a_line", whole(new(count=0))),
    ("order_paid_has_its_instant", whole(new(paid_at="NULL"))),
    ("order_paid_has_its_instant", whole(new("'open'"))),
    ("line_counts_from_one", whole(lines=[line("id", n=0)])),
    ("line_counts_from_one", whole(lines=[line("id", quantity=0, price=0, amount=0)])),
    ("line_amounts_within_range", whole(lines=[line("id", discount=-1, amount=101)])),
    ("line_amounts_within_range", whole(lines=[line("id", tax=-1)])),
    ("line_amounts_within_range", whole(lines=[line("id", price=-100, amount=-100)])),
    ("line_amount_is_its_parts", whole(lines=[line("id", amount=99)])),
    ("line_amount_is_its_parts", whole(lines=[line("id", shared=1)])),
    ("tender_kind_is_known", whole(tenders=[tender("id", kind="'gold'")])),
    ("tender_amount_within_range", whole(tenders=[tender("id", amount=0)])),
    (
        "tender_entry_is_of_points",
        whole(tenders=[tender("id", account="id", sequence=1)]),
    ),
    (
        "tender_entry_is_of_points",
        whole(tenders=[tender("id", kind="'points'", account="id")]),
    ),
    # Contents never change.
    ("order_contents_never_change", update("order", "total = 5")),
    ("order_contents_never_change", update("order", "member_id = id")),
    ("line_contents_never_change", update("line", "amount = 5")),
    ("line_contents_never_change", update("line", "sku = 'x'", "{n}")),
    ("tender_contents_never_change", update("tender", "kind = 'cash'")),
    ("return_never_changes", update("return", "amount = 5")),
    ("return_line_never_changes", update("return_line", "amount = 5")),
    ("return_tender_never_changes", update("return_tender", "amount = 5")),
    ("order_never_deleted", "DELETE FROM orders_order WHERE id = {n}"),
    ("line_never_deleted", "DELETE FROM orders_line WHERE order_id = {n}"),
    ("tender_never_deleted", "DELETE FROM orders_tender WHERE order_id = {p}"),
    ("return_never_deleted", "DELETE FROM orders_return WHERE order_id = {o}"),
    ("refund_moves_as_it_may", update("return", "refund = 'succeeded'")),
    ("refund_moves_as_it_may", update("return", "withheld = TRUE")),
    ("refund_moves_as_it_may", update("return", "refund = 'none'", where="n = 1")),
    ("return_refund_is_known", back(refund="'lost'")),
    ("return_withheld_until_refunded", back(withheld="TRUE")),
    (
        "return_line_never_changes",
        "DELETE FROM orders_return_line WHERE order_id = {o}",
    ),
    (
        "return_tender_never_changes",
        "DELETE FROM orders_return_tender WHERE order_id = {o}",
    ),
    ("return_line_never_changes", "TRUNCATE orders_return_line"),
    ("activity_never_changes", "UPDATE orders_activity SET type = 'x'"),
    ("activity_facts_are_forgotten_alone", activity_then("facts = '{\"a\": 1}'")),
    ("activity_facts_are_forgotten_alone", activity_then("facts = NULL")),
    (None, activity_then("facts = '{}'")),
    ("activity_never_deleted", "DELETE FROM orders_activity"),
    ("activity_external_id_is_not_empty", activity("''")),
    ("activity_external_id_is_unique", activity("'a'")),
    ("activity_type_is_a_word", activity(type_="'Check in'")),
    (None, activity()),
    # An order moves as it may, and forwards.
    ("order_moves_as_it_may", moved("reopened", "{n}")),
    ("order_moves_as_it_may", moved("paid", "{o}")),
    ("order_moves_as_it_may", moved("reopened", "{o}")),
    ("order_ended_never_changes", moved("cancelled", "{c}")),
    ("order_ended_never_changes", moved("paid", "{c}")),
    ("order_never_goes_back", update("order", "status = 'cancelled'", "{p}")),
    ("order_never_goes_back", moved("cancelled", "{o}", ", returned_amount = 0")),
    ("order_returns_need_its_status", moved("returned")),
    # No more comes back than was bought, and it came back by a return.
    (
        "line_returned_within_quantity",
        update("line", "returned_quantity = 4", where="n = 1"),
    ),
    (
        "line_returned_within_amount",
        update("line", "returned_amount = 901", where="n = 1"),
    ),
    (
        "line_returned_within_amount",
        update("line", "repriced_amount = 301", where="n = 1"),
    ),
    (
        "line_returned_within_quantity",
        update("line", "repriced_quantity = 2", where="n = 1"),
    ),
    ("line_returned_within_tax", update("line", "returned_tax = 21", where="n = 1")),
    (
        "tender_returned_within_amount",
        update("tender", "returned = 751", where="n = 1"),
    ),
    (
        "order_returned_within_total",
        moved("partially_returned", "{o}", ", returned_amount = 1101"),
    ),
    (
        "order_returned_within_total",
        moved("partially_returned", "{o}", ", returned_shipping = 101"),
    ),
    ("line_never_goes_back", update("line", "returned_quantity = 0", where="n = 1")),
    ("tender_never_goes_back", update("tender", "returned = 0", where="n = 1")),
    ("line_equals_its_returns", update("line", "returned_amount = 301", where="n = 1")),
    ("tender_equals_its_returns", update("tender", "returned = 749", where="n = 1")),
    (
        "order_equals_its_returns",
        moved("partially_returned", "{o}", ", returned_amount = 311"),
    ),
    ("order_equals_its_returns", moved("partially_returned", "{o}", ", returns = 2")),
    ("order_equals_its_returns", back()),
    ("order_equals_its_returns", returned(leave_out=["return"])),
    ("order_equals_its_returns", returned(leave_out=["order"])),
    ("order_equals_its_returns", returned(order_amount=99)),
    ("order_equals_its_returns", returned(leave_out=["return_line", "line"])),
    ("order_equals_its_returns", returned(leave_out=["return_tender", "tender"])),
    ("order_equals_its_returns", returned(leave_out=["return_line"])),
    ("line_equals_its_returns", returned(leave_out=["line"])),
    ("line_equals_its_returns", returned(line_amount=99)),
    ("line_equals_its_returns", returned(line_=9)),
    ("order_equals_its_returns", returned(leave_out=["return_tender"])),
    ("tender_equals_its_returns", returned(leave_out=["tender"])),
    ("return_external_id_is_unique", back(name="'r'")),
    ("return_external_id_is_not_empty", back(name="''")),
    ("return_counts_within_its_order", back(n=1)),
    ("return_amounts_within_range", back(amount=5, shipping=6)),
    (
        "return_line_brings_something_back",
        "INSERT INTO orders_return_line VALUES (2, 2, 0, 0, 0, {o})",
    ),
    (
        "return_tender_gives_something_back",
        "INSERT INTO orders_return_tender VALUES (2, 2, 0, {o})",
    ),
]


@pytest.mark.parametrize(
    ("guard", "statement"),
    ATTEMPTS,
    ids=[f"{place}-{guard}" for place, (guard, _) in enumerate(ATTEMPTS)],
)
def test_what_went_around_is_refused_by_name(
    orders: dict[str, str], guard: str | None, statement: str
) -> None:
    for name, value in orders.items():
        statement = statement.replace(f"{{{name}}}", value)
    assert attempt(statement) == guard


def test_every_guard_of_orders_was_tried() -> None:
    named = rows("""
        SELECT conname::text FROM pg_constraint
        WHERE conrelid::regclass::text LIKE 'orders\\_%' AND contype IN ('c', 'u')
        UNION
        SELECT convert_from(substring(tgargs FOR octet_length(tgargs) - 1), 'UTF8')
        FROM pg_trigger
        WHERE tgrelid::regclass::text LIKE 'orders\\_%' AND tgnargs = 1
    """)
    tried = {guard for guard, _ in ATTEMPTS}
    assert {name for (name,) in named} - tried == set()
    assert len(named) > 30

"""What a post costs, free of noise: statements, and the pages that they touch.

Neither may grow with the batch (statements) or with an account's history (pages).
"""

import re
from collections import Counter

import psycopg
import pytest

from punchcard.kernel.transactions import transaction
from punchcard.ledger.commands import Earn, Redeem, Refund, Reverse, Settle
from punchcard.ledger.operations import post
from tests.builders import a_ledger, rows
from tests.sizes import size

MOST_STATEMENTS = 8
FEW = 12
"""Lots of the fresh account: PL/pgSQL fetches ten rows at a time from any index."""
OPEN_LOTS, ENTRIES = size(600, 3_000), size(3_000, 100_000)


@pytest.fixture
def statements(monkeypatch):
    """Every statement that psycopg sends, by its first table or verb, in order."""
    sent = []
    execute = psycopg.Cursor.execute

    def counted(cursor, query, *args, **options):
        sent.append(query if isinstance(query, str) else query.decode())
        return execute(cursor, query, *args, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", counted)
    return sent


def mixed(accounts, count, name):
    """Make so many commands of every kind over these accounts; keys by `name`."""
    kinds = [
        lambda a, key: Earn(account=a, points=50, key=key, validity="P9D"),
        lambda a, key: Redeem(account=a, points=20, key=key),
        lambda a, key: Refund(account=a, entry=2, points=1, key=key),
        lambda a, key: Reverse(account=a, entry=1, points=1, key=key),
        lambda a, key: Redeem(account=a, points=10**9, key=key),
        lambda a, _: Settle(account=a),
    ]
    return [
        kinds[n % len(kinds)](accounts[n // 6 % len(accounts)], f"{name} {n}")
        for n in range(count)
    ]


@pytest.mark.parametrize("count", [1, 10, 1_000, *([10_000] if size(0, 1) else [])])
def test_a_post_has_a_fixed_number_of_statements(statements, count):
    book = a_ledger()
    accounts = book.open(min(count, 200))
    book.post(*(Earn(account=a, points=1_000, key="e") for a in accounts))
    book.post(*(Redeem(account=a, points=100, key="r") for a in accounts))
    book.pass_days(1)
    commands = mixed(accounts, count, "mixed")
    with transaction():
        statements.clear()
        outcomes = post(commands=commands, now=book.now)
        sent = list(statements)
    assert len(sent) <= MOST_STATEMENTS, sent
    assert all(o.code in ("applied", "insufficient_points") for o in outcomes)
    with transaction():
        statements.clear()
        again = post(commands=commands, now=book.now)
        assert len(statements) <= len(sent), "a replay costs more than the first time"
    assert all(o.replayed for o, c in zip(again, commands, strict=True) if has_key(c))


def has_key(command):
    return not isinstance(command, Settle)


@pytest.mark.parametrize(
    ("kind", "fields", "most"),
    [
        (Earn, {"points": 5}, 3),
        (Redeem, {"points": 5}, 4),
        (Redeem, {"points": 10**15}, 3),
        (Refund, {"entry": 2}, 5),
        (Reverse, {"entry": 1}, 5),
        (Settle, {}, 2),
    ],
)
def test_a_single_command_has_no_statement_too_many(statements, kind, fields, most):
    book = a_ledger()
    account = book.account()
    book.one(Earn(account=account, points=100, key="e"))
    book.one(Redeem(account=account, points=10, key="r"))
    keyed = {} if kind is Settle else {"key": "k"}
    with transaction():
        statements.clear()
        post(commands=[kind(account=account, **fields, **keyed)], now=book.now)
        assert len(statements) <= most, statements


# An account's history


@pytest.fixture(scope="module")
def histories():
    """An account with a long history and many open lots, and a fresh one."""
    return {}


@pytest.fixture
def old_and_fresh(committing, histories):
    if not histories:
        book = a_ledger()
        old, fresh = book.open(2)
        spent = (ENTRIES - OPEN_LOTS) // 2
        in_one_go = 2_000
        lines = [
            command
            for n in range(spent)
            for command in (
                Earn(account=old, points=10, key=f"s{n}", validity="P40D"),
                Redeem(account=old, points=10, key=f"r{n}"),
            )
        ]
        lines += [
            Earn(account=old, points=10, key=f"o{n}", validity=f"P{50 + n % 300}D")
            for n in range(OPEN_LOTS)
        ]
        for first in range(0, len(lines), in_one_go):
            book.post(*lines[first : first + in_one_go])
        book.post(
            *(
                Earn(account=fresh, points=10, key=f"o{n}", validity=f"P{50 + n}D")
                for n in range(FEW)
            )
        )
        histories.update(book=book, old=old, fresh=fresh)
    return histories["book"], histories["old"], histories["fresh"]


def analyzed(query, parameters):
    """Return how many rows a query returned and how many pages it touched."""
    plan = rows(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT TEXT) {query}", parameters)
    text = "\n".join(row[0] for row in plan)
    returned = re.search(r"actual .*?rows=([\d.]+)", text)[1]
    top = text.split("Planning")[0]
    buffers = re.search(r"Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?", top)
    return float(returned), sum(int(part or 0) for part in buffers.groups())


NEEDED = "SELECT * FROM ledger_needed_lots(ARRAY[%s::uuid], ARRAY[%s], ARRAY[%s])"


def test_a_redeem_reads_no_more_lots_and_pages_of_a_long_history(old_and_fresh):
    book, old, fresh = old_and_fresh
    found = {}
    for account in (old, fresh):
        for _ in range(2):  # the first one warms the plan and the cache
            found[account] = analyzed(NEEDED, (account, book.now, 5))
    assert found[old][0] == found[fresh][0] == 2
    # Ten rows fetched at once may lie on ten pages; the index is a level or two deeper.
    assert found[old][1] <= found[fresh][1] + 10 + 2, found


def test_a_spend_over_many_lots_reads_those_lots_and_one_more(old_and_fresh):
    book, old, _ = old_and_fresh
    for lots in (1, 10, 100):
        returned, _ = analyzed(NEEDED, (old, book.now, lots * 10))
        assert returned == lots + 1


TOUCHED = """
    SELECT relname, coalesce(heap_blks_hit + heap_blks_read, 0)
        + coalesce(idx_blks_hit + idx_blks_read, 0)
    FROM pg_statio_user_tables WHERE relname LIKE 'ledger%%'
"""
READ = """
    SELECT relname, coalesce(idx_tup_fetch, 0) + seq_tup_read
    FROM pg_stat_user_tables WHERE relname LIKE 'ledger%%'
"""


def flushed(query):
    """Return a statistic by table, with what this connection did last."""
    rows("SELECT pg_stat_force_next_flush()::text")
    rows("SELECT 1")
    rows("SELECT pg_stat_clear_snapshot()::text")
    return Counter(dict(rows(query)))


def cost_of(book, command):
    """Post one command; return its outcome, pages touched and rows read by table."""
    pages, read = flushed(TOUCHED), flushed(READ)
    outcome = book.one(command)
    return outcome, flushed(TOUCHED) - pages, flushed(READ) - read


def test_the_cost_of_a_command_does_not_grow_with_history(old_and_fresh):
    book, old, fresh = old_and_fresh
    for kind, fields in [
        (Earn, {"points": 1, "validity": "P70D"}),
        (Redeem, {"points": 1}),
        (Reverse, {"points": 1}),
        (Refund, {"points": 1}),
        (Settle, {}),
    ]:
        costs = {}
        for account in (fresh, old):
            named = {} if kind is Settle else {"key": f"cost {kind.__name__}"}
            if kind is Reverse:
                named["entry"] = last_of(account, "earn")
            if kind is Refund:
                named["entry"] = last_of(account, "redeem")
            command = kind(account=account, **fields, **named)
            outcome, pages, read = cost_of(book, command)
            assert outcome.applied, outcome
            costs[account] = (pages.total(), read.total())
        assert costs[old][1] <= costs[fresh][1] + 4, f"{kind} reads rows: {costs}"
        assert costs[old][0] <= costs[fresh][0] + 40, f"{kind} reads pages: {costs}"


def last_of(account, kind):
    found = rows(
        "SELECT max(sequence) FROM ledger_entry WHERE account_id = %s AND type = %s",
        (account, kind),
    )
    return found[0][0]


def test_a_hopeless_redeem_reads_no_lots(old_and_fresh, statements):
    book, old, _ = old_and_fresh
    statements.clear()
    outcome, _, read = cost_of(book, Redeem(account=old, points=10**15, key="hopeless"))
    assert outcome.code == "insufficient_points"
    assert read["ledger_lot"] == 0
    assert not [s for s in statements if "ledger_needed_lots" in s]

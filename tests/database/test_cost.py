"""What a post costs, free of noise: statements, and the pages that they touch.

Neither may grow with the batch (statements) or with an account's history (pages).
"""

import re
from collections import Counter

import psycopg
import pytest

from punchcard.kernel import sql
from punchcard.kernel.transactions import transaction
from punchcard.ledger.commands import (
    Activate,
    Adjust,
    Cancel,
    Capture,
    Earn,
    Redeem,
    Refund,
    Reserve,
    Reverse,
    Settle,
    Transfer,
    Void,
)
from punchcard.ledger.operations import post
from tests.builders import a_ledger, rows
from tests.sizes import size

MOST_STATEMENTS = 7
"""Locks, keys, named entries, spends where a limit counts them, lots, holds, write."""
FEW = 12
"""Lots of the fresh account: PL/pgSQL fetches ten rows at a time from any index."""
ROWS_AT_ONCE = 10
OPEN_LOTS, ENTRIES = size(600, 3_000), size(3_000, 100_000)
OPEN_HOLDS, HOLDS = size(60, 300), size(300, 3_000)


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
        lambda a, key: Reserve(account=a, points=5, key=key),
        lambda a, key: Capture(account=a, hold=3, points=4, key=key),
        lambda a, key: Void(account=a, hold=4, key=key),
        lambda a, key: Activate(account=a, lot=(5, 1), key=key),
        lambda a, key: Cancel(account=a, lot=(6, 1), key=key),
        lambda a, key: Adjust(account=a, points=7, reason="Up", key=key),
        lambda a, key: Adjust(account=a, points=-7, reason="Down", key=key),
        lambda a, key: Adjust(
            account=a, points=-1, reason="Of a lot", lot=(1, 1), key=key
        ),
        lambda a, key: Transfer(account=a, to=following[a], points=3, key=key),
    ]
    following = dict(zip(accounts, [*accounts[1:], accounts[0]], strict=True))
    return [
        kinds[n % len(kinds)](accounts[n // len(kinds) % len(accounts)], f"{name} {n}")
        for n in range(count)
    ]


def prepared(book, accounts):
    """Give each account what every kind of command can name; a lot is due in a day."""
    for line in (
        lambda a: Earn(account=a, points=1_000, key="1"),
        lambda a: Redeem(account=a, points=100, key="2"),
        lambda a: Reserve(account=a, points=10, key="3"),
        lambda a: Reserve(account=a, points=10, key="4"),
        lambda a: Earn(account=a, points=30, pending="event", key="5"),
        lambda a: Earn(account=a, points=30, pending="event", key="6"),
        lambda a: Earn(account=a, points=10, validity="P1D", key="7"),
    ):
        book.post(*(line(account) for account in accounts))


LIMITS = {"limit_per_day": 10**6, "limit_per_month": 10**7}
SINGLE_USE = {"hold_not_open", "lot_not_pending"}
"""What a second round of `mixed` on one account is told of its hold or lot."""


@pytest.mark.parametrize("count", [2, 15, 1_000, *([10_000] if size(0, 1) else [])])
def test_a_post_has_a_fixed_number_of_statements(statements, count):
    book = a_ledger(**LIMITS, idle="P1Y")
    accounts = book.open(min(max(-(-count // 15), 2), 200))
    prepared(book, accounts)
    book.pass_days(1)
    commands = mixed(accounts, count, "mixed")
    with transaction():
        statements.clear()
        outcomes = post(commands=commands, now=book.now)
        sent = list(statements)
    assert len(sent) <= MOST_STATEMENTS, sent
    refused = {o.code for o in outcomes} - {"applied"}
    assert refused <= {"insufficient_points", *(SINGLE_USE if count > 3_000 else ())}
    with transaction():
        statements.clear()
        again = post(commands=commands, now=book.now)
        assert len(statements) <= len(sent), "a replay costs more than the first time"
    assert all(o.replayed for o, c in zip(again, commands, strict=True) if has_key(c))


def has_key(command):
    return not isinstance(command, Settle)


SINGLE = [
    (Earn, {"points": 5}, 3),
    (Redeem, {"points": 5}, 4),
    (Redeem, {"points": 10**15}, 3),
    (Reserve, {"points": 5}, 4),
    (Reserve, {"points": 10**15}, 3),
    (Capture, {"hold": 3}, 4),
    (Capture, {"hold": 3, "points": 4}, 4),
    (Void, {"hold": 3}, 4),
    (Refund, {"entry": 2}, 5),
    (Reverse, {"entry": 1}, 5),
    (Adjust, {"points": 5, "reason": "Up"}, 3),
    (Adjust, {"points": 5, "reason": "Of a lot", "lot": (1, 1)}, 4),
    (Adjust, {"points": -5, "reason": "Down"}, 4),
    (Adjust, {"points": -5, "reason": "Of a lot", "lot": (1, 1)}, 4),
    (Transfer, {"points": 5}, 4),
    (Transfer, {"points": 10**15}, 3),
    (Activate, {"lot": (5, 1)}, 4),
    (Cancel, {"lot": (5, 1)}, 5),
    (Settle, {}, 1),
]
"""command, its fields, its statements: locks, keys and the write are three of them."""


def statements_of(sent, kind, fields, **policy):
    """Post one command on an account with a history; return what was sent."""
    book = a_ledger(**policy)
    account, other = book.open(2)
    prepared(book, [account])
    if kind not in (Capture, Void):
        book.post(*(Void(account=account, hold=n, key=f"v{n}") for n in (3, 4)))
    named = {} if kind is Settle else {"key": "k"}
    if kind is Transfer:
        named["to"] = other
    with transaction():
        sent.clear()
        (outcome,) = post(
            commands=[kind(account=account, **fields, **named)], now=book.now
        )
        found = list(sent)
    hopeless = fields.get("points") == 10**15
    assert outcome.code == ("insufficient_points" if hopeless else "applied"), outcome
    return found


@pytest.mark.parametrize(("kind", "fields", "most"), SINGLE)
def test_a_single_command_has_no_statement_too_many(statements, kind, fields, most):
    found = statements_of(statements, kind, fields)
    assert len(found) == most, found


@pytest.mark.parametrize(("kind", "fields", "most"), SINGLE)
def test_limits_cost_spends_one_statement_and_others_none(
    statements, kind, fields, most
):
    spends = kind in (Redeem, Reserve, Transfer)
    found = statements_of(statements, kind, fields, **LIMITS)
    assert len(found) == most + spends, found
    # The limit of one command needs no history.
    found = statements_of(statements, kind, fields, limit_per_command=10**6)
    assert len(found) == most, found


# An account's history


@pytest.fixture(scope="module")
def histories():
    """An account with a long history and many open lots and holds, and a fresh one."""
    return {}


@pytest.fixture
def old_and_fresh(committing, histories):
    if not histories:
        book = a_ledger()
        old, fresh = book.open(2)
        in_one_go = 2_000
        lines = [*spent_lots(old), *resolved_holds(old)]
        for account, lots, holds in ((old, OPEN_LOTS, OPEN_HOLDS), (fresh, FEW, FEW)):
            lines += [
                Earn(account=account, points=10, key=f"o{n}", validity=f"P{50 + n}D")
                for n in range(lots)
            ]
            lines += [
                Reserve(account=account, points=1, key=f"h{n}") for n in range(holds)
            ]
        for first in range(0, len(lines), in_one_go):
            book.post(*lines[first : first + in_one_go])
        histories.update(book=book, old=old, fresh=fresh)
    plan_anew()
    return histories["book"], histories["old"], histories["fresh"]


def plan_anew():
    """Forget plans that were made when the tables held something else."""
    sql.cursor().execute(b"ANALYZE")
    sql.cursor().execute(b"DISCARD PLANS")


def spent_lots(account):
    """Earn and spend again and again: entries and lots that are history."""
    for n in range((ENTRIES - OPEN_LOTS) // 2):
        yield Earn(account=account, points=10, key=f"s{n}", validity="P40D")
        yield Redeem(account=account, points=10, key=f"r{n}")


def resolved_holds(account):
    """Reserve and capture again and again, all of one lot."""
    yield Earn(account=account, points=HOLDS, key="held", validity="P40D")
    first = ENTRIES - OPEN_LOTS + 2
    for n in range(HOLDS):
        yield Reserve(account=account, points=1, key=f"w{n}")
        yield Capture(account=account, hold=first + 2 * n, key=f"c{n}")


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


CHEAP = [
    ("earn", Earn, {"points": 1, "validity": "P70D"}),
    ("redeem", Redeem, {"points": 1}),
    ("reverse", Reverse, {"points": 1}),
    ("refund", Refund, {"points": 1}),
    ("reserve", Reserve, {"points": 2}),
    ("capture", Capture, {"points": 1}),
    ("reserve to void", Reserve, {"points": 2}),
    ("void", Void, {}),
    ("adjust up", Adjust, {"points": 1, "reason": "Up"}),
    ("adjust down", Adjust, {"points": -1, "reason": "Down"}),
    ("transfer", Transfer, {"points": 1}),
    ("earn to activate", Earn, {"points": 1, "pending": "event"}),
    ("activate", Activate, {}),
    ("earn to cancel", Earn, {"points": 1, "pending": "event"}),
    ("cancel", Cancel, {}),
    ("settle", Settle, {}),
]
"""In this order: a command may name what the one before it made."""


def test_the_cost_of_a_command_does_not_grow_with_history(old_and_fresh):
    book, old, fresh = old_and_fresh
    receiver = book.account()
    for name, kind, fields in CHEAP:
        costs = {}
        for account in (fresh, old):
            named = {} if kind is Settle else {"key": f"cost {name}"}
            if kind in (Reverse, Refund):
                made = "earn" if kind is Reverse else "redeem"
                named["entry"] = last_of(account, made)
            if kind in (Capture, Void):
                named["hold"] = last_of(account, "reserve")
            if kind in (Activate, Cancel):
                named["lot"] = (last_of(account, "earn"), 1)
            if kind is Transfer:
                named["to"] = receiver
            command = kind(account=account, **fields, **named)
            outcome, pages, read = cost_of(book, command)
            assert outcome.applied, outcome
            costs[account] = (pages.total(), read.total())
        assert costs[old][1] <= costs[fresh][1] + 4, f"{name} reads rows: {costs}"
        assert costs[old][0] <= costs[fresh][0] + 40, f"{name} reads pages: {costs}"


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


# What a limit counts


def spends_read(book, account, key):
    """Redeem one point; return how many entries that read."""
    outcome, _, read = cost_of(book, Redeem(account=account, points=1, key=key))
    assert outcome.applied, outcome
    return read["ledger_entry"]


def test_a_limited_spend_reads_the_entries_of_its_period_and_no_others(committing):
    book = a_ledger(limit_per_day=10**6)
    old, fresh = book.open(2)
    book.post(*(Earn(account=a, points=10**6, key="e") for a in (old, fresh)))
    earlier = range(size(1_000, 20_000))
    book.post(*(Redeem(account=old, points=1, key=f"r{n}") for n in earlier))
    book.pass_days(1)
    plan_anew()
    for account in (old, fresh):
        spends_read(book, account, "warm")
    found = {account: spends_read(book, account, "cost") for account in (old, fresh)}
    assert found[old] <= found[fresh] + ROWS_AT_ONCE, found
    today = 200
    book.post(*(Redeem(account=fresh, points=1, key=f"t{n}") for n in range(today)))
    assert spends_read(book, fresh, "after many") >= found[fresh] + today
    book.pass_days(1)
    assert spends_read(book, fresh, "next day") <= found[fresh] + ROWS_AT_ONCE

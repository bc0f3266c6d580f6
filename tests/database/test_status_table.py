"""Open, frozen, closed: who may change what an account allows, and what it allows."""

import pytest

from punchcard.kernel.transactions import TransactionError, transaction
from punchcard.ledger.operations import change_status
from tests.builders import a_ledger
from tests.notation import play

PREPARED = """
    earn 100                 -> 1 +100 =100
    earn 10 pending=event    -> 2 +0 =100
    earn 10 pending=event    -> 3 +0 =100
    reserve 20               -> 4 -20 =80
    reserve 20               -> 5 -20 =60
    redeem 10                -> 6 -10 =50
    freeze
"""
EMPTIED = """
    earn 1                   -> 1 +1 =1
    redeem 1                 -> 2 -1 =0
    close
"""

# command | its verdict when frozen | the same when closed
ALLOWED = [
    ("earn 5", "7 +5 =55", "earn 5"),
    ("redeem 5", "account_frozen", "redeem 5"),
    ("redeem 5 up_to", "account_frozen", "redeem 5 up_to"),
    ("reserve 5", "account_frozen", "reserve 5"),
    ("capture 4 15", "7 +5 =55", "capture 4"),
    ("void 4", "7 +20 =70", "void 4"),
    ("refund 6", "7 +10 =60", "refund 2"),
    ("reverse 1 5", "7 -5 =45", "reverse 1"),
    ("adjust 5", "7 +5 =55", "adjust 5"),
    ("adjust -5", "7 -5 =45", "adjust -5"),
    ("transfer 5 to=B", "account_frozen", "transfer 5 to=B"),
    ("B: transfer 5 to=A", "2 -5", "B: transfer 5 to=A"),
    ("activate 2.1", "7 +10 =60", "activate 1.1"),
    ("cancel 3.1", "7 +0 =50", "cancel 1.1"),
]


@pytest.mark.parametrize(("line", "frozen", "closed"), ALLOWED)
def test_what_a_frozen_account_allows(line, frozen, closed):
    play(f"{PREPARED}\nB: earn 5 -> 1 +5\n{line} -> {frozen}")


@pytest.mark.parametrize(("line", "frozen", "closed"), ALLOWED)
def test_a_closed_account_allows_nothing(line, frozen, closed):
    story = play(f"{EMPTIED}\nB: earn 5 -> 1 +5\n{closed} -> account_closed")
    assert len(story.entries()) == 2
    assert len(story.entries("B")) == 1


def test_time_goes_on_in_a_frozen_account():
    story = play("""
        d0 earn 10 exp=d9        -> 1 +10 =10
           earn 5 pending=P3D    -> 2 +0 =10
           reserve 4 ttl=P2D     -> 3 -4 =6
           freeze
        d9 settle                -> 6
    """)
    assert [entry.type for entry in story.entries()][3:] == [
        "void",
        "release",
        "expire",
    ]


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ("freeze", "freeze"),
        ("freeze", "open"),
        ("", "open"),
        ("freeze\nredeem 1 -> 2 -1", "close"),
    ],
)
def test_what_changes_into_what(before, change):
    before = before.replace("redeem 1 -> 2 -1", "adjust -1 -> 2 -1 =0")
    story = play(f"earn 1 -> 1 +1 =1\n{before}\n{change}")
    story.play(change)


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ("earn 1 -> 1 +1", "close -> account_not_empty 1 0 0"),
        ("earn 1 pending=event -> 1 +0", "close -> account_not_empty 0 1 0"),
        ("earn 1 -> 1 +1\nreserve 1 -> 2 -1", "close -> account_not_empty 0 0 1"),
        ("adjust -1 policy=debt -> 1 -1", "close -> account_not_empty -1 0 0"),
        ("close", "freeze -> account_closed"),
        ("close", "open -> account_closed"),
        ("close", "close"),
        ("", "X: freeze -> account_not_found"),
        ("", "X: close -> account_not_found"),
    ],
)
def test_what_does_not(before, change):
    play(f"{before}\n{change}")


def test_what_fell_due_is_written_before_an_account_is_closed():
    story = play("""
        d0 earn 10 exp=d9   -> 1 +10 =10
        d8 close            -> account_not_empty 10 0 0
        d9 close
    """)
    assert story.statement()[1] == "2 expire 10 -10 =0 d9"


def test_a_status_that_does_not_exist_is_an_error_and_so_is_no_transaction():
    ledger = a_ledger()
    account = ledger.account()
    with transaction(), pytest.raises(ValueError, match="open, frozen, closed"):
        change_status(account=account, status="gone", now=ledger.now)
    with pytest.raises(TransactionError):
        change_status(account=account, status="frozen", now=ledger.now)


def test_it_says_what_the_status_was():
    ledger = a_ledger()
    account = ledger.account()
    seen = []
    for status in ("frozen", "frozen", "open", "closed", "closed"):
        with transaction():
            seen.append(change_status(account=account, status=status, now=ledger.now))
    assert seen == ["open", "frozen", "frozen", "open", "closed"]

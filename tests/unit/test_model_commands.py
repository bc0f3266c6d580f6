"""The reference model: holds, transfers, adjusts, pending lots, limits, idleness."""

from uuid import UUID, uuid5

import pytest

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
from tests.model import LARGEST
from tests.model_account import Refused
from tests.unit.book import DAY, START, TICK, A, B, Book, day

MOST = 10**15


def test_the_worked_row_of_a_hold():
    book = Book(hold_time_max=30 * DAY)
    book.post(Earn, points=100, validity="P10D")
    book.post(Reserve, now=day(5), points=60)
    assert book.account.numbers == (40, 0, 60, 100)
    book.post(Capture, now=day(20), hold=2, points=50)
    book.post(Refund, now=day(40), entry=4)
    assert book.rows() == [
        (1, "earn", 100, 100, 100),
        (2, "reserve", 60, -60, 40),
        (3, "expire", 40, -40, 0),
        (4, "capture", 50, 10, 10),
        (5, "expire", 10, -10, 0),
        (6, "refund", 50, 50, 50),
    ]
    assert [e["reserved"] for e in book.account.entries] == [0, 60, 0, -60, 0, 0]
    days = [(e["effective_at"] - START).days for e in book.account.entries]
    assert days == [0, 5, 10, 20, 20, 40]
    assert book.lots() == [(1, 1, 1, 100, 0), (4, 1, 1, 10, 0), (6, 1, 1, 50, 50)]
    assert book.moves() == ["2 1.1 -60", "3 1.1 -40", "5 4.1 -10"]
    assert book.account.lots[1].expires_at == day(20)
    assert book.account.lots[2].expires_at == day(70)


def test_what_a_capture_keeps_is_what_a_smaller_spend_would_have_taken():
    book = Book()
    book.post(Earn, points=50, validity="P10D")
    book.post(Earn, points=50, validity="P20D")
    book.post(Reserve, points=80)
    book.post(Capture, hold=3, points=40)
    assert book.moves()[2:] == ["4 2.1 +30", "4 1.1 +10"]
    book.post(Refund, entry=4, points=15)
    book.post(Refund, entry=4)
    assert book.moves()[4:] == ["5 1.1 +15", "6 1.1 +25"]
    assert book.account.numbers == (100, 0, 0, 100)


def test_a_void_returns_all_and_repays_debt():
    book = Book()
    book.post(Earn, points=100)
    book.post(Reserve, points=60)
    book.post(Reverse, entry=1)
    assert book.account.numbers == (-60, 0, 60, 100)
    entry = book.post(Void, hold=2).entry
    assert (entry["amount"], entry["available"], entry["reserved"]) == (60, 60, -60)
    assert book.moves() == ["2 1.1 -60", "3 1.1 -40", "4 1.1 +60", "4 1.1 -60"]
    assert book.account.numbers == (0, 0, 0, 100)


def test_a_hold_runs_out_of_time():
    book = Book(hold_time_max=3 * DAY)
    book.post(Earn, points=10)
    book.post(Reserve, points=7)
    assert book.model.as_of(A, day(3) - TICK) == (3, 0, 7, 10)
    assert book.model.as_of(A, day(3)) == (10, 0, 0, 10)
    outcome = book.post(Capture, now=day(3), hold=2)
    assert (outcome.code, outcome.details) == ("hold_not_open", {"hold": 2})
    assert book.rows()[2] == (3, "void", 7, 7, 10)
    assert book.account.entries[2]["relates_to"] == 2


def test_transfer_row():
    book = Book()
    book.post(Earn, points=30, account=B)
    book.post(Redeem, points=30, account=B)
    book.post(Reverse, entry=1, account=B)
    book.post(Earn, points=50, validity="P10D")
    book.post(Earn, points=50, validity="P20D")
    outcome = book.post(Transfer, points=80, to=B)
    paid, got = outcome.entry, book.model.accounts[B].entries[-1]
    assert paid["transfer"] == got["transfer"] == uuid5(A, "transfer 3")
    assert (paid["other_account"], paid["other_sequence"]) == (B, 4)
    assert (got["other_account"], got["other_sequence"]) == (A, 3)
    assert book.rows()[2:] == [(3, "transfer_out", 80, -80, 20)]
    assert book.rows(B)[3:] == [(4, "transfer_in", 80, 80, 50)]
    assert book.moves(B)[-1] == "4 4.1 -30"
    lots = [(x.credited, x.remaining, x.expires_at) for x in got["lots"].values()]
    assert lots[1:] == [(50, 20, day(10)), (30, 30, day(20))]
    assert book.post(Refund, entry=3).code == "entry_not_reversible"
    assert book.model.accounts[B].numbers == (50, 0, 0, 30)


def test_transfer_refusals_payer_first():
    book = Book()
    book.post(Earn, points=9)
    to_nobody = book.post(Transfer, points=1, to=UUID(int=9))
    assert to_nobody.code == "account_not_found"
    receiver = book.model.accounts[B]
    receiver.status = "closed"
    assert book.post(Transfer, points=10, to=B).code == "account_closed"
    receiver.status = "frozen"
    assert book.post(Transfer, points=10, to=B).code == "insufficient_points"
    assert book.post(Transfer, points=9, to=B).code == "applied"
    assert book.post(Transfer, account=B, points=9, to=A).code == "account_frozen"
    for _ in range(9):
        book.post(Earn, account=B, points=MOST)
    book.post(Earn, account=B, points=LARGEST - 9 * MOST - 9)
    book.post(Earn, points=5)
    assert book.post(Transfer, points=6, to=B).code == "insufficient_points"
    outcome = book.post(Transfer, points=5, to=B)
    assert (outcome.code, outcome.details["limit"]) == ("limit_exceeded", "total")
    assert (book.account.numbers[0], len(book.account.entries)) == (5, 3)


@pytest.mark.parametrize(
    ("policy", "code", "available", "metadata"),
    [
        ("debt", "applied", -70, {}),
        ("cap", "applied", 0, {"written_off": 70}),
        ("refuse", "insufficient_points", 30, None),
        (None, "insufficient_points", 30, None),
    ],
)
def test_what_an_adjust_does_with_the_rest(policy, code, available, metadata):
    book = Book(debt_policy="cap")
    book.post(Adjust, points=30, reason="opening")
    assert book.account.numbers == (30, 0, 0, 0)
    outcome = book.post(Adjust, points=-100, reason="error", policy=policy)
    assert (outcome.code, book.account.available) == (code, available)
    if outcome.entry:
        assert (outcome.entry["amount"], outcome.entry["metadata"]) == (100, metadata)


def test_a_lot_is_extended_and_lapsed_by_hand():
    book = Book()
    book.post(Earn, points=50, validity="P10D")
    book.post(Earn, points=50, validity="P20D")
    outcome = book.post(Adjust, points=-51, reason="late", lot=(2, 1))
    assert outcome.details == {"left": 50}
    book.post(Adjust, points=-50, reason="late", lot=(2, 1))
    book.post(Adjust, points=50, reason="late", lot=(2, 1), validity="P90D")
    assert book.lots() == [(1, 1, 1, 50, 50), (2, 1, 2, 50, 0), (4, 1, 2, 50, 50)]
    assert book.account.numbers == (100, 0, 0, 100)
    book.post(Redeem, points=100)
    assert book.post(Refund, now=day(91), entry=5).code == "applied"
    ends = [lot.expires_at for lot in book.account.lots[3:]]
    assert ends == [day(91), day(121)]  # no grace for what was extended by hand
    assert book.post(Adjust, points=-1, reason="x", lot=(9, 1)).details == {
        "lot": "9.1"
    }


def test_activate_and_cancel():
    book = Book(validity=10 * DAY)
    book.post(Earn, points=10, pending="event")
    book.post(Earn, points=20, pending="P9D")
    book.post(Earn, points=30, pending="event", expires_at=day(5))
    book.post(Earn, points=40, pending="event")
    book.post(Activate, now=day(2), lot=(1, 1))
    book.post(Activate, now=day(3), lot=(2, 1))
    ends = [lot.expires_at for lot in book.account.lots]
    assert ends == [day(12), day(13), day(5), None]
    book.post(Activate, now=day(6), lot=(3, 1))
    assert book.rows()[6:] == [(7, "activate", 30, 30, 60), (8, "expire", 30, -30, 30)]
    entry = book.post(Cancel, now=day(6), lot=(4, 1)).entry
    assert (entry["pending"], entry["relates_to"]) == (-40, 4)
    for kind in (Activate, Cancel):
        outcome = book.post(kind, now=day(6), lot=(4, 1))
        assert outcome.details == {"lot": "4.1", "state": "cancelled"}
        assert book.post(kind, now=day(6), lot=(1, 2)).details == {"lot": "1.2"}
    assert book.post(Reverse, now=day(6), entry=4).details == {"left": 0}
    assert book.account.numbers == (30, 0, 0, 100)


def test_want_of_activity_lapses_what_is_open_then_and_nothing_after():
    book = Book(idle=10 * DAY, hold_time_max=30 * DAY)
    book.post(Earn, points=50)
    book.post(Reserve, now=day(4), points=20, time_to_live="P20D")
    assert book.account.next_expiry() == (day(10), 30)
    book.post(Earn, now=day(5), points=7, pending="P12D")  # activity, too
    assert book.model.as_of(A, day(15) - TICK) == (30, 7, 20, 57)
    assert book.model.as_of(A, day(15)) == (0, 7, 20, 57)
    book.post(Settle, now=day(30))
    assert book.rows()[3:] == [
        (4, "expire", 30, -30, 0),
        (5, "release", 7, 7, 7),
        (6, "void", 20, 20, 27),
        (7, "expire", 20, -20, 7),
    ]
    assert book.model.as_of(A, day(900)) == (7, 0, 0, 57)


def test_limits_count_what_was_spent_since_the_period_began():
    book = Book(per_command=40, per_day=60, per_month=100)
    book.post(Earn, points=500)
    outcome = book.post(Redeem, points=41)
    assert outcome.details == {"limit": "per_command", "maximum": 40, "required": 41}
    assert book.post(Redeem, points=50, up_to=True).entry["amount"] == 40
    assert book.post(Reserve, points=15).code == "applied"
    assert book.post(Capture, hold=3, points=5).code == "applied"
    outcome = book.post(Transfer, points=16, to=B)
    assert outcome.details == {
        "limit": "per_day",
        "maximum": 60,
        "used": 45,
        "required": 16,
        "resets_at": day(1),
    }
    book.post(Refund, entry=2)  # gives back the points, not the allowance
    assert book.post(Redeem, points=40, up_to=True).entry["amount"] == 15
    assert book.post(Redeem, points=1, up_to=True).code == "limit_exceeded"
    assert book.post(Redeem, now=day(1), points=40).entry["amount"] == 40
    outcome = book.post(Redeem, now=day(2), points=1)
    assert outcome.details["limit"] == "per_month"
    assert outcome.details["resets_at"] == day(31)
    assert book.post(Redeem, now=day(31), points=40).code == "applied"


def test_status_changes():
    book = Book()
    book.post(Earn, points=9, validity="P1D")
    with pytest.raises(Refused, match="account_not_empty"):
        book.model.change_status(A, "closed", START)
    assert book.model.change_status(A, "frozen", START) == "open"
    assert book.model.change_status(A, "closed", day(1)) == "frozen"
    assert book.rows()[-1] == (2, "expire", 9, -9, 0)
    assert book.model.change_status(A, "closed", day(1)) == "closed"
    with pytest.raises(Refused, match="account_closed"):
        book.model.change_status(A, "open", day(1))

"""The reference model itself: worked rows, replays, refusals."""

from datetime import timedelta
from uuid import UUID

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
from tests.unit.book import START, TICK, A, Book, day

MOST = 10**15
ORDER = {"reference_type": "order", "reference_id": "7"}


def test_debt_row():
    book = Book()
    book.post(Earn, points=100)
    book.post(Redeem, points=100)
    book.post(Reverse, entry=1)
    book.post(Earn, points=150)
    book.post(Refund, entry=2)
    book.post(Reverse, entry=4)
    assert book.rows() == [
        (1, "earn", 100, 100, 100),
        (2, "redeem", 100, -100, 0),
        (3, "reverse", 100, -100, -100),
        (4, "earn", 150, 150, 50),
        (5, "refund", 100, 100, 150),
        (6, "reverse", 150, -150, 0),
    ]
    assert book.moves() == [
        "2 1.1 -100",
        "4 4.1 -100",
        "5 1.1 +100",
        "6 4.1 -50",
        "6 1.1 -100",
    ]
    assert book.account.numbers == (0, 0, 0, 250)


def test_lapsed_row():
    book = Book()
    book.post(Earn, points=100, validity="P10D")
    book.post(Redeem, points=30)
    book.post(Earn, now=day(11), points=50)
    outcome = book.post(Reverse, now=day(12), entry=1, policy="debt")
    assert outcome.entry["metadata"] == {"lapsed": 70}
    assert book.rows()[2:] == [
        (3, "expire", 70, -70, 0),
        (4, "earn", 50, 50, 50),
        (5, "reverse", 100, -30, 20),
    ]
    assert book.account.entries[2]["effective_at"] == day(10)


def test_two_lot_refund_row():
    book = Book()
    book.post(Earn, points=50, validity="P10D")
    book.post(Earn, points=50, validity="P20D")
    book.post(Redeem, points=80)
    book.post(Refund, entry=3, points=40)
    assert book.lots() == [(1, 1, 1, 50, 10), (2, 1, 2, 50, 50)]
    assert book.moves()[-2:] == ["4 2.1 +30", "4 1.1 +10"]
    book.post(Refund, entry=3)
    assert book.lots() == [(1, 1, 1, 50, 50), (2, 1, 2, 50, 50)]


def test_grace_is_given_once():
    book = Book()
    book.post(Earn, points=100, validity="P10D")
    book.post(Redeem, points=100)
    book.post(Refund, now=day(40), entry=2)
    assert book.account.lots[-1].expires_at == day(70)
    book.post(Redeem, now=day(50), points=60)
    outcome = book.post(Refund, now=day(80), entry=4)
    assert (outcome.sequence, book.account.last_sequence) == (6, 7)
    assert book.rows()[4:] == [
        (5, "expire", 40, -40, 0),
        (6, "refund", 60, 60, 60),
        (7, "expire", 60, -60, 0),
    ]
    assert book.lots()[1:] == [(3, 1, 1, 100, 0), (6, 1, 1, 60, 0)]


def test_two_lapsed_lots_open_two_new_ones_and_debt_takes_them_in_order():
    book = Book()
    book.post(Earn, points=50, validity="P10D")
    book.post(Earn, points=50, validity="P20D")
    book.post(Redeem, points=80)
    book.post(Earn, points=25)
    book.post(Redeem, points=45)
    book.post(Reverse, entry=4)
    assert book.account.available == -25
    book.post(Refund, now=day(30), entry=3)
    assert book.lots()[3:] == [(7, 1, 2, 30, 5), (7, 2, 1, 50, 50)]
    assert book.account.available == 55


def test_refund_after_debt_grew_past_it():
    book = Book(pending=timedelta(days=3))
    book.post(Earn, points=100)
    assert book.account.numbers[:2] == (0, 100)
    book.post(Redeem, now=day(3), points=100)
    book.post(Reverse, now=day(3), entry=1)
    assert book.rows()[1] == (2, "release", 100, 100, 100)
    book.post(Earn, now=day(4), points=30)
    book.post(Settle, now=day(7))
    assert book.account.available == -70
    assert book.lots()[-1] == (5, 1, 5, 30, 0)


@pytest.mark.parametrize(
    ("policy", "code", "available", "metadata"),
    [
        ("debt", "applied", -70, {}),
        ("cap", "applied", 0, {"written_off": 70}),
        ("refuse", "insufficient_points", 30, None),
    ],
)
def test_what_a_reverse_does_with_the_rest(policy, code, available, metadata):
    book = Book(debt_policy=policy)
    book.post(Earn, points=100)
    book.post(Redeem, points=70)
    outcome = book.post(Reverse, entry=1)
    assert (outcome.code, book.account.available) == (code, available)
    if outcome.entry:
        assert outcome.entry["metadata"] == metadata
    else:
        assert outcome.details == {"available": 30, "required": 100, "missing": 70}


def test_reverse_takes_pending_before_open_and_lapsed_only_once():
    book = Book()
    book.post(Earn, points=100, pending="P3D", validity="P10D")
    book.post(Reverse, entry=1, points=40)
    assert book.account.numbers[:2] == (0, 60)
    book.post(Reverse, now=day(20), entry=1, points=50)
    book.post(Earn, now=day(20), points=5)
    outcome = book.post(Reverse, now=day(20), entry=1)
    assert outcome.entry["metadata"] == {"lapsed": 10}
    assert book.account.available == 5
    assert book.post(Reverse, now=day(20), entry=1).code == "exceeds_original"


def test_what_lapsed_is_not_counted_by_two_reverses():
    book = Book()
    book.post(Earn, points=100, validity="P10D")
    book.post(Redeem, points=60)
    first = book.post(Reverse, now=day(10), entry=1, points=40)
    assert first.entry["metadata"] == {"lapsed": 40}
    second = book.post(Reverse, now=day(10), entry=1)
    assert (second.entry["metadata"], book.account.available) == ({}, -60)


def test_soonest_expiring_is_spent_first_never_expiring_last():
    book = Book()
    book.post(Earn, points=10)
    book.post(Earn, points=10, validity="P20D")
    book.post(Earn, points=10, validity="P10D")
    book.post(Earn, points=10, validity="P10D")
    book.post(Redeem, points=15)
    assert [lot.remaining for lot in book.account.lots] == [10, 10, 0, 5]
    book.post(Redeem, points=16)
    assert [lot.remaining for lot in book.account.lots] == [9, 0, 0, 0]


def test_time_passes_in_order():
    book = Book()
    book.post(Earn, points=10, validity="P5D")
    book.post(Earn, points=20, pending="P2D", validity="P3D")
    book.post(Earn, points=30, pending="P5D")
    book.post(Earn, points=40, pending="event")
    assert book.model.as_of(A, day(5) - TICK) == (30, 70, 0, 100)
    assert book.model.as_of(A, day(5)) == (30, 40, 0, 100)
    assert book.post(Redeem, now=day(6), points=31).code == "insufficient_points"
    kinds = [(e["type"], e["amount"]) for e in book.account.entries[4:]]
    assert kinds == [("release", 20), ("release", 30), ("expire", 30)]
    assert book.model.as_of(A, day(2) - TICK) == (10, 90, 0, 100)
    assert book.model.as_of(A, START - TICK) == (0, 0, 0, 0)


def test_replays():
    book = Book()
    order = {"reference_type": "order", "reference_id": "7", "key": None}
    first = book.post(Earn, points=100, **order)
    again = book.post(Earn, now=day(1), points=100, **order)
    assert (again.code, again.replayed) == ("applied", True)
    assert (again.sequence, again.entry) == (first.sequence, first.entry)
    assert book.post(Earn, points=101, **order).code == "key_reused"
    assert book.post(Redeem, points=60, up_to=True, **order).entry["amount"] == 60
    assert book.post(Redeem, points=60, key="x").details["missing"] == 20
    book.post(Earn, points=100)
    late = book.post(Redeem, now=day(9), points=60, key="x")
    assert (late.code, late.replayed) == ("insufficient_points", True)
    assert late.sequence == 2
    assert book.post(Redeem, points=10, key="x").code == "key_reused"
    assert len(book.account.entries) == 3


def test_a_batch_is_its_commands_one_by_one_or_nothing():
    book = Book()
    good = Earn(account=A, points=10, key="earn", validity="P1D")
    bad = Redeem(account=A, points=11, key="bad")
    codes = [o.code for o in book.model.post([good, bad, good], START)]
    assert codes == ["applied", "insufficient_points", "applied"]
    before = len(book.account.entries)
    fine = Earn(account=A, points=1, key="fine")
    worse = Redeem(account=A, points=12, key="worse")
    outcomes = book.model.post([fine, worse, fine], day(2), atomic=True)
    codes = [o.code for o in outcomes]
    assert codes == ["not_applied", "insufficient_points", "not_applied"]
    assert outcomes[1].details == {"available": 1, "required": 12, "missing": 11}
    assert len(book.account.entries) == before == outcomes[1].sequence
    assert book.model.post([worse], day(2))[0].replayed
    outcomes = book.model.post([fine, worse], day(2), atomic=True)
    assert [(o.code, o.replayed) for o in outcomes] == [
        ("not_applied", False),
        ("insufficient_points", True),
    ]
    outcomes = book.model.post([good, fine], day(2), atomic=True)
    assert [(o.code, o.replayed) for o in outcomes] == [
        ("applied", True),
        ("applied", False),
    ]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Earn, {"points": 0}),
        (Earn, {"points": MOST + 1}),
        (Earn, {"points": True}),
        (Earn, {"points": 1, "key": ""}),
        (Earn, {"points": 1, "key": "k" * 201}),
        (Earn, {"points": 1, "key": "a\nb"}),
        (Earn, {"points": 1, "key": None}),
        (Earn, {"points": 1, "key": None, "reference_type": "order"}),
        (Earn, {"points": 1, "description": "a\0b"}),
        (Earn, {"points": 1, "metadata": {"a": ["\0"]}}),
        (Earn, {"points": 1, "source": "gift"}),
        (Earn, {"points": 1, "pending": "soon"}),
        (Earn, {"points": 1, "validity": "event"}),
        (Earn, {"points": 1, "validity": "P1D", "expires_at": day(9)}),
        (Earn, {"points": 1, "expires_at": START}),
        (Earn, {"points": 1, "pending": "P2D", "expires_at": day(2)}),
        (Earn, {"points": 1, "at": START + TICK}),
        (Settle, {"at": START + TICK}),
        (Redeem, {"points": 1, "key": None}),
        (Refund, {"entry": 0}),
        (Refund, {"entry": 1, "points": 0}),
        (Refund, {"entry": 1, "key": None, "reference_type": "order"}),
        (Reverse, {"entry": 1, "policy": "forget"}),
        (Redeem, {"points": -1}),
        (Reserve, {"points": 0}),
        (Reserve, {"points": 1, "time_to_live": "PT0S"}),
        (Reserve, {"points": 1, "time_to_live": "soon"}),
        (Reserve, {"points": 1, "time_to_live": "P8D"}),
        (Reserve, {"points": 1, "key": None, **ORDER}),
        (Capture, {"hold": 0}),
        (Capture, {"hold": 1, "points": 0}),
        (Void, {"hold": True}),
        (Adjust, {"points": 0, "reason": "r"}),
        (Adjust, {"points": -MOST - 1, "reason": "r"}),
        (Adjust, {"points": 1, "reason": ""}),
        (Adjust, {"points": 1, "reason": "r" * 2001}),
        (Adjust, {"points": 1, "reason": "r", "description": "d"}),
        (Adjust, {"points": 1, "reason": "r", "actor": ""}),
        (Adjust, {"points": 1, "reason": "r", "policy": "debt"}),
        (Adjust, {"points": 1, "reason": "r", "expires_at": START}),
        (Adjust, {"points": 1, "reason": "r", "validity": "PT0S"}),
        (Adjust, {"points": -1, "reason": "r", "validity": "P1D"}),
        (Adjust, {"points": -1, "reason": "r", "expires_at": day(9)}),
        (Adjust, {"points": -1, "reason": "r", "lot": (0, 1)}),
        (Adjust, {"points": -1, "reason": "r", "lot": (1, 1), "policy": "debt"}),
        (Transfer, {"points": 1, "to": A}),
        (Activate, {"lot": (1, 0)}),
        (Cancel, {"lot": (1, 1), "key": None}),
    ],
)
def test_malformed(kind, fields):
    book = Book()
    outcome = book.post(kind, **fields)
    assert (outcome.code, book.account.entries) == ("malformed", [])
    assert not book.account.keys


def test_not_malformed():
    book = Book()
    assert book.post(Earn, points=MOST, key="k" * 200).code == "applied"
    assert book.post(Earn, points=1, expires_at=START + TICK).code == "applied"
    literal = {"points": 1, "description": "\\x00", "metadata": {"a": "\\\\x00"}}
    assert book.post(Earn, **literal).code == "applied"
    nul_after_backslash = book.post(Earn, points=1, description="\\\0")
    assert nul_after_backslash.code == "malformed"


def test_refusals_in_order():
    book = Book()
    book.post(Earn, points=10)
    account = book.account
    stranger = Earn(account=UUID(int=3), points=1, key="k")
    assert book.model.post([stranger], START)[0].code == "account_not_found"
    account.status = "closed"
    assert book.post(Reverse, entry=9).code == "account_closed"
    assert book.post(Redeem, points=99).code == "account_closed"
    assert book.post(Settle).code == "applied"
    account.status = "frozen"
    assert book.post(Redeem, points=99).code == "account_frozen"
    assert book.post(Earn, points=1).code == "applied"
    account.status = "open"
    assert book.post(Reverse, entry=9).code == "entry_not_found"
    assert book.post(Refund, entry=1).code == "entry_not_reversible"
    assert book.post(Reverse, entry=1, points=11).code == "exceeds_original"
    assert book.post(Redeem, points=99).code == "insufficient_points"
    assert book.post(Redeem, points=MOST, up_to=True).entry["amount"] == 11
    outcome = book.post(Redeem, points=5, up_to=True)
    assert outcome.details == {"available": 0, "required": 1, "missing": 1}


def test_the_largest_total():
    book = Book()
    for _ in range(9):
        assert book.post(Earn, points=MOST).code == "applied"
    rest = LARGEST - 9 * MOST
    assert book.post(Earn, points=rest + 1).code == "limit_exceeded"
    assert book.post(Earn, points=rest, pending="P1D").code == "applied"
    assert book.post(Redeem, points=MOST).code == "applied"
    assert book.post(Earn, points=1).code == "limit_exceeded"  # lifetime
    assert book.post(Refund, entry=11).code == "applied"


def test_a_fast_clock_never_turns_back():
    book = Book()
    book.post(Earn, now=day(5), points=1)
    entry = book.post(Earn, now=day(1), points=1, pending="P1D").entry
    assert entry["effective_at"] == day(5)
    assert book.account.lots[-1].available_at == day(6)
    late = book.post(Earn, now=day(1), points=7, expires_at=day(2))
    assert (late.code, late.sequence) == ("applied", 3)
    assert book.rows()[-1] == (4, "expire", 7, -7, 1)
    assert book.account.effective_at == day(5)

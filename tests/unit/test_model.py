"""The reference model itself: worked rows, replays, refusals, invariants."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from punchcard.ledger.commands import Earn, Redeem, Refund, Reverse, Settle
from tests.model import LARGEST, Model, Policy, spending_order

START = datetime(2026, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
MOST = 10**15


def day(n):
    return START + timedelta(days=n)


class Book:
    """One account, driven by short lines; every command gets a fresh key."""

    def __init__(self, **policy):
        self.model = Model(Policy(**policy))
        self.model.open_account("a")
        self.keys = 0

    @property
    def account(self):
        return self.model.accounts["a"]

    def post(self, kind, now=START, **fields):
        if kind is not Settle and "key" not in fields:
            self.keys += 1
            fields["key"] = f"k{self.keys}"
        return self.model.post([kind(account="a", **fields)], now)[0]

    def rows(self):
        return [
            (e["sequence"], e["type"], e["amount"], e["available"], e["balance"])
            for e in self.account.entries
        ]

    def lots(self):
        return [
            (lot.sequence, lot.n, lot.root, lot.credited, lot.remaining)
            for lot in self.account.lots
        ]


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
    first, second = book.account.lots
    assert first.allocations == [(2, -100), (5, 100), (6, -100)]
    assert second.allocations == [(4, -100), (6, -50)]
    assert book.account.lifetime == 250


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
    first, second = book.account.lots
    assert (first.allocations[-1], second.allocations[-1]) == ((4, 10), (4, 30))
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
    assert (book.account.available, book.account.pending) == (0, 100)
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
    assert (book.account.available, book.account.pending) == (0, 60)
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
    assert book.model.as_of("a", day(5) - TICK) == (30, 70, 0, 100)
    assert book.model.as_of("a", day(5)) == (30, 40, 0, 100)
    assert book.post(Redeem, now=day(6), points=31).code == "insufficient_points"
    kinds = [(e["type"], e["amount"]) for e in book.account.entries[4:]]
    assert kinds == [("release", 20), ("release", 30), ("expire", 30)]
    assert book.model.as_of("a", day(2) - TICK) == (10, 90, 0, 100)
    assert book.model.as_of("a", START - TICK) == (0, 0, 0, 0)


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
    good = Earn(account="a", points=10, key="earn", validity="P1D")
    bad = Redeem(account="a", points=11, key="bad")
    codes = [o.code for o in book.model.post([good, bad, good], START)]
    assert codes == ["applied", "insufficient_points", "applied"]
    before = len(book.account.entries)
    fine = Earn(account="a", points=1, key="fine")
    worse = Redeem(account="a", points=12, key="worse")
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
    stranger = Earn(account="b", points=1, key="k")
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


def check(account):
    """The invariants of the contract (§9) that one account can show."""
    numbers, moved, opened, undone = Counter(), Counter(), Counter(), Counter()
    for lot in account.lots:
        opened[lot.sequence] += lot.credited
        for sequence, points in lot.allocations:
            moved[sequence] += points
    for e in account.entries:
        if e["type"] in ("refund", "reverse"):
            undone[e["relates_to"]] += e["amount"]
    for sequence, e in enumerate(account.entries, 1):
        before = numbers["available"]
        numbers.update({n: e[n] for n in ("available", "pending", "reserved")})
        numbers["lifetime"] += e["amount"] if e["type"] == "earn" else 0
        assert (e["sequence"], e["amount"] > 0) == (sequence, True)
        assert e["balance"] == numbers["available"]
        assert e["pending_after"] == numbers["pending"] >= 0
        assert e["reserved_after"] == numbers["reserved"] == 0
        assert e["lifetime_after"] == numbers["lifetime"]
        debt = min(e["balance"], 0) - min(before, 0)
        change = opened[sequence] + moved[sequence] + debt
        assert e["available"] + e["pending"] == change
        assert undone[sequence] <= e["amount"]
        if e["type"] == "redeem":
            assert e["balance"] >= 0
            assert moved[sequence] == -e["amount"]
    times = [e["effective_at"] for e in account.entries]
    assert times == sorted(times)
    open_lots = [lot for lot in account.lots if lot.is_open]
    assert sum(x.remaining for x in open_lots) == max(account.available, 0)
    pending = sum(x.remaining for x in account.lots if x.is_pending)
    assert pending == account.pending == numbers["pending"]
    assert account.available == numbers["available"]
    types = {e["sequence"]: e["type"] for e in account.entries}
    for lot in account.lots:
        left, lapses = lot.credited, 0
        for sequence, points in lot.allocations:
            left += points
            assert 0 <= left <= lot.credited
            lapses += types[sequence] == "expire"
            assert left == 0 or types[sequence] != "expire"
        assert lapses <= 1
        for sequence, _ in lot.allocations:
            if types[sequence] == "redeem":
                instant = times[sequence - 1]
                assert lot.available_at <= instant
                assert lot.expires_at is None or instant < lot.expires_at


def random_command(rng, account):
    balance = max(account.available, 1)
    points = rng.choice([1, balance, balance + 1, rng.randint(1, 120)])
    entry = rng.randint(1, max(account.last_sequence, 1))
    some = rng.choice([None, None, 1, rng.randint(1, 100)])
    match rng.choice("eeerrrffvvs"):
        case "e":
            pending = rng.choice([None, None, "P2D", "PT0S", "event"])
            validity = rng.choice([None, "P3D", "P10D"])
            return Earn, {"points": points, "pending": pending, "validity": validity}
        case "r":
            return Redeem, {"points": points, "up_to": rng.random() < 0.3}
        case "f":
            spends = [e["sequence"] for e in account.typed("redeem")] or [entry]
            return Refund, {"entry": rng.choice(spends), "points": some}
        case "v":
            earns = [e["sequence"] for e in account.typed("earn")] or [entry]
            policy = rng.choice([None, "debt", "cap", "refuse"])
            fields = {"entry": rng.choice(earns), "points": some, "policy": policy}
            return Reverse, fields
    return Settle, {}


def test_invariants_over_random_steps():
    rng, seen = random.Random(20260101), Counter()
    for _ in range(500):
        grace = rng.choice([timedelta(0), timedelta(days=4)])
        book, now = Book(validity=timedelta(days=7), grace=grace), START
        pictures = []
        for _ in range(40):
            now += rng.choice([timedelta(0), TICK, day(1) - START, day(3) - START])
            account = book.account
            kind, fields = random_command(rng, account)
            foreseen = book.model.as_of("a", now)
            order = sorted(account.lots, key=spending_order)
            outcome = book.post(kind, now=now, **fields)
            check(account)
            seen[kind.__name__, outcome.code] += 1
            seen["debt"] += account.available < 0
            if outcome.entry is None:
                assert foreseen == numbers_of(account)
            else:
                seen.update(outcome.entry["metadata"].keys())
                seen["new lot"] += kind is Refund and account.lots[-1].n == 1 < len(
                    [x for x in account.lots if x.root == account.lots[-1].root]
                )
            if kind is Redeem and outcome.entry:
                sequence = outcome.entry["sequence"]
                taken = [x for x in order if x.taken_by([sequence])]
                open_before = [x for x in order if x.is_open or x in taken]
                assert taken == open_before[: len(taken)]
                assert all(x.remaining == 0 for x in taken[:-1])
            pictures.append((now, numbers_of(account)))
        last = dict(pictures)
        for instant, numbers in last.items():
            assert book.model.as_of("a", instant) == numbers
        in_a_year = book.model.as_of("a", now + timedelta(days=365))
        book.post(Settle, now=now + timedelta(days=365))
        check(book.account)
        assert in_a_year == numbers_of(book.account)
    assert sum(n for name, n in seen.items() if isinstance(name, tuple)) == 20_000
    for name in ("debt", "lapsed", "written_off", "new lot"):
        assert seen[name] > 50, (name, seen)
    for name in ("Redeem", "Reverse"):
        assert seen[name, "insufficient_points"] > 50
    for name in ("Refund", "Reverse"):
        assert seen[name, "applied"] > 1000
        assert seen[name, "exceeds_original"] > 100


def numbers_of(account):
    return account.available, account.pending, account.reserved, account.lifetime

"""The reference model keeps the contract's invariants (§9) over random steps."""

import random
from collections import Counter
from datetime import timedelta

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
from tests.unit.book import DAY, START, TICK, A, B, Book

DELTAS = ("available", "pending", "reserved")
SPENDS = ("redeem", "reserve", "transfer_out")


def check(account):
    """What one account can show."""
    check_entries(account)
    check_lots(account)
    held = sum(hold["amount"] for hold in account.open_holds)
    assert held == account.numbers[2]


def check_entries(account):
    numbers, opened, undone = Counter(), Counter(), Counter()
    for lot in account.lots:
        opened[lot.sequence] += lot.credited
    resolved = [e["relates_to"] for e in account.typed("capture", "void")]
    assert len(resolved) == len(set(resolved)), "a hold was resolved twice"
    for sequence, e in enumerate(account.entries, 1):
        before = numbers["available"]
        numbers.update({name: e[name] for name in DELTAS})
        numbers["lifetime"] += e["amount"] if e["type"] == "earn" else 0
        after = ("balance", "pending_after", "reserved_after", "lifetime_after")
        seen = tuple(numbers[name] for name in (*DELTAS, "lifetime"))
        assert tuple(e[name] for name in after) == seen
        assert (e["sequence"], e["amount"] > 0) == (sequence, True)
        assert min(numbers["pending"], numbers["reserved"]) >= 0
        moved = sum(points for _, points in e["moves"])
        debt = min(e["balance"], 0) - min(before, 0)
        assert e["available"] + e["pending"] == opened[sequence] + moved + debt
        if e["type"] in ("refund", "reverse", "cancel"):
            undone[e["relates_to"]] += e["amount"]
            original = account.entries[e["relates_to"] - 1]["amount"]
            assert undone[e["relates_to"]] <= original
        if e["type"] in SPENDS:
            assert e["balance"] >= 0
            assert moved == -e["amount"]
    times = [e["effective_at"] for e in account.entries]
    assert times == sorted(times)


def check_lots(account):
    """A lot is what was credited and moved; it lapses once, and spends are timely."""
    left = {lot.name: lot.credited for lot in account.lots}
    lapsed = Counter()
    for e in account.entries:
        for lot, points in e["moves"]:
            left[lot.name] += points
            assert 0 <= left[lot.name] <= lot.credited
            lapsed[lot.name] += e["type"] == "expire"
            assert e["type"] != "expire" or left[lot.name] == 0
            if e["type"] in SPENDS:
                assert lot.state == "open"
                assert lot.available_at <= e["effective_at"]
                assert lot.expires_at is None or e["effective_at"] < lot.expires_at
    assert max(lapsed.values(), default=0) <= 1
    assert left == {lot.name: lot.remaining for lot in account.lots}
    states = Counter()
    for lot in account.lots:
        states[lot.state] += lot.remaining
        assert (lot.state in ("open", "pending")) == (lot.remaining > 0)
        assert (lot.state == "lapsed") == bool(lapsed[lot.name])
    assert states["open"] == max(account.available, 0)
    assert states["pending"] == account.numbers[1]


def random_command(rng, account, other):
    """A kind and what it says, about what this account has seen."""
    balance = max(account.available, 1)
    points = rng.choice([1, balance, balance + 1, rng.randint(1, 120)])
    some = rng.choice([None, None, 1, rng.randint(1, 100)])
    last = max(account.last_sequence, 1)

    def entry_of(*types):
        found = [e["sequence"] for e in account.typed(*types)]
        return rng.choice(found[-5:] or [rng.randint(1, last)])

    def lot_of(state):
        found = [lot.name for lot in account.lots if lot.state == state]
        return rng.choice(found[-4:] or [(rng.randint(1, last), 1)])

    policy = rng.choice([None, "debt", "cap", "refuse"])
    letters = "eeeerrrfffvvhhhhcccoo++-ttaxs"
    match rng.choice(letters + "e" * 12 * (account.available < 20)):
        case "e":
            pending = rng.choice([None, None, "P2D", "PT0S", "event"])
            validity = rng.choice([None, "P3D", "P10D"])
            return Earn, {"points": points, "pending": pending, "validity": validity}
        case "r":
            return Redeem, {"points": points, "up_to": rng.random() < 0.3}
        case "f":
            return Refund, {"entry": entry_of("redeem", "capture"), "points": some}
        case "v":
            return Reverse, {
                "entry": entry_of("earn"),
                "points": some,
                "policy": policy,
            }
        case "h":
            return Reserve, {
                "points": points,
                "time_to_live": rng.choice([None, "P2D"]),
            }
        case "c":
            return Capture, {"hold": entry_of("reserve"), "points": some}
        case "o":
            return Void, {"hold": entry_of("reserve")}
        case "+":
            lot = rng.choice([None, None, lot_of("spent")])
            return Adjust, {"points": points, "reason": "more", "lot": lot}
        case "-":
            lot = rng.choice([None, None, lot_of("open")])
            said = {"lot": lot} if lot else {"policy": policy}
            return Adjust, {"points": -points, "reason": "less", **said}
        case "t":
            return Transfer, {"points": points, "to": other.id}
        case "a":
            return Activate, {"lot": lot_of("pending")}
        case "x":
            return Cancel, {"lot": lot_of("pending")}
    return Settle, {}


def random_policy(rng):
    return {
        "validity": 7 * DAY,
        "grace": rng.choice([timedelta(0), 4 * DAY]),
        "hold_time_max": rng.choice([3 * DAY, 20 * DAY]),
        "idle": rng.choice([None, 5 * DAY]),
        "per_command": rng.choice([None, None, 25]),
        "per_day": rng.choice([None, None, 60]),
        "per_month": rng.choice([None, None, 200]),
    }


def test_invariants_over_random_steps():
    rng, seen = random.Random(20260101), Counter()
    for _ in range(700):
        book, now, pictures = Book(**random_policy(rng)), START, {}
        accounts = list(book.model.accounts.values())
        for _ in range(40):
            now += rng.choice([0, 0, 0, 1, 3]) * DAY + rng.choice([0, 1]) * TICK
            account, other = rng.sample(accounts, 2)
            kind, fields = random_command(rng, account, other)
            foreseen = account.as_of(now).numbers
            outcome = book.post(kind, now, account.id, **fields)
            check(account)
            check(other)
            if outcome.entry is None:
                assert foreseen == account.numbers
            note(seen, kind, outcome, account)
            pictures |= {(each, now): each.as_of(now).numbers for each in accounts}
        for (account, instant), numbers in pictures.items():
            assert account.as_of(instant).numbers == numbers
        transfers_agree(book)
        for account in accounts:
            later = account.as_of(now + timedelta(days=365))
            book.post(Settle, now + timedelta(days=365), account.id)
            check(account)
            assert later.entries == account.entries
    for name in ("debt", "lapsed", "written_off", "pending then lapsed", "a new lot"):
        assert seen[name] > 10, (name, seen)
    for name in USUAL:
        assert seen[name] > 10, (name, seen)


USUAL = """Earn applied; Redeem applied; Redeem insufficient_points;
    Redeem limit_exceeded; Reserve applied; Reserve insufficient_points;
    Reserve limit_exceeded; Capture applied; Capture hold_not_open;
    Capture exceeds_original; Capture entry_not_found; Void applied; Void hold_not_open;
    Void entry_not_found; Refund applied; Refund exceeds_original;
    Refund entry_not_reversible; Reverse applied; Reverse exceeds_original;
    Reverse insufficient_points; Adjust applied; Adjust insufficient_points;
    Adjust exceeds_original; Transfer applied; Transfer insufficient_points;
    Transfer limit_exceeded; Activate applied; Activate lot_not_pending; Cancel applied;
    Cancel lot_not_pending; Settle applied"""
USUAL = [" ".join(words.split()) for words in USUAL.split(";")]


def note(seen, kind, outcome, account):
    seen[f"{kind.__name__} {outcome.code}"] += 1
    seen["debt"] += account.available < 0
    if outcome.entry is None:
        return
    seen.update(outcome.entry["metadata"].keys())
    after = account.entries[outcome.sequence :]
    if kind is Activate:
        seen["pending then lapsed"] += bool(account.typed("expire"))
    seen["a new lot"] += kind in (Capture, Void) and any(
        e["type"] == "expire" for e in after
    )


def transfers_agree(book):
    """Whatever left one account came to the other: one instant, the same expiries."""
    for account, other in ((A, B), (B, A)):
        here, there = book.model.accounts[account], book.model.accounts[other]
        for paid in here.typed("transfer_out"):
            got = there.entries[paid["other_sequence"] - 1]
            assert got["type"] == "transfer_in"
            for name in ("transfer", "amount", "effective_at"):
                assert got[name] == paid[name]
            parts = [(lot.expires_at, -points) for lot, points in paid["moves"]]
            opened = [x for x in there.lots if x.sequence == got["sequence"]]
            assert [(x.expires_at, x.credited) for x in opened] == parts

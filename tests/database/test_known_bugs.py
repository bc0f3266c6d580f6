"""Known bugs of other ledgers, a test each: `tests/mutants` seeds them and looks here.

Each is as small as it can be; the tables and the model test say what is right in full.
Here: locks, keys, lots, what lapses, what is taken back. The others have their subject
in their names.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection

from punchcard.kernel.transactions import transaction
from punchcard.ledger import errors
from punchcard.ledger.commands import Earn
from punchcard.ledger.operations import post
from punchcard.ledger.rules.encoding import GENESIS, entry_hash
from punchcard.ledger.rules.state import Allocation
from tests.builders import a_ledger, rows
from tests.database.one_account import One, codes
from tests.races.running import somebody_waits_for_us

MOMENT = timedelta(microseconds=1)


# --------------------------------------------------------------------------- locks


def _in_threads(*jobs: Any) -> list[Any]:
    def run(job: Any) -> Any:
        try:
            return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result(120) for future in [pool.submit(run, j) for j in jobs]]


def test_who_comes_second_decides_on_what_the_first_left() -> None:
    one = One()
    one.post(one.earn(100))
    posted = threading.Event()

    def first() -> list[str]:
        with transaction():
            answers = post(commands=[one.redeem(100, key="first")], now=one.ledger.now)
            posted.set()
            somebody_waits_for_us(3)
        return codes(answers)

    def second() -> list[str]:
        posted.wait(60)
        return one.post(one.redeem(100, key="second"))

    assert _in_threads(first, second) == [["applied"], ["insufficient_points"]]


def test_locks_are_taken_in_the_order_of_ids_whatever_the_order_of_rows() -> None:
    ledger = a_ledger()
    low, high = sorted(ledger.open(2))
    # A new version of the lower account's row stands behind the higher one's.
    ledger.one(Earn(account=low, points=1, key="moves"))
    held = threading.Event()

    def holds_the_lower() -> bool:
        with transaction():
            ledger_rows = "SELECT 1 FROM ledger_account WHERE id = %s FOR UPDATE"
            rows(ledger_rows, (low,))
            held.set()
            assert somebody_waits_for_us()
            try:
                rows(f"{ledger_rows} NOWAIT", (high,))
            except psycopg.errors.LockNotAvailable:
                return False
            return True

    def wants_both() -> None:
        held.wait(60)
        # Rows are found in the order in which they stand.
        for method in ("indexscan", "indexonlyscan", "bitmapscan", "mergejoin"):
            connection.ensure_connection()
            connection.connection.execute(f"SET enable_{method} = off")
        both = [Earn(account=account, points=1, key="both") for account in (high, low)]
        assert codes(ledger.post(*both)) == ["applied", "applied"]

    higher_is_free, _ = _in_threads(holds_the_lower, wants_both)
    assert higher_is_free, "the higher account was locked before the lower one"


def test_a_second_post_in_one_transaction_is_an_error() -> None:
    one = One()
    with pytest.raises(errors.SecondPost), transaction():
        post(commands=[one.earn(1)], now=one.ledger.now)
        post(commands=[one.earn(1)], now=one.ledger.now)


# --------------------------------------------------------------------------- keys


def test_the_same_key_twice_in_a_batch_takes_effect_once() -> None:
    one = One()
    earn = one.earn(10)
    assert one.post(earn, earn) == ["applied", "applied"]
    assert one.balance() == 10


def test_a_key_of_an_earlier_post_takes_effect_once() -> None:
    one = One()
    earn = one.earn(10)
    assert [one.post(earn), one.post(earn)] == [["applied"], ["applied"]]
    assert one.balance() == 10


def test_a_key_with_another_command_is_refused() -> None:
    one = One()
    one.post(one.earn(10, key="same"))
    assert one.post(one.earn(11, key="same")) == ["key_reused"]


def test_a_key_of_one_account_says_nothing_about_another() -> None:
    one = One()
    other = one.another()
    one.post(one.earn(10, key="same"))
    assert other.post(other.earn(10, key="same")) == ["applied"]
    assert other.balance() == 10


def test_a_late_retry_finds_its_key_although_its_dates_have_passed() -> None:
    one = One()
    earn = one.earn(10, expires_at=one.ledger.now + timedelta(days=5))
    one.post(earn)
    one.ledger.pass_days(6)
    assert one.post(earn) == ["applied"]
    assert [kind for kind, _ in one.history()] == ["earn"]


def test_a_refusal_is_remembered_when_the_retry_would_succeed() -> None:
    one = One()
    redeem = one.redeem(10)
    assert one.post(redeem) == ["insufficient_points"]
    one.post(one.earn(10))
    assert one.post(redeem) == ["insufficient_points"]


def test_a_refusal_is_remembered_within_its_batch() -> None:
    one = One()
    redeem = one.redeem(10)
    answers = one.post(redeem, one.earn(10), redeem)
    assert answers == ["insufficient_points", "applied", "insufficient_points"]


def test_a_refusal_replayed_in_an_atomic_batch_is_the_first_one_unchanged() -> None:
    one = One()
    redeem = one.redeem(10)
    first = one.ledger.one(redeem)
    one.post(one.earn(5))
    again = one.ledger.post(one.earn(5), redeem, atomic=True)
    assert codes(again) == ["not_applied", "insufficient_points"]
    assert again[1].replayed
    assert again[1].sequence == first.sequence == 0
    assert again[1].decided_at == first.decided_at


# --------------------------------------------------------------------------- time


def test_expired_points_are_not_spent_although_no_job_ran() -> None:
    one = One(validity="P10D")
    one.post(one.earn(100))
    one.ledger.pass_days(11)
    assert one.post(one.redeem(100)) == ["insufficient_points"]


def test_points_lapse_at_the_very_instant_of_their_expiry() -> None:
    one = One(validity="P10D")
    one.post(one.earn(100))
    one.ledger.pass_days(10)
    one.ledger.now -= MOMENT
    assert one.post(one.redeem(1)) == ["applied"]
    one.ledger.now += MOMENT
    assert one.post(one.redeem(1)) == ["insufficient_points"]


def test_expiry_takes_what_remained_and_not_what_was_spent() -> None:
    one = One(validity="P10D")
    one.post(one.earn(100), one.redeem(30))
    one.ledger.pass_days(11)
    one.post(one.settle())
    assert one.balance() == 0


def test_a_later_credit_does_not_put_off_what_is_due_earlier() -> None:
    one = One()
    one.post(one.earn(100, validity="P10D"))
    one.post(one.earn(100, validity="P20D"))
    one.ledger.pass_days(15)
    assert one.post(one.redeem(200)) == ["insufficient_points"]


def test_settling_does_not_forget_what_it_did_not_read() -> None:
    one = One()
    for days in (5, 10, 20):
        one.post(one.earn(100, pending=f"P{days}D"))
    start = one.ledger.now
    one.ledger.pass_days(6)
    # The second lot is the last that is read: cancelled, it tells nothing any more.
    one.post(one.reverse(2, at=start + timedelta(days=4)), one.settle())
    one.ledger.pass_days(20)
    one.post(one.settle())
    assert one.balance() == 200


def test_a_release_repays_debt() -> None:
    one = One()
    one.post(one.earn(100), one.redeem(100), one.reverse(1))
    one.post(one.earn(150, pending="P5D"))
    one.ledger.pass_days(5)
    one.post(one.settle())
    assert one.balance() == 50
    assert one.lots() == {"1.1": 0, "4.1": 50}


# --------------------------------------------------------------------------- lots


def test_the_soonest_expiring_lot_is_spent_first_not_the_oldest() -> None:
    one = One()
    one.post(one.earn(50, validity="P20D"), one.earn(50, validity="P10D"))
    one.post(one.redeem(60))
    assert one.lots() == {"1.1": 40, "2.1": 0}


def test_a_refund_returns_to_the_lot_taken_last() -> None:
    one = One()
    one.post(one.earn(50, validity="P10D"), one.earn(50, validity="P20D"))
    one.post(one.redeem(80))
    one.post(one.refund(3, points=40))
    assert one.lots() == {"1.1": 10, "2.1": 50}


def test_a_spend_is_refunded_once_over_two_posts() -> None:
    one = One()
    one.post(one.earn(100), one.redeem(100))
    assert one.post(one.refund(2)) == ["applied"]
    assert one.post(one.refund(2, points=100)) == ["exceeds_original"]


def test_a_spend_is_refunded_once_within_a_batch() -> None:
    one = One()
    one.post(one.earn(100), one.redeem(100))
    assert one.post(one.refund(2), one.refund(2, points=100)) == [
        "applied",
        "exceeds_original",
    ]


def test_a_grace_lot_gets_no_second_grace() -> None:
    one = One(validity="P10D", grace="P30D")
    one.post(one.earn(100), one.redeem(100))
    one.ledger.pass_days(20)
    one.post(one.refund(2))
    one.post(one.redeem(100))
    one.ledger.pass_days(40)
    assert one.post(one.refund(4)) == ["applied"]
    assert one.balance() == 0


# --------------------------------------------------------------------------- reverse


def test_what_lapsed_of_an_earn_is_not_taken_again_by_its_reverse() -> None:
    one = One()
    one.post(one.earn(100, validity="P10D"), one.redeem(30))
    one.ledger.pass_days(11)
    one.post(one.earn(50), one.reverse(1))
    assert one.balance() == 20


def test_what_lapsed_counts_for_one_of_two_reverses() -> None:
    one = One()
    one.post(one.earn(100, validity="P10D"), one.redeem(30))
    one.ledger.pass_days(11)
    one.post(one.earn(50), one.reverse(1, points=70))
    one.post(one.reverse(1, points=30))
    assert one.balance() == 20


def test_a_cap_writes_off_what_is_missing_and_makes_no_debt() -> None:
    one = One(debt_policy="cap")
    one.post(one.earn(100), one.redeem(70), one.reverse(1))
    assert one.balance() == 0


def test_a_reverse_does_not_lower_the_lifetime_points() -> None:
    one = One()
    assert one.post(one.earn(100), one.reverse(1)) == ["applied", "applied"]
    answer = rows("SELECT lifetime FROM ledger_account WHERE id = %s", (one.account,))
    assert answer == [(100,)]


# --------------------------------------------------------------------------- chain


def test_the_hash_covers_the_allocations() -> None:
    one = One()
    entry = one.ledger.one(one.earn(1)).entry
    assert entry is not None
    hashes = {
        entry_hash(GENESIS, entry, [], [Allocation(1, 1, lot, 1, -5)]) for lot in (1, 2)
    }
    assert len(hashes) == 2

"""Known bugs of spending limits, a test each: `tests/mutants` seeds them."""

from __future__ import annotations

from datetime import timedelta

from tests.database.one_account import One


def test_yesterdays_spends_do_not_count_today() -> None:
    one = One(limit_per_day=50, limit_per_month=1_000)
    one.post(one.earn(100), one.redeem(50))
    assert one.post(one.redeem(1)) == ["limit_exceeded"]
    one.ledger.pass_days(1)
    assert one.post(one.redeem(50)) == ["applied"]


def test_the_day_of_a_limit_begins_at_the_programs_midnight() -> None:
    one = One(limit_per_day=50, time_zone="Asia/Jakarta")
    one.ledger.now += timedelta(hours=16, minutes=30)  # half past eleven at night
    one.post(one.earn(100), one.redeem(50))
    one.ledger.now += timedelta(hours=1)
    assert one.post(one.redeem(50)) == ["applied"]


def test_what_a_void_gave_back_may_be_spent_the_same_day() -> None:
    one = One(limit_per_day=50)
    one.post(one.earn(100), one.reserve(50))
    one.post(one.void(2))
    assert one.post(one.redeem(50)) == ["applied"]


def test_what_a_void_gave_back_may_be_spent_in_the_same_batch() -> None:
    one = One(limit_per_day=50)
    one.post(one.earn(100))
    answers = one.post(one.reserve(50), one.void(2), one.redeem(50))
    assert answers == ["applied", "applied", "applied"]


def test_a_hold_and_its_capture_count_once() -> None:
    one = One(limit_per_day=100)
    one.post(one.earn(200))
    answers = one.post(one.reserve(50), one.capture(2), one.redeem(50))
    assert answers == ["applied", "applied", "applied"]


def test_the_spends_of_a_batch_count_for_each_other() -> None:
    one = One(limit_per_day=50)
    one.post(one.earn(100))
    answers = one.post(one.redeem(30), one.redeem(30))
    assert answers == ["applied", "limit_exceeded"]
    assert one.balance() == 70


def test_a_limit_is_not_evaded_by_giving_points_away() -> None:
    one = One(limit_per_day=50)
    other = one.another()
    one.post(one.earn(100))
    assert one.post(one.transfer(other, 60)) == ["limit_exceeded"]
    assert (one.balance(), other.balance()) == (100, 0)


def test_at_most_takes_no_more_than_the_limit_leaves() -> None:
    one = One(limit_per_day=30)
    one.post(one.earn(100), one.redeem(100, up_to=True))
    assert one.balance() == 70

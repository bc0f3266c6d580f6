"""Known bugs of holds, a test each: `tests/mutants` seeds them and looks here."""

from __future__ import annotations

from datetime import timedelta

from tests.builders import START
from tests.database.one_account import One

MOMENT = timedelta(microseconds=1)


# --------------------------------------------------------------------------- resolved


def test_points_that_are_set_aside_are_not_spent_beside() -> None:
    one = One()
    one.post(one.earn(100))
    answers = one.post(one.reserve(100), one.redeem(1))
    assert answers == ["applied", "insufficient_points"]


def test_a_hold_is_captured_once_over_two_posts() -> None:
    one = One()
    # A second hold: the numbers alone would not tell.
    one.post(one.earn(120), one.reserve(60), one.reserve(60))
    assert one.post(one.capture(2)) == ["applied"]
    assert one.post(one.capture(2)) == ["hold_not_open"]


def test_a_hold_is_voided_once_within_a_batch() -> None:
    one = One()
    one.post(one.earn(120), one.reserve(60), one.reserve(60))
    assert one.post(one.void(2), one.void(2)) == ["applied", "hold_not_open"]
    assert one.balance() == 60


# --------------------------------------------------------------------------- time


def test_a_hold_that_ran_out_of_time_is_not_captured() -> None:
    one = One()
    one.post(one.earn(100), one.reserve(100, time_to_live="P1D"))
    one.ledger.pass_days(2)
    assert one.post(one.capture(2)) == ["hold_not_open"]
    assert one.balance() == 100


def test_a_hold_ends_at_the_very_instant_of_its_time() -> None:
    one = One()
    one.post(one.earn(100), one.reserve(100, time_to_live="P1D"))
    one.ledger.pass_days(1)
    one.ledger.now -= MOMENT
    assert one.post(one.redeem(100)) == ["insufficient_points"]
    one.ledger.now += MOMENT
    assert one.post(one.redeem(100)) == ["applied"]


def test_settling_twice_ends_a_hold_once() -> None:
    one = One()
    one.post(one.earn(120), one.reserve(60, time_to_live="P1D"), one.reserve(60))
    one.ledger.pass_days(2)
    assert one.post(one.settle(), one.settle()) == ["applied", "applied"]
    assert one.balance() == 60


def test_a_hold_that_was_not_read_is_not_forgotten() -> None:
    one = One()
    soon = START + timedelta(hours=12)
    one.post(one.earn(100), one.earn(9, pending="event", expires_at=soon))
    one.post(one.reserve(10, time_to_live="P1D"), one.reserve(10))
    one.post(one.earn(1, expires_at=soon))
    one.ledger.pass_days(0.75)
    # Lot 5.1 lapsed, so holds are read: the first one is the last of them. Then the
    # lapse of 2.1 looks what is next.
    one.post(one.redeem(1), one.void(3), one.activate((2, 1)))
    one.ledger.pass_days(8)
    one.post(one.settle())
    assert one.balance() == 99


# --------------------------------------------------------------------------- lots


def test_a_capture_keeps_the_lots_that_its_reserve_took() -> None:
    one = One()
    one.post(
        one.earn(100, validity="P20D"),
        one.reserve(60),
        one.earn(100, validity="P10D"),
        one.capture(2),
    )
    assert one.lots() == {"1.1": 40, "3.1": 100}


def test_what_a_capture_leaves_over_is_free_again() -> None:
    one = One()
    one.post(one.earn(60), one.reserve(60), one.capture(2, points=40))
    assert one.balance() == 20


def test_the_rest_of_a_capture_returns_to_the_lot_taken_last() -> None:
    one = One()
    one.post(one.earn(50, validity="P10D"), one.earn(50, validity="P20D"))
    one.post(one.reserve(80), one.capture(3, points=40))
    assert one.lots() == {"1.1": 10, "2.1": 50}


def test_a_void_repays_debt() -> None:
    one = One()
    one.post(one.earn(100), one.reserve(60), one.reverse(1, points=80))
    assert one.balance() == -40
    assert one.post(one.void(2)) == ["applied"]
    assert one.balance() == 20
    assert one.lots() == {"1.1": 20}


def test_a_lot_that_lapsed_under_a_hold_is_not_revived_by_its_void() -> None:
    one = One(hold_time_max="P90D")
    one.post(one.earn(100, validity="P10D"), one.reserve(60))
    one.ledger.pass_days(11)
    one.post(one.settle())
    assert one.post(one.void(2)) == ["applied"]
    assert one.balance() == 0
    assert one.lots() == {"1.1": 0, "4.1": 0}


def test_a_lot_that_idleness_ended_is_not_revived_by_a_void() -> None:
    one = One(hold_time_max="P90D", idle="P10D")
    one.post(one.earn(100), one.reserve(60))
    one.ledger.pass_days(11)
    one.post(one.settle())
    assert one.post(one.void(2)) == ["applied"]
    assert one.balance() == 0
    assert one.lots() == {"1.1": 0, "4.1": 0}


def test_a_spend_behind_a_void_finds_every_lot_that_it_needs() -> None:
    one = One()
    one.post(*(one.earn(100, validity=f"P{days}D") for days in (10, 20, 30)))
    one.post(one.reserve(200))
    assert one.post(one.void(4), one.redeem(300)) == ["applied", "applied"]
    assert one.lots() == {"1.1": 0, "2.1": 0, "3.1": 0}


# --------------------------------------------------------------------------- refund


def test_a_refund_gives_back_what_the_capture_kept_over_two_posts() -> None:
    one = One()
    one.post(one.earn(50, validity="P10D"), one.earn(50, validity="P20D"))
    one.post(one.reserve(80), one.capture(3, points=40))
    assert one.post(one.refund(4)) == ["applied"]
    assert one.lots() == {"1.1": 50, "2.1": 50}


def test_a_refund_gives_back_what_the_capture_kept_within_a_batch() -> None:
    one = One()
    one.post(one.earn(50, validity="P10D"), one.earn(50, validity="P20D"))
    answers = one.post(one.reserve(80), one.capture(3, points=40), one.refund(4))
    assert answers == ["applied"] * 3
    assert one.lots() == {"1.1": 50, "2.1": 50}

"""Known bugs of pending and idle points and of what is done by hand, a test each."""

from __future__ import annotations

from datetime import timedelta

import pytest

from punchcard.kernel.transactions import transaction
from punchcard.ledger import errors
from punchcard.ledger.operations import change_status
from tests.builders import START, rows
from tests.database.one_account import One

# --------------------------------------------------------------------------- pending


def test_a_cancelled_lot_is_not_taken_again_by_a_reverse_of_its_batch() -> None:
    one = One()
    one.post(one.earn(100, pending="event"))
    answers = one.post(one.cancel((1, 1)), one.reverse(1))
    assert answers == ["applied", "exceeds_original"]
    assert one.balance() == 0


def test_a_cancelled_lot_is_not_taken_again_by_a_later_reverse() -> None:
    one = One()
    one.post(one.earn(100, pending="event"))
    one.post(one.cancel((1, 1)))
    assert one.post(one.reverse(1)) == ["exceeds_original"]
    assert one.balance() == 0


def test_validity_starts_when_a_lot_is_activated_early() -> None:
    one = One(validity="P10D")
    one.post(one.earn(100, pending="P10D"))
    one.ledger.pass_days(2)
    one.post(one.activate((1, 1)))
    one.ledger.pass_days(10)
    assert one.post(one.redeem(1)) == ["insufficient_points"]


def test_a_lot_activated_early_is_not_released_on_its_day() -> None:
    one = One()
    one.post(one.earn(100, pending="P5D"))
    one.ledger.pass_days(2)
    assert one.post(one.activate((1, 1))) == ["applied"]
    one.ledger.pass_days(5)
    assert one.post(one.settle()) == ["applied"]
    assert one.balance() == 100


def test_an_activation_repays_debt() -> None:
    one = One()
    one.post(one.earn(100), one.redeem(100), one.reverse(1))
    one.post(one.earn(150, pending="event"), one.activate((4, 1)))
    assert one.balance() == 50
    assert one.lots() == {"1.1": 0, "4.1": 50}


# --------------------------------------------------------------------------- idle


def test_a_correction_does_not_keep_idle_points_alive() -> None:
    one = One(idle="P10D")
    one.post(one.earn(100))
    one.ledger.pass_days(5)
    one.post(one.adjust(1))
    one.ledger.pass_days(5)
    assert one.post(one.redeem(1)) == ["insufficient_points"]


def test_idleness_takes_nothing_that_came_after_it() -> None:
    one = One(idle="P10D")
    one.post(one.earn(100))
    one.ledger.pass_days(12)
    one.post(one.adjust(50))
    one.ledger.pass_days(8)
    one.post(one.settle())
    assert one.balance() == 50


def test_idleness_takes_every_open_lot() -> None:
    one = One(idle="P10D")
    one.post(one.earn(100), one.earn(100), one.earn(100))
    one.ledger.pass_days(11)
    one.post(one.settle())
    assert one.balance() == 0


def test_idleness_that_begins_and_ends_in_one_batch_takes_all() -> None:
    one = One(idle="P4D")
    one.post(one.adjust(50))
    one.ledger.pass_days(9)
    one.post(one.earn(10, at=START + timedelta(days=1)), one.settle())
    assert one.balance() == 0
    assert one.history()[-1] == ("expire", START + timedelta(days=5))


# --------------------------------------------------------------------------- by hand


def test_a_correction_takes_no_more_than_there_is() -> None:
    one = One()
    one.post(one.earn(10))
    assert one.post(one.adjust(-20)) == ["insufficient_points"]
    assert one.balance() == 10


def test_a_lot_extended_by_hand_gets_no_grace_beside() -> None:
    one = One(validity="P10D", grace="P30D")
    one.post(
        one.earn(100),
        one.adjust(-100, lot=(1, 1)),
        one.adjust(100, lot=(1, 1), validity="P15D"),
        one.redeem(100),
    )
    one.ledger.pass_days(20)
    assert one.post(one.refund(4)) == ["applied"]
    assert one.balance() == 0


def test_an_account_with_points_set_aside_is_not_closed() -> None:
    one = One()
    one.post(one.earn(100), one.reserve(100))
    with pytest.raises(errors.AccountNotEmpty), transaction():
        change_status(account=one.account, status="closed", now=one.ledger.now)
    answer = rows("SELECT status FROM ledger_account WHERE id = %s", (one.account,))
    assert answer == [("open",)]

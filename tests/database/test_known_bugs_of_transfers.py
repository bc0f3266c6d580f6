"""Known bugs of transfers, a test each: `tests/mutants` seeds them and looks here."""

from __future__ import annotations

from datetime import timedelta

from punchcard.kernel.transactions import transaction
from punchcard.ledger.operations import change_status
from tests.builders import START, rows
from tests.database.one_account import One


def _two() -> tuple[One, One]:
    payer = One()
    return payer, payer.another()


def _set_status(one: One, status: str) -> None:
    with transaction():
        change_status(account=one.account, status=status, now=one.ledger.now)


# --------------------------------------------------------------------------- lots


def test_points_keep_their_expiry_on_the_way() -> None:
    payer, receiver = _two()
    payer.post(payer.earn(50, validity="P10D"), payer.transfer(receiver, 50))
    payer.ledger.pass_days(10)
    assert receiver.post(receiver.redeem(1)) == ["insufficient_points"]


def test_what_arrives_repays_the_receivers_debt() -> None:
    payer, receiver = _two()
    receiver.post(receiver.earn(30), receiver.redeem(30), receiver.reverse(1))
    payer.post(payer.earn(50, validity="P10D"), payer.earn(50, validity="P20D"))
    assert payer.post(payer.transfer(receiver, 80)) == ["applied"]
    assert receiver.balance() == 50
    assert receiver.lots() == {"1.1": 0, "4.1": 20, "4.2": 30}


def test_what_others_give_does_not_count_as_earned() -> None:
    payer, receiver = _two()
    payer.post(payer.earn(50))
    assert payer.post(payer.transfer(receiver, 50)) == ["applied"]
    answer = rows(
        "SELECT lifetime FROM ledger_account WHERE id = %s", (receiver.account,)
    )
    assert answer == [(0,)]


# --------------------------------------------------------------------------- time


def test_a_transfer_happens_at_the_later_instant_of_the_two_accounts() -> None:
    payer, receiver = _two()
    payer.post(payer.earn(50))
    payer.ledger.pass_days(5)
    receiver.post(receiver.earn(1))
    earlier = START + timedelta(days=2)
    assert payer.post(payer.transfer(receiver, 50, at=earlier)) == ["applied"]
    assert payer.history()[-1] == ("transfer_out", payer.ledger.now)
    assert receiver.history()[-1] == ("transfer_in", payer.ledger.now)


def test_what_lapsed_at_the_receiver_is_written_before_what_arrives() -> None:
    payer, receiver = _two()
    receiver.post(receiver.earn(10, validity="P10D"))
    payer.post(payer.earn(50))
    payer.ledger.pass_days(15)
    assert payer.post(payer.transfer(receiver, 50)) == ["applied"]
    assert receiver.history() == [
        ("earn", START),
        ("expire", START + timedelta(days=10)),
        ("transfer_in", START + timedelta(days=15)),
    ]


# --------------------------------------------------------------------------- keys


def test_a_transfer_leaves_the_receivers_keys_free() -> None:
    payer, receiver = _two()
    payer.post(payer.earn(50), payer.transfer(receiver, 50, key="same"))
    assert receiver.post(receiver.earn(5, key="same")) == ["applied"]
    assert receiver.balance() == 55


def test_a_transfers_key_is_not_replayed_for_another_receiver() -> None:
    payer, receiver = _two()
    third = payer.another()
    payer.post(payer.earn(50), payer.transfer(receiver, 20, key="same"))
    assert payer.post(payer.transfer(third, 20, key="same")) == ["key_reused"]
    assert (payer.balance(), receiver.balance(), third.balance()) == (30, 20, 0)


# --------------------------------------------------------------------------- refused


def test_points_do_not_leave_their_wallet() -> None:
    payer, stranger = One(), One()
    payer.post(payer.earn(50))
    assert payer.post(payer.transfer(stranger, 50)) == ["account_not_found"]
    assert (payer.balance(), stranger.balance()) == (50, 0)


def test_a_frozen_account_gives_nothing_away() -> None:
    payer, receiver = _two()
    payer.post(payer.earn(50))
    _set_status(payer, "frozen")
    assert payer.post(payer.transfer(receiver, 50)) == ["account_frozen"]
    assert (payer.balance(), receiver.balance()) == (50, 0)


def test_a_closed_account_receives_nothing() -> None:
    payer, receiver = _two()
    payer.post(payer.earn(50))
    _set_status(receiver, "closed")
    assert payer.post(payer.transfer(receiver, 50)) == ["account_closed"]
    assert (payer.balance(), receiver.balance()) == (50, 0)

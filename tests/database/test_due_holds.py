"""What falls due first is known, whatever a batch does to what was due before it."""

from __future__ import annotations

from datetime import datetime

from punchcard.ledger.commands import Command, Earn, Reserve, Settle, Void
from punchcard.ledger.queries import get_account
from tests.builders import DAY, START, Ledger, a_ledger, rows


def next_due(ledger: Ledger) -> datetime | None:
    return get_account(account=ledger.accounts[0]).next_due_at


def voids(ledger: Ledger) -> list[tuple[int, datetime]]:
    """Return (hold, effective_at) of every void of the first account."""
    return rows(
        "SELECT relates_to, effective_at FROM ledger_entry"
        " WHERE account_id = %s AND type = 'void' ORDER BY sequence",
        (ledger.accounts[0],),
    )


def test_a_hold_times_out_though_the_one_before_it_was_voided_onto_lapsed_lots() -> (
    None
):
    ledger = a_ledger(validity="P3D")
    account = ledger.account()
    held: list[Command] = [
        Reserve(account=account, points=10, time_to_live=f"P{days}D", key=f"{days}")
        for days in (5, 6)
    ]
    ledger.post(Earn(account=account, points=100, key="earn"), *held)
    ledger.pass_days(4)
    ledger.one(Void(account=account, hold=2, key="void"))
    due = next_due(ledger)
    assert due is not None
    assert due <= START + 6 * DAY
    ledger.pass_days(4)
    ledger.one(Settle(account=account))
    assert voids(ledger) == [(2, START + 4 * DAY), (3, START + 6 * DAY)]

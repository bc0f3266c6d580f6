"""Two or more at once, each race alone: one key, one account, one sweep."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection

from punchcard.journeys.post_commands import post_commands
from punchcard.kernel import sql
from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import transaction
from punchcard.ledger import balances, operations, queries
from punchcard.ledger.commands import (
    Capture,
    Command,
    Earn,
    Redeem,
    Reserve,
    Transfer,
    Void,
)
from punchcard.ledger.errors import AccountNotEmpty
from punchcard.ledger.operations import change_status, open_accounts
from punchcard.ledger.sweeping import settle_due
from tests.builders import DAY, Ledger, a_ledger, rows
from tests.races.running import deadlocks, somebody_waits_for_us
from tests.sizes import size

CROWD = 50


def at_once(jobs: Iterable[Callable[[], Any]]) -> list[Any]:
    """Run each job in a thread with a connection of its own, all from one instant."""
    waiting = list(jobs)
    barrier = threading.Barrier(len(waiting))

    def run(job: Callable[[], Any]) -> Any:
        try:
            sql.cursor()  # Connected before the start.
            barrier.wait(60)
            return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(waiting)) as pool:
        return [future.result() for future in [pool.submit(run, j) for j in waiting]]


def entry_types(ledger: Ledger) -> Counter[str]:
    """Count the entries of all accounts of a ledger by type."""
    return Counter(
        kind
        for (kind,) in rows(
            "SELECT type FROM ledger_entry WHERE account_id = ANY(%s)",
            (sql.Uuids(ledger.accounts),),
        )
    )


def test_one_key_posted_by_fifty_at_once_has_one_effect(ledger: Ledger) -> None:
    earn = Earn(account=ledger.account(), points=10, key="same")
    answers = at_once([lambda: ledger.one(earn)] * CROWD)
    assert Counter(answer.replayed for answer in answers) == {False: 1, True: CROWD - 1}
    assert {answer.code for answer in answers} == {"applied"}
    first = answers[0].entry
    assert all(answer.entry == first for answer in answers)
    assert entry_types(ledger) == {"earn": 1}


def test_one_refused_key_posted_by_fifty_at_once_is_decided_once(
    ledger: Ledger,
) -> None:
    redeem = Redeem(account=ledger.account(), points=10, key="same")
    answers = at_once([lambda: ledger.one(redeem)] * CROWD)
    assert Counter(answer.replayed for answer in answers) == {False: 1, True: CROWD - 1}
    assert {answer.code for answer in answers} == {"insufficient_points"}
    assert entry_types(ledger) == {}


def test_fifty_who_spend_the_last_points_at_once_are_one_and_refused(
    ledger: Ledger,
) -> None:
    account = ledger.account()
    ledger.one(Earn(account=account, points=100, key="earned"))
    jobs = [
        lambda n=n: ledger.one(Redeem(account=account, points=60, key=f"spend {n}"))
        for n in range(CROWD)
    ]
    codes = Counter(answer.code for answer in at_once(jobs))
    assert codes == {"applied": 1, "insufficient_points": CROWD - 1}


def test_batches_that_name_accounts_in_any_order_never_deadlock(
    ledger: Ledger,
) -> None:
    accounts = ledger.open(6)

    def several(number: int) -> None:
        for turn in range(size(10, 100)):
            start = (number * 5 + turn) % 6
            order = accounts[start:] + accounts[:start]
            if number % 2:
                order.reverse()
            key = f"{number} {turn}"
            ledger.post(*(Earn(account=a, points=1, key=key) for a in order))

    at_once([lambda n=n: several(n) for n in range(8)])
    assert entry_types(ledger) == {"earn": 8 * size(10, 100) * 6}


def test_an_account_opened_by_many_at_once_is_one_account(ledger: Ledger) -> None:
    holders = [new_id() for _ in range(40)]

    def enrol(number: int) -> dict[Any, Any]:
        order = holders[number:] + holders[:number]
        with transaction():
            return open_accounts(
                wallet=ledger.wallet,
                holder_kind="member",
                holders=order,
                now=ledger.now,
            )

    answers = at_once([lambda n=n: enrol(n) for n in range(20)])
    assert all(answer == answers[0] for answer in answers)
    assert set(answers[0]) == set(holders)
    opened = rows(
        "SELECT id, holder_id FROM ledger_account WHERE wallet_id = %s",
        (ledger.wallet,),
    )
    assert {holder: account for account, holder in opened} == answers[0]
    assert len(opened) == len(holders)


def test_an_opening_that_was_rolled_back_leaves_the_place_to_the_next(
    ledger: Ledger,
) -> None:
    holder = new_id()
    wanted = {
        "wallet": ledger.wallet,
        "holder_kind": "member",
        "holders": [holder],
        "now": ledger.now,
    }
    claimed = threading.Event()

    def gives_up() -> None:
        with pytest.raises(ZeroDivisionError), transaction():
            open_accounts(**wanted)
            claimed.set()
            assert somebody_waits_for_us()
            raise ZeroDivisionError

    def comes_second() -> dict[Any, Any]:
        claimed.wait(60)
        with transaction():
            return open_accounts(**wanted)

    _, answer = at_once([gives_up, comes_second])
    assert rows(
        "SELECT id FROM ledger_account WHERE wallet_id = %s", (ledger.wallet,)
    ) == [(answer[holder],)]


def test_sweeps_at_once_write_each_due_thing_exactly_once() -> None:
    ledger = a_ledger(validity="P10D")
    accounts = ledger.open(size(150, 2_000))
    for pending in (None, "P2D"):
        ledger.post(
            *(
                Earn(account=account, points=5, key=f"earn {pending}", pending=pending)
                for account in accounts
            )
        )
    ledger.pass_days(30)

    def sweep() -> int:
        swept = settle_due(now=ledger.now, program=ledger.program, batch=7)
        assert not swept.refused
        return swept.settled

    swept = at_once([sweep] * 6)
    assert sum(swept) == len(accounts), swept
    assert sum(count > 0 for count in swept) > 1, f"one did it all: {swept}"
    every = len(accounts)
    assert entry_types(ledger) == {
        "earn": 2 * every,
        "release": every,
        "expire": 2 * every,
    }
    assert sweep() == 0


def test_a_sweep_and_commands_at_once_lapse_no_point_twice() -> None:
    ledger = a_ledger(validity="P10D")
    accounts = ledger.open(size(60, 600))
    ledger.post(*(Earn(account=a, points=5, key="earn") for a in accounts))
    ledger.pass_days(10)

    def spend(order: list[Any]) -> list[str]:
        codes = []
        for account in order:
            command = Redeem(
                account=account, points=5, key=f"spend {order is accounts}"
            )
            codes.append(ledger.one(command).code)
        return codes

    def sweep() -> list[str]:
        swept = settle_due(now=ledger.now, program=ledger.program, batch=3)
        return list(swept.refused.values())

    backwards = accounts[::-1]
    answers = at_once([lambda: spend(accounts), lambda: spend(backwards), sweep, sweep])
    codes = {code for answer in answers for code in answer}
    assert codes == {"insufficient_points"}
    assert entry_types(ledger) == {"earn": len(accounts), "expire": len(accounts)}


def _meanwhile(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, job: Callable[[], Any]
) -> list[Any]:
    """Let somebody do this job in the middle of a read, before it goes on."""
    real, answers = getattr(module, name), []

    def interrupted(*arguments: Any) -> Any:
        answers.extend(at_once([job]))
        return real(*arguments)

    monkeypatch.setattr(module, name, interrupted)
    return answers


def test_a_balance_is_of_one_moment_whatever_is_spent_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = a_ledger(validity="P10D")
    account = ledger.account()
    ledger.one(Earn(account=account, points=100, key="earn"))
    held = Reserve(account=account, points=30, key="hold")
    answers = _meanwhile(
        monkeypatch, balances, "read_live_lots", lambda: ledger.one(held)
    )
    balance = balances.balance_as_of(account=account, as_of=ledger.now + 20 * DAY)
    assert [answer.code for answer in answers] == ["applied"]
    # A hundred that all lapse. With the lots of later, only seventy of them would.
    assert (balance.available, balance.reserved) == (0, 0)
    monkeypatch.undo()
    after = balances.balance_as_of(account=account, as_of=ledger.now)
    assert (after.available, after.reserved) == (70, 30)


def test_lots_are_of_one_moment_whatever_is_spent_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = a_ledger(validity="P10D")
    account = ledger.account()
    ledger.one(Earn(account=account, points=100, key="earn"))
    spend = Redeem(account=account, points=30, key="spend")
    answers = _meanwhile(
        monkeypatch, queries, "read_live_lots", lambda: ledger.one(spend)
    )
    (lot,) = queries.list_lots(account=account, limit=9, as_of=ledger.now + 20 * DAY)
    assert [answer.code for answer in answers] == ["applied"]
    assert (lot.lapsed, lot.remaining, lot.state) == (100, 0, "lapsed")


def test_a_dry_run_decides_on_one_moment_whatever_is_spent_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = a_ledger(validity="P10D")
    account = ledger.account()
    ledger.one(Earn(account=account, points=100, key="earn"))
    spend = Redeem(account=account, points=30, key="spend")
    later = ledger.now + 20 * DAY
    real = operations.read_for

    def interrupted(*arguments: Any) -> None:
        monkeypatch.setattr(operations, "read_for", real)
        assert at_once([lambda: ledger.one(spend)])[0].applied
        real(*arguments)

    monkeypatch.setattr(operations, "read_for", interrupted)
    asked = [Redeem(account=account, points=1, key="asked")]
    (told,) = post_commands(commands=asked, now=later, dry_run=True)
    # All has lapsed by then; with the lots of later thirty would still be there.
    assert told.code == "insufficient_points"
    assert told.details["available"] == 0


def test_transfers_to_and_fro_at_once_never_deadlock_and_keep_the_sum(
    ledger: Ledger,
) -> None:
    accounts = ledger.open(4)
    ledger.post(*(Earn(account=a, points=1_000, key="earn") for a in accounts))
    before = deadlocks()

    def several(number: int) -> Counter[str]:
        codes: Counter[str] = Counter()
        for turn in range(size(15, 150)):
            # Every process names the accounts in another order.
            ring = accounts[number % 4 :] + accounts[: number % 4]
            ring = ring[::-1] if number % 2 else ring
            commands: list[Command] = [
                Transfer(account=a, to=b, points=7, key=f"{number} {turn}")
                for a, b in pairwise(ring)
            ]
            codes.update(outcome.code for outcome in ledger.post(*commands))
        return codes

    codes = sum(at_once([lambda n=n: several(n) for n in range(8)]), Counter())
    posted = 8 * size(15, 150) * 3
    assert codes["applied"] > posted / 2
    assert codes.total() == posted
    found = balances.balances_as_of(accounts=accounts, as_of=ledger.now)
    assert sum(balance.available for balance in found.values()) == 4_000
    types = entry_types(ledger)
    assert types["transfer_out"] == types["transfer_in"] == codes["applied"]
    assert deadlocks() == before


def test_a_hold_captured_and_voided_by_fifty_at_once_is_resolved_once(
    ledger: Ledger,
) -> None:
    account = ledger.account()
    ledger.post(
        Earn(account=account, points=100, key="earn"),
        Reserve(account=account, points=60, key="hold"),
    )
    jobs = [
        lambda n=n: ledger.one(
            (Capture if n % 2 else Void)(account=account, hold=2, key=f"{n}")
        )
        for n in range(CROWD)
    ]
    codes = Counter(answer.code for answer in at_once(jobs))
    assert codes == {"applied": 1, "hold_not_open": CROWD - 1}
    types = entry_types(ledger)
    assert types["capture"] + types["void"] == 1


def test_who_spends_while_the_account_is_frozen_is_before_it_or_refused(
    ledger: Ledger,
) -> None:
    account = ledger.account()
    ledger.one(Earn(account=account, points=CROWD, key="earn"))

    def freeze() -> str:
        with transaction():
            return change_status(account=account, status="frozen", now=ledger.now)

    def spend(number: int) -> str:
        return ledger.one(Redeem(account=account, points=1, key=f"{number}")).code

    jobs = [lambda n=n: spend(n) for n in range(CROWD - 1)]
    found = Counter(at_once([*jobs[:20], freeze, *jobs[20:]]))
    assert found["open"] == 1
    assert found["applied"] + found["account_frozen"] == CROWD - 1
    assert entry_types(ledger)["redeem"] == found["applied"]
    assert spend(CROWD) == "account_frozen"


def test_an_account_closed_while_points_come_is_empty_or_stays_open(
    ledger: Ledger,
) -> None:
    accounts = ledger.open(12)
    payer = ledger.account()
    ledger.one(Earn(account=payer, points=100, key="earn"))

    def close(account: Any) -> str:
        try:
            with transaction():
                change_status(account=account, status="closed", now=ledger.now)
        except AccountNotEmpty:
            return "not empty"
        return "closed"

    def pay(account: Any) -> str:
        return ledger.one(
            Transfer(account=payer, to=account, points=1, key=f"{account}")
        ).code

    jobs = [lambda a=a, job=job: job(a) for a in accounts for job in (pay, close)]
    told = at_once(jobs)
    pairs = Counter(zip(told[::2], told[1::2], strict=True))
    # Whoever came first, the other was told so.
    assert set(pairs) <= {("applied", "not empty"), ("account_closed", "closed")}
    closed = rows(
        "SELECT available FROM ledger_account WHERE id = ANY(%s) AND status = 'closed'",
        (sql.Uuids(accounts),),
    )
    assert closed == [(0,)] * pairs["account_closed", "closed"]

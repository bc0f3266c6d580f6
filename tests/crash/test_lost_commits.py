"""Connections lost at COMMIT: nothing happens twice, and nobody is told "failed".

Between us and PostgreSQL stands a proxy that loses the connection before the COMMIT
arrives, after the server has answered it, or while it is under way. Each test asserts
that the cut was one of a COMMIT, by what the proxy counted.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection

from punchcard.journeys.change_account_status import change_account_status
from punchcard.journeys.correcting_lots import LotCorrection, Renewal
from punchcard.journeys.create_program import create_program
from punchcard.journeys.extend_lot import extend_lot
from punchcard.journeys.import_balances import Lot, import_balances
from punchcard.journeys.import_balances import Terms as BalanceTerms
from punchcard.journeys.import_orders import Order, Terms, import_orders
from punchcard.journeys.list_balances import list_balances
from punchcard.journeys.post_commands import TRIES, OutcomeUnknown, post_commands
from punchcard.journeys.retrying import LOST
from punchcard.kernel.audit import Author
from punchcard.kernel.transactions import CommitLost, transaction
from punchcard.ledger.balances import balance_as_of
from punchcard.ledger.commands import Adjust, Command, Earn, Redeem, Transfer
from punchcard.ledger.operations import post
from punchcard.ledger.outcomes import Outcome
from punchcard.ledger.queries import get_account
from punchcard.ledger.sweeping import settle_due
from tests.builders import Ledger, a_ledger, rows
from tests.crash.proxy import AFTER, BEFORE, LATE, Proxy, lossy, through

EVERYWHERE = pytest.mark.parametrize("where", [BEFORE, AFTER, LATE])
HAPPENED = {BEFORE: False, AFTER: True, LATE: True}
"""Whether what was lost at COMMIT is in the database."""
PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="module")
def proxy(test_database: None) -> Iterator[Proxy]:
    """Run a proxy before the tests' server."""
    settings = connection.settings_dict
    with lossy(host=settings["HOST"], port=settings["PORT"]) as made:
        yield made


@pytest.fixture(autouse=True)
def _by_the_proxy(committing: None, proxy: Proxy) -> Iterator[None]:
    proxy.heal()
    with through(proxy):
        yield


class Watched:
    """What the proxy counted since a test began to cut."""

    def __init__(self, proxy: Proxy, *where: str, **rules: Any) -> None:
        self.proxy, self.before = proxy, proxy.counts()
        proxy.cut(*where, **rules)

    def expect(self, **counts: int) -> None:
        """Assert that exactly these cuts hit a COMMIT, the late ones too by now."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        found = self.proxy.counts() - self.before
        while found[LATE] < counts.get(LATE, 0) and time.monotonic() < deadline:
            time.sleep(0.02)
            found = self.proxy.counts() - self.before
        cuts = {where: found[where] for where in (BEFORE, AFTER, LATE) if found[where]}
        assert cuts == counts, found
        # What the server did is told by the server, not by us.
        assert found["committed"] == found["commits"] - found[BEFORE], found


def entries(
    ledger: Ledger, account: UUID | None = None
) -> list[tuple[str, int, str | None]]:
    """Return type, amount and key of every entry of the first account, or of one."""
    return rows(
        "SELECT type, amount, key FROM ledger_entry WHERE account_id = %s"
        " ORDER BY sequence",
        (account or ledger.accounts[0],),
    )


def put(ledger: Ledger, *commands: Command, **options: Any) -> list[Outcome]:
    return post_commands(commands=commands, now=ledger.now, **options)


@EVERYWHERE
def test_the_bare_transaction_breaks_and_says_so(
    ledger: Ledger, proxy: Proxy, where: str
) -> None:
    account = ledger.account()
    earn = Earn(account=account, points=7, key="once")
    watched = Watched(proxy, where, times=1)
    with pytest.raises(OperationalError), transaction():
        post(commands=[earn], now=ledger.now)
    with transaction():
        (again,) = post(commands=[earn], now=ledger.now)
    watched.expect(**{where: 1})
    assert again.applied
    assert again.replayed == HAPPENED[where]
    assert entries(ledger) == [("earn", 7, "once")]


@EVERYWHERE
def test_one_command_is_applied_once(ledger: Ledger, proxy: Proxy, where: str) -> None:
    account = ledger.account()
    watched = Watched(proxy, where, times=1)
    (outcome,) = put(ledger, Earn(account=account, points=7, key="once"))
    watched.expect(**{where: 1})
    assert outcome.applied
    assert outcome.replayed == HAPPENED[where]
    assert entries(ledger) == [("earn", 7, "once")]


@EVERYWHERE
def test_a_refusal_is_remembered_once(ledger: Ledger, proxy: Proxy, where: str) -> None:
    account = ledger.account()
    watched = Watched(proxy, where, times=1)
    (outcome,) = put(ledger, Redeem(account=account, points=7, key="no"))
    watched.expect(**{where: 1})
    assert outcome.code == "insufficient_points"
    assert outcome.replayed == HAPPENED[where]
    assert entries(ledger) == []
    assert rows("SELECT key FROM ledger_refusal WHERE account_id = %s", (account,)) == [
        ("no",)
    ]


@EVERYWHERE
def test_a_connection_lost_at_every_try_leaves_the_outcome_unknown(
    ledger: Ledger, proxy: Proxy, where: str
) -> None:
    account = ledger.account()
    earn = Earn(account=account, points=7, key="once")
    watched = Watched(proxy, where)
    with pytest.raises(OutcomeUnknown):
        put(ledger, earn)
    watched.expect(**{where: TRIES})
    proxy.heal()
    (outcome,) = put(ledger, earn)
    assert outcome.applied
    assert outcome.replayed == HAPPENED[where]
    assert entries(ledger) == [("earn", 7, "once")]


@EVERYWHERE
def test_a_batch_happens_whole_or_not_at_all(
    ledger: Ledger, proxy: Proxy, where: str
) -> None:
    first, second = ledger.open(2)
    batch = [
        Earn(account=first, points=10, key="a"),
        Redeem(account=first, points=11, key="b"),
        Earn(account=second, points=20, key="c"),
        Redeem(account=second, points=5, key="d"),
    ]
    watched = Watched(proxy, where, times=1)
    outcomes = put(ledger, *batch)
    watched.expect(**{where: 1})
    assert [o.code for o in outcomes] == [
        "applied",
        "insufficient_points",
        "applied",
        "applied",
    ]
    assert {o.replayed for o in outcomes} == {HAPPENED[where]}
    assert entries(ledger) == [("earn", 10, "a")]
    last = outcomes[-1].entry
    assert last is not None
    assert (last.sequence, last.balance) == (2, 15)


@EVERYWHERE
def test_a_batch_that_is_all_or_nothing_stays_so(
    ledger: Ledger, proxy: Proxy, where: str
) -> None:
    account = ledger.account()
    earn = Earn(account=account, points=10, key="a")
    refused = [earn, Redeem(account=account, points=11, key="b")]
    watched = Watched(proxy, where, times=1)
    codes = [o.code for o in put(ledger, *refused, atomic=True)]
    watched.expect(**{where: 1})
    assert codes == ["not_applied", "insufficient_points"]
    assert entries(ledger) == []
    watched = Watched(proxy, where, times=1)
    batch = [earn, Redeem(account=account, points=4, key="c")]
    outcomes = put(ledger, *batch, atomic=True)
    watched.expect(**{where: 1})
    assert {(o.code, o.replayed) for o in outcomes} == {("applied", HAPPENED[where])}
    assert entries(ledger) == [("earn", 10, "a"), ("redeem", 4, "c")]


@EVERYWHERE
def test_a_transfer_happens_on_both_accounts_or_on_neither(
    ledger: Ledger, proxy: Proxy, where: str
) -> None:
    payer, receiver = ledger.open(2)
    ledger.one(Earn(account=payer, points=50, key="earn"))
    transfer = Transfer(account=payer, to=receiver, points=20, key="once")
    back = Transfer(account=receiver, to=payer, points=5, key="back")
    watched = Watched(proxy, where, times=1)
    outcomes = put(ledger, transfer, back)
    watched.expect(**{where: 1})
    assert {(o.code, o.replayed) for o in outcomes} == {("applied", HAPPENED[where])}
    assert entries(ledger) == [
        ("earn", 50, "earn"),
        ("transfer_out", 20, "once"),
        ("transfer_in", 5, None),
    ]
    assert entries(ledger, receiver) == [
        ("transfer_in", 20, None),
        ("transfer_out", 5, "back"),
    ]


@EVERYWHERE
def test_what_a_person_does_is_in_the_audit_once(
    ledger: Ledger, proxy: Proxy, where: str
) -> None:
    account = ledger.account()
    author = Author(actor="console", program=ledger.program)
    watched = Watched(proxy, where, times=1)
    adjust = Adjust(account=account, points=3, reason="Sorry", key="once")
    put(ledger, adjust, author=author)
    watched.expect(**{where: 1})
    put(ledger, adjust, author=author)
    assert entries(ledger) == [("adjust", 3, "once")]
    assert rows(
        "SELECT action FROM kernel_audit WHERE program_id = %s", (ledger.program,)
    ) == [("points.adjusted",)]


@EVERYWHERE
def test_a_lot_is_extended_whole_or_not_at_all(
    ledger: Ledger, proxy: Proxy, where: str
) -> None:
    account = ledger.account()
    ledger.one(Earn(account=account, points=50, key="earn", validity="P10D"))
    asked: dict[str, Any] = {
        "correction": LotCorrection(
            account=account,
            lot=(1, 1),
            reason="A bad month",
            key="once",
            author=Author(actor="console", program=ledger.program),
        ),
        "renewal": Renewal(validity="P99D"),
        "now": ledger.now,
    }
    watched = Watched(proxy, where, times=1)
    outcomes = extend_lot(**asked)
    watched.expect(**{where: 1})
    # What remained is nothing by now, and the retry says the same all the same.
    again = extend_lot(**asked)
    assert [o.entry for o in again] == [o.entry for o in outcomes]
    assert [kind for kind, *_ in entries(ledger)] == ["earn", "adjust", "adjust"]
    assert rows(
        "SELECT action FROM kernel_audit WHERE program_id = %s", (ledger.program,)
    ) == [("lot.extended",)]


@EVERYWHERE
def test_a_transaction_without_a_retry_says_that_nobody_knows(
    ledger: Ledger, proxy: Proxy, where: str
) -> None:
    account = ledger.account()
    asked: dict[str, Any] = {
        "account": account,
        "status": "frozen",
        "reason": "Stolen card",
        "author": Author(actor="console", program=ledger.program),
        "now": ledger.now,
    }
    watched = Watched(proxy, where, times=1)
    with pytest.raises(CommitLost):
        change_account_status(**asked)
    watched.expect(**{where: 1})
    assert change_account_status(**asked) == (not HAPPENED[where])
    assert get_account(account=account).status == "frozen"
    assert rows(
        "SELECT count(*) FROM kernel_audit WHERE program_id = %s", (ledger.program,)
    ) == [(1,)]


def test_a_connection_lost_before_commit_is_not_one_lost_at_commit(
    ledger: Ledger, proxy: Proxy
) -> None:
    account = ledger.account()
    with pytest.raises(LOST) as caught, transaction():
        post(commands=[Earn(account=account, points=1, key="k")], now=ledger.now)
        connection.connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert not isinstance(caught.value, CommitLost)
    assert entries(ledger) == []


def test_a_look_has_no_commit_to_lose(ledger: Ledger, proxy: Proxy) -> None:
    account = ledger.account()
    ledger.one(Earn(account=account, points=7, key="earn"))
    watched = Watched(proxy, AFTER, times=1)
    assert balance_as_of(account=account, as_of=ledger.now).available == 7
    watched.expect()
    # The first COMMIT that comes is the one that is lost.
    put(ledger, Earn(account=account, points=1, key="more"))
    watched.expect(after=1)


@EVERYWHERE
def test_a_sweep_that_loses_its_connection_lapses_nothing_twice(
    proxy: Proxy, where: str
) -> None:
    ledger = a_ledger(validity="P10D")
    account = ledger.account()
    ledger.one(Earn(account=account, points=5, key="earn"))
    ledger.pass_days(10)
    watched = Watched(proxy, where, times=1)
    sweep = {"now": ledger.now, "program": ledger.program}
    with pytest.raises(OperationalError):
        settle_due(**sweep)
    again = settle_due(**sweep)
    assert not again.refused
    watched.expect(**{where: 1})
    # The late COMMIT holds the account's lock meanwhile: the sweep passes it by.
    assert again.settled == (where == BEFORE)
    ledger.one(Earn(account=account, points=1, key="waits for the lock"))
    assert entries(ledger) == [
        ("earn", 5, "earn"),
        ("expire", 5, None),
        ("earn", 1, "waits for the lock"),
    ]


NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def terms(proxy: Proxy) -> Terms:
    created = create_program(
        slug=f"p{secrets.token_hex(6)}",
        name="Shop",
        mode="live",
        currency="USD",
        now=NOW,
    )
    return Terms(program=created.program.id, wallet=created.wallet.id, rate=Fraction(1))


ORDERS = [
    Order(
        external_id=f"o{n}",
        occurred_at=NOW - timedelta(days=100 - n),
        member=f"m{n % 3}",
        amount_minor=1_099 + n * 100,
        points=10 + n,
    )
    for n in range(30)
]


def balances(terms: Terms) -> dict[str, int]:
    found = list_balances(program=terms.program, wallet=terms.wallet, as_of=NOW)
    return {member: each.available for member, each in found if each is not None}


IMPORTED = {f"m{m}": sum(10 + n for n in range(m, 30, 3)) for m in range(3)}


@EVERYWHERE
def test_an_import_goes_on_over_a_lost_commit(
    terms: Terms, proxy: Proxy, where: str
) -> None:
    watched = Watched(proxy, where, times=1)
    imported = import_orders(terms=terms, orders=ORDERS, now=NOW)
    watched.expect(**{where: 1})
    assert {o.code for o in imported.outcomes if o is not None} == {"applied"}
    assert balances(terms) == IMPORTED


@EVERYWHERE
def test_an_import_that_gives_up_is_whole_when_it_is_run_again(
    terms: Terms, proxy: Proxy, where: str
) -> None:
    watched = Watched(proxy, where)
    with pytest.raises(OperationalError):
        import_orders(terms=terms, orders=ORDERS, now=NOW)
    watched.expect(**{where: 3})
    proxy.heal()
    assert balances(terms) == (IMPORTED if HAPPENED[where] else {})
    again = import_orders(terms=terms, orders=ORDERS, now=NOW)
    assert {(o.code, o.replayed) for o in again.outcomes if o is not None} == {
        ("applied", HAPPENED[where])
    }
    assert again.members_created == 3 * (not HAPPENED[where])
    assert balances(terms) == IMPORTED


@EVERYWHERE
def test_balances_are_imported_once_over_a_lost_commit(
    terms: Terms, proxy: Proxy, where: str
) -> None:
    author = Author(actor="console", program=terms.program)
    of_program = BalanceTerms(author=author, program=terms.program, enrol=True)
    lots = [
        Lot(
            member=f"m{n % 3}",
            wallet="points",
            points=10 + n,
            key=f"lot-{n}",
            source="admin",
            reason="Opening balance",
        )
        for n in range(30)
    ]
    watched = Watched(proxy, where, times=1)
    imported = import_balances(terms=of_program, lots=lots, now=NOW)
    watched.expect(**{where: 1})
    assert {(o.code, o.replayed) for o in imported.outcomes if o is not None} == {
        ("applied", HAPPENED[where])
    }
    assert balances(terms) == IMPORTED
    assert rows(
        "SELECT count(*) FROM kernel_audit WHERE program_id = %s"
        " AND action = 'balances.imported'",
        (terms.program,),
    ) == [(1,)]
